"""What holds of one person's consents, as one statement comes after the other. Moments in seconds of the
conversation."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import BASE, CONTENT, SEPARATE, Purpose

_WORDS = {kind.value: kind for kind in Kind}
# What is asked for where a kind is asked for: the consent of its own, where it needs one.
_BEHIND = {kind: SEPARATE.get(kind, (base,))[-1] for kind, base in BASE.items()}


class Said(StrEnum):
    GIVEN = "given"
    IMPLIED = "implied"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Acceptance(NamedTuple):
    said: Said
    data: Mapping[str, Any]
    expires: float


class Stand:
    """Each method takes one statement and answers what it changes of which purposes."""

    def __init__(self) -> None:
        self._consents: dict[Purpose, Acceptance] = {}
        self._closed: dict[Purpose, float] = {}
        self._out: dict[Kind, float] = {}
        self._erased = False

    def accept(self, purposes: frozenset[Purpose], early: float, given: Acceptance) -> dict[Purpose, Said]:
        """What was refused is answered by an explicit consent that is known to come after it."""
        answered = {
            purpose
            for purpose in purposes
            if purpose not in self._closed or (given.said is Said.GIVEN and self._closed[purpose] <= early)
        }
        for purpose in answered if not self._erased else ():
            self._closed.pop(purpose, None)
            self._consents[purpose] = given
        return dict.fromkeys(answered - self._shut(), given.said)

    def refuse(self, purposes: frozenset[Purpose], late: float, said: Said) -> dict[Purpose, Said]:
        self._close(purposes, late)
        return dict.fromkeys(purposes, said)

    def lose(self, purposes: frozenset[Purpose], late: float) -> dict[Purpose, Said]:
        """What was agreed to is so no more."""
        lost = (self._consents.keys() & purposes) - self._shut()
        self._close(purposes, late)
        return dict.fromkeys(lost, Said.WITHDRAWN)

    def erase(self, late: float) -> dict[Purpose, Said]:
        """For good."""
        lost = self.lose(frozenset(Purpose), late)
        self._erased = True
        return lost

    def opt_out(self, kinds: object, late: float) -> tuple[frozenset[Purpose], dict[Purpose, Said]]:
        """The purposes behind those kinds; all where a word is not known."""
        listed = kinds if isinstance(kinds, list | tuple) else ()
        scoped = bool(listed) and all(isinstance(kind, str) and kind in _WORDS for kind in listed)
        meant = frozenset(_WORDS[kind] for kind in listed) if scoped else CONTENT
        before = self._shut() | self._closed.keys()
        for kind in meant:
            self._out[kind] = max(late, self._out.get(kind, late))
        purposes = _behind(meant)
        new = purposes - before
        return purposes, {p: Said.WITHDRAWN if p in self._consents else Said.REFUSED for p in new}

    def opt_in(
        self, kinds: object, early: float, now: float
    ) -> tuple[frozenset[Purpose], dict[Purpose, Said], Mapping[str, Any] | None]:
        """What is free again, what of it was agreed to, and by what."""
        before = self._shut()
        listed = kinds if isinstance(kinds, list | tuple) else [kind.value for kind in Kind]
        for kind in [_WORDS[word] for word in listed if isinstance(word, str) and word in _WORDS]:
            if self._out.get(kind, early) <= early:
                self._out.pop(kind, None)
        free = before - self._shut() - self._closed.keys()
        again = {p: given for p in free if (given := self._consents.get(p)) is not None and given.expires > now}
        renews = next((again[purpose].data for purpose in Purpose if purpose in again), None)
        return free, {purpose: given.said for purpose, given in again.items()}, renews

    def _close(self, purposes: Iterable[Purpose], late: float) -> None:
        for purpose in purposes:
            self._consents.pop(purpose, None)
            self._closed[purpose] = max(late, self._closed.get(purpose, late))

    def _shut(self) -> frozenset[Purpose]:
        return frozenset(Purpose) if self._erased else _behind(self._out)


def _behind(kinds: Iterable[Kind]) -> frozenset[Purpose]:
    """Of all content, sharing too."""
    named = frozenset(kinds)
    behind = frozenset(_BEHIND[kind] for kind in named if kind in _BEHIND)
    return frozenset(Purpose) if named >= CONTENT else behind
