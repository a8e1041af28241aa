"""The fold: stages, segments, purges, erasures, persons."""

import copy

import pytest
from interaction_samples import COUNTS, SAMPLES, event, recording, sealed, stored, tape

from onrecord.interaction.events import INTERNAL, PRODUCT, Event, Internal
from onrecord.interaction.record import (
    ArtifactState,
    Conversation,
    PartyEntry,
    Seal,
    Stage,
    apply,
    fold,
)

FOLDED_WITHOUT_DATA = INTERNAL - SAMPLES.keys()


def test_opening_says_what_is_enabled_and_under_which_packs() -> None:
    c = tape(Internal.INTERACTION_OPENED)
    assert (c.interaction, c.sector, c.enabled, c.hold_back) == ("int-1", "banking", ("audio_recording",), 5.0)
    assert c.overlay == {"opt_out_action": "stop"}
    assert c.packs == ({"id": "strict", "version": "1"},)
    assert (c.created_at, c.started_at, c.stage) == (1_000, None, Stage.OPEN)


def test_the_first_event_or_frame_starts_the_clock() -> None:
    assert fold("i", [event("call_start", t=2.0)]).started_at == 2_000_001_000
    assert fold("i", [event(Internal.STREAM_OPENED, t=1.0), event("call_start", t=2.0)]).started_at == 1_000_001_000
    for kind in INTERNAL - {Internal.STREAM_OPENED, Internal.SEGMENT_SEALED, Internal.TRACK_ACCOUNTED}:
        data = {"accounting": {}} if kind == Internal.INTERRUPTED else None
        assert fold("i", [event(kind, data, t=3.0)]).started_at is None


def test_an_accepted_event_ends_an_interruption_and_a_stream_does_not() -> None:
    c = tape(Internal.INTERACTION_OPENED, Internal.STREAM_OPENED)
    apply(c, event(Internal.INTERRUPTED, t=4.0))
    assert (c.stage, c.interruptions, c.open_streams) == (Stage.INTERRUPTED, [4.0], set())
    assert c.tracks["customer"].accounting == COUNTS
    for kind in (Internal.STREAM_OPENED, Internal.TRACK_ACCOUNTED, Internal.EVENT_REPEATED):
        apply(c, event(kind, t=5.0))
        assert c.stage is Stage.INTERRUPTED
    apply(c, event("consent_granted", t=6.0))
    assert c.stage is Stage.OPEN


def test_an_interruption_of_an_ended_or_sealed_call_changes_no_stage() -> None:
    ended = tape("call_end", Internal.STREAM_OPENED, Internal.INTERRUPTED)
    assert ended.stage is Stage.ENDED
    apply(ended, event("opt_out", t=9.0))
    assert ended.stage is Stage.ENDED
    assert tape(Internal.STREAM_OPENED, Internal.SEALED, Internal.INTERRUPTED).stage is Stage.SEALED


def test_a_call_ends_at_the_earliest_end_that_was_told() -> None:
    c = fold("i", [event("call_end", t=30.0), event("call_end", t=20.0), event("call_end", t=25.0)])
    assert (c.stage, c.ended_t, c.last_t) == (Stage.ENDED, 20.0, 30.0)
    assert fold("i", [event("call_end", t=9.0), event("opt_out", t=5.0)]).ended_t == 9.0


def test_an_interrupted_call_can_end() -> None:
    c = tape(Internal.STREAM_OPENED, Internal.INTERRUPTED, "call_end")
    assert (c.stage, c.ended_t) == (Stage.ENDED, 0.0)


def test_a_seal_is_final() -> None:
    c = tape("call_end", Internal.SEALED)
    assert (c.stage, c.seal) == (Stage.SEALED, Seal(7, "cd" * 32))
    for kind in ("call_end", "opt_out", Internal.INTERRUPTED):
        apply(c, event(kind, {"accounting": {}}, t=50.0))
        assert c.stage is Stage.SEALED
    assert c.ended_t == 0.0
    assert tape(Internal.SEALED, "call_end").ended_t is None


def test_streams_open_and_close_and_keep_the_first_form_of_a_track() -> None:
    c = tape(Internal.STREAM_OPENED)
    assert (set(c.streams), c.open_streams) == ({"str-1"}, {"str-1"})
    again = {
        "stream": "str-2",
        "tracks": [
            {"name": "customer", "rate": 16000, "encoding": "pcm16"},
            {"name": "agent", "rate": 8000, "encoding": "mulaw"},
        ],
    }
    apply(c, event(Internal.STREAM_OPENED, again))
    assert [(name, track.rate) for name, track in c.tracks.items()] == [("customer", 8000), ("agent", 8000)]
    apply(c, event(Internal.STREAM_CLOSED))
    assert (set(c.streams), c.open_streams) == ({"str-1", "str-2"}, {"str-2"})
    apply(c, event(Internal.STREAM_CLOSED))
    assert c.open_streams == {"str-2"}


def test_segments_of_a_track_are_one_recording() -> None:
    c = recording()
    apply(c, event(Internal.SEGMENT_SEALED, sealed("seg-2", start=160)))
    (artifact,) = c.artifacts.values()
    assert (artifact.kind, artifact.media_type, artifact.persons) == ("audio_recording", "audio/wav", ("prs-c",))
    assert (artifact.track, artifact.rate, artifact.encoding) == ("customer", 8000, "mulaw")
    assert artifact.event_id == "evt-segment_sealed-0.0"
    assert [(s.segment, s.object_id, s.start, s.samples) for s in artifact.segments.values()] == [
        ("seg-1", "obj-seg-1", 0, 160),
        ("seg-2", "obj-seg-2", 160, 160),
    ]
    assert artifact.segments["seg-2"].gaps == ((160, 180, "policy"),)
    assert c.tracks["customer"].runs == [(0, 160, "passed"), (160, 320, "passed")]
    assert c.tracks["customer"].accounting == COUNTS


def test_a_superseded_segment_is_kept_apart() -> None:
    c = recording()
    apply(c, event(Internal.SEGMENT_SEALED, sealed("seg-9", "seg-1")))
    artifact = c.artifacts["art-1"]
    assert (list(artifact.segments), list(artifact.superseded)) == (["seg-9"], ["seg-1"])
    assert artifact.superseded["seg-1"].object_id == "obj-seg-1"


def test_a_segment_may_be_superseded_by_nothing() -> None:
    c = recording()
    empty = {k: v for k, v in sealed("", "seg-1", samples=0).items() if k not in stored("")}
    apply(c, event(Internal.SEGMENT_SEALED, {**empty, "accounting": {"purged": 160}}))
    artifact = c.artifacts["art-1"]
    assert (artifact.segments, list(artifact.superseded)) == ({}, ["seg-1"])
    assert c.tracks["customer"].accounting == {"purged": 160}


def test_a_purge_is_pending_until_it_is_completed() -> None:
    c = tape(Internal.PURGE_INTENDED)
    assert c.pending_purges == {"pur-1": SAMPLES[Internal.PURGE_INTENDED]}
    apply(c, event(Internal.PURGE_COMPLETED, {"purge": "pur-2"}))
    assert set(c.pending_purges) == {"pur-1"}
    apply(c, event(Internal.PURGE_COMPLETED))
    apply(c, event(Internal.PURGE_COMPLETED))
    assert c.pending_purges == {}


def test_an_erasure_shows_from_its_intent_and_is_pending_until_completed() -> None:
    c = recording()
    apply(c, event(Internal.ARTIFACT_STORED))
    apply(c, event(Internal.ERASURE_INTENDED))
    assert c.artifacts["art-1"].state is ArtifactState.ERASED
    assert c.artifacts["art-2"].state is ArtifactState.ACTIVE
    assert set(c.pending_erasures) == {"era-1"}
    apply(c, event(Internal.ERASURE_COMPLETED))
    assert c.pending_erasures == {}
    assert c.artifacts["art-1"].state is ArtifactState.ERASED


def test_a_derived_artifact_names_its_sources() -> None:
    c = tape(Internal.ARTIFACT_STORED)
    artifact = c.artifacts["art-2"]
    assert (artifact.kind, artifact.form, artifact.state) == ("transcript", "words", ArtifactState.ACTIVE)
    assert artifact.sources == (("art-1", 0.0, 2.0),)
    assert artifact.withheld == ((1.0, 1.5),)
    assert (artifact.start, artifact.end, list(artifact.segments)) == (0.0, 2.0, ["seg-t"])


def test_a_derived_artifact_stored_again_supersedes_what_it_held() -> None:
    c = tape(Internal.ARTIFACT_STORED)
    for name in ("seg-u", "seg-v"):
        apply(c, event(Internal.ARTIFACT_STORED, {**SAMPLES[Internal.ARTIFACT_STORED], **stored(name)}))
    artifact = c.artifacts["art-2"]
    assert (list(artifact.segments), list(artifact.superseded)) == (["seg-v"], ["seg-t", "seg-u"])


def test_quarantine_concerns_one_artifact() -> None:
    c = recording()
    apply(c, event(Internal.ARTIFACT_STORED))
    apply(c, event(Internal.ARTIFACT_QUARANTINED))
    assert c.artifacts["art-1"].state is ArtifactState.QUARANTINED
    assert c.artifacts["art-2"].state is ArtifactState.ACTIVE


def test_what_was_erased_stays_erased() -> None:
    c = tape(Internal.ARTIFACT_STORED)
    apply(c, event(Internal.ERASURE_INTENDED, {"erasure": "era-1", "artifacts": ["art-2"]}))
    apply(c, event(Internal.ARTIFACT_QUARANTINED, {"artifact": "art-2"}))
    assert c.artifacts["art-2"].state is ArtifactState.ERASED
    apply(c, event(Internal.ARTIFACT_STORED, {**SAMPLES[Internal.ARTIFACT_STORED], **stored("seg-u")}))
    assert c.artifacts["art-2"].state is ArtifactState.ERASED


def test_what_refers_to_erased_events_is_passed_over() -> None:
    """Of an erased person's events only those about nobody can be read, and they still name what is gone."""
    c = tape(Internal.STREAM_OPENED, Internal.ARTIFACT_QUARANTINED, Internal.ERASURE_INTENDED)
    assert (c.artifacts, set(c.pending_erasures)) == ({}, {"era-1"})
    apply(c, event(Internal.SEGMENT_SEALED, sealed("seg-9", "seg-1")))
    assert list(c.artifacts["art-1"].segments) == ["seg-9"]


def parties(*entries: tuple[str, str, str | None]) -> Conversation:
    c = Conversation("int-1")
    for role, person, party in entries:
        apply(c, event(Internal.PARTY_ADDED, {"role": role, "jurisdiction": "DE", "person": person, "party_id": party}))
    return c


def test_a_party_keeps_what_the_client_told_apart_from_what_it_is() -> None:
    data = {**SAMPLES[Internal.PARTY_ADDED], "party_id": "p1", "name": "Ada Example", "phone": "+15550100"}
    (party,) = fold("i", [event(Internal.PARTY_ADDED, data)]).parties
    assert party == PartyEntry("customer", "DE", "prs-c", "p1", {"name": "Ada Example", "phone": "+15550100"})


def test_who_joins_is_a_person_of_its_own_and_is_marked() -> None:
    joined = {"role": "witness", "jurisdiction": "FR", "person": "prs-w"}
    c = fold("i", [event(Internal.PARTY_ADDED, SAMPLES[Internal.PARTY_ADDED]), event(Internal.PARTY_JOINED, joined)])
    assert [party.joined for party in c.parties] == [False, True]
    assert c.person_of("witness") == ("prs-w",)


def test_persons_are_found_by_role_and_by_party_id() -> None:
    c = parties(("customer", "prs-1", "p1"), ("customer", "prs-2", "p2"), ("agent", "prs-3", None))
    assert c.person_of("customer") == ("prs-1", "prs-2")
    assert c.person_of("p2") == ("prs-2",)
    assert c.person_of("agent") == ("prs-3",)


def test_where_nobody_is_named_it_is_the_customers_or_else_everybody() -> None:
    c = parties(("agent", "prs-3", None), ("customer", "prs-1", None), ("customer", "prs-1", "again"))
    assert c.person_of(None) == ("prs-1",)
    assert c.person_of("stranger") == ()
    staff = parties(("agent", "prs-3", None), ("bot", "prs-4", None), ("agent", "prs-3", "again"))
    assert staff.person_of(None) == staff.everybody() == ("prs-3", "prs-4")
    assert Conversation("int-1").person_of("customer") == ()


def test_a_party_without_an_id_is_not_found_by_none() -> None:
    c = parties(("customer", "prs-1", None), ("agent", "prs-2", "p2"))
    assert c.person_of(None) == ("prs-1",)


@pytest.mark.parametrize("kind", ["consent_granted", "opt_out", "never_heard_of", "workflow"])
def test_types_of_clients_only_move_the_clock(kind: str) -> None:
    c = recording()
    expected = copy.deepcopy(c)
    expected.last_t, expected.last_received = 7.0, 8.0
    apply(c, event(kind, {"anything": [1, {}]}, t=7.0, received=8.0))
    assert c == expected
    apply(c, event(kind, t=3.0, received=4.0))
    assert (c.last_t, c.last_received) == (7.0, 8.0)


@pytest.mark.parametrize("kind", sorted(FOLDED_WITHOUT_DATA))
def test_internal_types_that_fold_to_nothing_only_move_what_was_received(kind: str) -> None:
    c = recording()
    expected = copy.deepcopy(c)
    expected.last_received = 8.0
    apply(c, event(kind, {"x": 1}, t=7.0, received=8.0))
    assert c == expected


def test_what_the_product_says_starts_no_clock_and_ends_no_interruption() -> None:
    def own(t: float) -> Event:
        return Event("own", "consent_withdrawn", t, t, 7, "platform", PRODUCT)

    c = Conversation("int-1")
    apply(c, own(0.0))
    assert (c.started_at, c.last_t) == (None, 0.0)
    apply(c, event("call_start"))
    apply(c, event(Internal.INTERRUPTED, {"accounting": {}}, t=4.0))
    apply(c, own(5.0))
    assert (c.stage, c.last_t) == (Stage.INTERRUPTED, 5.0)
    apply(c, event("opt_out", t=6.0))
    assert c.stage is Stage.OPEN
