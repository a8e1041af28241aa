"""The payload of an event: one byte form, and only that form is read back."""

from typing import Any

import pytest

from onrecord.base import canonical
from onrecord.base.canonical import NotCanonicalError
from onrecord.base.errors import Disposition
from onrecord.interaction.errors import InteractionError, UnreadableEventError
from onrecord.interaction.events import ABOUT_NOBODY, INTERNAL, Event, Internal, decode, encode

EVENT = Event(
    event_id="evt-1",
    type="consent_granted",
    t=1.25,
    received=2.0,
    at=1_700_000_000_000_000_001,
    source="customer",
    principal="key_1",
    data={"party": "customer", "scope": ["recording"]},
    uncertainty=0.5,
)
PAYLOAD = (
    b'{"at":"1700000000000000001","data":{"party":"customer","scope":["recording"]},"event_id":"evt-1",'
    b'"principal":"key_1","received":2,"source":"customer","t":1.25,"type":"consent_granted","uncertainty":0.5}'
)


def body(**changes: Any) -> bytes:
    fields = canonical.loads(PAYLOAD)
    fields.update(changes)
    return canonical.dumps({name: value for name, value in fields.items() if value is not ...})


def test_the_payload_is_canonical_json() -> None:
    """Fixed here: what was committed to must open for ever."""
    assert encode(EVENT) == PAYLOAD
    assert decode(PAYLOAD) == EVENT


def test_no_uncertainty_is_not_written() -> None:
    exact = Event("evt-2", Internal.INTERRUPTED, 0.0, 0.0, -1, "onrecord", "onrecord")
    assert b"uncertainty" not in encode(exact)
    assert decode(encode(exact)) == exact


def test_an_internal_type_is_written_as_its_text() -> None:
    payload = encode(Event("evt-3", Internal.SEALED, 0.0, 0.0, 0, "onrecord", "onrecord"))
    assert b'"type":"interaction_sealed"' in payload
    assert decode(payload).type == Internal.SEALED


@pytest.mark.parametrize("name", ["at", "data", "event_id", "principal", "received", "source", "t", "type"])
def test_a_field_that_is_missing_or_null_is_refused(name: str) -> None:
    for payload in (body(**{name: ...}), body(**{name: None})):
        with pytest.raises(UnreadableEventError):
            decode(payload)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("t", "1.25"),
        ("t", True),
        ("t", [1.25]),
        ("received", "nan"),
        ("received", False),
        ("received", {}),
        ("at", 1_700_000_000),
        ("at", 1.5),
        ("at", ""),
        ("at", "+5"),
        ("at", " 5"),
        ("at", "05"),
        ("at", "-0"),
        ("at", "1_000"),
        ("at", "\u0661"),
        ("at", "1e3"),
        ("at", "9" * 5_000),
        ("event_id", 7),
        ("type", ["call_start"]),
        ("source", {}),
        ("principal", 1.0),
        ("data", []),
        ("data", "party"),
        ("uncertainty", 0),
        ("uncertainty", -0.5),
        ("uncertainty", "0.5"),
        ("uncertainty", None),
        ("uncertainty", True),
        ("extra", 1),
        ("Type", "call_start"),
    ],
)
def test_a_field_of_another_form_is_refused(name: str, value: object) -> None:
    with pytest.raises(UnreadableEventError):
        decode(body(**{name: value}))


@pytest.mark.parametrize("payload", [b"null", b"1", b'"event"', b"[]", b"{}", b"true", b'["event_id"]'])
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableEventError):
        decode(payload)


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", PAYLOAD + b"\n", PAYLOAD.replace(b'"received":2', b'"received":2.0')]
)
def test_what_is_not_canonical_is_refused(payload: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        decode(payload)


def test_a_time_that_is_no_number_is_not_written() -> None:
    for t in (float("nan"), float("inf")):
        with pytest.raises(NotCanonicalError):
            encode(Event("evt-4", "call_start", t, 0.0, 0, "customer", "key_1"))


def test_an_unreadable_event_halts_and_its_error_names_no_content() -> None:
    with pytest.raises(InteractionError) as caught:
        decode(body(source={"phone": "+15550100"}))
    assert caught.value.disposition is Disposition.HALT
    assert caught.value.diagnostics() == (
        "event_unreadable: a stored event has a field too many or one of another type"
    )


def test_the_closed_list_of_types() -> None:
    """Rows show types in clear and old events keep theirs: a name may be added, never changed."""
    assert frozenset(Internal) == INTERNAL
    assert {
        "interaction_opened",
        "party_added",
        "stream_opened",
        "stream_closed",
        "segment_sealed",
        "track_accounted",
        "purge_intended",
        "purge_completed",
        "artifact_stored",
        "artifact_refused",
        "assertion_refused",
        "event_repeated",
        "event_conflicted",
        "content_disclosed",
        "erasure_intended",
        "erasure_completed",
        "interrupted",
        "source_answered",
        "interaction_sealed",
        "evidence_exported",
    } <= {str(kind) for kind in Internal}


def test_events_that_carry_what_a_person_said_or_is_are_sealed_to_somebody() -> None:
    sealed = {Internal.PARTY_ADDED, Internal.SEGMENT_SEALED, Internal.ARTIFACT_STORED, Internal.EVENT_CONFLICTED}
    assert not sealed & ABOUT_NOBODY
    assert not {"consent_granted", "consent_declined", "consent_withdrawn", "opt_out"} & ABOUT_NOBODY
