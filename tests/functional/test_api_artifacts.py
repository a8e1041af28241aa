"""Derived artifacts over HTTP: cut, refused, read in ranges, erased."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from artifact_calls import content, kept, refused, said, store, words
from serving import Talk

from onrecord.entrypoints.api import responses

Begin = Callable[..., Talk]


@pytest.fixture
def talk(begin: Begin) -> Talk:
    """Consented from 1, a payment from 10 to 20, the end at 40."""
    made = begin(parties=[{"role": "customer", "jurisdiction": "US-CA"}]).consented(1.0)
    made.tell("segment_start", 10.0, segment="payment", n=1)
    made.tell("segment_end", 20.0, segment="payment", n=1)
    made.tell("call_end", 40.0)
    return made


def test_words_are_cut_at_word_times(talk: Talk) -> None:
    spoken = words(("before", 8.0, 9.0), ("straddles", 9.5, 10.5), ("four", 11.0, 12.0), ("after", 20.5, 21.0))
    made = kept(talk, kind="transcript", words=spoken, start=0.0, end=40.0)
    assert made["state"] == "active"
    assert any(s <= 10.0 and e >= 20.0 for s, e in made["withheld"])
    read = content(talk, made["id"])
    msgspec.json.decode(read.content, type=responses.Words)
    assert [word["w"] for word in read.json()["words"]] == ["before", "after"]
    listed = talk.client.get(f"{talk.path}/artifacts")
    msgspec.json.decode(listed.content, type=responses.Artifacts)
    (shown,) = listed.json()["artifacts"]
    assert (shown["id"], shown["kind"], shown["state"]) == (made["id"], "transcript", "active")
    assert all(why for _, _, why in shown["gaps"])


def test_channels_by_index(talk: Talk) -> None:
    spoken = [{"w": "yes", "s": 2.0, "e": 3.0, "channel": 1}, {"w": "no", "s": 3.0, "e": 4.0}]
    made = kept(talk, kind="transcript", words=spoken)
    assert [word["channel"] for word in content(talk, made["id"]).json()["words"]] == ["agent", "customer"]


def test_words_without_length_and_over_one_another(talk: Talk) -> None:
    """A word that is left out hides no other: what a later closing reaches is cut too."""
    spoken = words(("dot", 2.0, 2.0), ("shut", 12.0, 12.0), ("long", 5.0, 10.5), ("inner", 6.0, 7.0))
    made = kept(talk, kind="transcript", words=spoken)
    assert said(talk, made["id"]) == ["dot", "inner"]
    assert made["withheld"] == [[5.0, 6.0], [7.0, 12.001]]
    talk.tell("segment_start", 6.5, segment="payment", n=2)
    assert said(talk, made["id"]) == ["dot"]


def test_a_word_beside_what_the_artifact_is_about(talk: Talk) -> None:
    for start, end in ((2.0, 9.0), (None, 9.0), (2.0, None)):
        span = {name: t for name, t in (("start", start), ("end", end)) if t is not None}
        spoken = [("in", 3.0, 4.0), *([("before", 1.9, 2.5)] if start else []), *([("after", 8.9, 9.1)] if end else [])]
        response = store(talk, kind="transcript", words=words(*spoken), **span)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
        assert kept(talk, kind="transcript", words=words(("in", 3.0, 4.0)), **span)["withheld"] == []
    assert len(talk.get("/artifacts")["artifacts"]) == 3


def test_a_hundred_thousand_words(talk: Talk) -> None:
    spoken = [{"w": "a", "s": n * 0.0004, "e": n * 0.0004 + 0.0003} for n in range(100_000)]
    made = kept(talk, kind="transcript", words=spoken)
    held = content(talk, made["id"]).json()["words"]
    inside = [w for w in spoken if w["s"] >= 1.0 and (w["e"] <= 10.0 or w["s"] >= 20.0) and w["e"] <= 40.0]
    assert [(w["s"], w["e"]) for w in held] == [(w["s"], w["e"]) for w in inside]


CODES: list[Any] = [None, "resolved", "queue-12", {"outcome": "sale", "again": False, "seconds": 12.5, "note": None}]
FREE: list[Any] = ["he said it", "4111", {"note": "he said it"}, {"a": {"b": "c"}}, {"ref": 4111}, {"41111": True}]


@pytest.mark.parametrize("kind", ["agent_notes", "disposition", "escalation_notes", "crm_sync"])
def test_handling_records_without_free_text_go_on(talk: Talk, kind: str) -> None:
    for code in CODES:
        for span in ({}, {"start": 12.0, "end": 18.0}, {"start": 15.0, "end": 15.0}):
            assert kept(talk, kind=kind, content=code, **span)["withheld"] == []


def test_free_text_in_a_handling_record_is_judged_as_what_it_may_be_about(talk: Talk) -> None:
    for text in FREE:
        for span in ({}, {"start": 12.0, "end": 18.0}, {"start": 5.0, "end": 11.0}, {"start": 15.0, "end": 15.0}):
            assert "names its sources" in refused(talk, kind="agent_notes", content=text, **span)
        assert kept(talk, kind="agent_notes", content=text, start=2.0, end=9.0)["withheld"] == []
    assert refused(talk, kind="agent_notes", words=words(("four", 12.0, 13.0)))


def test_free_text_is_cut_off_by_sound_or_words_alone(talk: Talk) -> None:
    talk.tell("opt_out", 30.0, method="verbal", reason_code="asked", kinds=["audio_recording"])
    talk.tell("opt_out", 25.0, method="verbal", reason_code="asked", kinds=["transcript"])
    assert refused(talk, kind="crm_sync", content="he said it", start=31.0, end=32.0)
    assert refused(talk, kind="crm_sync", content="he said it", start=26.0, end=27.0)
    assert kept(talk, kind="crm_sync", content="he said it", start=21.0, end=25.0)


def test_what_is_without_sources_is_for_all_parties(talk: Talk) -> None:
    talk.tell("party_join", 30.0, role="agent", jurisdiction="US-TX", party_id="desk-9")
    kept(talk, kind="ai_summary", content="fine", start=2.0, end=9.0)
    parties = {party["person"] for party in talk.get()["parties"]}
    (stored,) = [e for e in talk.get("/timeline")["events"] if e["type"] == "artifact_stored"]
    assert set(stored["data"]["persons"]) == parties
    assert len(parties) == 2


def test_a_summary_of_a_closed_stretch_is_refused(talk: Talk) -> None:
    refused = store(talk, kind="ai_summary", content="a summary", start=10.0, end=20.0)
    assert (refused.status_code, refused.json()["code"]) == (409, "verdict_closed")
    assert talk.get("/artifacts")["artifacts"] == []
    assert "artifact_refused" in {event["type"] for event in talk.get("/timeline")["events"]}
    only_closed = words(("four", 11.0, 12.0))
    assert store(talk, kind="transcript", words=only_closed).status_code == 409


def test_a_summary_of_an_open_stretch_is_kept(talk: Talk) -> None:
    made = kept(talk, kind="ai_summary", content={"topic": "delivery"}, start=2.0, end=9.0)
    read = content(talk, made["id"])
    msgspec.json.decode(read.content, type=responses.Text)
    assert read.json() == {"content": {"topic": "delivery"}}


def test_what_is_made_of_a_source_inherits_its_closures(talk: Talk) -> None:
    transcript = kept(talk, kind="transcript", words=words(("hello", 2.0, 3.0)), start=2.0, end=9.0)["id"]
    whole = [{"artifact": transcript, "start": 2.0, "end": 9.0}]
    assert kept(talk, kind="ai_summary", content="fine", sources=whole)["withheld"] == []
    closed = [{"artifact": transcript, "start": 12.0, "end": 18.0}]
    assert store(talk, kind="ai_summary", content="not fine", sources=closed).status_code == 409
    unknown = [{"artifact": "art_" + "0" * 32, "start": 2.0, "end": 9.0}]
    assert store(talk, kind="ai_summary", content="of what", sources=unknown).status_code == 400


def test_late_words_for_a_permitted_stretch_are_stored(talk: Talk) -> None:
    talk.tell("opt_out", 39.0, method="email", reason_code="asked")
    assert kept(talk, kind="transcript", words=words(("late", 30.0, 31.0)))["withheld"] == []
    assert store(talk, kind="transcript", words=words(("gone", 39.2, 39.8))).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "novel"},
        {"kind": "audio_recording", "content": "x"},
        {"kind": "ai_summary"},
        {"kind": "ai_summary", "content": "x", "words": []},
        {"kind": "ai_summary", "content": "x", "start": 5.0, "end": 4.0},
        {"kind": "ai_summary", "content": "x", "start": -1.0},
        {"kind": "ai_summary", "content": "x", "classification": "secret-ish"},
        {"kind": "ai_summary", "content": 5},
        {"kind": "ai_summary", "content": "x", "colour": "blue"},
        {"kind": "transcript", "words": [{"w": "x", "s": 1.0}]},
        {"kind": "transcript", "words": [{"w": "x", "s": 3.0, "e": 2.0}]},
        {"kind": "transcript", "words": [{"w": "x", "s": -3.0, "e": 2.0}]},
        {"kind": "transcript", "sources": [{"artifact": "x", "start": 9.0, "end": 8.0}], "words": []},
    ],
)
def test_malformed_artifacts(talk: Talk, body: dict[str, Any]) -> None:
    response = talk.client.post(f"{talk.path}/artifacts", json=body)
    assert response.status_code in {400, 422}, response.text
    msgspec.json.decode(response.content, type=responses.Problem)


def test_ranges(talk: Talk) -> None:
    made = kept(talk, kind="ai_summary", content="0123456789", start=2.0, end=9.0)["id"]
    whole = content(talk, made)
    assert whole.status_code == 200
    data = whole.content
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-disposition"] == f'attachment; filename="{made}.json"'
    total = len(data)
    for header, wanted in {
        "bytes=0-3": data[:4],
        "bytes=5-": data[5:],
        "bytes=-4": data[-4:],
        f"bytes=0-{total + 50}": data,
        f"bytes=-{total + 50}": data,
    }.items():
        part = content(talk, made, Range=header)
        assert (part.status_code, part.content) == (206, wanted), header
        start = data.index(wanted)
        assert part.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{total}"
    for header in (f"bytes={total}-", "bytes=-0"):
        beyond = content(talk, made, Range=header)
        assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")
        assert beyond.headers["content-range"] == f"bytes */{total}"
    for ignored in ({"Range": "bytes=0-1,3-4"}, {"Range": "bytes=0-1", "If-Range": '"x"'}, {"Range": "lines=1-2"}):
        assert content(talk, made, **ignored).status_code == 200
    head = talk.client.head(f"/v1/artifacts/{made}/content")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(total))


def test_every_reading_is_recorded(talk: Talk) -> None:
    made = kept(talk, kind="ai_summary", content="0123456789", start=2.0, end=9.0)["id"]
    content(talk, made, Range="bytes=0-3")
    read = [e for e in talk.get("/timeline")["events"] if e["type"] == "content_disclosed"]
    assert [event["data"]["bytes"] for event in read] == [[0, 4]]


def test_erased_content_is_gone(talk: Talk) -> None:
    made = kept(talk, kind="ai_summary", content="0123456789", start=2.0, end=9.0)["id"]
    talk.tell("erasure_request", 50.0, method="email")
    gone = content(talk, made)
    assert (gone.status_code, gone.json()["code"]) == (410, "erased")
    shown = talk.get("/artifacts")["artifacts"]
    assert [(a["id"], a["state"]) for a in shown] == [(made, "erased")]


def test_a_large_artifact(talk: Talk) -> None:
    text = "x" * 1_500_000
    made = kept(talk, kind="ai_summary", content=text, start=2.0, end=9.0)["id"]
    assert content(talk, made).json() == {"content": text}
    assert store(talk, kind="ai_summary", content="x" * (8 * 1024 * 1024), start=2.0, end=9.0).status_code == 413
