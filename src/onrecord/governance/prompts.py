"""A notice or script: what is read to people, in one language, and what it asks for and says. Fixed once registered;
another text is another version."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.base import canonical
from onrecord.base.canonical import NotCanonicalError
from onrecord.governance.errors import InvalidPromptError
from onrecord.policy.clauses import Disclosed
from onrecord.policy.purposes import Purpose

MAX_TEXT = 20_000
MAX_CONTACT = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_VERSION = re.compile(r"(?!.*\.[A-Za-z]{2})[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}")  # the shape of RFC 5646; subtags are not looked up
_PERIOD = re.compile(r"P(?=[0-9])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?")


@dataclass(frozen=True, slots=True)
class Prompt:
    """`language`: BCP 47. `purposes` and `discloses` are sorted, without repetition. `retention`: ISO 8601 period, the
    longest that the text states."""

    prompt_id: str
    version: str
    language: str
    text: str
    purposes: tuple[str, ...] = ()
    discloses: tuple[str, ...] = ()
    retention: str | None = None
    privacy_contact: str | None = None

    @property
    def name(self) -> str:
        """As events name it."""
        return f"{self.prompt_id}@{self.version}"

    def fixed(self) -> dict[str, Any]:
        """All fields, absent ones as null: what the digest is over."""
        return {
            "prompt_id": self.prompt_id,
            "version": self.version,
            "language": self.language,
            "text": self.text,
            "purposes": list(self.purposes),
            "discloses": list(self.discloses),
            "retention": self.retention,
            "privacy_contact": self.privacy_contact,
        }

    @property
    def sha256(self) -> str:
        """Hex, of the canonical JSON (RFC 8785) of `fixed`."""
        return hashlib.sha256(canonical.dumps(self.fixed())).hexdigest()

    def registered(self) -> dict[str, Any]:
        """What an event that names it carries, so that replay and evidence need no register."""
        return {
            "prompt_id": self.prompt_id,
            "version": self.version,
            "sha256": self.sha256,
            "language": self.language,
            "purposes": list(self.purposes),
            "discloses": list(self.discloses),
            "retention": self.retention,
        }


def parse(raw: Mapping[str, Any]) -> Prompt:
    """Errors: InvalidPromptError, which names a field and never its value."""
    prompt = Prompt(
        prompt_id=_match(raw.get("prompt_id"), _ID, "prompt_id"),
        version=_match(raw.get("version"), _VERSION, "version"),
        language=_match(raw.get("language"), _LANGUAGE, "language"),
        text=_text(raw.get("text"), MAX_TEXT, "text"),
        purposes=_words(raw.get("purposes"), [purpose.value for purpose in Purpose], "purposes"),
        discloses=_words(raw.get("discloses"), [what.value for what in Disclosed], "discloses"),
        retention=None if raw.get("retention") is None else _match(raw["retention"], _PERIOD, "retention"),
        privacy_contact=None
        if raw.get("privacy_contact") is None
        else _text(raw["privacy_contact"], MAX_CONTACT, "privacy_contact"),
    )
    try:
        canonical.dumps(prompt.fixed())
    except NotCanonicalError as error:
        raise InvalidPromptError("`text` is not Unicode text") from error
    return prompt


def split(name: str) -> tuple[str, str] | None:
    """(prompt id, version) of what an event names; None of a word of the platform's own, which has no `@`."""
    prompt_id, at, version = name.partition("@")
    return (prompt_id, version) if at else None


def is_version(word: str) -> bool:
    return _VERSION.fullmatch(word) is not None


def _match(value: object, form: re.Pattern[str], field: str) -> str:
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise InvalidPromptError(f"`{field}` is not of its form")
    return value


def _text(value: object, most: int, field: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise InvalidPromptError(f"`{field}` is not of its form")
    return value


def _words(value: object, known: Sequence[str], field: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) and word in known for word in value):
        raise InvalidPromptError(f"`{field}` names what is not known")
    return tuple(sorted(set(value)))
