"""Capture systems over real sockets: each change of verdict a signed command that is read back."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from capture_system import PATIENCE, System, capture_system
from serving import Server, Talk

Launch = Callable[..., Server]
HEAD = {"sector": "retail", "parties": [{"role": "customer", "jurisdiction": "US-CA"}]}
SILENT = ("--alarm-gap=0", "--alarm-unwanted=0", "--alarm-closed=0")


@pytest.fixture
def system() -> Iterator[System]:
    with capture_system() as made:
        yield made


@pytest.fixture
def plane(launch: Launch, tmp_path: Path) -> Server:
    return launch(tmp_path / "server", *SILENT)


def register(client: Any, system: System, **fields: Any) -> str:
    answer = client.post("/v1/capture-systems", json=system.registration(**fields))
    assert answer.status_code == 201, answer.text
    assert answer.json()["secret"] == system.secret
    return str(answer.json()["id"])


def begin(client: Any, **fields: Any) -> Talk:
    answer = client.post("/v1/interactions", json={**HEAD, **fields})
    assert answer.status_code == 201, answer.text
    return Talk(client, answer.json()["id"], answer.json()["stream_token"])


def until(talk: Talk, what: Callable[[dict[str, Any]], Any], system: int = 0) -> dict[str, Any]:
    """One capture system of the conversation, once it shows what is wanted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        shown: dict[str, Any] = talk.get()["capture_systems"][system]
        if what(shown):
            return shown
        assert time.monotonic() < deadline, (shown, flags(talk))
        time.sleep(0.02)


def acknowledged(action: str) -> Callable[[dict[str, Any]], bool]:
    return lambda shown: shown["action"] == action and shown["acknowledged"] is True


def flags(talk: Talk) -> list[str]:
    return [flag["flag"] for flag in talk.get()["flags"]]


def test_every_change_of_verdict_is_a_command_that_is_read_back(plane: Server, system: System) -> None:
    with plane.client() as client:
        name = register(client, system)
        talk = begin(client)
        until(talk, acknowledged("stop"))
        talk.consented(0.0)
        until(talk, acknowledged("start"))
        talk.tell("segment_start", segment="payment", n=1)
        until(talk, acknowledged("pause"))
        talk.tell("segment_end", segment="payment", n=1)
        until(talk, acknowledged("resume"))
        talk.tell("call_end")
        shown = until(talk, acknowledged("stop"))
        assert (shown["id"], shown["verdicts"]) == (name, {"transcript": "stop"})
        assert system.actions(talk.id) == ["stop", "start", "pause", "resume", "stop"]
        assert system.unsigned == 0
        assert {query["a"][0] for query in system.asked} == {"b"}
        assert flags(talk) == []
