"""Legal bases beside consent, over HTTP: what an overlay rests on is registered, live, and kept with the call."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import Server

INTEREST = {
    "id": "fraud-1",
    "basis": "legitimate_interests",
    "purpose": "recording",
    "necessity": "Disputes over orders cannot be settled without the sound.",
    "balancing": {"interest": "proof of orders", "impact": "low", "safeguards": "30 days, two readers"},
    "reviewed_by": "The data protection officer",
    "reviewed_at": "2026-01-15T09:00:00Z",
}
RESTS = {"recording": "legitimate_interests", "transcription": "legitimate_interests"}


def interest(**more: Any) -> dict[str, Any]:
    return INTEREST | more


def registered(client: httpx.Client, **more: Any) -> dict[str, Any]:
    response = client.post("/v1/legal-bases", json=interest(**more))
    assert response.status_code in {200, 201}, response.text
    return response.json()


def admitted(client: httpx.Client, policy: dict[str, Any]) -> httpx.Response:
    head = {"parties": [{"role": "customer", "jurisdiction": "IE"}], "policy": policy}
    return client.post("/v1/interactions", json=head)


def test_registered_once(client: httpx.Client) -> None:
    made = client.post("/v1/legal-bases", json=interest(id="once"))
    assert made.status_code == 201, made.text
    fixed = {**interest(id="once"), "expires": None}
    written = json.dumps(fixed, sort_keys=True, separators=(",", ":")).encode()
    assert made.json() == {"id": "once", "sha256": hashlib.sha256(written).hexdigest()}
    assert client.post("/v1/legal-bases", json=interest(id="once")).status_code == 200
    other = client.post("/v1/legal-bases", json=interest(id="once", necessity="None."))
    assert (other.status_code, other.json()["code"]) == (409, "legal_basis_exists")
    shown = client.get("/v1/legal-bases/once").json()
    assert (shown["sha256"], shown["live"], shown["balancing"]) == (made.json()["sha256"], True, INTEREST["balancing"])
    assert "once" in [each["id"] for each in client.get("/v1/legal-bases").json()["legal_bases"]]
    assert client.get("/v1/legal-bases/nowhere").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"balancing": {}}, {"balancing": {"a": " "}}, {"balancing": {"A b": "x"}}, {"balancing": {"a": 1}},
        {"basis": "consent"}, {"basis": "habit"}, {"purpose": " "}, {"reviewed_at": "lately"}, {"unknown": 1},
        {"reviewed_at": "2199-01-01T00:00:00Z"},
        {"expires": "2020-01-01T00:00:00Z"}, {"expires": "never"}, {"id": "a b"}, {"necessity": ""},
    ],
)  # fmt: skip
def test_out_of_form(client: httpx.Client, wrong: dict[str, Any]) -> None:
    refused = client.post("/v1/legal-bases", json=interest(id="wrong") | wrong)
    assert refused.status_code in {400, 422}, refused.text
    assert refused.json()["code"] in {"invalid_request", "invalid_legal_basis"}
    assert client.get("/v1/legal-bases/wrong").status_code == 404


def test_an_overlay_rests_on_a_live_balancing_test_and_takes_it_along(client: httpx.Client, begin) -> None:
    made = registered(client)
    talk = begin(
        parties=[{"role": "customer", "jurisdiction": "IE"}], policy={"legal_basis": RESTS, "balancing": "fraud-1"}
    )
    opened = next(e for e in talk.get("/timeline")["events"] if e["type"] == "interaction_opened")
    (kept,) = opened["data"]["legal_bases"]
    assert (kept["id"], kept["sha256"], kept["basis"]) == ("fraud-1", made["sha256"], "legitimate_interests")
    assert "reviewed_by" not in kept
    talk.tell("prompt_delivered", 1.0, prompt_version="p1", channel="ivr")
    decision = talk.get("/decisions", t=2.0)["decisions"]["audio_recording"]
    assert (decision["state"], decision["legal_basis"]) == ("capturing", "legitimate_interests")
    talk.tell("objection", 3.0)
    assert talk.get("/decisions", t=4.0)["decisions"]["audio_recording"]["state"] != "capturing"


def test_what_no_balancing_test_carries_is_not_begun(client: httpx.Client) -> None:
    registered(client)
    registered(client, id="over", expires="2026-02-01T00:00:00Z")
    registered(client, id="duty", basis="legal_obligation", balancing={})
    registered(client, id="training-only", purpose="ai_analysis")
    registered(client, id="in-words", purpose="Proof of what was ordered")
    for policy in (
        {"legal_basis": RESTS, "balancing": "nowhere"},
        {"legal_basis": RESTS, "balancing": "over"},
        {"legal_basis": RESTS, "balancing": "duty"},
        {"legal_basis": RESTS, "balancing": "training-only"},
        {"legal_basis": RESTS},
        {"balancing": "nowhere"},
    ):
        refused = admitted(client, policy)
        assert (refused.status_code, refused.json()["code"]) == (422, "balancing_unknown"), policy
    assert admitted(client, {"legal_basis": RESTS, "balancing": "in-words"}).status_code == 201
    assert admitted(client, {"legal_basis": {"recording": "legal_obligation"}}).status_code == 201


def test_only_who_may(client: httpx.Client, server: Server) -> None:
    key = client.post("/v1/keys", json={"source": "compliance", "scopes": ["legal_bases:read"]}).json()["key"]
    with server.client(key) as reader:
        assert reader.get("/v1/legal-bases").status_code == 200
        assert reader.post("/v1/legal-bases", json=interest(id="theirs")).status_code == 403


def test_it_outlives_the_server_and_is_not_in_clear(launch, tmp_path: Path) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        registered(client)
    server.kill()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"data protection officer" not in kept
    assert b"fraud-1" not in kept
    server = launch(tmp_path)
    with server.client() as client:
        assert client.get("/v1/legal-bases/fraud-1").json()["live"] is True
    assert server.stop() == 0
