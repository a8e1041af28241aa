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
        name = register(client, system, deadline_s=60)
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


SILENCE = {
    "hangs": "control_unreachable",
    "drips": "control_unreachable",
    "redirects": "control_redirected",
    "refuses": "control_refused",
    "garbage": "control_unreadable",
    "huge": "control_unreadable",
    "other_call": "control_unreadable",
    "other_command": "other_command",
    "obeys_not": "other_command",
}


@pytest.fixture(scope="module")
def shared_plane(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return launch(tmp_path_factory.mktemp("plane"), *SILENT)


@pytest.mark.parametrize(("mode", "code"), SILENCE.items())
def test_what_does_not_follow_is_flagged_once_and_told_again_until_it_does(
    shared_plane: Server, system: System, mode: str, code: str
) -> None:
    with shared_plane.client() as client:
        name = register(client, system)
        talk = begin(client)
        mine = [s["id"] for s in talk.get()["capture_systems"]].index(name)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine)
        system.turn(mode)
        talk.tell("opt_out")
        shown = until(talk, lambda shown: shown["acknowledged"] is False and shown["code"] == code, mine)
        assert "STOP_NOT_ACKNOWLEDGED" in flags(talk)
        assert system.elsewhere == 0, "a redirect was followed"
        system.turn("honest")
        until(talk, acknowledged("stop"), mine)
        told = [answer for answer in answers(talk, name) if answer["command"] == shown["command"]]
        assert [(answer["acknowledged"], answer["late"]) for answer in told] == [(False, False), (True, True)]
        assert "STOP_NOT_ACKNOWLEDGED" in flags(talk), "a late acknowledgement does not clear it"
        assert list(system.commands(talk.id))[-1] == shown["command"], "told again under the same id"
        assert client.delete(f"/v1/capture-systems/{name}").status_code == 204


def answers(talk: Talk, system: str) -> list[dict[str, Any]]:
    told = [event["data"] for event in talk.get("/timeline")["events"] if event["type"] == "system_answered"]
    return [data for data in told if data["system"] == system]


def test_a_system_that_cannot_be_reached_or_trusted_is_flagged(shared_plane: Server, system: System) -> None:
    with shared_plane.client() as client:
        nobody, tls = "http://127.0.0.1:9", system.origin.replace("http:", "https:")
        for origin, url in {"nobody": nobody, "tls": tls, "inside": "https://localhost:9"}.items():
            fields = {"name": origin, "control_url": f"{url}/control", "state_url": f"{url}/state"}
            register(client, system, **fields)
        talk = begin(client)
        deadline = time.monotonic() + PATIENCE
        while not all(s["acknowledged"] is False for s in talk.get()["capture_systems"]):
            assert time.monotonic() < deadline, talk.get()["capture_systems"]
            time.sleep(0.02)
        codes = {s["name"]: s["code"] for s in talk.get()["capture_systems"]}
        assert codes == {"nobody": "control_unreachable", "tls": "control_unreachable", "inside": "address_refused"}
        assert set(flags(talk)) == {"STOP_NOT_ACKNOWLEDGED"}
        assert system.took == []
        for shown in talk.get()["capture_systems"]:
            client.delete(f"/v1/capture-systems/{shown['id']}")


def test_one_that_begins_again_by_itself_is_found_by_reading(shared_plane: Server, system: System) -> None:
    with shared_plane.client() as client:
        name = register(client, system, deadline_s=0.1)
        talk = begin(client)
        mine = [s["id"] for s in talk.get()["capture_systems"]].index(name)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine)
        talk.tell("opt_out")
        until(talk, acknowledged("stop"), mine)
        with system.changed:
            system.states[talk.id]["states"]["transcript"] = "capturing"
        deadline = time.monotonic() + PATIENCE
        while "CAPTURED_AFTER_STOP" not in flags(talk):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        until(talk, acknowledged("stop"), mine)
        last = [a for a in answers(talk, name) if a["command"] == list(system.commands(talk.id))[-1]]
        assert [(a["acknowledged"], a["resurrected"]) for a in last][-3:] == [
            (True, False),
            (False, True),
            (True, False),
        ]
        client.delete(f"/v1/capture-systems/{name}")


def test_a_hanging_system_delays_no_other(shared_plane: Server, system: System) -> None:
    with shared_plane.client() as client, capture_system() as slow:
        names = [register(client, slow, deadline_s=30), register(client, system, deadline_s=30)]
        slow.turn("hangs")
        talk = begin(client)
        mine = [s["id"] for s in talk.get()["capture_systems"]].index(names[1])
        talk.consented(0.0)
        talk.tell("call_end")
        until(talk, acknowledged("stop"), mine)
        assert system.actions(talk.id)[-1] == "stop"
        theirs = next(s for s in talk.get()["capture_systems"] if s["id"] == names[0])
        assert theirs["acknowledged"] is None
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"control_url": "http://example.com/x"}, 422, "origin_refused"),
        ({"state_url": "https://user:pw@example.com/x"}, 422, "origin_refused"),
        ({"control_url": "ftp://example.com/x"}, 422, "origin_refused"),
        ({"control_url": "http://10.0.0.1/x"}, 422, "origin_refused"),
        ({"control_url": "https://10.0.0.1/x"}, 422, "origin_refused"),
        ({"secret": "whsec_short"}, 422, "invalid_system"),
        ({"secret": "no-prefix-at-all-but-long-enough"}, 422, "invalid_system"),
        ({"kinds": []}, 400, "invalid_request"),
        ({"kinds": ["transcript", "transcript"]}, 422, "invalid_system"),
        ({"kinds": ["thoughts"]}, 400, "invalid_request"),
        ({"deadline_s": 0}, 400, "invalid_request"),
        ({"vendor": {"name": "v", "contracts": [{"type": "dpa", "expires": "soon"}]}}, 422, "invalid_system"),
        ({"vendor": {"name": "v", "contracts": [{"type": "handshake"}]}}, 400, "invalid_request"),
    ],
)
def test_what_is_not_registered(
    shared_plane: Server, system: System, fields: dict[str, Any], status: int, code: str
) -> None:
    with shared_plane.client() as client:
        answer = client.post("/v1/capture-systems", json=system.registration(**fields))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
