"""The server as a process: where it refuses to start, how it ends, and how media goes on after it."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from media_client import (
    RATE,
    Neutral,
    Twilio,
    account,
    expected,
    heard,
    new_token,
    recordings,
    same,
    seal,
    sound,
    until,
)
from serving import COMMAND, Server, Talk

IRISH = [{"role": "customer", "jurisdiction": "IE"}]
GIVEN = sound(20.0)


def serve(data: Path, keys: Path, *options: str) -> tuple[int, str]:
    """Exit status and standard error of a server that does not come up."""
    where = ["--data", str(data), "--keys", str(keys)]
    done = subprocess.run(
        [*COMMAND, "serve", *where, *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def refused(answer: tuple[int, str], code: str) -> None:
    """One line that begins with a stable code, and 2."""
    status, error = answer
    assert status == 2, error
    (line,) = error.splitlines()
    assert line.startswith(f"onrecord: {code}"), line


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "onrecord.example"])  # noqa: S104 - to be refused
def test_a_bind_beyond_loopback_is_refused(tmp_path: Path, host: str) -> None:
    refused(serve(tmp_path / "data", tmp_path / "keys" / "root.key", "--host", host), "bind_refused")
    assert list(tmp_path.iterdir()) == [], "nothing was made"


@pytest.mark.parametrize(
    ("data", "keys"), [("data", "data/root.key"), ("root.key.d/data", "root.key"), ("data", "data/../data/in/root.key")]
)
def test_keys_and_data_must_lie_apart(tmp_path: Path, data: str, keys: str) -> None:
    refused(serve(tmp_path / data, tmp_path / keys), "keys_beside_data")
    assert not list(tmp_path.rglob("*.key"))


@pytest.fixture
def ended(launch: Callable[..., Server], tmp_path: Path) -> Server:
    """A server that was, with its data and its keys."""
    made = launch(tmp_path / "server")
    assert made.stop() == 0
    return made


def test_a_wrong_key_file_is_refused_and_the_right_one_still_opens(
    launch: Callable[..., Server], ended: Server, tmp_path: Path
) -> None:
    data, right = ended.folder / "data", ended.folder / "keys" / "root.key"
    other = tmp_path / "other" / "root.key"
    refused(serve(data, other), "wrong_key_file")
    kept = right.read_bytes()
    right.write_bytes(os.urandom(len(kept)))
    answer = serve(data, right)
    assert answer[0] == 2, answer
    assert len(answer[1].splitlines()) == 1, answer
    right.write_bytes(kept)
    assert launch(ended.folder).stop() == 0


def test_a_second_server_on_the_same_data_is_refused(launch: Callable[..., Server], tmp_path: Path) -> None:
    first = launch(tmp_path)
    refused(serve(tmp_path / "data", tmp_path / "keys" / "root.key"), "data_in_use")
    with first.client() as client:
        assert client.post("/v1/interactions", json={}).status_code == 201
    assert first.stop() == 0


def test_a_secret_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys" / "root.key"
    refused(serve(tmp_path / "data", keys, "--twilio-auth-token-file", str(tmp_path / "none")), "secret_unreadable")


@pytest.mark.parametrize("option", ["--port", "--media-port"])
def test_a_port_that_is_taken_is_refused_and_nothing_is_made(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused(serve(tmp_path / "data", tmp_path / "keys" / "root.key", option, port), "bind_failed")
    assert list(tmp_path.iterdir()) == []


def test_a_ready_file_without_a_folder_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    file = str(tmp_path / "none" / "ready")
    refused(serve(tmp_path / "data", tmp_path / "keys" / "root.key", "--ready-file", file), "ready_file_unwritable")
    assert list(tmp_path.iterdir()) == []


def begin(server: Server, talk: Talk | None = None) -> Talk:
    """A call under consent from second 0; or one that is there already, through this server."""
    client = server.client()
    if talk is not None:
        return Talk(client, talk.id, "")
    made = client.post("/v1/interactions", json={"parties": IRISH}).json()
    return Talk(client, made["id"], made["stream_token"]).consented(0.0)


def test_an_orderly_end_with_a_live_stream_keeps_all_that_was_heard(
    launch: Callable[..., Server], tmp_path: Path
) -> None:
    server = launch(tmp_path)
    talk = begin(server)
    with Twilio(server, token=talk.stream_token) as stream, Neutral(server) as idle:
        stream.start("inbound")
        stream.play(GIVEN, range(500))
        stream.taken()
        assert server.stop() == 0
        assert stream.closed() == (1001, "going_away")
        assert idle.closed() == (1001, "going_away")
    talk.client.close()
    server = launch(tmp_path)
    talk = begin(server, talk)
    shown = talk.get()
    assert shown["state"] == "interrupted"
    assert shown["gates"]["audio_recording"] == "shut"
    counts = account(talk)
    assert (counts["written"], counts["held"], counts["lost"]) == (10 * RATE, 0, 0)
    same(heard(talk), expected(GIVEN, 10.0))
    with Twilio(server, token=new_token(talk), offset=11.0) as stream:
        stream.start("inbound")
        stream.play(GIVEN[11 * RATE :], range(200))
        stream.taken()
        assert talk.get()["gates"]["audio_recording"] == "shut"
        talk.tell("prompt_delivered", 15.0, prompt_version="p1", channel="bot")
        assert talk.get()["gates"]["audio_recording"] == "open"
        stream.play(GIVEN[11 * RATE :], range(200, 450))
        stream.stop()
    talk.tell("call_end", 20.0)
    seal(talk)
    same(heard(talk), expected(GIVEN, 20.0, (10.0, 15.0)))
    assert len(recordings(talk)) == 1
    epochs = [e["data"]["epoch"] for e in talk.get("/timeline")["events"] if e["type"] == "stream_opened"]
    assert epochs == [0, 1]
    talk.client.close()
    assert server.stop() == 0
    for line in server.log.read_text().splitlines():
        assert '"level": "error"' not in line


def test_a_stop_before_the_end_of_the_process_holds_after_it(launch: Callable[..., Server], tmp_path: Path) -> None:
    """What is held is decided by what was known: an opt-out just before the end is not forgotten."""
    server = launch(tmp_path)
    talk = begin(server)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(GIVEN, range(300))
        stream.taken()
        talk.tell("opt_out", 4.0, method="verbal", reason_code="asked")
        assert server.stop() == 0
    talk.client.close()
    server = launch(tmp_path)
    talk = begin(server, talk)
    talk.tell("call_end", 6.0)
    seal(talk)
    same(heard(talk), expected(GIVEN, 6.0, (4.0, 6.0)))
    talk.client.close()
    assert server.stop() == 0


def test_a_killed_server_loses_what_was_held_and_says_so(launch: Callable[..., Server], tmp_path: Path) -> None:
    server = launch(tmp_path)
    talk = begin(server)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(GIVEN, range(900))
        stream.taken()
        until(lambda: account(talk)["written"] >= 12 * RATE)
        server.kill()
    talk.client.close()
    server = launch(tmp_path)
    talk = begin(server, talk)
    assert talk.get()["state"] == "interrupted"
    counts = account(talk)
    assert counts["written"] == 12 * RATE
    assert counts["held"] == 0
    assert "INTERRUPTED" in {flag["flag"] for flag in talk.get()["flags"]}
    talk.tell("call_end", 18.0)
    seal(talk)
    same(heard(talk), expected(GIVEN, 18.0, (12.0, 18.0)))
    talk.client.close()
    assert server.stop() == 0
