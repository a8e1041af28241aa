"""The notices and scripts of a tenant, as this process holds them: what events may name and are told of it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from onrecord.governance.prompts import Prompt, split
from onrecord.policy.assertion import PROMPT_NAMED_IN, closes, opens
from onrecord.workflow.errors import PromptUnknownError

REGISTERED = "registered"
"""The key under which an event's data say what the register held. No client may send it."""


@dataclass(frozen=True, slots=True)
class Audio:
    """The sound of a prompt: one channel. `stored` names the object as `contents.store_object` gave it; `sha256` (hex)
    is of the WAV file."""

    sha256: str
    encoding: str
    rate: int
    seconds: float
    stored: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """`at`: when it was registered, in nanoseconds since the epoch."""

    prompt: Prompt
    at: int
    audio: Audio | None = None


@dataclass(slots=True)
class PromptRegister:
    """`versions`: by prompt id and version, in the order of registration; `current`: the version that a tenant made
    current, by prompt id. `lock` orders what is written."""

    versions: dict[str, dict[str, Entry]] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, entry: Entry) -> None:
        self.versions.setdefault(entry.prompt.prompt_id, {})[entry.prompt.version] = entry

    def find(self, prompt_id: str, version: str) -> Entry | None:
        return self.versions.get(prompt_id, {}).get(version)

    def named(self, name: str) -> Entry | None:
        """By `PROMPT_ID@VERSION`."""
        parts = split(name)
        return None if parts is None else self.find(*parts)

    def all(self) -> Iterator[Entry]:
        for versions in self.versions.values():
            yield from versions.values()

    def current_names(self) -> list[str]:
        """The current version of each prompt that has one, as `PROMPT_ID@VERSION`."""
        return [f"{prompt_id}@{version}" for prompt_id, version in sorted(self.current.items())]

    def completed(self, fact_type: str, data: dict[str, Any]) -> dict[str, Any]:
        """The data of a client's event, with what the register says of the version that it names. What may close is
        taken whatever it names. Errors: PromptUnknownError, also where an opening states another id or digest of the
        text than the register."""
        name = data.get(PROMPT_NAMED_IN.get(fact_type, ""))
        if not isinstance(name, str) or "@" not in name:
            return data
        entry = self.named(name)
        opening = opens(fact_type, data) and not closes(fact_type, data)
        if entry is None:
            if opening:
                raise PromptUnknownError("the event names a version of a prompt that is not registered")
            return data
        held = entry.prompt.registered()
        stated = {"prompt_id": data.get("prompt_id"), "sha256": data.get("prompt_hash")}
        if opening and any(word is not None and word != held[field] for field, word in stated.items()):
            raise PromptUnknownError("the event states another text than the one that is registered")
        return {**data, REGISTERED: held}


def without_register(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was said, without what the register added: that may have come to hold the version since."""
    return {name: value for name, value in data.items() if name != REGISTERED} if REGISTERED in data else data
