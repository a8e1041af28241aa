"""What a person may press or say to stop a recording: the keys and phrases that a tenant has chosen. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from onrecord.governance.errors import InvalidTriggersError

MAX_PHRASES = 200
MAX_WORDS = 12
MAX_LENGTH = 120
_KEYS = frozenset("0123456789*#ABCD")
_FILLERS = frozenset({"ah", "eh", "er", "erm", "hm", "please", "uh", "um", "äh", "ähm", "bitte"})
_NEGATIONS = frozenset({"dont", "not", "never", "nicht"})
_ENDS = frozenset(".!?;")
_LINKS = frozenset({"to", "me", "you"})
_OUTSIDE = re.compile(r"[^\w]+", re.UNICODE)


class Spoken(Protocol):
    """A word and when it began, seconds."""

    @property
    def w(self) -> str: ...
    @property
    def s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Triggers:
    """`keys`: each one key of a telephone. `phrases`: as given; they are compared by `plain` words."""

    keys: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        return {"keys": sorted(self.keys), "phrases": list(self.phrases)}


NONE = Triggers()
USUAL = Triggers(
    phrases=(
        "stop recording",
        "stop the recording",
        "stop this recording",
        "turn off the recording",
        "turn the recording off",
        "do not record",
        "don't record",
        "do not want to be recorded",
        "don't want to be recorded",
        "do not want this recorded",
        "don't want this recorded",
        "do not want this recording",
        "don't want this recording",
    )
)


def parse(raw: Mapping[str, Any]) -> Triggers:
    """Errors: InvalidTriggersError."""
    keys, phrases = raw.get("keys", []), raw.get("phrases", [])
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in _KEYS for key in keys):
        raise InvalidTriggersError("`keys` lists what is no key of a telephone")
    if not isinstance(phrases, list) or len(phrases) > MAX_PHRASES or not all(map(_phrase, phrases)):
        raise InvalidTriggersError("`phrases` lists at most 200 phrases of 2 to 12 words")
    return Triggers(frozenset(keys), tuple(dict.fromkeys(phrases)))


def _phrase(value: object) -> bool:
    """One word alone would be met everywhere."""
    return isinstance(value, str) and len(value) <= MAX_LENGTH and 2 <= len(plain(value)) <= MAX_WORDS


def plain(text: str) -> tuple[str, ...]:
    """Words without case, accents of width, and marks; `don't` is one word, however its apostrophe is written."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("\u2019", "")
    return tuple(word for word in _OUTSIDE.split(folded.replace("_", " ")) if word)


def said(triggers: Triggers, words: Iterable[Spoken]) -> list[float]:
    """When a phrase begins in the words of one voice, given in order; seconds. Fillers between its words do not hide
    it, and one that is negated (`don't stop recording`) is none."""
    parts = [(part, word) for word in words for part in plain(word.w) if part not in _FILLERS]
    heard = [(part, word.s, word.w.rstrip()[-1:] in _ENDS) for part, word in parts]
    text = [part for part, _, _ in heard]
    found = {
        heard[at][1]
        for phrase in map(_spoken, triggers.phrases)
        for at in range(len(text) - len(phrase) + 1)
        if tuple(text[at : at + len(phrase)]) == phrase and not _negated(heard[max(at - 2, 0) : at])
    }
    return sorted(found)


def _spoken(phrase: str) -> tuple[str, ...]:
    return tuple(word for word in plain(phrase) if word not in _FILLERS)


def _negated(before: Sequence[tuple[str, float, bool]]) -> bool:
    """By the words right before it in its sentence. In doubt it is not: a recording that ends too soon harms least."""
    for word, _, ends in reversed(before):
        if ends:
            return False
        if word not in _LINKS:
            return word in _NEGATIONS
    return False
