"""Event types (closed list), the payload of an event, and whom an event is about."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from onrecord.base import canonical
from onrecord.interaction.errors import UnreadableEventError

PRODUCT = "onrecord"
"""The principal of what the product says by itself."""


class Internal(StrEnum):
    """Types that the product itself writes; the types that clients may post are the policy room's."""

    INTERACTION_OPENED = "interaction_opened"
    PARTY_ADDED = "party_added"
    PARTY_JOINED = "party_joined"
    STREAM_OPENED = "stream_opened"
    STREAM_CLOSED = "stream_closed"
    SEGMENT_SEALED = "segment_sealed"
    TRACK_ACCOUNTED = "track_accounted"
    PURGE_INTENDED = "purge_intended"
    PURGE_COMPLETED = "purge_completed"
    ARTIFACT_STORED = "artifact_stored"
    ARTIFACT_REFUSED = "artifact_refused"
    ARTIFACT_QUARANTINED = "artifact_quarantined"
    ASSERTION_REFUSED = "assertion_refused"
    EVENT_REPEATED = "event_repeated"
    EVENT_CONFLICTED = "event_conflicted"
    CONTENT_DISCLOSED = "content_disclosed"
    ERASURE_INTENDED = "erasure_intended"
    ERASURE_COMPLETED = "erasure_completed"
    INTERRUPTED = "interrupted"
    RECORDING_COMMANDED = "recording_commanded"
    COMMAND_ANSWERED = "command_answered"
    OVERLOADED = "overloaded"
    OVERLOAD_ENDED = "overload_ended"
    MEDIA_LOST = "media_lost"
    SOURCE_ANSWERED = "source_answered"
    PROMPT_HEARD = "prompt_heard"
    SYSTEM_ATTACHED = "system_attached"
    SYSTEM_BARRED = "system_barred"
    SYSTEM_COMMANDED = "system_commanded"
    SYSTEM_ANSWERED = "system_answered"
    SYSTEM_DISOBEYED = "system_disobeyed"
    ALARM_RAISED = "alarm_raised"
    ALARM_CLEARED = "alarm_cleared"
    SEALED = "interaction_sealed"
    EVIDENCE_EXPORTED = "evidence_exported"
    PROFILE_READ = "profile_read"


INTERNAL = frozenset(Internal)

ABOUT_NOBODY = frozenset(
    {
        Internal.INTERACTION_OPENED,
        Internal.STREAM_OPENED,
        Internal.STREAM_CLOSED,
        Internal.TRACK_ACCOUNTED,
        Internal.PURGE_INTENDED,
        Internal.PURGE_COMPLETED,
        Internal.ARTIFACT_REFUSED,
        Internal.ARTIFACT_QUARANTINED,
        Internal.ASSERTION_REFUSED,
        Internal.CONTENT_DISCLOSED,
        Internal.ERASURE_INTENDED,
        Internal.ERASURE_COMPLETED,
        Internal.INTERRUPTED,
        Internal.COMMAND_ANSWERED,
        Internal.SOURCE_ANSWERED,
        Internal.SYSTEM_ATTACHED,
        Internal.SYSTEM_BARRED,
        Internal.SYSTEM_COMMANDED,
        Internal.SYSTEM_ANSWERED,
        Internal.SYSTEM_DISOBEYED,
        Internal.ALARM_RAISED,
        Internal.ALARM_CLEARED,
        Internal.SEALED,
        Internal.EVIDENCE_EXPORTED,
        "call_start",
        "call_end",
        "workflow",
        "capture_ack",
        "capture_report",
    }
)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event of a conversation. `t` and `received` in seconds on its clock, `uncertainty` in seconds either side of
    `t`, `at` in nanoseconds since the epoch; `source` is who asserted it, `principal` the id of the credential."""

    event_id: str
    type: str
    t: float
    received: float
    at: int
    source: str
    principal: str
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)
    uncertainty: float = 0.0


def encode(event: Event) -> bytes:
    """The payload: canonical JSON, what the commitment is over and the vault seals."""
    body: dict[str, Any] = {
        "event_id": event.event_id,
        "type": str(event.type),
        "t": event.t,
        "received": event.received,
        "at": str(event.at),
        "source": event.source,
        "principal": event.principal,
        "data": event.data,
    }
    if event.uncertainty:
        body["uncertainty"] = event.uncertainty
    return canonical.dumps(body)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableEventError("a stored event has a time that is no number")
    return float(value)


def _integer(value: object) -> int:
    """An integer beyond 2^53 is written as a string of digits, in one spelling."""
    number = int(value) if isinstance(value, str) else None
    if number is None or str(number) != value:
        raise UnreadableEventError("a stored event has an instant that is no integer")
    return number


def _uncertainty(body: dict[str, Any]) -> float:
    """Zero is not written."""
    if "uncertainty" not in body:
        return 0.0
    value = _number(body.pop("uncertainty"))
    if value <= 0.0:
        raise UnreadableEventError("a stored event has an uncertainty that is not positive")
    return value


def decode(payload: bytes) -> Event:
    """The inverse of `encode`, of its bytes alone. Errors: UnreadableEventError, NotCanonicalError."""
    body = canonical.loads(payload)
    try:
        event = Event(
            event_id=body.pop("event_id"),
            type=body.pop("type"),
            t=_number(body.pop("t")),
            received=_number(body.pop("received")),
            at=_integer(body.pop("at")),
            source=body.pop("source"),
            principal=body.pop("principal"),
            data=body.pop("data"),
            uncertainty=_uncertainty(body),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableEventError("a stored event lacks a field or has one of another type") from error
    words = (event.event_id, event.type, event.source, event.principal)
    if body or not isinstance(event.data, dict) or not all(isinstance(word, str) for word in words):
        raise UnreadableEventError("a stored event has a field too many or one of another type")
    return event
