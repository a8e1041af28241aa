"""How soon a stop acts, and that nothing is stored after it: a real server process, media at its own pace.

`perf_counter` is the machine's monotonic clock, one for all processes. `stop-N-p99` runs from the client's first byte
of the post to the instant at which the gates of the call have closed in the server (`_probed` notes it): from then on
every frame is withheld. `stop-N-answer` runs to the answer, when the closing is durable too.
"""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self
from unittest import mock

import numpy as np
import uvloop
from picows import WSListener, WSMsgType, WSTransport, ws_connect

from bench.measure import scratch
from onrecord.entrypoints.cli import serve
from onrecord.workflow import tell
from onrecord.workflow.live import Live
from onrecord.workflow.stream import recheck

_RATE = 8000
_FRAME = 160
_FRAME_S = 0.02
_PARTS = 10  # the calls take turns within 20 ms in so many parts
_WARM_S = 3.0
_STOPS = 250
_APART_S = 0.08  # between one post and the next
_GOAL_MS = 20.0
_TRACKS = ("inbound", "outbound")
_LOUD = base64.b64encode(bytes([0x23]) * _FRAME).decode()


@dataclass
class _Http:
    """One kept connection, one request at a time."""

    key: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, api: str, key: str) -> Self:
        host, port = api.removeprefix("http://").split(":")
        return cls(key, *await asyncio.open_connection(host, int(port)))

    async def ask(self, method: str, path: str, body: object = None) -> tuple[float, bytes]:
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
        assert answer[9:12] in {b"200", b"201"}, content
        return took, content


@dataclass
class _Call:
    """`head`: samples sent on each track. `closed`: stretches of seconds."""

    id: str
    token: str
    transport: WSTransport | None = None
    head: int = 0
    sequence: int = 2
    since: float | None = None
    closed: list[tuple[float, float]] = field(default_factory=list)

    @property
    def t(self) -> float:
        return self.head / _RATE

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


async def _begin(http: _Http, ws: str) -> _Call:
    head = {"parties": [{"role": "customer", "jurisdiction": "IE"}]}
    made = json.loads((await http.ask("POST", "/interactions", head))[1])
    call = _Call(made["id"], made["stream_token"])
    consent = {"type": "consent", "t": 0.0, "result": "accepted", "method": "keypad", "prompt_version": "p1"}
    prompt = {"type": "prompt_delivered", "t": 0.0, "prompt_version": "p1", "channel": "ivr"}
    await http.ask("POST", f"/interactions/{call.id}/events", {"events": [prompt, consent]})
    call.transport, _ = await ws_connect(WSListener, f"{ws}/v1/ingest/twilio?token={call.token}")
    form = {"encoding": "audio/x-mulaw", "sampleRate": _RATE, "channels": 1}
    start: dict[str, Any] = {"accountSid": "AC0", "streamSid": "MZ0", "callSid": "CA0", "tracks": _TRACKS}
    start |= {"mediaFormat": form, "customParameters": {}}
    message = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ0"}
    call.transport.send(WSMsgType.TEXT, json.dumps(message))
    return call


async def _pace(calls: list[_Call]) -> None:
    """Sends every call's frames when they are due, until cancelled."""
    began, step = time.perf_counter(), 0
    while True:
        await asyncio.sleep(max(0.0, began + step * _FRAME_S / _PARTS - time.perf_counter()))
        for call in calls[step % _PARTS :: _PARTS]:
            call.send()
        step += 1


async def _post(http: _Http, call: _Call, kind: str) -> tuple[float, float]:
    """A stop or its end at the instant up to which media was sent: when it was sent, and milliseconds to the answer."""
    t, sent = call.t, time.perf_counter()
    body = {"type": kind, "t": t, "method": "verbal"} | ({"reason_code": "asked"} if kind == "opt_out" else {})
    took, _ = await http.ask("POST", f"/interactions/{call.id}/events", body)
    if kind == "opt_out":
        call.since = t
    elif call.since is not None:
        call.closed.append((call.since, t))
        call.since = None
    return sent, took


async def _stored(http: _Http, call: _Call) -> tuple[int, int, int]:
    """(samples stored in closed stretches, samples of closed stretches, samples stored) over both tracks."""
    assert call.transport is not None
    call.transport.disconnect()
    end = call.t
    if call.since is not None:
        call.closed.append((call.since, end))
    await http.ask("POST", f"/interactions/{call.id}/events", {"type": "call_end", "t": end})
    await http.ask("POST", f"/interactions/{call.id}/seal")
    listed = json.loads((await http.ask("GET", f"/interactions/{call.id}/artifacts"))[1])["artifacts"]
    leaked = closed = stored = 0
    for artifact in listed:
        _, content = await http.ask("GET", f"/artifacts/{artifact['id']}/content")
        sound = np.frombuffer(content[44:], "<i2") != 0
        stored += int(sound.sum())
        for start, finish in call.closed:
            part = sound[round(start * _RATE) : round(finish * _RATE)]
            leaked += int(part.sum())
            closed += len(part)
    return leaked, closed, stored


@dataclass
class _Seen:
    """`stops`: (interaction, when sent). `answers`, `plain`: milliseconds of posts, and of plain reads beside them."""

    stops: list[tuple[str, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    leaked: int = 0
    closed: int = 0
    stored: int = 0


async def _drive(ready: dict[str, str], streams: int) -> _Seen:
    control, other = [await _Http.to(ready["api"], ready["api_key"]) for _ in range(2)]
    calls = [await _begin(control, ready["ws"]) for _ in range(streams)]
    pacing = asyncio.create_task(_pace(calls))
    await asyncio.sleep(_WARM_S)
    seen, turn = _Seen(), 0
    while len(seen.stops) < _STOPS:
        call = calls[turn % streams]
        turn += 1
        sent, took = await _post(control, call, "opt_out" if call.since is None else "opt_in")
        if call.since is not None:
            seen.stops.append((call.id, sent))
            seen.answers.append(took)
        await asyncio.sleep(_APART_S / 2)
        seen.plain.append((await other.ask("GET", f"/interactions/{call.id}"))[0])
        await asyncio.sleep(_APART_S / 2)
    pacing.cancel()
    found = [await _stored(control, call) for call in calls]
    seen.leaked, seen.closed, seen.stored = (sum(column) for column in zip(*found, strict=True))
    assert seen.closed, "no stretch was closed: there is nothing to find"
    assert seen.stored, "nothing was stored: there is nothing to find"
    return seen


def _acted(seen: _Seen, marks: list[tuple[str, float]]) -> list[float]:
    """Milliseconds from each stop's sending to when its call's gates had closed."""
    by_call: dict[str, list[float]] = {}
    for call, at in marks:
        by_call.setdefault(call, []).append(at)
    return [(next(at for at in by_call[call] if at > sent) - sent) * 1e3 for call, sent in seen.stops]


def _p99(figures: Sequence[float]) -> float:
    return float(np.percentile(figures, 99))


def _median(figures: Sequence[float]) -> float:
    return float(np.median(figures))


def _line(
    name: str,
    unit: str,
    figures: Sequence[float],
    baseline: Sequence[float],
    of: Callable[[Sequence[float]], float],
    goal: float | None,
    n: int | None = None,
) -> None:
    """As `bench.measure.report`, of another statistic than the median."""
    value, base = of(figures), of(baseline)
    line = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "baseline": round(base, 3),
        "ratio": round(value / base, 3),
        "goal": goal,
        "pass": goal is None or value <= goal,
        "n": len(figures) if n is None else n,
        "spread": [round(min(figures), 3), round(max(figures), 3)],
    }
    print(json.dumps(line), flush=True)


def _stop(streams: int) -> None:
    with scratch() as folder:
        ready, marks = folder / "ready.json", folder / "marks.json"
        with (folder / "log").open("wb") as log:
            server = _serve(folder, ready, marks, log)
        try:
            while not ready.exists():
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
            seen = uvloop.run(_drive(json.loads(ready.read_text()), streams))
        finally:
            server.terminate()
            server.wait(40)
        acted = _acted(seen, json.loads(marks.read_text()))
    _line(f"stop-{streams}-p99", "ms", acted, seen.plain, _p99, _GOAL_MS)
    _line(f"stop-{streams}-median", "ms", acted, seen.plain, _median, None)
    _line(f"stop-{streams}-answer-p99", "ms", seen.answers, seen.plain, _p99, None)
    _line(f"stop-{streams}-answer-median", "ms", seen.answers, seen.plain, _median, None)
    _line(f"stop-{streams}-stored-after", "samples", [seen.leaked], [seen.stored], max, 0.0, n=seen.closed)


def _serve(folder: Path, ready: Path, marks: Path, log: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.stop", str(marks), "--data", str(folder / "data")]
    command += ["--keys", str(folder / "keys" / "root.key"), "--ready-file", str(ready)]
    return subprocess.Popen(command, stdout=log, stderr=log)


def _probed(marks: Path, options: list[str]) -> int:
    """The server as it ships, but that it notes [interaction, seconds] when the gates of a call have heard an event."""
    noted: list[tuple[str, float]] = []

    def noting(live: Live) -> None:
        recheck(live)
        noted.append((live.conversation.interaction, time.perf_counter()))

    with mock.patch.object(tell, "recheck", noting):
        status = serve.run(options)
    marks.write_text(json.dumps(noted))
    return status


FIGURES: dict[str, Callable[[], None]] = {"stop-1": partial(_stop, 1), "stop-50": partial(_stop, 50)}

if __name__ == "__main__":
    sys.exit(_probed(Path(sys.argv[1]), sys.argv[2:]))
