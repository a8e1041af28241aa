"""What persons said of consent, out of the events: one statement for each, with the purposes that it is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onrecord.interaction.events import Event, Internal
from onrecord.policy.purposes import CONVERSATION, Purpose, closed, opened

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


def statements(events: Iterable[tuple[int, Event]]) -> list[Statement]:
    """Of events with their seqs, in that order. One that came under an id used for something else was said too."""
    found = [_statement(seq, event) for seq, event in events]
    return [statement for statement in found if statement is not None]


def _statement(seq: int, event: Event) -> Statement | None:
    kind, data = event.type, event.data
    if kind == Internal.EVENT_CONFLICTED:
        kind, data = data["type"], data["data"]
    if kind == "consent_withdrawn":
        return Statement(seq, event, Said.WITHDRAWN, _ordered(closed(data.get("scope"), frozenset(Purpose))), data)
    result = _RESULTS.get(str(data.get("result"))) if kind == "consent" else None
    if result is None:
        return None
    said = Said(result)
    covered = closed(data.get("scope"), CONVERSATION) if said is Said.REFUSED else _covered(data)
    return Statement(seq, event, said, _ordered(covered), data)


def _covered(data: Mapping[str, Any]) -> frozenset[Purpose]:
    """What an acceptance is to: its scope, and no more than the registered text asks for."""
    registered = data.get("registered")
    scope = opened(data.get("scope"))
    if not isinstance(registered, Mapping):
        return scope
    asked = opened(registered.get("purposes"))
    return asked if data.get("scope") is None else asked & scope


def _ordered(purposes: frozenset[Purpose]) -> tuple[Purpose, ...]:
    return tuple(purpose for purpose in Purpose if purpose in purposes)
