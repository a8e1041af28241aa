"""What is made of recordings, and of what was made of them: sources over a real call, closings that come late."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from artifact_calls import content, kept, refused, said, state, store, words
from media_client import RATE, Neutral, recordings, sound
from serving import Server, Talk

from onrecord.evidence.verify import Report, verify

Begin = Callable[..., Talk]
PARTIES = [
    {"role": "customer", "jurisdiction": "IE"},
    {"role": "agent", "jurisdiction": "IE", "party_id": "desk-1"},
    {"role": "supervisor", "jurisdiction": "IE"},
]
SECONDS = 40


@pytest.fixture
def talk(server: Server, begin: Begin) -> Talk:
    """Two recorded tracks of 40 s; consented from 0, a payment from 10 to 20."""
    made = begin(parties=PARTIES).consented(0.0)
    made.tell("segment_start", 10.0, segment="payment", n=1)
    made.tell("segment_end", 20.0, segment="payment", n=1)
    with Neutral(server, token=made.stream_token, offset=0).start(
        ("customer", "mulaw", RATE), ("agent", "mulaw", RATE)
    ) as stream:
        heard = sound(float(SECONDS))
        for second in range(SECONDS):
            for track in (0, 1):
                stream.frame(track, second * RATE, heard[second * RATE : (second + 1) * RATE])
        stream.taken()
        made.tell("call_end", float(SECONDS))
        stream.stop()
    assert set(recordings(made)) == {"customer", "agent"}
    return made


def of(artifact: str, start: float, end: float) -> dict[str, Any]:
    return {"artifact": artifact, "start": start, "end": end}


def rec(talk: Talk, track: str = "customer") -> str:
    return str(recordings(talk)[track]["id"])


def verified(talk: Talk, server: Server) -> Report:
    pack = talk.client.get(f"{talk.path}/evidence").content
    return verify(pack, server.vkey)


def test_words_lie_inside_a_source(talk: Talk) -> None:
    """However the words are timed, and whatever the artifact says of itself."""
    spoken = words(
        ("in", 2.0, 3.0), ("astride", 4.5, 5.5), ("beside", 7.0, 8.0), ("paid", 12.0, 13.0), ("to", 30.0, 31.0)
    )
    sources = [of(rec(talk), 0.0, 5.0), of(rec(talk, "agent"), 25.0, 40.0)]
    made = kept(talk, kind="transcript", words=spoken, sources=sources)
    assert said(talk, made["id"]) == ["in", "to"]
    assert made["withheld"] == [[4.5, 5.5], [7.0, 8.0], [12.0, 13.0]]
    assert refused(talk, kind="transcript", words=words(("beside", 7.0, 8.0)), sources=sources)


def test_content_of_what_is_partly_closed(talk: Talk) -> None:
    """The source holds silence where it is closed, so what is made of it holds nothing of that."""
    whole = of(rec(talk), 0.0, 40.0)
    made = kept(talk, kind="ai_summary", content="fine", sources=[whole])
    assert made["withheld"] == [[10.0, 20.0]]
    assert kept(talk, kind="ai_summary", content="fine", sources=[whole], start=5.0, end=15.0)["withheld"] == [
        [10.0, 20.0]
    ]
    beside = [of(rec(talk), 0.0, 10.0), of(rec(talk), 20.0, 40.0)]
    assert kept(talk, kind="ai_summary", content="fine", sources=beside)["withheld"] == []
    assert kept(talk, kind="agent_notes", content="he said it", sources=beside)["withheld"] == []


@pytest.mark.parametrize("span", [(10.0, 20.0), (12.0, 13.0), (15.0, 15.0)])
def test_content_about_what_is_wholly_closed(talk: Talk, span: tuple[float, float]) -> None:
    start, end = span
    assert refused(talk, kind="ai_summary", content="x", sources=[of(rec(talk), 0.0, 40.0)], start=start, end=end)
    assert refused(talk, kind="ai_summary", content="x", sources=[of(rec(talk), *span)])
    assert refused(
        talk, kind="ai_summary", content="x", sources=[of(rec(talk), 0.0, 9.0), of(rec(talk, "agent"), *span)]
    )
    assert refused(talk, kind="agent_notes", content="x", sources=[of(rec(talk), *span)])
    assert refused(talk, kind="disposition", content="sold", sources=[of(rec(talk), *span)])


def test_content_that_says_more_than_its_sources(talk: Talk) -> None:
    beside = [of(rec(talk), 0.0, 10.0), of(rec(talk), 20.0, 40.0)]
    assert refused(talk, kind="ai_summary", content="x", sources=beside, start=0.0, end=40.0)
    assert refused(talk, kind="ai_summary", content="x", sources=[of(rec(talk), 0.0, 9.0)], start=5.0, end=11.0)
    assert refused(talk, kind="ai_summary", content="x", start=0.0, end=40.0)


def test_a_late_opt_out_from_sound_reaches_what_was_made_of_it(talk: Talk, server: Server) -> None:
    spoken = words(("hello", 2.0, 3.0), ("astride", 24.5, 25.5), ("later", 30.0, 31.0))
    told = kept(talk, kind="transcript", words=spoken, sources=[of(rec(talk), 0.0, 40.0)])["id"]
    copy = kept(talk, kind="transcript", words=spoken, sources=[of(told, 0.0, 40.0)])["id"]
    whole = kept(talk, kind="ai_summary", content="all", sources=[of(told, 0.0, 40.0)])["id"]
    tags = kept(talk, kind="analytics_tags", content={"mood": "fine"}, sources=[of(whole, 20.0, 24.0)])["id"]
    edge = kept(talk, kind="ai_summary", content="edge", sources=[of(copy, 20.0, 24.8)])["id"]
    early = kept(talk, kind="ai_summary", content="early", sources=[of(copy, 0.0, 9.0)])["id"]
    partly = kept(talk, kind="ai_summary", content="partly", sources=[of(told, 0.0, 22.0)])
    assert partly["withheld"] == [[10.0, 20.0]]
    own = kept(talk, kind="ai_summary", content="of nothing", start=30.0, end=31.0)["id"]
    assert verified(talk, server).ok
    talk.tell("opt_out", 25.0, method="email", reason_code="asked", kinds=["audio_recording"])
    assert said(talk, told) == ["hello"]
    assert said(talk, copy) == ["hello"]
    assert {name: state(talk, name) for name in (whole, tags, edge, early, partly["id"], own)} == {
        whole: "quarantined",
        tags: "quarantined",
        edge: "quarantined",
        early: "active",
        partly["id"]: "active",
        own: "active",
    }
    assert content(talk, whole).status_code == 409
    assert refused(talk, kind="ai_summary", content="again", sources=[of(copy, 26.0, 40.0)])
    assert refused(talk, kind="analytics_tags", content="again", sources=[of(whole, 0.0, 9.0)])
    report = verified(talk, server)
    assert report.ok, report.first_failure


def test_persons_are_those_of_all_sources_and_of_the_channels(talk: Talk) -> None:
    person = {party["role"]: party["person"] for party in talk.get()["parties"]}
    spoken: list[dict[str, Any]] = [{"w": "hello", "s": 2.0, "e": 3.0, "channel": "customer"}]
    both = [of(rec(talk), 0.0, 9.0), of(rec(talk, "agent"), 0.0, 9.0)]
    told = kept(talk, kind="transcript", words=spoken, sources=both)["id"]
    from_agent = [
        {"w": "hello", "s": 2.0, "e": 3.0, "channel": 1},
        {"w": "four", "s": 12.0, "e": 13.0, "channel": "supervisor"},
    ]
    made = {
        told: {"customer", "agent"},
        kept(talk, kind="ai_summary", content="x", sources=[of(told, 0.0, 9.0)])["id"]: {"customer", "agent"},
        kept(talk, kind="ai_summary", content="x", sources=[both[0]])["id"]: {"customer"},
        kept(talk, kind="transcript", words=from_agent, sources=[both[0]])["id"]: {"customer", "agent"},
        kept(talk, kind="disposition", content="sold")["id"]: {"customer", "agent", "supervisor"},
    }
    for event in talk.get("/timeline")["events"]:
        if event["type"] == "artifact_stored":
            wanted = {person[role] for role in made[event["data"]["artifact"]]}
            assert set(event["data"]["persons"]) == wanted


def test_shut_gates_take_no_words_after_a_restart(launch: Callable[..., Server], tmp_path: Path) -> None:
    first = launch(tmp_path)
    with first.client() as client:
        made = client.post("/v1/interactions", json={"parties": PARTIES}).json()
        talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
        talk.tell("opt_out", 30.0, method="verbal", reason_code="asked")
    first.kill()
    again = launch(tmp_path)
    with again.client() as client:
        talk = Talk(client, talk.id, "")
        spoken = words(("hello", 2.0, 3.0))
        assert "gates are shut" in refused(talk, kind="transcript", words=spoken)
        assert "gates are shut" in refused(talk, kind="ai_summary", content="fine", start=2.0, end=9.0)
        assert "gates are shut" in refused(talk, kind="agent_notes", content="fine", start=2.0, end=9.0)
        talk.tell("call_end", 40.0)
        assert said(talk, kept(talk, kind="transcript", words=spoken)["id"]) == ["hello"]
        assert store(talk, kind="ai_summary", content="fine", start=2.0, end=9.0).status_code == 201
        assert refused(talk, kind="transcript", words=words(("gone", 31.0, 32.0)))
