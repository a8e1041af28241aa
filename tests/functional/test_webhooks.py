"""Subscriptions over real sockets: signed, in order, again after a kill, and nothing that a person said."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from capture_system import PATIENCE, System, capture_system
from serving import Server, Talk
from test_capture_systems import SILENT, begin

Launch = Callable[..., Server]


@pytest.fixture
def receiver() -> Iterator[System]:
    with capture_system() as made:
        yield made


@pytest.fixture(scope="module")
def plane(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return launch(tmp_path_factory.mktemp("plane"), *SILENT)


def subscribe(client: Any, receiver: System, *events: str) -> str:
    body = {"url": f"{receiver.origin}/hooks?x=1", "events": list(events), "secret": receiver.secret}
    answer = client.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def taken(receiver: System, talk: Talk) -> list[tuple[str, dict[str, Any]]]:
    """(type, data) of each message of a conversation once, in order."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, body in list(receiver.took):
        if body["data"]["interaction"] == talk.id:
            found.setdefault(name, (body["type"], body["data"]))
    return list(found.values())


def wait(client: Any, name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while next(w for w in client.get("/v1/webhooks").json()["webhooks"] if w["id"] == name)["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_decisions_and_alerts_are_told_in_order_and_signed(plane: Server, receiver: System) -> None:
    with plane.client() as client:
        name = subscribe(client, receiver, "decision", "alert")
        talk = begin(client, parties=[{"role": "customer", "jurisdiction": "US-CA", "name": "Wanda Quill"}])
        talk.consented(0.0)
        talk.tell("opt_out", method="verbal", reason_code="asked by Wanda Quill")
        talk.tell("bypass", by="supervisor 7", action="start_recording", kinds=["audio_recording"])
        wait(client, name)
        told = taken(receiver, talk)
        verdicts = [
            change["verdict"]
            for kind, data in told
            if kind == "onrecord.decision"
            for change in data["changes"]
            if change["kind"] == "audio_recording"
        ]
        assert verdicts[0] == "capture"
        assert verdicts[-1] in {"stop", "pause"}
        assert [data["flag"] for kind, data in told if kind == "onrecord.alert"] == ["POLICY_BYPASS"]
        assert receiver.unsigned == 0
        assert not any(word in repr(receiver.took) for word in ("Wanda", "supervisor", "asked by"))
        assert client.delete(f"/v1/webhooks/{name}").status_code == 204
        count = len(receiver.took)
        talk.tell("opt_in")
        assert len(receiver.took) == count
        assert client.delete(f"/v1/webhooks/{name}").status_code == 404


def test_what_was_not_taken_goes_out_after_a_kill_in_order(launch: Launch, tmp_path: Path, receiver: System) -> None:
    server = launch(tmp_path / "server", *SILENT)
    with server.client() as client:
        subscribe(client, receiver, "decision")
        receiver.turn("refuses")
        talk = begin(client)
        talk.consented(0.0)
        talk.tell("segment_start", segment="payment", n=1)
        talk.tell("segment_end", segment="payment", n=1)
        receiver.until(lambda r: r.took)
        first = receiver.took[0][0]
        server.kill()
    receiver.turn("honest")
    again = launch(tmp_path / "server", *SILENT)
    with again.client() as client:
        (shown,) = client.get("/v1/webhooks").json()["webhooks"]
        wait(client, shown["id"])
    told = [data["changes"] for _, data in taken(receiver, talk)]
    verdicts = [c["verdict"] for changes in told for c in changes if c["kind"] == "audio_recording"]
    assert verdicts == ["capture", "pause", "capture"]
    assert [name for name, _ in receiver.took].count(first) >= 2, "the same id"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"events": []}, 400),
        ({"events": ["everything"]}, 400),
        ({"url": "http://example.com/"}, 422),
        ({"url": "http://169.254.169.254/latest"}, 422),
        ({"url": "https://169.254.169.254/latest"}, 422),
        ({"secret": "short"}, 422),
    ],
)
def test_what_is_not_subscribed(plane: Server, receiver: System, fields: dict[str, Any], status: int) -> None:
    with plane.client() as client:
        body = {"url": f"{receiver.origin}/hooks", "events": ["alert"], **fields}
        assert client.post("/v1/webhooks", json=body).status_code == status


def test_a_key_without_the_scope_registers_nothing(plane: Server, receiver: System) -> None:
    with plane.client() as client:
        scopes = ["events:write", "interactions:write"]
        key = client.post("/v1/keys", json={"source": "any", "scopes": scopes}).json()["key"]
    with plane.client(key) as client:
        body = {"url": f"{receiver.origin}/hooks", "events": ["alert"]}
        assert client.post("/v1/webhooks", json=body).status_code == 403
        assert client.post("/v1/capture-systems", json=receiver.registration()).status_code == 403
        assert client.get("/v1/capture-systems").status_code == 403
