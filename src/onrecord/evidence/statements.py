"""What persons said of consent, out of the events: one statement for each, with the purposes that it is about."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import Conversation
from onrecord.policy.purposes import CONVERSATION, Purpose, closed, opened

_late = attrgetter("late")
_RESULTS = {"accepted": "given", "implied": "implied", "declined": "refused"}


class Said(StrEnum):
    GIVEN = "given"
    IMPLIED = "implied"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Statement:
    """`data`: the fields of the event; `purposes` in the order of the vocabulary."""

    seq: int
    event: Event
    said: Said
    purposes: tuple[Purpose, ...]
    data: Mapping[str, Any]


class _Read(NamedTuple):
    """By when a text had been read, in seconds, to whom, and what the register says of it."""

    late: float
    persons: tuple[str, ...]
    registered: Any


def statements(conversation: Conversation, events: Iterable[tuple[int, Event]]) -> list[Statement]:
    """Of all events with their seqs, in that order. One that came under an id used for something else was said too."""
    listed = list(events)
    read = [_read(conversation, event) for _, event in listed if event.type == "prompt_delivered"]
    read.sort(key=_late)
    found = [_statement(conversation, read, seq, event) for seq, event in listed]
    return [statement for statement in found if statement is not None]


def _read(conversation: Conversation, event: Event) -> _Read:
    name = event.data.get("party_id") or event.data.get("to")
    persons = conversation.person_of(name if isinstance(name, str) else None)
    return _Read(event.t + event.uncertainty, persons, event.data.get("registered"))


def _statement(conversation: Conversation, read: Sequence[_Read], seq: int, event: Event) -> Statement | None:
    kind, data = event.type, event.data
    if kind == Internal.EVENT_CONFLICTED:
        kind, data = data["type"], data["data"]
    if kind == "consent_withdrawn":
        return Statement(seq, event, Said.WITHDRAWN, _ordered(closed(data.get("scope"), frozenset(Purpose))), data)
    result = _RESULTS.get(str(data.get("result"))) if kind == "consent" else None
    if result is None:
        return None
    said = Said(result)
    if said is Said.REFUSED:
        return Statement(seq, event, said, _ordered(closed(data.get("scope"), CONVERSATION)), data)
    registered = data.get("registered")
    if data.get("prompt_version") is None:
        before = read[: bisect_right(read, event.t - event.uncertainty, key=_late)]
        persons = frozenset(conversation.persons_in(data))
        registered = next((text.registered for text in reversed(before) if persons.intersection(text.persons)), None)
    return Statement(seq, event, said, _ordered(_covered(data.get("scope"), registered)), data)


def _covered(scope: object, registered: object) -> frozenset[Purpose]:
    """What an acceptance is to: its scope, and no more than the registered text asks for that it names, or that was the
    last to be read."""
    if not isinstance(registered, Mapping):
        return opened(scope)
    asked = opened(registered.get("purposes"))
    return asked if scope is None else asked & opened(scope)


def _ordered(purposes: frozenset[Purpose]) -> tuple[Purpose, ...]:
    return tuple(purpose for purpose in Purpose if purpose in purposes)
