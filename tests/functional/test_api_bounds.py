"""What is asked for is bounded: memory by the media that came, connections by what they have shown."""

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from media_client import RATE, Neutral, Twilio, recordings, sound, until
from serving import Server, Talk
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TAIL_SECONDS = 3600
HEADER = 44


def resident_mib(server: Server) -> int:
    """The most that the server ever held."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def recorded(server: Server, talk: Talk, end: float) -> str:
    """The artifact of ten seconds of sound in a call that is said to end at `end`."""
    talk.consented(0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(sound(10.0))
        stream.stop()
    talk.tell("call_end", end)
    artifact: str = recordings(talk)["customer"]["id"]
    return artifact


@pytest.mark.parametrize("end", [100_000.0, 9_999_999.0])
def test_a_call_that_is_said_to_end_far_off_costs_no_memory(
    server: Server, begin: Callable[..., Talk], end: float
) -> None:
    talk = begin()
    path = f"/v1/artifacts/{recorded(server, talk, end)}/content"
    length = HEADER + 2 * RATE * (10 + TAIL_SECONDS)
    before = resident_mib(server)
    got = 0
    with talk.client.stream("GET", path) as response:
        assert (response.status_code, response.headers["content-length"]) == (200, str(length))
        for part in response.iter_bytes():
            got += len(part)
    assert got == length
    assert resident_mib(server) - before < 24
    assert recordings(talk)["customer"]["end"] == 10 + TAIL_SECONDS


def test_ranges_are_cut_out_of_the_same_bytes(server: Server, begin: Callable[..., Talk]) -> None:
    talk = begin()
    path = f"/v1/artifacts/{recorded(server, talk, 70.0)}/content"
    whole = talk.client.get(path).content
    assert len(whole) == HEADER + 2 * RATE * 70
    part = 2 * (1 << 18) - 2  # bytes: one part of an answer
    for first, last in ((0, 0), (43, 45), (0, HEADER + part), (part + HEADER - 3, part + HEADER + 3), (HEADER + 1, 99)):
        response = talk.client.get(path, headers={"Range": f"bytes={first}-{last}"})
        assert response.status_code == 206
        assert response.content == whole[first : last + 1]
    response = talk.client.get(path, headers={"Range": "bytes=-700001"})
    assert response.content == whole[-700_001:]


def test_a_pack_with_too_much_sound_is_refused(server: Server, begin: Callable[..., Talk]) -> None:
    talk = begin().consented(0.0)
    rate = 48_000
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "pcm16", rate))
        for second in range(10):
            stream.frame(0, second * rate, b"\1\2" * rate)
        stream.stop()
    talk.tell("call_end", 5000.0)
    response = talk.client.get(f"{talk.path}/evidence", params={"media": "permitted"})
    assert (response.status_code, response.json()["code"]) == (422, "pack_too_large")
    assert "evidence_exported" not in [event["type"] for event in talk.get("/timeline")["events"]]
    assert talk.client.get(f"{talk.path}/evidence").status_code == 200


def test_a_recording_that_no_wav_can_hold_is_refused(server: Server, begin: Callable[..., Talk]) -> None:
    talk = begin().consented(0.0)
    with Twilio(server, token=talk.stream_token, offset=600_000) as stream:
        stream.start("inbound")
        stream.play(sound(10.0))
        stream.stop()
    talk.tell("call_end", 600_010.0)
    response = talk.client.get(f"/v1/artifacts/{recordings(talk)['customer']['id']}/content")
    assert (response.status_code, response.json()["code"]) == (422, "wav_too_long")


def _dialled(server: Server) -> socket.socket:
    at = urlsplit(server.api)
    return socket.create_connection((at.hostname, at.port), timeout=30)


def _answer(wire: socket.socket) -> bytes:
    """All that is said until the server closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := wire.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + 200_000 * b"a",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + 5_000 * b"X-Many: 0123456789012345\r\n" + b"\r\n",
        b"GET /" + 200_000 * b"a",
    ],
    ids=["one endless header", "many headers", "an endless path"],
)
def test_a_head_without_end_is_refused(server: Server, head: bytes) -> None:
    with _dialled(server) as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.sendall(head)
        answer = _answer(wire)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    with server.client() as client:
        assert client.get("/healthz").status_code == 200


def test_sockets_that_open_nothing_are_limited(launch: Any, tmp_path: Path) -> None:
    server = launch(tmp_path)
    url = f"{server.ws}/v1/ingest/twilio"
    with contextlib.ExitStack() as stack:
        for _ in range(256):
            stack.enter_context(connect(url, compression=None))
        with pytest.raises(InvalidStatus) as refused, connect(url, compression=None):
            pass
        assert refused.value.response.status_code == 503

    def admitted() -> bool:
        try:
            with connect(url, compression=None):
                return True
        except InvalidStatus:
            return False

    until(admitted)


def test_the_stream_of_a_revoked_key_ends(server: Server, begin: Callable[..., Talk]) -> None:
    talk = begin()
    made = talk.client.post("/v1/keys", json={"source": "bot", "scopes": ["record:read"], "name": "listener"}).json()
    with server.client(made["key"]) as listener, listener.stream("GET", "/v1/events") as response:
        lines = response.iter_lines()
        assert next(lines) == ": open"
        assert talk.client.delete(f"/v1/keys/{made['id']}").status_code == 204
        talk.tell("call_start", 0.0)
        talk.tell("opt_out", 1.0, method="verbal", reason_code="asked")
        assert not [line for line in lines if line.startswith("event")]
