"""Bad input at the media sockets: a stable code, an exact account, nothing else disturbed, nothing of it in the log."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest
from media_client import (
    ACCOUNT,
    CALL,
    FRAME,
    RATE,
    STREAM,
    Media,
    Neutral,
    Twilio,
    account,
    expected,
    heard,
    new_token,
    same,
    seal,
    sound,
    until,
)
from serving import Server, Talk
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

Begin = Callable[..., Talk]
MARK = "Quillwort-7391"  # stands in every bad message: not to be found in the log
GOOD = {"event": "mark", "sequenceNumber": "9", "mark": {"name": "m"}, "streamSid": STREAM}


@pytest.fixture(scope="module")
def other(server: Server) -> Iterator[Twilio]:
    """Another call, recorded through all of this module and found untouched at its end."""
    given = sound(120.0)
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": [{"role": "customer", "jurisdiction": "IE"}]}).json()
        talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
        with Twilio(server, token=talk.stream_token) as stream:
            stream.start("inbound")
            yield stream
            heard_for = stream.sequence // 5 * 0.1
            stream.stop()
        talk.tell("call_end", heard_for)
        seal(talk)
        same(heard(talk), expected(given, heard_for))


@pytest.fixture(autouse=True)
def _others_go_on(server: Server, other: Twilio) -> Iterator[None]:
    """Around every test the other call goes on, and the log stays free of what was sent."""
    before = len(server.log.read_text())
    yield
    first = other.sequence - 1  # the start had a number too
    other.play(sound(120.0), range(first, first + 5))
    other.taken()
    log = server.log.read_text()[before:]
    assert MARK not in log
    assert "Traceback" not in log
    for line in log.splitlines():
        json.loads(line)


@pytest.fixture
def talk(begin: Begin) -> Talk:
    return begin(parties=[{"role": "customer", "jurisdiction": "IE"}]).consented(0.0)


def media_of(**other: Any) -> dict[str, Any]:
    payload = base64.b64encode(bytes(FRAME)).decode()
    body = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload, **other}
    return {"event": "media", "sequenceNumber": "2", "media": body, "streamSid": STREAM}


BAD = {
    "truncated": (json.dumps(media_of(note=MARK))[:-30], "bad_json"),
    "empty": ("", "bad_json"),
    "no object": (f'["{MARK}"]', "bad_json"),
    "deep": ("[" * 5000, "bad_json"),
    "no event": (json.dumps({"note": MARK}), "missing_field"),
    "unknown event": (json.dumps({"event": MARK}), "unknown_event"),
    "event of another type": (json.dumps({"event": {"name": MARK}}), "unknown_event"),
    "base64": (json.dumps(media_of(payload=f"{MARK}!")), "bad_base64"),
    "base64 cut": (json.dumps(media_of(payload="AAA")), "bad_base64"),
    "no payload": (json.dumps({**media_of(), "media": {"track": "inbound"}}), "missing_field"),
    "track": (json.dumps(media_of(track=MARK)), "unknown_track"),
    "track not announced": (json.dumps(media_of(track="outbound")), "unknown_track"),
    "timestamp": (json.dumps(media_of(timestamp=MARK)), "bad_field"),
    "timestamp not finite": (json.dumps(media_of(timestamp=1e400)), "bad_json"),
    "fraction": (json.dumps(media_of(timestamp=1.5)), "bad_field"),
    "too large": (json.dumps(media_of(payload="A" * 70_000, note=MARK)), "frame_too_large"),
    "huge": (MARK * 70_000, "frame_too_large"),
    "lone surrogate": ('{"event": "\\ud800"}', "bad_json"),
}


def refused(talk: Talk) -> dict[str, int]:
    found = [e for e in talk.get("/timeline")["events"] if e["type"] == "stream_closed"]
    counts: dict[str, int] = found[-1]["data"]["refused"] if found else {}
    return counts


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_is_refused_alone(server: Server, talk: Talk, case: str) -> None:
    message, code = BAD[case]
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(50))
        stream.text(message)
        stream.play(given, range(50, 100))
        stream.stop()
    talk.tell("call_end", 2.0)
    seal(talk)
    same(heard(talk), expected(given, 2.0))
    counts = account(talk)
    assert (counts["received"], counts["written"], counts["invalid"]) == (2 * RATE + FRAME, 2 * RATE, FRAME)
    assert refused(talk) == {code: 1}
    assert "INVALID_MEDIA" in {flag["flag"] for flag in talk.get()["flags"]}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_before_the_start_ends_the_socket(server: Server, talk: Talk, case: str) -> None:
    message, code = BAD[case]
    code = "not_started" if case == "track not announced" else code
    with Twilio(server, token=talk.stream_token) as stream:
        stream.text(message)
        assert stream.closed() == (1009 if code == "frame_too_large" else 4400, code)
    assert_unused(server, talk)


def assert_unused(server: Server, talk: Talk) -> None:
    """The socket that was refused accounted for nothing and left its token as it was."""
    assert talk.get("/accounting")["tracks"] == {}
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(sound(1.0))
        stream.stop()
    assert account(talk)["received"] == RATE


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ({"encoding": "audio/l16"}, "wrong_codec"),
        ({"rate": 16000}, "wrong_codec"),
        ({"token": 7}, "bad_field"),
        ({"offset": "soon"}, "bad_field"),
        ({"offset": "-1"}, "bad_field"),
        ({"offset": "1e9"}, "bad_clock"),
    ],
)
def test_a_wrong_start_is_refused(server: Server, talk: Talk, start: dict[str, Any], code: str) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", **start)
        assert stream.closed() == (4400, code)
    assert_unused(server, talk)


@pytest.mark.parametrize("tracks", [[], ["sideways"], [MARK]])
def test_a_start_with_wrong_tracks_is_refused(server: Server, talk: Talk, tracks: list[str]) -> None:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    body = {"accountSid": ACCOUNT, "streamSid": STREAM, "callSid": CALL, "tracks": tracks, "mediaFormat": form}
    with Twilio(server, token=talk.stream_token) as stream:
        stream.text({"event": "start", "sequenceNumber": "1", "start": body, "streamSid": STREAM})
        assert stream.closed() == (4400, "unknown_track" if tracks else "bad_field")
    assert_unused(server, talk)


@pytest.mark.parametrize("offset", ["soon", "nan", "-1", "inf", "1e9", ""])
def test_a_wrong_offset_in_the_query_is_refused(server: Server, talk: Talk, offset: str) -> None:
    with Twilio(server, token=talk.stream_token, offset=offset) as stream:
        stream.start("inbound")
        if offset:
            assert stream.closed() == (4400, "bad_clock")
        else:
            stream.stop()
    if offset:
        assert_unused(server, talk)


def test_a_track_named_twice_is_one(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "inbound")
        stream.play(sound(1.0))
        stream.stop()
    assert account(talk)["received"] == RATE


def test_media_before_the_start_ends_the_socket(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.play(sound(0.02))
        assert stream.closed() == (4400, "not_started")
    assert_unused(server, talk)


def test_a_second_start_changes_nothing(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.start("outbound")
        stream.play(sound(1.0))
        stream.stop()
    counts = account(talk)
    assert (counts["received"], counts["invalid"]) == (RATE + FRAME, FRAME)
    until(lambda: refused(talk))
    assert refused(talk) == {"already_started": 1}


def test_a_second_socket_for_a_live_track_is_refused(server: Server, talk: Talk) -> None:
    given = sound(2.0)
    token = new_token(talk)
    with Twilio(server, token=talk.stream_token) as first:
        first.start("inbound")
        first.play(given, range(50))
        for door in ("twilio", "stream"):
            with Twilio(server, token=token) if door == "twilio" else Neutral(server, token=token) as second:
                if isinstance(second, Twilio):
                    second.start("inbound", "outbound")
                    with contextlib.suppress(ConnectionClosed):
                        second.play(sound(1.0, 1))
                else:
                    second.start(("customer", "mulaw", RATE))
                assert second.closed() == (4409, "stream_conflict")
        first.play(given, range(50, 100))
        first.taken()
        assert set(talk.get("/accounting")["tracks"]) == {"customer"}
        with Twilio(server, token=token, offset=0) as third:
            third.start("outbound")
            third.play(given, track="outbound")
            third.stop()
        first.stop()
    talk.tell("call_end", 2.0)
    seal(talk)
    same(heard(talk, "customer"), expected(given, 2.0))
    same(heard(talk, "agent"), expected(given, 2.0))


def test_a_track_keeps_its_format(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.stop()
    token = new_token(talk)
    for form in (("customer", "pcm16", RATE), ("customer", "mulaw", 16000)):
        with Neutral(server, token=token) as other:
            other.start(form)
            assert other.closed() == (4409, "stream_conflict")
    with Neutral(server, token=token) as other:
        other.start(("customer", "mulaw", RATE))
        other.stop()


@pytest.mark.parametrize("token", ["", MARK, "0" * 64, "\u20ac" * 40, "\x00", "a" * 4000])
def test_an_unknown_token_is_refused(server: Server, token: str) -> None:
    for query, custom in (({"token": token}, {}), ({}, {"token": token})):
        with Twilio(server, **query) as stream:
            stream.start("inbound", **custom)
            assert stream.closed() == (4401, "bad_stream_token")


def test_no_token_is_refused(server: Server) -> None:
    with Twilio(server) as stream:
        stream.start("inbound")
        assert stream.closed() == (4401, "bad_stream_token")


def test_a_token_serves_once(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.stop()
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        assert stream.closed() == (4401, "bad_stream_token")


def test_a_token_raced_for_serves_once(server: Server, talk: Talk) -> None:
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Twilio(server, token=talk.stream_token)) for _ in range(6)]
        for number, stream in enumerate(streams):
            stream.start(("inbound", "outbound")[number % 2])
        for stream in streams:
            stream.taken_or_closed()
        assert len(talk.get("/accounting")["tracks"]) == 1


def test_a_sealed_interaction_takes_no_stream(server: Server, talk: Talk) -> None:
    token = new_token(talk)
    talk.tell("call_end", 1.0)
    seal(talk)
    with Twilio(server, token=token) as stream:
        stream.start("inbound")
        assert stream.closed() == (4410, "interaction_sealed")


def test_a_binary_frame_on_the_twilio_socket_is_refused(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.wire.send(json.dumps(media_of()).encode())
        stream.stop()
    assert account(talk)["invalid"] == FRAME


def test_too_many_bad_messages_end_the_socket_and_not_the_call(server: Server, talk: Talk) -> None:
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(50))
        with contextlib.suppress(ConnectionClosed):
            for _ in range(201):
                stream.text(MARK)
        assert stream.closed() == (4400, "too_many_bad_messages")
    with Twilio(server, token=until_free(talk), offset=1.0) as stream:
        stream.start("inbound")
        stream.play(given[RATE:])
        stream.stop()
    talk.tell("call_end", 2.0)
    seal(talk)
    same(heard(talk), expected(given, 2.0))
    assert account(talk)["invalid"] == 201 * FRAME


def until_free(talk: Talk) -> str:
    until(lambda: refused(talk))
    return new_token(talk)


def test_fragments_are_put_together_and_pings_answered_between_them(server: Server, talk: Talk) -> None:
    given = sound(1.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        for frame in range(50):
            payload = base64.b64encode(given[frame * FRAME : (frame + 1) * FRAME]).decode()
            message = json.dumps(media_of(timestamp=str(frame * 20), payload=payload))
            stream.wire.send(message[at : at + 50] for at in range(0, len(message), 50))
        stream.taken()
        stream.stop()
    talk.tell("call_end", 1.0)
    seal(talk)
    same(heard(talk), expected(given, 1.0))


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
    assert_unused(server, talk)


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
    assert_unused(server, talk)


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


NEUTRAL_BAD = {
    "track": (struct.pack(">BQ", 9, 0) + bytes(320), "unknown_track"),
    "short": (b"\x00\x01", "frame_too_short"),
    "empty": (b"", "frame_too_short"),
    "large": (struct.pack(">BQ", 0, 0) + bytes(300_000), "frame_too_large"),
    "text": (MARK, "bad_json"),
    "event": (json.dumps({"event": MARK}), "unknown_event"),
    "no tracks": (json.dumps({"event": "start"}), "bad_field"),
}


@pytest.mark.parametrize("case", NEUTRAL_BAD)
def test_a_bad_message_on_the_neutral_socket_is_refused_alone(server: Server, talk: Talk, case: str) -> None:
    message, code = NEUTRAL_BAD[case]
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "pcm16", RATE))
        stream.frame(0, 0, bytes(320))
        stream.wire.send(message)
        stream.frame(0, 160, bytes(320))
        stream.stop()
    until(lambda: refused(talk))
    assert refused(talk) == {code: 1}
    counts = account(talk)
    assert (counts["received"], counts["invalid"], counts["held"]) == (3 * FRAME, FRAME, 2 * FRAME)


def test_half_a_sample_is_invalid_and_counted(server: Server, talk: Talk) -> None:
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "pcm16", RATE))
        stream.frame(0, 0, bytes(320))
        stream.frame(0, 160, bytes(321))
        stream.frame(0, 2**63, bytes(320))
        stream.stop()
    until(lambda: refused(talk))
    assert refused(talk) == {"odd_bytes": 1, "position_far_ahead": 1}
    counts = account(talk)
    assert (counts["received"], counts["invalid"], counts["held"]) == (481, 321, 160)


@pytest.mark.parametrize(
    ("tracks", "code"),
    [
        ([("customer", "opus", 8000)], "wrong_codec"),
        ([("customer", "pcm16", 3999)], "wrong_codec"),
        ([("customer", "pcm16", 10**9)], "wrong_codec"),
        ([("customer", "pcm16", "fast")], "bad_field"),
        ([], "bad_field"),
        ([("customer", "pcm16", 8000)] * 2, "bad_field"),
        ([(f"{MARK}/../x", "pcm16", 8000)], "bad_field"),
        ([(f"t{n}", "pcm16", 8000) for n in range(17)], "bad_field"),
    ],
)
def test_a_wrong_start_on_the_neutral_socket(server: Server, talk: Talk, tracks: list[Any], code: str) -> None:
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(*tracks)
        assert stream.closed() == (4400, code)
    assert_unused(server, talk)


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
        with pytest.raises(InvalidStatus), Twilio(server, headers, token=token):
            pass
    with pytest.raises(InvalidStatus), Twilio(server, {"X-Twilio-Signature": right}, token=token[:-1] + "0"):
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
    assert "platform_signatures_off" not in log
