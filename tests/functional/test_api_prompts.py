"""Prompts over HTTP: registered once, named by events, heard of in the proof."""

import json
import struct
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import Server

TEXT = "This call is recorded. Press 1 if you agree."


def notice(prompt_id: str, version: str = "1", **more: Any) -> dict[str, Any]:
    given = {"prompt_id": prompt_id, "version": version, "language": "en", "text": TEXT, "purposes": ["recording"]}
    return given | more


def wav(rate: int = 8000, seconds: float = 0.5) -> bytes:
    data = b"\x10\x00" * int(rate * seconds)
    fmt = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def registered(client: httpx.Client, prompt_id: str, version: str = "1", **more: Any) -> dict[str, Any]:
    response = client.post("/v1/prompts", json=notice(prompt_id, version, **more))
    assert response.status_code == 201, response.text
    return response.json()


def put_audio(client: httpx.Client, name: str, data: bytes, kind: str = "audio/wav") -> httpx.Response:
    return client.put(f"/v1/prompts/{name}/audio", content=data, headers={"Content-Type": kind})


def test_registered_once_and_never_changed(client: httpx.Client) -> None:
    first = registered(client, "once", retention="P90D", discloses=["ai", "recording"])
    again = client.post("/v1/prompts", json=notice("once", retention="P90D", discloses=["recording", "ai"]))
    assert (again.status_code, again.json()) == (200, first)
    other = client.post("/v1/prompts", json=notice("once", text="Another text."))
    assert (other.status_code, other.json()["code"]) == (409, "prompt_exists")
    second = registered(client, "once", "2", text="Another text.")
    assert second["sha256"] != first["sha256"]
    shown = client.get("/v1/prompts/once").json()
    assert [v["version"] for v in shown["versions"]] == ["1", "2"]
    assert shown["versions"][0]["sha256"] == first["sha256"]
    assert shown["current"] is None
    assert "once" in [p["prompt_id"] for p in client.get("/v1/prompts").json()["prompts"]]
    assert client.get("/v1/prompts/nowhere").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "english language"}, {"retention": "90 days"}, {"retention": "P9"}, {"purposes": ["profit"]},
        {"discloses": ["nothing"]}, {"text": " "}, {"prompt_id": "a@b"}, {"unknown": 1}, {"privacy_contact": ""},
    ],
)  # fmt: skip
def test_out_of_form(client: httpx.Client, wrong: dict[str, Any]) -> None:
    refused = client.post("/v1/prompts", json=notice("wrong") | wrong)
    assert refused.status_code in {400, 422}
    assert refused.json()["code"] in {"invalid_request", "invalid_prompt"}
    assert client.get("/v1/prompts/wrong").status_code == 404


def test_only_who_may(client: httpx.Client, server: Server) -> None:
    key = client.post("/v1/keys", json={"source": "bot", "scopes": ["prompts:read", "events:write"]}).json()["key"]
    registered(client, "mine")
    with server.client(key) as weak:
        assert weak.get("/v1/prompts/mine").status_code == 200
        assert weak.post("/v1/prompts", json=notice("theirs")).status_code == 403
        assert weak.put("/v1/prompts/mine/current", json={"version": "1"}).status_code == 403
        assert put_audio(weak, "mine/1", wav()).status_code == 403
    blind = client.post("/v1/keys", json={"source": "bot", "scopes": ["events:write"]}).json()["key"]
    with server.client(blind) as bot:
        assert bot.get("/v1/prompts").status_code == 403


def test_sound_is_checked_and_kept_as_it_came(client: httpx.Client) -> None:
    registered(client, "sound")
    assert client.get("/v1/prompts/sound/1/audio").status_code == 404
    stored = put_audio(client, "sound/1", wav())
    assert stored.status_code == 201, stored.text
    assert (stored.json()["encoding"], stored.json()["sample_rate"], stored.json()["seconds"]) == ("pcm16", 8000, 0.5)
    assert put_audio(client, "sound/1", wav()).status_code == 200
    other = put_audio(client, "sound/1", wav(seconds=0.25))
    assert (other.status_code, other.json()["code"]) == (409, "prompt_exists")
    assert client.get("/v1/prompts/sound/1/audio").content == wav()
    assert client.get("/v1/prompts/sound").json()["versions"][0]["audio"] == stored.json()
    assert put_audio(client, "sound/9", wav()).status_code == 404
    refused = put_audio(client, "sound/1", wav()[:-10])
    assert (refused.status_code, refused.json()["code"]) == (422, "wav_refused")
    assert put_audio(client, "sound/1", wav(), "application/json").status_code == 415
    large = client.put(
        "/v1/prompts/sound/1/audio", content=bytes(16 * 2**20 + 1), headers={"Content-Type": "audio/wav"}
    )
    assert large.status_code == 413


def test_an_event_carries_what_the_register_said(client: httpx.Client, begin) -> None:
    made = registered(client, "carried", purposes=["recording", "transcription"], discloses=["recording"])
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    talk.tell("prompt_delivered", 0.5, prompt_version="carried@1", channel="ivr")
    batch = [
        {"type": "consent", "t": 1.0, "result": "accepted", "method": "keypad", "prompt_version": "carried@1"},
        {"type": "prompt_version_changed", "t": 2.0, "to": "carried@1"},
    ]
    assert client.post(f"{talk.path}/events", json={"events": batch}).status_code == 201
    told = {e["type"]: e["data"] for e in talk.get("/timeline")["events"] if "data" in e}
    want = {
        "prompt_id": "carried", "version": "1", "sha256": made["sha256"], "language": "en",
        "purposes": ["recording", "transcription"], "discloses": ["recording"], "retention": None,
    }  # fmt: skip
    for kind in ("prompt_delivered", "consent", "prompt_version_changed"):
        assert told[kind]["registered"] == want
    assert talk.get("/decisions", t=1.5)["decisions"]["transcript"]["state"] == "capturing"


def test_repetitions_are_repetitions_whatever_was_registered_between(client: httpx.Client, begin) -> None:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    declined = {"type": "consent", "event_id": "no", "t": 1.0, "result": "declined", "prompt_version": "later@1"}
    assert talk.post(declined).status_code == 201
    registered(client, "later")
    again = talk.post(declined)
    assert again.status_code == 200, again.text
    accepted = {"type": "consent", "event_id": "yes", "t": 2.0, "result": "accepted", "prompt_version": "later@1"}
    first = talk.post(accepted, **{"Idempotency-Key": "k"})
    assert first.status_code == 201
    assert talk.post(accepted, **{"Idempotency-Key": "k"}).json() == first.json()
    assert talk.post(accepted).status_code == 200
    assert talk.post({**accepted, "prompt_version": "p2"}).status_code == 409


@pytest.mark.parametrize("name", ["nobody@1", "known@7"])
def test_what_is_not_registered_opens_nothing(client: httpx.Client, begin, name: str) -> None:
    client.post("/v1/prompts", json=notice("known"))
    talk = begin(parties=[{"role": "customer", "jurisdiction": "US-NY"}])
    talk.tell("prompt_delivered", 0.5, prompt_version="p1")
    for result in ("accepted", "implied"):
        refused = talk.post({"type": "consent", "t": 1.0, "result": result, "prompt_version": name})
        assert (refused.status_code, refused.json()["code"]) == (422, "prompt_unknown")
    refused = talk.post({"type": "prompt_delivered", "t": 1.0, "prompt_version": name})
    assert (refused.status_code, refused.json()["code"]) == (422, "prompt_unknown")
    assert talk.get("/decisions", t=2.0)["decisions"]["audio_recording"]["state"] == "never"
    assert talk.post({"type": "consent", "t": 3.0, "result": "declined", "prompt_version": name}).status_code == 201
    assert talk.post({"type": "prompt_version_changed", "t": 3.0, "to": name}).status_code == 201
    assert talk.post({"type": "consent_withdrawn", "t": 4.0}).status_code == 201


def test_an_event_that_states_another_text_opens_nothing(client: httpx.Client, begin) -> None:
    made = registered(client, "stated")
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    for wrong in ({"prompt_hash": "0" * 64}, {"prompt_id": "other"}):
        for kind, fields in (("prompt_delivered", {}), ("consent", {"result": "accepted"})):
            refused = talk.post({"type": kind, "t": 1.0, "prompt_version": "stated@1", **fields, **wrong})
            assert (refused.status_code, refused.json()["code"]) == (422, "prompt_unknown")
    right = {"prompt_hash": made["sha256"], "prompt_id": "stated"}
    talk.tell("prompt_delivered", 1.0, prompt_version="stated@1", **right)
    talk.tell("consent", 2.0, result="accepted", method="verbal", prompt_version="stated@1", **right)
    assert talk.get("/decisions", t=3.0)["decisions"]["audio_recording"]["state"] == "capturing"
    declined = {"type": "consent", "t": 4.0, "result": "declined", "prompt_version": "stated@1", "prompt_hash": "0"}
    assert talk.post(declined).status_code == 201


def test_of_a_batch_with_an_unknown_version_only_the_closing_stays(client: httpx.Client, begin) -> None:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}]).consented()
    batch = [
        {"type": "consent", "t": 2.0, "result": "accepted", "prompt_version": "nobody@1", "scope": ["training"]},
        {"type": "opt_out", "t": 3.0, "method": "key"},
    ]
    refused = client.post(f"{talk.path}/events", json={"events": batch})
    assert (refused.status_code, refused.json()["code"]) == (422, "prompt_unknown")
    made = talk.get("/decisions", t=4.0)["decisions"]
    assert made["audio_recording"]["state"] == "stopped"
    assert made["training_data"]["state"] == "never"


def test_nobody_says_for_the_register_what_it_holds(begin, client: httpx.Client) -> None:
    registered(client, "reserved")
    talk = begin()
    said = {"prompt_id": "reserved", "version": "1", "purposes": ["training"]}
    for event in (
        {"type": "consent", "t": 1.0, "result": "accepted", "prompt_version": "reserved@1"},
        {"type": "prompt_delivered", "t": 1.0, "prompt_version": "reserved@1"},
        {"type": "prompt_version_changed", "t": 1.0, "to": "reserved@1"},
    ):
        assert talk.post({**event, "registered": said}).status_code >= 400
    assert not [e for e in talk.get("/timeline")["events"] if e["type"] in {"consent", "prompt_delivered"}]


def test_the_register_outlives_the_server_and_is_not_in_clear(launch, tmp_path: Path) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        made = registered(client, "kept", privacy_contact="privacy@example.org")
        assert put_audio(client, "kept/1", wav()).status_code == 201
        assert client.put("/v1/prompts/kept/current", json={"version": "1"}).json()["current"] == "1"
        assert client.put("/v1/prompts/kept/current", json={"version": "3"}).json()["code"] == "prompt_unknown"
        assert client.put("/v1/prompts/none/current", json={"version": "1"}).status_code == 404
    server.kill()  # unclean: the next start removes what nothing names
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert TEXT.encode() not in kept
    assert b"example.org" not in kept
    server = launch(tmp_path)
    with server.client() as client:
        shown = client.get("/v1/prompts/kept").json()
        assert (shown["current"], shown["versions"][0]["sha256"]) == ("1", made["sha256"])
        assert client.get("/v1/prompts/kept/1/audio").content == wav()
        assert json.loads(client.post("/v1/prompts", json=notice("kept")).text)["code"] == "prompt_exists"
    assert server.stop() == 0


def test_what_is_current_at_admission_makes_an_older_consent_stale(client: httpx.Client, begin) -> None:
    for version in ("1", "2"):
        registered(client, "renewed", version, text=f"Text {version}.")
    before = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    assert client.put("/v1/prompts/renewed/current", json={"version": "2"}).status_code == 200
    after = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    for talk in (before, after):
        talk.tell("prompt_delivered", 0.5, prompt_version="renewed@1")
        talk.tell("consent", 1.0, result="accepted", method="keypad", prompt_version="renewed@1")
    assert before.get("/decisions", t=2.0)["decisions"]["audio_recording"]["reason"] == "CONSENT_GIVEN"
    assert after.get("/decisions", t=2.0)["decisions"]["audio_recording"]["reason"] == "CONSENT_STALE"
    after.tell("prompt_delivered", 3.0, prompt_version="renewed@2")
    after.tell("consent", 4.0, result="accepted", method="keypad", prompt_version="renewed@2")
    assert after.get("/decisions", t=5.0)["decisions"]["audio_recording"]["state"] == "capturing"
