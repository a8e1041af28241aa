"""The verdict lattice, the decision, and the states that users see."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

from onrecord.policy.kinds import Kind

_SINCE = '"since":'


class Verdict(IntEnum):
    """Ordered: the lower verdict wins. `min` is the meet."""

    NEVER = 0
    STOP = 1
    PAUSE = 2
    EPHEMERAL = 3
    REDACT = 4
    CAPTURE = 5

    @property
    def word(self) -> str:
        return self.name.lower()


class State(StrEnum):
    CAPTURING = "capturing"
    PAUSED = "paused"
    STOPPED = "stopped"
    NEVER = "never"


def state_of(verdict: Verdict, *, was_on: bool) -> State:
    """The fold of one verdict over what came before: `was_on` says whether the kind was ever capturing up to then."""
    if verdict >= Verdict.REDACT:
        return State.CAPTURING
    if verdict >= Verdict.PAUSE:
        return State.PAUSED
    return State.STOPPED if was_on else State.NEVER


@dataclass(frozen=True, slots=True)
class Ruling:
    """What holds for one kind, whenever it began. `rules` are the ids of the rules that determined it; `words` is all
    of it as JSON, in the order of the contract, with a `since` of 0 in its place; `text` the same written as
    the member of its kind, before and after the `since`."""

    kind: Kind
    verdict: Verdict
    state: State
    reason: str
    rules: tuple[str, ...]
    purpose: str
    legal_basis: str
    retention: str
    can_end: bool
    words: Mapping[str, Any] = field(init=False, repr=False, compare=False)
    text: tuple[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = {
            "verdict": self.verdict.word,
            "state": self.state.value,
            "reason": self.reason,
            "rules": list(self.rules),
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "retention": self.retention,
            "since": 0.0,
            "can_end": self.can_end,
        }
        object.__setattr__(self, "words", words)
        start, _, end = json.dumps(words, separators=(",", ":")).partition(f"{_SINCE}0.0")
        object.__setattr__(self, "text", (f'"{self.kind.value}":{start}{_SINCE}', end))

    def written(self, since: float) -> str:
        start, end = self.text
        return f"{start}{since}{end}"

    def alike(self, other: "Ruling") -> bool:
        """Whether both say the same to those who see it."""
        return (self.verdict, self.state, self.reason) == (other.verdict, other.state, other.reason)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What holds for one kind from `since` (seconds) on; `rules` are the ids of the rules that determined it."""

    kind: Kind
    verdict: Verdict
    state: State
    reason: str
    rules: tuple[str, ...]
    purpose: str
    legal_basis: str
    retention: str
    can_end: bool
    since: float
    cause: str | None = None  # event_id of the event that brought it about


@dataclass(frozen=True, slots=True)
class Flag:
    flag: str
    t: float
    event_id: str
