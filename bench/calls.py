"""Calls against a media server, each a Twilio stream of 50 messages a second over a socket of its own."""

import asyncio
import base64
import json
import random
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Self

RATE = 8000
FRAME = 160
PER_SECOND = 50
FRAME_S = 1 / PER_SECOND
_PARTS = 20  # the calls take turns within 20 ms in so many parts
_AGAIN_S = 0.05
_PINGS = 200  # a second, over all calls
_MASK = b"\x37\xfa\x21\x3d"
_TEXT, _PING = 0x81, 0x89
_CHOSEN = random.Random(1)  # noqa: S311 - what is said in a bench is no secret
_LOUD = base64.b64encode(bytes(_CHOSEN.randrange(1, 0x70) for _ in range(FRAME))).decode()
_STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"


def masked(opcode: int, payload: bytes) -> bytes:
    """One frame of a client (RFC 6455, section 5.2), below 64 KiB."""
    size = len(payload)
    key = (_MASK * (size // 4 + 1))[:size]
    body = (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([opcode]) + length + _MASK + body


class CrowdedError(Exception):
    """The server takes no more."""


class Messages:
    """The media messages of a stream, framed. The same bytes for all calls, so that sending costs little."""

    def __init__(self) -> None:
        self._made: list[bytes] = []

    def __getitem__(self, index: int) -> bytes:
        """The message of frame `index`."""
        while len(self._made) <= index:
            n = len(self._made)
            media = f'"media":{{"track":"inbound","chunk":"{n + 1}","timestamp":"{n * 20}","payload":"{_LOUD}"}}'
            text = f'{{"event":"media","sequenceNumber":"{n + 2}",{media},"streamSid":"{_STREAM}"}}'
            self._made.append(masked(_TEXT, text.encode()))
        return self._made[index]


def _start() -> bytes:
    form = {"encoding": "audio/x-mulaw", "sampleRate": str(RATE), "channels": "1"}
    start: dict[str, Any] = {"accountSid": "AC0", "streamSid": _STREAM, "callSid": "CA0", "tracks": ["inbound"]}
    start |= {"mediaFormat": form, "customParameters": {}}
    message = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": _STREAM}
    return masked(_TEXT, json.dumps(message).encode())


@dataclass
class Http:
    """One kept connection, one request at a time."""

    key: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def to(cls, api: str, key: str) -> Self:
        host, port = api.removeprefix("http://").split(":")
        return cls(key, *await asyncio.open_connection(host, int(port), limit=1 << 24))

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer, which is one of success."""
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /v1{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        async with self.lock:
            self.writer.write(head.encode() + data)
            answer = await self.reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
            content = await self.reader.readexactly(int(fields[b"content-length"]))
        assert answer[9:12] in {b"200", b"201"}, content
        return json.loads(content)


@dataclass(eq=False)
class Call:
    """`sent`: frames so far. `behind`: bytes that the socket did not take at once."""

    id: str
    wire: socket.socket
    sent: int = 0
    behind: bytes = b""
    closed: bool = False

    @property
    def t(self) -> float:
        """Seconds of media sent."""
        return self.sent * FRAME_S

    def send(self, data: bytes) -> bool:
        """Whether the socket took all of it; what it did not take goes before the next."""
        whole = self.behind + data if self.behind else data
        try:
            taken = self.wire.send(whole)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.closed = True
            return False
        self.behind = whole[taken:]
        return taken == len(whole)


@dataclass
class Fleet:
    """Calls that are paced by one loop. `patience`: seconds for which a call tries again to join. `lags`: seconds by
    which a turn of the pacing was late; `rounds`: seconds from a ping behind a media message to its pong, which says
    that all before was taken; `stalls`: sends that the socket did not take whole."""

    patience: float = 20.0
    messages: Messages = field(default_factory=Messages)
    calls: list[Call] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    stalls: int = 0
    sent: int = 0
    _parts: list[list[Call]] = field(default_factory=lambda: [[] for _ in range(_PARTS)])
    _pinged: dict[Call, float] = field(default_factory=dict)

    async def join(self, identifier: str, ws: str, path: str, warm: int) -> Call:
        """A new call, whose first `warm` frames are sent at once. Errors: CrowdedError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        while (wire := await _upgraded(ws, path)) is None:
            if loop.time() > deadline:
                raise CrowdedError
            await asyncio.sleep(_AGAIN_S)
        connected = masked(_TEXT, b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await loop.sock_sendall(wire, connected + _start())
        call = Call(identifier, wire, warm)
        for start in range(0, warm, PER_SECOND):
            part = b"".join(self.messages[n] for n in range(start, min(warm, start + PER_SECOND)))
            await loop.sock_sendall(wire, part)
        loop.add_reader(wire, self._heard, call)
        self.calls.append(call)
        min(self._parts, key=len).append(call)
        return call

    async def stop(self, call: Call) -> None:
        """Ends the stream as the platform does; returns when the server has closed, having taken all that was sent."""
        next(part for part in self._parts if call in part).remove(call)
        loop, body = asyncio.get_running_loop(), {"accountSid": "AC0", "callSid": "CA0"}
        message = {"event": "stop", "sequenceNumber": str(call.sent + 2), "stop": body, "streamSid": _STREAM}
        loop.remove_reader(call.wire)
        await loop.sock_sendall(call.wire, call.behind + masked(_TEXT, json.dumps(message).encode()))
        while not call.closed and await loop.sock_recv(call.wire, 4096):
            pass
        call.wire.close()
        self.calls.remove(call)
        self._pinged.pop(call, None)

    def _heard(self, call: Call) -> None:
        now = time.perf_counter()
        try:
            data = call.wire.recv(4096)
        except OSError:
            data = b""
        since = self._pinged.pop(call, None)
        if not data or data[0] & 0x0F == 8:
            call.closed = True
            asyncio.get_running_loop().remove_reader(call.wire)
        elif since is not None:
            self.rounds.append(now - since)

    async def pace(self) -> None:
        """Sends every call's frames when they are due, until cancelled."""
        began, step, turn = time.perf_counter(), 0, FRAME_S / _PARTS
        pings = 0.0
        while True:
            due = began + step * turn
            now = time.perf_counter()
            if now < due:
                await asyncio.sleep(due - now)
                now = time.perf_counter()
            self.lags.append(max(0.0, now - due))
            part = self._parts[step % _PARTS]
            for call in part:
                if not call.closed:
                    self.stalls += not call.send(self.messages[call.sent])
                    call.sent += 1
            self.sent += len(part)
            pings += _PINGS * turn
            while pings >= 1:
                pings -= 1
                self._ping(part)
            step += 1
            if step % _PARTS == 0 and now - due > turn:
                await asyncio.sleep(0)

    def _ping(self, part: list[Call]) -> None:
        call = _CHOSEN.choice(part) if part else None
        if call is not None and call not in self._pinged and not call.closed:
            self._pinged[call] = time.perf_counter()
            call.send(masked(_PING, b""))

    def forget(self) -> None:
        """What was measured so far."""
        self.lags.clear()
        self.rounds.clear()
        self.stalls = self.sent = 0


async def _upgraded(ws: str, path: str) -> socket.socket | None:
    """A socket that has been admitted; None where there are too many at the moment."""
    host, port = ws.removeprefix("ws://").split(":")
    loop = asyncio.get_running_loop()
    wire = socket.socket()
    wire.setblocking(False)
    await loop.sock_connect(wire, (host, int(port)))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    await loop.sock_sendall(wire, head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await loop.sock_recv(wire, 4096)
    if b" 101 " in answer.split(b"\r\n")[0]:
        return wire
    assert b" 503 " in answer.split(b"\r\n")[0], answer
    wire.close()
    return None


async def consented(http: Http, ws: str, fleet: Fleet, warm: int, **head: object) -> Call:
    """A call that may be recorded from second 0 on."""
    body = {"parties": [{"role": "customer", "jurisdiction": "IE"}], **head}
    made = await http.ask("POST", "/interactions", body)
    prompt = {"type": "prompt_delivered", "t": 0.0, "prompt_version": "p1", "channel": "ivr"}
    consent = {"type": "consent", "t": 0.0, "result": "accepted", "method": "keypad", "prompt_version": "p1"}
    await http.ask("POST", f"/interactions/{made['id']}/events", {"events": [prompt, consent]})
    return await fleet.join(made["id"], ws, f"/v1/ingest/twilio?token={made['stream_token']}", warm)
