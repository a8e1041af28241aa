"""Print and parse of events are inverse; the fold is the sum of its steps."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.base import canonical
from onrecord.base.canonical import NotCanonicalError
from onrecord.interaction.errors import UnreadableEventError
from onrecord.interaction.events import Event, Internal, decode, encode
from onrecord.interaction.record import ArtifactState, Stage, apply, fold

LAWS = settings(deadline=None, derandomize=True, max_examples=120)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
seconds = st.floats(-1e9, 1e9, allow_nan=False) | st.integers(0, 10**7).map(float)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | seconds | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
events = st.builds(
    Event,
    event_id=words,
    type=st.sampled_from([*map(str, Internal), "call_start", "opt_out"]) | words,
    t=seconds,
    received=seconds,
    at=st.integers(-(2**70), 2**70),
    source=words,
    principal=words,
    data=st.dictionaries(words, json, max_size=4),
    uncertainty=st.sampled_from([0.0, 0.5]) | st.floats(1e-9, 1e6),
)


@LAWS
@given(events)
def test_decode_is_the_inverse_of_encode(event: Event) -> None:
    payload = encode(event)
    assert decode(payload) == event
    assert encode(decode(payload)) == payload


fields = st.fixed_dictionaries(
    {
        "event_id": words | json,
        "type": words | json,
        "t": seconds | json,
        "received": seconds | json,
        "at": st.integers().map(str) | st.text("0123456789+-_ ", max_size=4) | json,
        "source": words | json,
        "principal": words | json,
        "data": st.dictionaries(words, json, max_size=2) | json,
    },
    optional={"uncertainty": seconds | json, "extra": json},
)


@LAWS
@given(fields | json)
def test_what_decode_accepts_encode_gives_back(body: Any) -> None:
    payload = canonical_or_none(body)
    if payload is None:
        return
    try:
        event = decode(payload)
    except UnreadableEventError:
        return
    assert encode(event) == payload


@LAWS
@given(st.binary(max_size=60) | events.flatmap(lambda event: damaged(encode(event))))
def test_damaged_payloads_give_the_two_errors_or_another_event(payload: bytes) -> None:
    try:
        event = decode(payload)
    except (UnreadableEventError, NotCanonicalError):
        return
    assert encode(event) == payload


def canonical_or_none(body: Any) -> bytes | None:
    try:
        return canonical.dumps(body)
    except NotCanonicalError:
        return None


def damaged(payload: bytes) -> st.SearchStrategy[bytes]:
    def at(position: int, change: int) -> bytes:
        return payload[:position] + bytes([payload[position] ^ change]) + payload[position + 1 :]

    return st.builds(at, st.integers(0, len(payload) - 1), st.integers(1, 255))


@st.composite
def conversations(draw: st.DrawFn) -> list[Event]:
    """Events that fit one another: two tracks, segments that replace earlier ones, intents and completions."""
    made: list[Event] = []
    segments: list[str] = []

    def add(kind: str, data: dict[str, Any]) -> None:
        t, received = draw(st.integers(0, 50)) / 2, draw(st.integers(0, 50)) / 2
        made.append(Event(f"e{len(made)}", kind, t, received, 10**9 + len(made), "onrecord", "onrecord", data))

    tracks = [{"name": name, "rate": 8000, "encoding": "mulaw"} for name in ("customer", "agent")]
    add(Internal.STREAM_OPENED, {"stream": "s0", "tracks": tracks})
    for number in range(draw(st.integers(0, 14))):
        kind = draw(
            st.sampled_from(
                [
                    "segment",
                    "purge",
                    "words",
                    "quarantine",
                    "purged",
                    "erase",
                    "erased",
                    "stop",
                    "client",
                    "end",
                    "party",
                    "open",
                ]
            )
        )
        if kind == "segment":
            old = draw(st.lists(st.sampled_from(segments), unique=True, max_size=2)) if segments else []
            segments.append(f"seg{number}")
            add(Internal.SEGMENT_SEALED, segment(f"seg{number}", old, draw(st.sampled_from([0, 160])), number))
        elif kind in {"purge", "purged"}:
            chosen = Internal.PURGE_INTENDED if kind == "purge" else Internal.PURGE_COMPLETED
            add(chosen, {"purge": f"p{draw(st.integers(0, 2))}"})
        elif kind in {"erase", "erased"}:
            chosen = Internal.ERASURE_INTENDED if kind == "erase" else Internal.ERASURE_COMPLETED
            add(chosen, {"erasure": f"x{draw(st.integers(0, 2))}", "artifacts": ["art", "text"]})
        elif kind == "words":
            add(Internal.ARTIFACT_STORED, derived(f"seg{number}"))
        elif kind == "quarantine":
            add(Internal.ARTIFACT_QUARANTINED, {"artifact": draw(st.sampled_from(["art", "text"]))})
        elif kind == "stop":
            add(Internal.INTERRUPTED, {"accounting": {"agent": {"lost": number}}})
        elif kind == "party":
            add(Internal.PARTY_ADDED, {"role": "customer", "jurisdiction": "DE", "person": f"prs{number}"})
        elif kind == "open":
            add(Internal.STREAM_OPENED, {"stream": f"s{number}", "tracks": tracks})
        else:
            add("call_end" if kind == "end" else "consent_granted", {})
    if draw(st.booleans()):
        add(Internal.SEALED, {"events": len(made), "last_digest": "00" * 32})
    return made


def segment(name: str, supersedes: list[str], samples: int, number: int) -> dict[str, Any]:
    return {
        "artifact": "art",
        "track": "customer",
        "persons": ["prs"],
        "classification": "restricted",
        "start": number * 160,
        "samples": samples,
        "gaps": [],
        "supersedes": supersedes,
        "runs": [[number * 160, number * 160 + samples, "passed"]],
        "accounting": {"received": number},
        "segment": name,
        "object": f"obj-{name}",
        "key": f"key-{name}",
        "size": 1,
        "chunks": 1,
        "tags": "",
    }


def derived(name: str) -> dict[str, Any]:
    return {
        "artifact": "text",
        "kind": "transcript",
        "media_type": "application/json",
        "persons": ["prs"],
        "start": 0.0,
        "end": 1.0,
        "state": "active",
        "classification": "restricted",
        "form": "words",
        "sources": [["art", 0.0, 1.0]],
        "withheld": [],
        "segment": name,
        "object": f"obj-{name}",
        "key": f"key-{name}",
        "size": 1,
        "chunks": 1,
        "tags": "",
    }


@LAWS
@given(conversations(), st.data())
def test_a_fold_is_its_events_one_by_one(tape: list[Event], data: st.DataObject) -> None:
    whole = fold("int-1", tape)
    cut = data.draw(st.integers(0, len(tape)))
    state = fold("int-1", tape[:cut])
    for event in tape[cut:]:
        apply(state, event)
    assert state == whole
    assert fold("int-1", [decode(encode(event)) for event in tape]) == whole


@LAWS
@given(conversations())
def test_what_every_fold_keeps(tape: list[Event]) -> None:
    c = fold("int-1", tape)
    kinds = [event.type for event in tape]
    assert (c.stage is Stage.SEALED) == (Internal.SEALED in kinds) == (c.seal is not None)
    assert (c.ended_t is not None) == ("call_end" in kinds)
    assert c.last_received == max(event.received for event in tape)
    assert set(c.open_streams) <= set(c.streams)
    for artifact in c.artifacts.values():
        assert not artifact.segments.keys() & artifact.superseded.keys()
        if artifact.track is None:
            texts = [e.data["segment"] for e in tape if e.type == Internal.ARTIFACT_STORED]
            assert [*artifact.superseded, *artifact.segments] == texts
            continue
        replaced = {old for e in tape if e.type == Internal.SEGMENT_SEALED for old in e.data["supersedes"]}
        stored = {e.data["segment"] for e in tape if e.type == Internal.SEGMENT_SEALED and e.data["samples"]}
        assert artifact.segments.keys() == stored - replaced
        assert artifact.superseded.keys() == stored & replaced
    pending = {e.data["purge"] for e in tape if e.type == Internal.PURGE_INTENDED}
    assert c.pending_purges.keys() <= pending


@LAWS
@given(conversations())
def test_an_erasure_is_never_undone(tape: list[Event]) -> None:
    state = fold("int-1", [])
    erased: set[str] = set()
    for event in tape:
        apply(state, event)
        erased |= {name for name, entry in state.artifacts.items() if entry.state is ArtifactState.ERASED}
        assert all(state.artifacts[name].state is ArtifactState.ERASED for name in erased)


@LAWS
@given(conversations(), st.sampled_from(Internal), st.dictionaries(words, json, max_size=4))
def test_data_of_any_form_fold_or_leave_the_conversation_as_it_was(
    tape: list[Event], kind: Internal, data: dict[str, Any]
) -> None:
    state = fold("int-1", tape)
    before = copy.deepcopy(state)
    try:
        apply(state, Event("e", kind, 99.0, 99.0, 0, "onrecord", "onrecord", data))
    except UnreadableEventError:
        assert state == before


@LAWS
@given(conversations(), st.data())
def test_one_field_of_any_form_folds_or_leaves_the_conversation_as_it_was(
    tape: list[Event], data: st.DataObject
) -> None:
    state = fold("int-1", tape)
    told = data.draw(st.sampled_from([event for event in tape if event.data] or tape))
    changed = {**told.data, data.draw(st.sampled_from(sorted(told.data) or ["x"])): data.draw(json)}
    before = copy.deepcopy(state)
    try:
        apply(state, Event("e", told.type, 99.0, 99.0, 0, "onrecord", "onrecord", changed))
    except UnreadableEventError:
        assert state == before
