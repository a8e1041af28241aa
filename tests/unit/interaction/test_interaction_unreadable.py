"""Stored events that do not have the form of their type: one error, and nothing changed."""

import copy
from typing import Any

import pytest
from interaction_samples import SAMPLES, event, recording

from onrecord.base import canonical
from onrecord.interaction.errors import UnreadableEventError
from onrecord.interaction.events import INTERNAL, Internal, decode, encode
from onrecord.interaction.record import apply

FOLDED_WITHOUT_DATA = INTERNAL - SAMPLES.keys()
OPTIONAL = {
    (Internal.SEGMENT_SEALED, "start"),
    (Internal.SEGMENT_SEALED, "gaps"),
    (Internal.SEGMENT_SEALED, "epoch"),
    (Internal.PURGE_INTENDED, "artifact"),
    (Internal.PURGE_INTENDED, "segment"),
    (Internal.ERASURE_INTENDED, "objects"),
}


def test_every_type_that_folds_has_a_sample_here() -> None:
    assert {
        Internal.ARTIFACT_REFUSED,
        Internal.ASSERTION_REFUSED,
        Internal.EVENT_REPEATED,
        Internal.EVENT_CONFLICTED,
        Internal.CONTENT_DISCLOSED,
        Internal.SOURCE_ANSWERED,
        Internal.PROMPT_HEARD,
        Internal.SYSTEM_DISOBEYED,
        Internal.OVERLOADED,
        Internal.OVERLOAD_ENDED,
        Internal.MEDIA_LOST,
        Internal.ALARM_RAISED,
        Internal.ALARM_CLEARED,
        Internal.EVIDENCE_EXPORTED,
        Internal.PROFILE_READ,
    } == FOLDED_WITHOUT_DATA


REMOVED = [(kind, name) for kind, data in SAMPLES.items() for name in data if (kind, name) not in OPTIONAL]


@pytest.mark.parametrize(("kind", "name"), REMOVED)
def test_a_missing_field_is_unreadable_and_changes_nothing(kind: Internal, name: str) -> None:
    c = recording()
    before = copy.deepcopy(c)
    data = {key: value for key, value in SAMPLES[kind].items() if key != name}
    with pytest.raises(UnreadableEventError) as caught:
        apply(c, event(kind, data, t=9.0, received=9.0))
    assert c == before
    assert caught.value.code == "event_unreadable"


@pytest.mark.parametrize(("kind", "name"), sorted(OPTIONAL))
def test_a_field_that_the_fold_does_not_need_may_be_missing(kind: Internal, name: str) -> None:
    c = recording()
    apply(c, event(kind, {key: value for key, value in SAMPLES[kind].items() if key != name}))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Internal.STREAM_OPENED, {"tracks": [{"name": "agent", "rate": 8000, "encoding": "mulaw"}, {"name": "bot"}]}),
        (Internal.STREAM_OPENED, {"tracks": ["customer"]}),
        (Internal.STREAM_OPENED, {"stream": ["str-1"]}),
        (Internal.SEGMENT_SEALED, {"track": "nobody"}),
        (Internal.SEGMENT_SEALED, {"segment": ["seg-1"]}),
        (Internal.SEGMENT_SEALED, {"artifact": {}}),
        (Internal.SEGMENT_SEALED, {"supersedes": ["seg-1", []]}),
        (Internal.SEGMENT_SEALED, {"supersedes": None}),
        (Internal.SEGMENT_SEALED, {"runs": [[0, 160]]}),
        (Internal.SEGMENT_SEALED, {"runs": 5}),
        (Internal.SEGMENT_SEALED, {"accounting": 5}),
        (Internal.SEGMENT_SEALED, {"gaps": [[0, 1]], "supersedes": ["seg-1"]}),
        (Internal.SEGMENT_SEALED, {"artifact": "art-new", "persons": 5}),
        (Internal.TRACK_ACCOUNTED, {"track": "nobody"}),
        (Internal.TRACK_ACCOUNTED, {"accounting": ["received"]}),
        (Internal.PURGE_INTENDED, {"purge": {}}),
        (Internal.ARTIFACT_STORED, {"state": "lost"}),
        (Internal.ARTIFACT_STORED, {"sources": [["art-1", 0.0]]}),
        (Internal.ARTIFACT_STORED, {"withheld": [1.0]}),
        (Internal.ARTIFACT_STORED, {"artifact": []}),
        (Internal.ERASURE_INTENDED, {"erasure": []}),
        (Internal.ERASURE_INTENDED, {"artifacts": ["art-1", {}]}),
        (Internal.INTERRUPTED, {"accounting": {"customer": {"received": 1}, "nobody": {}}}),
        (Internal.INTERRUPTED, {"accounting": [1]}),
        (Internal.INTERACTION_OPENED, {"packs": None}),
        (Internal.INTERACTION_OPENED, {"artifacts_enabled": 5}),
    ],
)
def test_a_field_of_another_form_is_unreadable_and_changes_nothing(kind: Internal, changes: dict[str, Any]) -> None:
    c = recording()
    before = copy.deepcopy(c)
    with pytest.raises(UnreadableEventError):
        apply(c, event(kind, {**SAMPLES[kind], **changes}, t=9.0, received=9.0))
    assert c == before


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_what_a_payload_gives_back_folds_to_the_same(kind: Internal) -> None:
    one, two = recording(), recording()
    told = event(kind, t=2.0)
    apply(one, told)
    apply(two, decode(encode(told)))
    assert one == two
    assert canonical.loads(encode(told))["data"] == told.data
