"""A server under load: a disk that stands still, peers that do not read, media as fast as it can be sent."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from machine import Call, Machine, compiled
from media_calls import IRISH, events
from media_client import RATE, Media, Neutral, Twilio, account, expected, heard, same, seal, sound, until
from serving import Server, Talk
from websockets.exceptions import ConnectionClosed

LONG = sound(240.0)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    made = Machine(compiled(folder), folder)
    yield made
    made.mend()


@pytest.fixture(scope="module")
def host(launch: Callable[..., Server], machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server on that machine, whose hold-back is one second."""
    return launch(tmp_path_factory.mktemp("loaded"), "--hold-back", "1", environment=machine.environment)


@pytest.fixture
def call(host: Server) -> Iterator[Callable[[], Talk]]:
    with host.client() as client:

        def begin() -> Talk:
            made = client.post("/v1/interactions", json={"parties": IRISH}).json()
            return Talk(client, made["id"], made["stream_token"]).consented(0.0)

        yield begin


def play(stream: Neutral, given: bytes, start: int = 0) -> None:
    """Half a second a message, from second `start` on."""
    for at in range(start * RATE, len(given), RATE // 2):
        stream.frame(0, at, given[at : at + RATE // 2])


def established(server: Server, wire: socket.socket) -> bool:
    """Whether the server still holds its end of the connection (proc_pid_net(5): local and remote address, state)."""
    ends = [f":{port:04X}" for port in (int(server.api.rsplit(":", 1)[1]), wire.getsockname()[1])]
    rows = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(l.endswith(ends[0]) and r.endswith(ends[1]) and state == "01" for l, r, state in rows)


def unread(server: Server, talk: Talk) -> socket.socket:
    """A connection on which an answer of 57 MB was asked for, and is not read."""
    artifact = next(a["id"] for a in talk.get("/artifacts")["artifacts"])
    host, port = server.api.removeprefix("http://").split(":")
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect((host, int(port)))
    head = f"GET /v1/artifacts/{artifact}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n\r\n"
    wire.sendall(head.encode())
    assert wire.recv(15).startswith(b"HTTP/1.1 200")
    return wire


def test_neither_a_disk_that_stands_still_nor_a_reader_that_does_holds_up_the_gates(
    host: Server, machine: Machine, call: Callable[[], Talk]
) -> None:
    other, talk = call(), call()
    with Twilio(host, token=other.stream_token) as stream:
        stream.start("inbound")
        stream.play(sound(10.0))
        stream.stop()
    other.tell("call_end", 100_000.0)
    with ThreadPoolExecutor(1) as pool, contextlib.closing(unread(host, other)) as wire:
        assert established(host, wire)
        with Neutral(host, token=talk.stream_token) as stream:
            stream.start(("customer", "mulaw", RATE))
            stream.taken()
            with machine.failing(Call.SYNC, host.folder / "data", held=True):
                playing = pool.submit(play, stream, LONG)
                until(lambda: account(talk)["lost"] > 0)
                playing.result()
                stream.taken()
                counts = account(talk)
                assert counts["received"] == len(LONG), "the gate has heard all of it, and nothing is stored"
                assert counts["held"] <= (32 * 4 + 1 + 2 * 4 + 1) * RATE
            talk.tell("opt_out", 240.0, method="verbal", reason_code="asked")
            play(stream, LONG + sound(20.0), 240)
            stream.stop()
        talk.tell("call_end", 260.0)
        seal(talk)
        assert [flag["flag"] for flag in talk.get()["flags"]].count("MEDIA_LOST") == 1
        (told,) = events(talk, "media_lost")
        assert told["data"] == {"track": "customer"}
        counts = account(talk)
        assert counts["lost"] + counts["written"] == len(LONG)
        assert counts["silenced_policy"] == 20 * RATE
        lost = round(told["t"] * RATE)
        same(heard(talk)[:lost], expected(LONG, told["t"]))
        assert not heard(talk)[len(LONG) :].any()
        until(lambda: not established(host, wire))


def test_a_peer_that_does_not_read_its_pongs_is_cut_off(host: Server, call: Callable[[], Talk]) -> None:
    talk, other = call(), call()
    with Neutral(host, token=other.stream_token) as calm:
        calm.start(("customer", "mulaw", RATE))
        with Raw(host, talk.stream_token) as raw:
            raw.frame(1, b'{"event":"start","tracks":[{"name":"customer","encoding":"mulaw","sample_rate":8000}]}')
            raw.flood(b"\x89\xfd" + bytes(4) + 125 * b"p")
        until(lambda: events(talk, "stream_closed"))
        assert events(talk, "stream_closed")[0]["data"]["reason"] == "not_read"
        calm.frame(0, 0, sound(1.0))
        calm.stop()
    assert account(other)["received"] == RATE


class Raw(Media):
    """A connection of which nothing is read."""

    def __init__(self, server: Server, token: str) -> None:
        super().__init__(server.ws, "stream", token=token)
        self.tcp = self.wire.socket

    def frame(self, opcode: int, payload: bytes) -> None:
        self.tcp.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload)

    def flood(self, frame: bytes) -> None:
        """Until the other side ends it."""
        with contextlib.suppress(ConnectionError):
            while True:
                self.tcp.sendall(1000 * frame)


def test_control_goes_on_beside_media_that_never_waits(host: Server, call: Callable[[], Talk]) -> None:
    talks = [call() for _ in range(4)]

    def flood(talk: Talk) -> None:
        with Twilio(host, token=talk.stream_token) as stream:
            stream.start("inbound")
            stream.play(LONG, range(5000))
            with contextlib.suppress(ConnectionClosed):
                stream.stop()

    with ThreadPoolExecutor(4) as pool:
        flooding = [pool.submit(flood, talk) for talk in talks]
        for talk in talks:
            talk.tell("opt_out", 50.0, method="verbal", reason_code="asked")
        for each in flooding:
            each.result()
    for talk in talks:
        talk.tell("call_end", 100.0)
        seal(talk)
        assert account(talk)["received"] == 100 * RATE
        same(heard(talk), expected(LONG, 100.0, (50.0, 100.0)))
        assert not [flag for flag in talk.get()["flags"] if flag["flag"] in {"OVERLOAD", "MEDIA_LOST"}]
