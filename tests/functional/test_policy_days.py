"""The day of a call, objections, consents with an end and feelings, through a server and its restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from artifact_calls import kept, refused, words
from serving import Server, Talk

from onrecord.evidence.verify import verify

PACK = """format: onrecord-policy-pack/1
id: dated
version: 1.0.0
title: Dated
status: draft
effective: 2020-01-01
scope: always
rules:
  - {id: dated-over, when: always, kinds: [ai_summary], verdict: never, reason: NOT_PERMITTED, citation: a law,
     effective: 2020-01-01, until: 2021-01-01, status: draft}
  - {id: dated-now, when: always, kinds: [qa_score], verdict: never, reason: NOT_PERMITTED, citation: a law,
     effective: 2020-01-01, until: 9999-01-01, status: draft}
"""
PARTIES = [{"role": "customer", "jurisdiction": "DE"}, {"role": "agent", "jurisdiction": "DE"}]
KINDS = ["audio_recording", "transcript", "sentiment", "ai_summary", "qa_score"]


def shown(talk: Talk, **query: Any) -> dict[str, str]:
    decisions = talk.get("/decisions", **query)["decisions"]
    return {kind: f"{decisions[kind]['state']} {decisions[kind]['reason']}" for kind in KINDS}


def test_a_restart_judges_by_the_same_day(launch: Callable[..., Server], tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "dated.yaml").write_text(PACK)
    server = launch(tmp_path / "server", "--packs", str(packs))
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": PARTIES, "artifacts_enabled": KINDS})
        talk = Talk(client, made.json()["id"], "")
        # Before the clock begins nobody knows the day, and every rule binds.
        assert shown(talk)["ai_summary"] == "never NOT_PERMITTED"
        talk.consented()
        before = shown(talk, t=5)
        assert before["ai_summary"] == "capturing CONSENT_GIVEN"
        assert before["qa_score"] == "never NOT_PERMITTED"
    server.kill()
    server = launch(tmp_path / "server", "--packs", str(packs))
    with server.client() as client:
        again = Talk(client, talk.id, "")
        again.tell("segment_start", 10.0, segment="payment")
        assert shown(again, t=5) == before
        pack = client.get(f"{again.path}/evidence")
        assert pack.status_code == 200, pack.text
        report = verify(pack.content, server.vkey)
        assert report.ok, report


def test_an_objection_and_a_consent_with_an_end(begin: Callable[..., Talk]) -> None:
    talk = begin(parties=PARTIES, artifacts_enabled=KINDS)
    talk.tell("consent", 0.0, result="accepted", method="stored_profile", expires=20)
    assert shown(talk, t=19)["audio_recording"] == "capturing CONSENT_GIVEN"
    assert shown(talk, t=20)["audio_recording"] == "paused CONSENT_EXPIRED"
    talk.tell("prompt_delivered", 30.0, prompt_version="p1", channel="agent")
    talk.tell("consent", 31.0, result="accepted", method="verbal", prompt_version="p1")
    talk.tell("objection", 40.0, party="customer", scope=["recording"])
    assert shown(talk, t=41)["audio_recording"] == "stopped OBJECTED"
    refusal = talk.post({"type": "prompt_delivered", "prompt_version": "p1", "grade": "heard"})
    assert refusal.status_code == 422


def test_feelings_are_of_the_customer_alone(begin: Callable[..., Talk]) -> None:
    talk = begin(parties=PARTIES, artifacts_enabled=KINDS).consented()
    assert shown(talk, t=5)["sentiment"] == "capturing CONSENT_GIVEN"
    theirs = [{**word, "channel": "customer"} for word in words(("gladly", 2.0, 2.4))]
    staff = [{**word, "channel": "agent"} for word in words(("gladly", 2.0, 2.4))]
    kept(talk, kind="sentiment", words=theirs)
    assert refused(talk, kind="sentiment", words=staff) == "feelings of staff and of candidates are not inferred"
    kept(talk, kind="transcript", words=staff)
    hiring = begin(sector="hiring", parties=PARTIES, artifacts_enabled=KINDS).consented()
    assert shown(hiring, t=5)["sentiment"] == "never EMOTION_PROHIBITED"
