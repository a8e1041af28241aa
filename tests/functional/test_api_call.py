"""One call over HTTP: events, decisions, timeline, flags, seal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from serving import Talk

from onrecord.entrypoints.api import responses

Begin = Callable[..., Talk]
AUDIO = "audio_recording"
PARTIES = [
    {"role": "customer", "jurisdiction": "US-CA", "name": "Wanda Quill", "phone": "+15555550142"},
    {"role": "agent", "jurisdiction": "US-TX", "party_id": "desk-4"},
]


def held_to(response: httpx.Response, form: Any, status: int = 200) -> dict[str, Any]:
    """The body, once it has been found to be exactly of the documented form."""
    assert response.status_code == status, response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    msgspec.json.decode(response.content, type=form)
    body: dict[str, Any] = response.json()
    return body


def test_every_answer_is_as_documented(client: httpx.Client) -> None:
    admitted = held_to(
        client.post("/v1/interactions", json={"sector": "retail", "parties": PARTIES}), responses.Admitted, 201
    )
    talk = Talk(client, admitted["id"], admitted["stream_token"])
    held_to(client.post(f"{talk.path}/stream-tokens"), responses.StreamToken, 201)
    started = held_to(talk.post({"type": "call_start", "t": 0.0}), responses.Told, 201)
    assert started["tree_size"] > started["leaf_index"]
    talk.tell("prompt_delivered", 1.0, prompt_version="p1", channel="ivr")
    told = held_to(
        talk.post({"type": "consent", "t": 3.0, "result": "accepted", "method": "keypad", "prompt_version": "p1"}),
        responses.Told,
        201,
    )
    assert told["decisions"][AUDIO]["state"] == "capturing"
    assert told["decisions"][AUDIO]["since"] == 3.0
    shown = held_to(client.get(talk.path), responses.Interaction)
    assert shown["id"] == talk.id
    assert shown["state"] == "open"
    assert shown["gates"][AUDIO] == "open"
    assert [party.get("name") for party in shown["parties"]] == ["Wanda Quill", None]
    assert shown["parties"][1]["party_id"] == "desk-4"
    held_to(client.get(f"{talk.path}/decisions"), responses.Decisions)
    held_to(client.get(f"{talk.path}/timeline"), responses.Timeline)
    held_to(client.get(f"{talk.path}/accounting"), responses.Accounting)
    held_to(client.get(f"{talk.path}/artifacts"), responses.Artifacts)
    talk.tell("call_end", 9.0)
    assert held_to(client.get(talk.path), responses.Interaction)["state"] == "ended"
    sealed = held_to(client.post(f"{talk.path}/seal"), responses.Sealed)
    assert held_to(client.post(f"{talk.path}/seal"), responses.Sealed) == sealed
    ended = held_to(client.get(talk.path), responses.Interaction)
    assert ended["state"] == "sealed"
    assert ended["seal"] == {"events": sealed["events"], "last_digest": sealed["last_digest"]}
    assert len(talk.get("/timeline")["events"]) == sealed["events"] + 1


def test_decisions_are_a_step_function_of_time(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented(2.0)
    talk.tell("segment_start", 10.0, segment="payment", n=1)
    talk.tell("segment_end", 20.0, segment="payment", n=1)
    talk.tell("opt_out", 30.0, method="verbal", reason_code="asked")
    expected = {1.0: "never", 2.0: "capturing", 9.9: "capturing", 10.0: "paused", 20.0: "capturing", 30.0: "stopped"}
    for t, state in expected.items():
        found = talk.get("/decisions", t=t)
        assert found["t"] == t
        assert found["decisions"][AUDIO]["state"] == state, t
    assert talk.get("/decisions", t=15)["decisions"][AUDIO]["reason"] == "SENSITIVE_SEGMENT"
    assert talk.get("/decisions", t=31)["decisions"][AUDIO]["reason"] == "OPT_OUT"
    steps = [(s["t"], s["state"]) for s in talk.get("/timeline")["transitions"] if s["kind"] == AUDIO]
    assert [step for step in steps if step[0] > 0] == [
        (2.0, "capturing"),
        (10.0, "paused"),
        (20.0, "capturing"),
        (30.0, "stopped"),
    ]


def test_as_of_shows_what_was_known(begin: Begin) -> None:
    talk = begin(parties=PARTIES)
    talk.tell("call_start", 0.0, received=0.0)
    talk.tell("prompt_delivered", 1.0, received=1.0, prompt_version="p1", channel="ivr")
    talk.tell("consent", 2.0, received=2.0, result="accepted", method="keypad", prompt_version="p1")
    talk.tell("opt_out", 5.0, received=60.0, method="email", reason_code="asked")
    assert talk.get("/decisions", t=6, as_of=59.9)["decisions"][AUDIO]["state"] == "capturing"
    late = talk.get("/decisions", t=6, as_of=60)
    assert late["as_of"] == 60
    assert late["decisions"][AUDIO]["state"] == "stopped"
    assert "LATE_EVENT" in {flag["flag"] for flag in late["flags"]}
    assert "LATE_EVENT" not in {flag["flag"] for flag in talk.get("/decisions", t=6, as_of=59)["flags"]}


def test_rfc_3339_is_half_a_second_uncertain(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented(2.0)
    started = datetime.fromisoformat(talk.get()["started_at"])
    moment = (started + timedelta(seconds=30)).astimezone(UTC).isoformat()
    talk.tell("opt_out", moment, method="verbal", reason_code="asked")
    assert talk.get("/decisions", t=29.4)["decisions"][AUDIO]["state"] == "capturing"
    assert talk.get("/decisions", t=29.6)["decisions"][AUDIO]["state"] == "stopped"
    (event,) = [e for e in talk.get("/timeline")["events"] if e["type"] == "opt_out"]
    assert event["t"] == pytest.approx(30, abs=1e-5)
    assert event["uncertainty"] == 0.5
    assert talk.get("/decisions", t=moment)["t"] == pytest.approx(30, abs=1e-5)


def test_a_batch_is_accepted_whole_or_not_at_all(begin: Begin) -> None:
    talk = begin(parties=PARTIES)
    batch = [
        {"type": "call_start", "t": 0.0, "event_id": "a"},
        {"type": "prompt_delivered", "t": 1.0, "event_id": "b", "prompt_version": "p1", "channel": "ivr"},
        {
            "type": "consent",
            "t": 2.0,
            "event_id": "c",
            "result": "accepted",
            "method": "keypad",
            "prompt_version": "p1",
        },
    ]
    refused = talk.post({"events": [*batch, {"type": "no_such_type", "t": 3.0}]})
    assert refused.status_code in {400, 422}
    assert not [e for e in talk.get("/timeline")["events"] if e["event_id"] in {"a", "b", "c"}]
    told = held_to(talk.post({"events": batch}), responses.Told, 201)
    assert told["decisions"][AUDIO]["state"] == "capturing"
    assert [e["event_id"] for e in talk.get("/timeline")["events"] if e["event_id"] in {"a", "b", "c"}] == [
        "a",
        "b",
        "c",
    ]
    assert [talk.post({"events": some}).status_code for some in ([], [1], batch[0], None)] == [400] * 4
    assert talk.post({"events": batch, "type": "call_end"}).status_code == 400
    assert talk.post({"events": [{"type": "call_start", "t": 0.0}] * 1001}).status_code == 400


def test_an_event_again_is_a_flag_and_nothing_else(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    event = {"event_id": "stop-1", "type": "opt_out", "t": 5.0, "method": "verbal", "reason_code": "asked"}
    first = held_to(talk.post(event), responses.Told, 201)
    again = held_to(talk.post(event), responses.Told, 200)
    assert again["leaf_index"] == first["leaf_index"]
    assert "DUPLICATE_EVENT" in {flag["flag"] for flag in again["flags"]}
    assert "DUPLICATE_EVENT" not in {flag["flag"] for flag in first["flags"]}
    assert again["decisions"][AUDIO] == first["decisions"][AUDIO]
    assert [e["type"] for e in talk.get("/timeline")["events"]].count("opt_out") == 1


def test_the_same_idempotency_key_gets_the_stored_answer(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    event = {"type": "opt_out", "t": 5.0, "method": "verbal", "reason_code": "asked"}
    first = talk.post(event, **{"Idempotency-Key": "k 1"})
    assert first.status_code == 201
    count = len(talk.get("/timeline")["events"])
    again = talk.post(event, **{"Idempotency-Key": "k 1"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(talk.get("/timeline")["events"]) == count
    assert "DUPLICATE_EVENT" not in {flag["flag"] for flag in talk.get()["flags"]}
    other = talk.post({**event, "t": 6.0}, **{"Idempotency-Key": "k 1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    for bad in ("", "x" * 201, "caf\xe9"):
        refused = talk.client.post(
            f"{talk.path}/events", json=event, headers=[(b"Idempotency-Key", bad.encode("latin-1"))]
        )
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")


def test_a_conflicting_closing_still_closes(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("opt_in", 4.0, event_id="e-9", method="verbal")
    conflict = talk.post({"event_id": "e-9", "type": "opt_out", "t": 5.0, "method": "verbal", "reason_code": "asked"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "event_conflict")
    assert talk.get("/decisions", t=6)["decisions"][AUDIO]["state"] == "stopped"
    assert talk.get("/decisions", t=4.5)["decisions"][AUDIO]["state"] == "capturing"


def test_a_conflicting_opening_opens_nothing(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("opt_out", 5.0, event_id="e-9", method="verbal", reason_code="asked")
    conflict = talk.post({"event_id": "e-9", "type": "opt_in", "t": 6.0, "method": "verbal"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "event_conflict")
    assert talk.get("/decisions", t=7)["decisions"][AUDIO]["state"] == "stopped"


def test_a_conflict_under_an_idempotency_key_stays_a_conflict(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("opt_in", 4.0, event_id="e-9", method="verbal")
    event = {"event_id": "e-9", "type": "opt_out", "t": 5.0, "method": "verbal", "reason_code": "asked"}
    answers = [talk.post(event, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [409, 409]


def test_a_closing_with_a_word_that_nobody_knows_closes_all_the_more(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("segment_start", 5.0, segment="something else", n=1)
    assert talk.get("/decisions", t=6)["decisions"][AUDIO]["state"] == "paused"
    talk.tell("opt_out", 8.0, kinds=["something else"], method="carrier pigeon")
    assert talk.get("/decisions", t=9)["decisions"][AUDIO]["state"] == "stopped"


def test_an_event_without_time_happens_now(begin: Begin) -> None:
    talk = begin(parties=PARTIES)
    talk.tell("call_start")
    assert talk.get("/decisions")["decisions"][AUDIO]["state"] == "never"
    started = talk.get("/timeline")["events"]
    (event,) = [e for e in started if e["type"] == "call_start"]
    assert event["t"] == event["received"] == 0


def test_an_event_in_the_future_is_accepted(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("segment_start", 1000.0, segment="payment", n=1)
    assert talk.get("/decisions", t=999)["decisions"][AUDIO]["state"] == "capturing"
    assert talk.get("/decisions", t=1001)["decisions"][AUDIO]["state"] == "paused"


def test_an_interaction_may_begin_with_nothing_known(client: httpx.Client) -> None:
    for body in ({}, None):
        made = client.post("/v1/interactions", json=body) if body is not None else client.post("/v1/interactions")
        talk = Talk(client, made.json()["id"], "")
        assert [party["role"] for party in talk.get()["parties"]] == ["customer"]
        assert talk.get("/decisions")["decisions"][AUDIO]["state"] == "never"


def test_a_withdrawal_is_accepted_after_the_seal(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("call_end", 9.0)
    sealed = talk.client.post(f"{talk.path}/seal").json()
    told = talk.tell("consent_withdrawn", 20.0, method="email")
    assert "WITHDRAWN_AFTER_CALL" in {flag["flag"] for flag in told["flags"]}
    assert talk.get()["state"] == "sealed"
    assert talk.client.post(f"{talk.path}/seal").json() == sealed


def test_evidence_is_a_zip(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("call_end", 9.0)
    talk.client.post(f"{talk.path}/seal")
    pack = talk.client.get(f"{talk.path}/evidence")
    assert pack.status_code == 200
    assert pack.headers["content-type"] == "application/zip"
    assert pack.headers["content-disposition"] == f'attachment; filename="{talk.id}.zip"'
    assert pack.content[:4] == b"PK\x03\x04"
    assert talk.client.get(f"{talk.path}/evidence", params={"media": "raw"}).status_code == 400


def test_who_joins_has_keys_of_its_own_and_counts_from_then_on(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    talk.tell("party_join", 20.0, role="witness", jurisdiction="US-WA")
    shown = talk.get()["parties"]
    assert [party["role"] for party in shown][-1] == "witness"
    assert len({party["person"] for party in shown}) == len(shown)
    made = talk.get("/decisions", t=21.0)["decisions"]["audio_recording"]
    assert (made["state"], made["reason"]) == ("paused", "NEW_PARTY_NO_CONSENT")
    talk.tell("consent", 25.0, party="witness", result="accepted", method="verbal", prompt_version="p1")
    assert talk.get("/decisions", t=19.0)["decisions"]["audio_recording"]["state"] == "capturing"


def test_a_closing_without_a_time_is_not_put_off_by_one_that_is_to_come(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented(0.5)
    talk.tell("opt_out", 5000.0, method="verbal", reason_code="later")
    talk.tell("opt_out", method="verbal", reason_code="now")
    stated = [e["t"] for e in talk.get("/timeline")["events"] if e["type"] == "opt_out"]
    assert stated[0] == 5000.0
    assert 0.5 <= stated[1] < 600.0
    assert talk.get("/decisions", t=4000.0)["decisions"]["audio_recording"]["state"] != "capturing"


def test_without_a_time_what_opens_comes_after_everything_and_what_closes_after_what_opened(begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented(400.0)
    talk.tell("opt_out", method="verbal", reason_code="now")
    assert talk.get("/decisions", t=401.0)["decisions"]["audio_recording"]["state"] != "capturing"
    talk.tell("opt_out", 800.0, method="verbal", reason_code="again")
    talk.tell("opt_in", method="verbal")
    assert talk.get("/decisions", t=801.0)["decisions"]["audio_recording"]["state"] == "capturing"
    assert talk.get("/decisions", t=799.0)["decisions"]["audio_recording"]["state"] != "capturing"
