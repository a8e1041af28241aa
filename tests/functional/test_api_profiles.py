"""Standing profiles over HTTP: read at admission, withdrawn anywhere at any time, gone with the person."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import Server, Talk

DAY = timedelta(days=1)
OLD = "2024-05-01T10:00:00Z"


def ahead(delta: timedelta) -> str:
    return (datetime.now(UTC) + delta).isoformat()


def person(client: httpx.Client, external: str) -> str:
    found = client.post("/v1/persons", json={"external_id": external})
    assert found.status_code == 200, found.text
    return str(found.json()["person"])


def profiled(client: httpx.Client, external: str, *consents: dict[str, Any]) -> str:
    who = person(client, external)
    kept = client.put(f"/v1/persons/{who}/profile", json={"consents": list(consents)})
    assert kept.status_code == 200, kept.text
    return who


def agreed(*purposes: str, **more: Any) -> dict[str, Any]:
    return {"purposes": list(purposes) or ["recording"], "method": "web_form", "given_at": OLD} | more


def called(begin: Any, external: str, **party: Any) -> Talk:
    who = {"role": "customer", "jurisdiction": "IE", "external_id": external} | party
    return begin(parties=[who, {"role": "agent", "jurisdiction": "IE"}])


def made(talk: Talk, kind: str = "audio_recording", t: float = 1.0) -> tuple[str, str]:
    decision = talk.get("/decisions", t=t)["decisions"][kind]
    return decision["state"], decision["reason"]


def said(talk: Talk, kind: str) -> list[dict[str, Any]]:
    return [event for event in talk.get("/timeline")["events"] if event["type"] == kind]


def withdrawn(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/withdrawals", json=body)


def test_a_live_profile_gives_consent_at_admission(client: httpx.Client, begin) -> None:
    client.post(
        "/v1/prompts",
        json={"prompt_id": "portal", "version": "3", "language": "en", "text": "Yes.", "purposes": ["recording"]},
    )
    who = profiled(client, "crm-live", agreed("recording", expires=ahead(30 * DAY), prompt_version="portal@3"))
    assert person(client, "crm-live") == who
    talk = called(begin, "crm-live")
    assert made(talk, t=0.0) == ("capturing", "CONSENT_GIVEN")
    assert made(talk, "transcript") == ("capturing", "CONSENT_GIVEN")
    assert made(talk, "training_data")[0] == "never"
    (consent,) = said(talk, "consent")
    assert (consent["t"], consent["source"]) == (0.0, "platform")
    data = consent["data"]
    assert (data["method"], data["given_by"], data["prompt_version"]) == ("stored_profile", "web_form", "portal@3")
    assert data["registered"]["prompt_id"] == "portal"
    assert data["expires_at"] > data["given_at"]
    (read,) = said(talk, "profile_read")
    assert [each["state"] for each in read["data"]["consents"]] == ["live"]
    assert read["data"]["consents"][0]["by"] in {key["id"] for key in client.get("/v1/keys").json()["keys"]}
    assert talk.get()["started_at"] is None
    assert not talk.get()["flags"]
    talk.tell("call_start", 0.0)
    assert made(talk) == ("capturing", "CONSENT_GIVEN")


def test_what_expired_is_said_and_gives_nothing(client: httpx.Client, begin) -> None:
    profiled(client, "crm-old", agreed(expires="2025-01-01T00:00:00Z"), agreed("training", expires=ahead(DAY)))
    talk = called(begin, "crm-old")
    assert made(talk) == ("never", "AWAITING_CONSENT")
    (read,) = said(talk, "profile_read")
    assert [each["state"] for each in read["data"]["consents"]] == ["expired", "live"]
    assert [event["data"]["scope"] for event in said(talk, "consent")] == [["training"]]
    talk.consented()
    assert made(talk, t=2.0)[0] == "capturing"


def test_a_consent_ends_with_its_expiry_in_the_middle_of_a_call(client: httpx.Client, begin) -> None:
    profiled(client, "crm-ends", agreed(expires=ahead(timedelta(hours=1))))
    talk = called(begin, "crm-ends")
    talk.tell("call_start", 0.0)
    assert made(talk, t=60.0)[0] == "capturing"
    assert made(talk, t=3700.0)[0] == "paused"


def test_who_has_no_profile_is_asked(client: httpx.Client, begin) -> None:
    person(client, "crm-nothing")
    for external in ("crm-nothing", "crm-never-seen"):
        talk = called(begin, external)
        assert made(talk) == ("never", "AWAITING_CONSENT")
        assert not said(talk, "profile_read")


def test_a_profile_is_of_its_person_alone(client: httpx.Client, begin) -> None:
    profiled(client, "crm-mine", agreed())
    talk = begin(
        parties=[
            {"role": "customer", "jurisdiction": "IE", "external_id": "crm-mine", "party_id": "a"},
            {"role": "customer", "jurisdiction": "IE", "external_id": "crm-theirs", "party_id": "b"},
        ]
    )
    assert made(talk) == ("never", "AWAITING_CONSENT")
    talk.tell("prompt_delivered", 0.5, prompt_version="p1", party_id="b")
    talk.tell("consent", 1.0, result="accepted", method="verbal", prompt_version="p1", party_id="b")
    assert made(talk, t=2.0)[0] == "capturing"


@pytest.mark.parametrize("known", [True, False])
def test_a_withdrawal_is_accepted_and_kept_known_or_not(client: httpx.Client, begin, known: bool) -> None:
    external = f"crm-taken-{known}"
    if known:
        profiled(client, external, agreed())
    told = withdrawn(client, external_id=external, method="a letter")
    assert told.status_code == 201, told.text
    assert told.json()["interactions"] == 0
    talk = called(begin, external)
    assert made(talk) == ("never", "CONSENT_WITHDRAWN")
    (event,) = said(talk, "consent_withdrawn")
    assert (event["t"], event["source"], event["data"]["method"]) == (0.0, "platform", "stored_profile")
    talk.tell("prompt_delivered", 1.0, prompt_version="p1")
    talk.tell("consent", 2.0, result="implied", method="continued", prompt_version="p1")
    assert made(talk, t=3.0) == ("never", "CONSENT_WITHDRAWN")
    talk.tell("consent", 4.0, result="accepted", method="verbal", prompt_version="p1")
    assert made(talk, t=5.0)[0] == "capturing"
    assert made(called(begin, external)) == ("never", "CONSENT_WITHDRAWN")


def test_a_withdrawal_of_a_person_id_is_answered_alike_known_no_more_or_never(client: httpx.Client, begin) -> None:
    gone = profiled(client, "crm-forgotten", agreed())
    called(begin, "crm-forgotten")
    assert client.post(f"/v1/persons/{gone}/erasure").status_code == 200
    for who in (gone, f"prs_{'7' * 32}"):
        for body in ({}, {"scope": ["training"], "method": "a letter"}):
            told = withdrawn(client, person=who, **body)
            assert (told.status_code, told.json()) == (201, {"person": who, "interactions": 0})
        assert client.get(f"/v1/persons/{who}/profile").status_code == 404
        assert client.put(f"/v1/persons/{who}/profile", json={"consents": []}).status_code == 404
    assert person(client, "crm-forgotten") != gone
    for wrong in ("prs_1", "operator", "crm-forgotten", f"int_{'0' * 32}"):
        assert withdrawn(client, person=wrong).status_code == 400


def test_a_withdrawal_closes_every_live_conversation_and_reaches_sealed_ones(client: httpx.Client, begin) -> None:
    who = profiled(client, "crm-many", agreed())
    first, second, past = (called(begin, "crm-many") for _ in range(3))
    other = called(begin, "crm-other").consented()
    for talk in (first, second, past):
        talk.tell("call_start", 0.0)
    past.tell("call_end", 60.0)
    assert client.post(f"{past.path}/seal").status_code == 200
    told = withdrawn(client, person=who, scope=["recording"])
    assert (told.status_code, told.json()) == (201, {"person": who, "interactions": 3})
    for talk in (first, second, past):
        (event,) = said(talk, "consent_withdrawn")
        assert (event["source"], event["data"]["scope"]) == ("platform", ["recording"])
        assert made(talk, t=event["t"] + 1)[1] == "CONSENT_WITHDRAWN"
    assert made(past, t=59.0)[0] == "capturing"
    assert "WITHDRAWN_AFTER_CALL" in {flag["flag"] for flag in past.get()["flags"]}
    assert made(other, t=100.0)[0] == "capturing"
    profile = client.get(f"/v1/persons/{who}/profile").json()
    assert profile["purposes"] == dict.fromkeys(("ai_analysis", "recording", "transcription"), "withdrawn")
    assert made(called(begin, "crm-many")) == ("never", "CONSENT_WITHDRAWN")


def test_a_withdrawal_in_one_conversation_is_one_in_all(client: httpx.Client, begin) -> None:
    who = profiled(client, "crm-told", agreed(), agreed("training"))
    first, second = called(begin, "crm-told"), called(begin, "crm-told", role="caller")
    for talk in (first, second):
        talk.tell("call_start", 0.0)
    assert made(second, t=5.0)[0] == "capturing"
    body = {"type": "consent_withdrawn", "event_id": "w", "t": 10.0, "method": "verbal", "scope": ["training"]}
    assert first.post(body).status_code == 201
    assert first.post(body).status_code == 200
    assert client.get(f"/v1/persons/{who}/profile").json()["purposes"]["training"] == "withdrawn"
    (event,) = said(second, "consent_withdrawn")
    assert event["data"] == {"party": "caller", "scope": ["training"], "method": "verbal"}
    assert made(second, t=event["t"] + 1)[0] == "capturing"
    later = called(begin, "crm-told")
    assert made(later)[0] == "capturing"
    assert made(later, "training_data")[0] == "never"
    assert len(client.get(f"/v1/persons/{who}/profile").json()["withdrawals"]) == 1


def test_a_withdrawal_quarantines_what_was_derived_of_its_kinds(client: httpx.Client, begin) -> None:
    profiled(client, "crm-derived", agreed())
    past, live = called(begin, "crm-derived"), called(begin, "crm-derived")
    derived: dict[tuple[str, str], str] = {}
    for talk in (past, live):
        talk.tell("call_start", 0.0)
        word = {"w": "marmalade", "s": 0.0, "e": 0.001, "channel": "customer"}
        for body in ({"kind": "transcript", "words": [word]}, {"kind": "ai_summary", "content": "S.", "end": 0.001}):
            stored = client.post(f"{talk.path}/artifacts", json={"sources": [], "start": 0.0, **body})
            assert stored.status_code == 201, stored.text
            derived[(talk.id, body["kind"])] = stored.json()["id"]
    past.tell("call_end", 60.0)
    assert client.post(f"{past.path}/seal").status_code == 200
    assert withdrawn(client, external_id="crm-derived", scope=["ai_analysis"]).status_code == 201
    for talk in (past, live):
        states = {a["id"]: a["state"] for a in talk.get("/artifacts")["artifacts"]}
        assert states[derived[(talk.id, "ai_summary")]] == "quarantined"
        assert states[derived[(talk.id, "transcript")]] == "active"
        assert client.get(f"/v1/artifacts/{derived[(talk.id, 'ai_summary')]}/content").status_code == 409


def test_agreed_to_again(client: httpx.Client, begin) -> None:
    who = profiled(client, "crm-again", agreed())
    assert withdrawn(client, person=who).status_code == 201
    profiled(client, "crm-again", agreed())
    assert client.get(f"/v1/persons/{who}/profile").json()["consents"][0]["state"] == "withdrawn"
    assert made(called(begin, "crm-again")) == ("never", "CONSENT_WITHDRAWN")
    undated = {"consents": [{"purposes": ["recording"], "method": "email"}]}
    assert client.put(f"/v1/persons/{who}/profile", json=undated).json()["code"] == "invalid_profile"
    profiled(client, "crm-again", {"purposes": ["recording"], "method": "email", "given_at": ahead(timedelta())})
    talk = called(begin, "crm-again")
    assert made(talk)[0] == "capturing"
    assert made(talk, "training_data")[0] == "never"
    assert set(said(talk, "consent_withdrawn")[0]["data"]["scope"]) == {
        "sharing", "training", "video", "video_analysis",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"purposes": []}, {"purposes": ["profit"]}, {"method": "continued"}, {"method": "stored_profile"},
        {"given_at": "yesterday"}, {"given_at": "2199-01-01T00:00:00Z"}, {"expires": "2001-01-01T00:00:00Z"},
        {"expires": "soon"}, {"prompt_version": "a b"}, {"unknown": 1}, {"prompt_version": "nobody@1"},
    ],
)  # fmt: skip
def test_out_of_form(client: httpx.Client, wrong: dict[str, Any]) -> None:
    who = person(client, "crm-form")
    refused = client.put(f"/v1/persons/{who}/profile", json={"consents": [agreed(**wrong)]})
    assert refused.status_code in {400, 422}, refused.text
    assert refused.json()["code"] in {"invalid_request", "invalid_profile", "prompt_unknown"}
    assert client.get(f"/v1/persons/{who}/profile").json()["consents"] == []


def test_only_who_may(client: httpx.Client, server: Server) -> None:
    who = person(client, "crm-guarded")
    for source, scopes, allowed in (
        ("crm", ["profiles:write"], True),
        ("bot", ["profiles:write"], False),
        ("crm", ["profiles:read"], False),
    ):
        key = client.post("/v1/keys", json={"source": source, "scopes": scopes}).json()["key"]
        with server.client(key) as other:
            kept = other.put(f"/v1/persons/{who}/profile", json={"consents": [agreed()]})
            assert (kept.status_code == 200) is allowed, kept.text
            assert other.get(f"/v1/persons/{who}/profile").status_code == (200 if "profiles:read" in scopes else 403)
            told = withdrawn(other, external_id="crm-guarded").status_code
            assert told == (201 if "profiles:write" in scopes else 403)
    stranger = f"prs_{'0' * 32}"
    assert client.get(f"/v1/persons/{stranger}/profile").status_code == 404
    assert client.put(f"/v1/persons/{stranger}/profile", json={"consents": []}).status_code == 404
    assert withdrawn(client, person=who, external_id="crm-guarded").status_code == 400
    assert withdrawn(client).status_code == 400


def test_a_profile_goes_with_its_person(client: httpx.Client, begin) -> None:
    who = profiled(client, "crm-gone", agreed())
    gone = client.post(f"/v1/persons/{who}/erasure")
    assert (gone.status_code, gone.json()["interactions"]) == (200, 0)
    assert client.get(f"/v1/persons/{who}/profile").status_code in {404, 410}
    assert client.put(f"/v1/persons/{who}/profile", json={"consents": []}).status_code in {404, 410}
    again = person(client, "crm-gone")
    assert again != who
    assert client.get(f"/v1/persons/{again}/profile").json()["consents"] == []
    assert made(called(begin, "crm-gone")) == ("never", "AWAITING_CONSENT")


def test_a_profile_goes_with_the_conversations_of_its_person(client: httpx.Client, begin) -> None:
    who = profiled(client, "crm-all-gone", agreed())
    talk = called(begin, "crm-all-gone")
    talk.tell("call_start", 0.0)
    assert withdrawn(client, person=who, scope=["training"]).status_code == 201
    gone = client.post(f"/v1/persons/{who}/erasure")
    assert (gone.status_code, gone.json()["interactions"]) == (200, 1)
    assert client.get(f"/v1/persons/{who}/profile").status_code in {404, 410}
    events = client.get(f"{talk.path}/timeline").json()["events"]
    assert {e["type"] for e in events if e.get("erased")} >= {"profile_read", "consent", "consent_withdrawn"}


def test_a_profile_outlives_the_server_and_is_not_in_clear(launch, tmp_path: Path) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        who = profiled(client, "crm-kept-4711", agreed(expires=ahead(DAY)))
        assert withdrawn(client, external_id="crm-lost-4712", method="a phone call at noon").status_code == 201
    server.kill()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for needle in (b"crm-kept-4711", b"crm-lost-4712", b"web_form", b"phone call"):
        assert needle not in kept
    server = launch(tmp_path)
    with server.client() as client:
        assert client.get(f"/v1/persons/{who}/profile").json()["purposes"]["recording"] == "live"
        head = {"parties": [{"role": "customer", "external_id": "crm-lost-4712"}]}
        made_of = client.post("/v1/interactions", json=head).json()
        talk = Talk(client, made_of["id"], made_of["stream_token"])
        assert made(talk) == ("never", "CONSENT_WITHDRAWN")
    assert server.stop() == 0
