"""What comes to the media port and is no media: frames that are none, upgrades that are none, platforms unsigned."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import socket
from collections.abc import Callable
from typing import Self

import pytest
from media_calls import MARK, unused
from media_client import (
    Media,
    Twilio,
)
from serving import Server, Talk
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

pytest_plugins = ["media_fixtures"]
pytestmark = pytest.mark.usefixtures("undisturbed")


class Raw:
    """A connection on which anything can be written."""

    def __init__(self, server: Server, door: str, token: str, connection: str = "Upgrade") -> None:
        host, port = server.ws.removeprefix("ws://").split(":")
        self.socket = socket.create_connection((host, int(port)), 10)
        head = (
            f"GET /v1/ingest/{door}?token={token} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: {connection}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
        )
        self.socket.sendall(head.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def frame(self, opcode: int, payload: bytes, *, fin: bool = True, length: int | None = None) -> None:
        size = len(payload) if length is None else length
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        else:
            head += bytes([0x80 | (126 if size < 65536 else 127)]) + size.to_bytes(2 if size < 65536 else 8, "big")
        self.socket.sendall(head + bytes(4) + payload)

    def closed(self) -> tuple[int, str]:
        """Code and reason of the server's close frame."""
        head = self._read(2)
        while head[0] & 0x0F != Opcode.CLOSE:
            self._read(head[1])
            head = self._read(2)
        body = self._read(head[1])
        return int.from_bytes(body[:2], "big"), body[2:].decode()

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            assert part, "the connection ended without a close frame"
            data += part
        return data


@pytest.mark.parametrize(
    ("frames", "answer"),
    [
        ([(Opcode.CONT, MARK.encode(), True)], (4400, "bad_fragment")),
        ([(Opcode.TEXT, b"{", False), (Opcode.TEXT, MARK.encode(), True)], (4400, "bad_fragment")),
        ([(Opcode.TEXT, b"A" * 60_000, False), *[(Opcode.CONT, b"A" * 60_000, False)] * 20], (1009, "frame_too_large")),
        ([(Opcode.TEXT, MARK.encode() * 100_000, True)], (1009, "frame_too_large")),
        ([(Opcode.TEXT, b"\xff\xfe" + MARK.encode(), True)], (4400, "bad_json")),
    ],
)
def test_frames_that_make_no_message(
    server: Server, talk: Talk, frames: list[tuple[int, bytes, bool]], answer: tuple[int, str]
) -> None:
    with Raw(server, "twilio", talk.stream_token) as raw:
        for opcode, payload, fin in frames:
            raw.frame(opcode, payload, fin=fin)
        assert raw.closed() == answer
    unused(server, talk)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that is not defined
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x89\xfe\x01\0\0\0\0\0", 1002),  # a ping of 256 bytes
        (b"\x82\xff" + (1 << 40).to_bytes(8, "big") + bytes(4), 1009),  # a tebibyte announced
        (b"\x88\x81\0\0\0\0\x01", 1002),  # half a close code
    ],
)
def test_frames_that_are_not_websocket(server: Server, talk: Talk, first: bytes, code: int) -> None:
    with Raw(server, "twilio", talk.stream_token) as raw:
        raw.socket.sendall(first)
        assert raw.closed()[0] == code
    unused(server, talk)


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET /{MARK} HTTP/1.1",
        f"GET /v1/ingest/exotel2?token={MARK} HTTP/1.1",
        f"GET //[{MARK} HTTP/1.1",
        f"GET /v1/ingest/twilio?{'&'.join(['a=1'] * 100)}&x={MARK} HTTP/1.1",
        f"POST /v1/ingest/twilio?token={MARK} HTTP/1.1",
        f"GET /v1/ingest/twilio?token={MARK} HTTP/9.9",
        f"{MARK}",
        f"GET /v1/ingest/twilio?token=%ff%00{MARK} HTTP/1.0",
        "GET /\xff\xfe HTTP/1.1",
        "A" * 100_000,
    ],
)
def test_garbage_in_the_upgrade_is_refused(server: Server, request_line: str) -> None:
    host, port = server.ws.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port)), 10) as wire:
        rest = f"Host: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        with contextlib.suppress(ConnectionError):
            wire.sendall(f"{request_line}\r\n{rest}Sec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode("latin-1"))
            answer = wire.recv(12)
            assert answer == b"" or answer.split()[1][:1] in {b"4", b"5"}


@pytest.mark.parametrize("name", ["Sec-WebSocket-Version", "Sec-WebSocket-Key", "Host", "X-Twilio-Signature", "X-Any"])
def test_a_header_beyond_ascii_is_refused(server: Server, name: str) -> None:
    """The library would quote it in a traceback."""
    fields = {
        "Host": "a",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "A" * 22 + "==",
    }
    fields[name] = f"{MARK}\xa8"
    host, port = server.ws.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port)), 10) as wire:
        lines = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        wire.sendall(f"GET /v1/ingest/twilio HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        assert wire.recv(12) == b"HTTP/1.1 404"


@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade,close"])
def test_the_upgrade_may_stand_among_other_words(server: Server, talk: Talk, connection: str) -> None:
    with Raw(server, "twilio", talk.stream_token, connection) as raw:
        raw.frame(Opcode.TEXT, b"")
        assert raw.closed() == (4400, "bad_json")


@pytest.fixture(scope="module")
def signed(launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, bytes]:
    folder = tmp_path_factory.mktemp("signed")
    secret = os.urandom(16).hex().encode()
    (folder / "twilio").write_bytes(secret + b"\n")
    return launch(folder, "--twilio-auth-token-file", str(folder / "twilio")), secret


def test_a_platform_signature_is_needed_where_its_secret_is_known(signed: tuple[Server, bytes]) -> None:
    """twilio.com/docs/usage/security: base64 of HMAC-SHA1 over the URL under the account's token."""
    server, secret = signed
    with server.client() as client:
        made = client.post("/v1/interactions", json={}).json()
        talk = Talk(client, made["id"], made["stream_token"])
    token = talk.stream_token
    url = f"wss://{server.ws.removeprefix('ws://')}/v1/ingest/twilio?token={token}"
    right = base64.b64encode(hmac.new(secret, url.encode(), hashlib.sha1).digest()).decode()
    wrong = base64.b64encode(hmac.new(b"x" + secret, url.encode(), hashlib.sha1).digest()).decode()
    for headers in ({}, {"X-Twilio-Signature": wrong}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "\u00e9"}):
        with pytest.raises(InvalidStatus, match=r"403|404"), Twilio(server, headers, token=token):
            pass
    with pytest.raises(InvalidStatus), Twilio(server, {"X-Twilio-Signature": right}, token=token[::-1]):
        pass
    with Twilio(server, {"X-Twilio-Signature": right}, token=token) as stream:
        stream.start("inbound")
        stream.stop()
    with Media(server.ws, "stream") as neutral:
        neutral.text({"event": "stop"})
        assert neutral.closed() == (1000, "")
    log = server.log.read_text()
    assert token not in log
    assert secret.decode() not in log
    warned = [line["door"] for line in map(json.loads, log.splitlines()) if line["event"] == "platform_signatures_off"]
    assert "twilio" not in warned
