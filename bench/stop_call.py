"""The client of the stop figures: calls that send at their own pace, and what is asked over HTTP."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from picows import WSListener, WSMsgType, WSTransport, ws_connect

RATE = 8000
_FRAME = 160
_FRAME_S = 0.02
_PARTS = 10  # the calls take turns within 20 ms in so many parts
_TRACKS = ("inbound", "outbound")
_LOUD = base64.b64encode(bytes([0x23]) * _FRAME).decode()


@dataclass
class Http:
    """One kept connection, one request at a time."""

    key: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, api: str, key: str) -> Self:
        host, port = api.removeprefix("http://").split(":")
        return cls(key, *await asyncio.open_connection(host, int(port)))

    async def ask(
        self, method: str, path: str, body: object = None, *, answers: tuple[int, ...] = (200, 201)
    ) -> tuple[float, bytes]:
        """(milliseconds, body of the answer)."""
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /v1{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        start = time.perf_counter()
        self.writer.write(head.encode() + data)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
        content = await self.reader.readexactly(int(fields[b"content-length"]))
        took = (time.perf_counter() - start) * 1e3
        assert int(answer[9:12]) in answers, content
        return took, content


@dataclass
class Call:
    """`head`: samples sent on each track, where they are sent here. `stopped`: by the last post."""

    id: str
    token: str
    transport: WSTransport | None = None
    head: int = 0
    sequence: int = 2
    stopped: bool = False

    @property
    def t(self) -> float:
        return self.head / RATE

    def send(self) -> None:
        """The next 20 ms of both tracks."""
        assert self.transport is not None
        for track in _TRACKS:
            self.transport.send(
                WSMsgType.TEXT,
                f'{{"event":"media","sequenceNumber":"{self.sequence}","media":{{"track":"{track}","chunk":"1",'
                f'"timestamp":"{self.head // 8}","payload":"{_LOUD}"}},"streamSid":"MZ0"}}',
            )
            self.sequence += 1
        self.head += _FRAME


async def admit(http: Http) -> Call:
    """A call under consent from second 0, without a stream."""
    head = {"parties": [{"role": "customer", "jurisdiction": "IE"}]}
    made = json.loads((await http.ask("POST", "/interactions", head))[1])
    call = Call(made["id"], made["stream_token"])
    consent = {"type": "consent", "t": 0.0, "result": "accepted", "method": "keypad", "prompt_version": "p1"}
    prompt = {"type": "prompt_delivered", "t": 0.0, "prompt_version": "p1", "channel": "ivr"}
    await http.ask("POST", f"/interactions/{call.id}/events", {"events": [prompt, consent]})
    return call


async def begin(http: Http, ws: str) -> Call:
    """With a stream that has started."""
    call = await admit(http)
    call.transport, _ = await ws_connect(WSListener, f"{ws}/v1/ingest/twilio?token={call.token}")
    form = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
    start: dict[str, Any] = {"accountSid": "AC0", "streamSid": "MZ0", "callSid": "CA0", "tracks": _TRACKS}
    start |= {"mediaFormat": form, "customParameters": {}}
    message = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ0"}
    call.transport.send(WSMsgType.TEXT, json.dumps(message))
    return call


async def pace(calls: list[Call]) -> None:
    """Sends every call's frames when they are due, until cancelled."""
    began, step = time.perf_counter(), 0
    while True:
        await asyncio.sleep(max(0.0, began + step * _FRAME_S / _PARTS - time.perf_counter()))
        for call in calls[step % _PARTS :: _PARTS]:
            call.send()
        step += 1


async def post(http: Http, call: Call, kind: str, *, answers: tuple[int, ...] = (200, 201)) -> tuple[float, float]:
    """A stop or its end, where media was sent here at the instant up to which it was: when the post was sent, and
    milliseconds to the answer."""
    body: dict[str, Any] = {"type": kind, "method": "verbal"}
    body |= {"reason_code": "asked"} if kind == "opt_out" else {}
    body |= {} if call.transport is None else {"t": call.t}
    sent = time.perf_counter()
    took, _ = await http.ask("POST", f"/interactions/{call.id}/events", body, answers=answers)
    call.stopped = kind == "opt_out"
    return sent, took


async def found(http: Http, call: Call) -> tuple[int, int, int]:
    """(samples stored in closed stretches, samples of closed stretches, samples stored) over both tracks."""
    if call.transport is not None:
        call.transport.disconnect()
    end = {"type": "call_end", "t": 100_000.0 if call.transport is None else call.t}
    await http.ask("POST", f"/interactions/{call.id}/events", end)
    await http.ask("POST", f"/interactions/{call.id}/seal")
    closed = _closed(json.loads((await http.ask("GET", f"/interactions/{call.id}/timeline"))[1])["events"], end["t"])
    listed = json.loads((await http.ask("GET", f"/interactions/{call.id}/artifacts"))[1])["artifacts"]
    leaked = asked = kept = 0
    for artifact in listed:
        _, content = await http.ask("GET", f"/artifacts/{artifact['id']}/content")
        sound = np.frombuffer(content[44:], "<i2") != 0
        kept += int(sound.sum())
        for start, finish in closed:
            part = sound[round(start * RATE) : round(finish * RATE)]
            leaked += int(part.sum())
            asked += len(part)
    return leaked, asked, kept


def _closed(events: list[dict[str, Any]], end: float) -> list[tuple[float, float]]:
    """Seconds from each stop to its end, or to that of the call."""
    stretches: list[tuple[float, float]] = []
    since: float | None = None
    for event in events:
        if event["type"] == "opt_out" and since is None:
            since = event["t"]
        elif event["type"] == "opt_in" and since is not None:
            stretches.append((since, event["t"]))
            since = None
    return stretches if since is None else [*stretches, (since, end)]
