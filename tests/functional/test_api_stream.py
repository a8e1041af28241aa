"""Server-sent events: live, resumed, and with a reader that does not read."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from serving import Server, Talk

from onrecord.entrypoints.api import responses
from onrecord.policy.kinds import Kind

Begin = Callable[..., Talk]
PARTIES = [{"role": "customer", "jurisdiction": "US-CA"}]
AUDIO = "audio_recording"


class Reader:
    """Parses one stream (HTML standard, section 9.2)."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        assert next(lines) == ": open"

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                assert fields["event"] == "decision"
                msgspec.json.decode(fields["data"], type=responses.DecisionMessage)
                yield fields["id"], json.loads(fields["data"])
                fields = {}

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[tuple[str, dict[str, Any]]]:
        """Everything up to and with the first message that is wanted."""
        found = []
        for identifier, data in self:
            found.append((identifier, data))
            if wanted(data):
                return found
        raise AssertionError("the stream ended")


def stopped(talk: Talk) -> Callable[[dict[str, Any]], bool]:
    return lambda data: data["interaction"] == talk.id and data["kind"] == AUDIO and data["state"] == "stopped"


def opt_out(talk: Talk, t: float = 5.0) -> dict[str, Any]:
    return talk.tell("opt_out", t, method="verbal", reason_code="asked")


def test_changes_arrive_as_they_happen(server: Server, begin: Begin) -> None:
    talk, other = begin(parties=PARTIES), begin(parties=PARTIES)
    with server.client() as second, second.stream("GET", "/v1/events", params={"interaction": talk.id}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        reader = Reader(response.iter_lines())
        other.consented()
        talk.consented(2.0)
        told = opt_out(talk)
        found = [data for _, data in reader.until(stopped(talk))]
    assert {data["interaction"] for data in found} == {talk.id}
    audio = [data for data in found if data["kind"] == AUDIO]
    assert [(data["t"], data["state"]) for data in audio] == [(2.0, "capturing"), (5.0, "stopped")]
    assert audio[-1]["leaf_index"] == told["leaf_index"]
    assert audio[-1]["reason"] == "OPT_OUT"
    assert audio[-1]["cause"] in {event["event_id"] for event in talk.get("/timeline")["events"]}


def test_without_a_position_it_starts_now(server: Server, begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    with server.client() as second, second.stream("GET", "/v1/events", params={"interaction": talk.id}) as response:
        reader = Reader(response.iter_lines())
        opt_out(talk)
        found = [data for _, data in reader.until(stopped(talk))]
    assert {data["state"] for data in found if data["kind"] == AUDIO} == {"stopped"}


def test_it_goes_on_after_the_last_message(server: Server, begin: Begin) -> None:
    talk = begin(parties=PARTIES)
    with server.client() as second, second.stream("GET", "/v1/events", params={"interaction": talk.id}) as response:
        reader = Reader(response.iter_lines())
        talk.consented()
        opt_out(talk)
        whole = reader.until(stopped(talk))
        talk.tell("opt_in", 6.0, method="verbal")
        whole += reader.until(lambda data: data["kind"] == AUDIO and data["state"] == "capturing")
    ids = [identifier for identifier, _ in whole]
    assert len(set(ids)) == len(ids)
    for place in (0, len(whole) // 2, len(whole) - 2):
        headers = {"Last-Event-ID": ids[place]}
        with (
            server.client() as second,
            second.stream("GET", "/v1/events", params={"interaction": talk.id}, headers=headers) as response,
        ):
            reader = Reader(response.iter_lines())
            rest = []
            for message in reader:
                rest.append(message)
                if message[0] == ids[-1]:
                    break
        assert rest == whole[place + 1 :]


def test_a_restarted_server_still_knows_what_was_missed(
    launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restart")
    server = launch(folder)
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": PARTIES}).json()
        talk = Talk(client, made["id"], "")
        with server.client() as second, second.stream("GET", "/v1/events") as response:
            reader = Reader(response.iter_lines())
            talk.consented()
            opt_out(talk)
            whole = reader.until(stopped(talk))
    assert server.stop() == 0
    server = launch(folder)
    with (
        server.client() as second,
        second.stream("GET", "/v1/events", headers={"Last-Event-ID": whole[0][0]}) as response,
    ):
        rest = Reader(response.iter_lines()).until(stopped(talk))
    assert sorted(rest, key=str) == sorted(whole[1 : len(rest) + 1], key=str)


def test_the_end_of_the_server_ends_the_stream(
    launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = launch(tmp_path_factory.mktemp("ending"))
    with server.client() as second, second.stream("GET", "/v1/events") as response:
        lines = response.iter_lines()
        assert next(lines) == ": open"
        assert server.stop() == 0
        assert not "".join(lines)
    assert "Traceback" not in server.log.read_text()


def test_a_slow_reader_is_cut_off_and_holds_up_nobody(server: Server, begin: Begin) -> None:
    talks = [begin(parties=PARTIES, artifacts_enabled=[kind.value for kind in Kind]).consented() for _ in range(40)]
    host, port = server.api.removeprefix("http://").split(":")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(60)
        slow.connect((host, int(port)))
        request = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n\r\n"
        slow.sendall(request.encode())
        taken = b""
        while b": open" not in taken:
            taken += slow.recv(100)
        with server.client() as second, second.stream("GET", "/v1/events") as response:
            reader = Reader(response.iter_lines())
            messages = 0
            for talk in talks:
                batch = []
                for n in range(15):
                    batch.append({"type": "opt_out", "t": 5.0 + 2 * n, "method": "verbal", "reason_code": "asked"})
                    batch.append({"type": "opt_in", "t": 6.0 + 2 * n, "method": "verbal"})
                batch.append({"type": "call_end", "t": 100.0})
                assert talk.post({"events": batch}).status_code == 201
                messages += len(
                    reader.until(lambda data, talk=talk: data["interaction"] == talk.id and data["t"] == 100.0)
                )
        while part := slow.recv(1 << 20):
            taken += part
            if taken.endswith(b"0\r\n\r\n"):
                break
    assert 0 < taken.count(b"event: decision") < messages


def test_a_reader_that_goes_away_is_forgotten(server: Server, begin: Begin) -> None:
    talk = begin(parties=PARTIES).consented()
    for _ in range(3):
        with server.client() as second, second.stream("GET", "/v1/events") as response:
            Reader(response.iter_lines())
    opt_out(talk)
    assert httpx.get(server.api + "/healthz").status_code == 200
