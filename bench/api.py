"""Telling an event over HTTP: one real server process on one core, its clients on another, beside Starlette with
msgspec on uvicorn that answers the same bytes from no database.

Every event has 400 bytes. Half of them change verdicts: opt-outs and opt-ins of most kinds, in turn with prompts and
consents. `*-cpu` counts by seconds of the server's CPU, user and system, of all its threads.
"""

import asyncio
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from bench.measure import report, scratch

_ROUNDS = 5
_SECONDS = 2.0
_WARM_SECONDS = 0.5
_CONNECTIONS = 64
_INTERACTIONS = 200
_BYTES = 400
_BATCH = 100
_GOAL = 0.25
_BATCH_GOAL = 5.0
_NO_KEY = "none"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KINDS = ["audio_recording", "transcript", "live_captions", "ai_summary", "sentiment", "qa_score", "agent_assist"]
_WORDS = "the caller asked the bot, in their own words, that nothing of what follows be kept"
_PROOF = {"prompt_version": "p1", "prompt_id": "recording-notice", "prompt_hash": "5f" * 32, "language": "en-IE"}
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_MIX: list[dict[str, Any]] = [
    {"type": "opt_out", "party": "customer", "method": "verbal", "reason_code": _WORDS, "kinds": _KINDS},
    {"type": "opt_in", "party": "customer", "method": "verbal", "kinds": [*_KINDS, *_KINDS]},
    {"type": "prompt_delivered", "to": "customer", "channel": "ivr", "grade": "sent", "offset": 2.5, **_PROOF},
    {"type": "consent", "result": "accepted", "method": "web_form", "user_agent": _AGENT, **_PROOF},
]


# The server that does nothing


class _Event(msgspec.Struct):
    type: str
    event_id: str
    t: float


_decode = msgspec.json.Decoder(_Event).decode


async def _answer(request: Request) -> Response:
    _decode(await request.body())
    return Response(b'{"ok":true,"seq":1}', media_type="application/json")


def _floor(ready: Path) -> None:
    """Until terminated. The ready file is in the form of the server's own."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        app = Starlette(routes=[Route("/v1/interactions/{interaction}/events", _answer, methods=["POST"])])
        config = uvicorn.Config(
            app, loop="uvloop", http="httptools", access_log=False, log_level="critical", lifespan="off"
        )
        ready.write_text(json.dumps({"api": f"http://127.0.0.1:{listener.getsockname()[1]}", "api_key": _NO_KEY}))
        uvicorn.Server(config).run([listener])


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int
    key: str

    def cpu(self) -> float:
        """Seconds on a core so far, of all its threads."""
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def serving(command: list[str], folder: Path, core: int) -> Iterator[Server]:
    """A server process on one core, which says in its ready file where it is."""
    ready = folder / "ready.json"
    pinned = ["taskset", "-c", str(core), sys.executable, "-m", *command, str(ready)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(pinned, stdout=log, stderr=log)
    try:
        while not ready.exists() or not ready.read_text().endswith("}"):
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        yield Server(process.pid, int(told["api"].rsplit(":", 1)[1]), told["api_key"])
    finally:
        process.terminate()
        process.wait(40)


def onrecord_in(folder: Path) -> list[str]:
    where = ["--data", str(folder / "data"), "--keys", str(folder / "keys" / "root.key")]
    return ["onrecord.entrypoints.cli.main", "serve", *where, "--ready-file"]


# The load


class _Connection(asyncio.Protocol):
    """One request at a time, the next as soon as the last is answered in full. `request` makes the bytes."""

    def __init__(self, request: Callable[[], bytes | None], done: asyncio.Future[None]) -> None:
        self._request, self._done = request, done
        self._held, self._left = b"", 0
        self.answered = 0
        self.times: list[float] = []

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = self._request()
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        else:
            self._held += data
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._held[9:12] in {b"200", b"201"}, self._held
            found = _LENGTH.search(self._held)
            assert found is not None
            self._left = int(found[1]) - (len(self._held) - end - 4)
            self._held = b""
        if self._left == 0:
            self.answered += 1
            self.times.append(time.perf_counter() - self._sent)
            self._send()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server has closed the connection"))


@dataclass(frozen=True, slots=True)
class _Load:
    """`rate`: requests a second, `per_cpu`: requests a second of the server's CPU; `p50`, `p99` in milliseconds."""

    rate: float
    per_cpu: float
    p50: float
    p99: float


async def _drive(server: Server, request: Callable[[], bytes], connections: int) -> _Load:
    loop = asyncio.get_running_loop()
    going = True
    dones = [loop.create_future() for _ in range(connections)]
    made = [
        (
            await loop.create_connection(
                partial(_Connection, lambda: request() if going else None, done), "127.0.0.1", server.port
            )
        )[1]
        for done in dones
    ]
    await asyncio.sleep(_WARM_SECONDS)
    before, cpu, start = sum(c.answered for c in made), server.cpu(), time.perf_counter()
    for connection in made:
        connection.times.clear()
    await asyncio.sleep(_SECONDS)
    count, used = sum(c.answered for c in made) - before, server.cpu() - cpu
    passed = time.perf_counter() - start
    times = sorted(t for c in made for t in c.times)
    going = False
    await asyncio.gather(*dones)
    return _Load(count / passed, count / used, times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3)


def post(path: str, key: str, body: bytes) -> bytes:
    head = (
        f"POST /v1/interactions{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _begin(server: Server) -> str:
    """A conversation that is agreed to, with all that may be made of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async def ask(path: str, body: object) -> Any:
        writer.write(post(path, server.key, json.dumps(body).encode()))
        head = await reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        assert found is not None
        return json.loads(await reader.readexactly(int(found[1])))

    made = await ask("", {"parties": [{"role": "customer", "jurisdiction": "IE"}, {"role": "agent"}]})
    prompt = {"type": "prompt_delivered", "t": 0.0, "prompt_version": "p1", "channel": "ivr"}
    consent = {"type": "consent", "t": 0.0, "result": "accepted", "method": "keypad", "prompt_version": "p1"}
    await ask(f"/{made['id']}/events", {"events": [prompt, consent]})
    writer.close()
    return str(made["id"])


def _event(number: int, t: float) -> bytes:
    """The next of the mix, for its instant and under an id of its own."""
    start = b'{"t":%.3f,"event_id":"%012d-' % (t, number)
    rest = _RESTS[number % len(_RESTS)]
    return start + b"x" * (_BYTES - len(start) - len(rest)) + rest


_RESTS = [b'",' + json.dumps(fields, separators=(",", ":"))[1:].encode() for fields in _MIX]


def _requests(server: Server, calls: list[str], batch: int) -> Callable[[], bytes]:
    """Posts to all conversations in turn, each with its own events in the order of time."""
    began = time.monotonic()
    numbers = {call: itertools.count() for call in calls}
    turns = itertools.cycle(calls)

    def request() -> bytes:
        call, t = next(turns), time.monotonic() - began
        events = [_event(next(numbers[call]), t) for _ in range(batch)]
        body = events[0] if batch == 1 else b'{"events":[%s]}' % b",".join(events)
        return post(f"/{call}/events", server.key, body)

    return request


def _loaded(server: Server, batch: int, interactions: int, connections: int) -> _Load:
    async def load() -> _Load:
        calls = ["int_" + "0" * 32] * interactions
        if server.key != _NO_KEY:
            calls = [await _begin(server) for _ in range(interactions)]
        return await _drive(server, _requests(server, calls, batch), connections)

    return uvloop.run(load())


# The figures


@contextmanager
def apart() -> Iterator[int]:
    """The core for servers; this process keeps to another while it drives them."""
    cores = os.sched_getaffinity(0)
    server = min(cores)
    os.sched_setaffinity(0, cores - {server} or cores)
    try:
        yield server
    finally:
        os.sched_setaffinity(0, cores)


def _measured(cases: dict[str, tuple[int, int, int]]) -> dict[str, list[_Load]]:
    """Each case (events a post, conversations, connections) and the floor, in turn, on servers started anew."""
    found: dict[str, list[_Load]] = {name: [] for name in ("floor", *cases)}
    with apart() as core:
        for turn in range(_ROUNDS):
            for name in list(found)[:: -1 if turn % 2 else 1]:
                with scratch() as folder:
                    command = ["bench.api"] if name == "floor" else onrecord_in(folder)
                    with serving(command, folder, core) as server:
                        batch, interactions, connections = cases.get(name, (1, 1, _CONNECTIONS))
                        found[name].append(_loaded(server, batch, interactions, connections))
    return found


def _posts() -> None:
    found = _measured({"post": (1, _INTERACTIONS, _CONNECTIONS), "single": (1, 1, _CONNECTIONS)})
    floor = found["floor"]
    for name, loads, goal in (("api-post", found["post"], _GOAL), ("api-post-single", found["single"], None)):
        report(name, "posts/s", [load.rate for load in loads], [load.rate for load in floor], goal_ratio=goal)
        per_cpu = [load.per_cpu for load in loads], [load.per_cpu for load in floor]
        report(f"{name}-cpu", "posts/CPU s", *per_cpu, goal_ratio=goal)
        report(f"{name}-p50", "ms", [load.p50 for load in loads], [load.p50 for load in floor])
        report(f"{name}-p99", "ms", [load.p99 for load in loads], [load.p99 for load in floor])


def _batches() -> None:
    found = _measured({"post": (1, _INTERACTIONS, _CONNECTIONS), "batch": (_BATCH, _INTERACTIONS, 8)})
    batch, post = found["batch"], found["post"]
    report(
        "api-batch",
        "events/s",
        [load.rate * _BATCH for load in batch],
        [load.rate for load in post],
        goal_ratio=_BATCH_GOAL,
    )
    per_cpu = [load.per_cpu * _BATCH for load in batch], [load.per_cpu for load in post]
    report("api-batch-cpu", "events/CPU s", *per_cpu, goal_ratio=_BATCH_GOAL)


FIGURES: dict[str, Callable[[], None]] = {"api-post": _posts, "api-batch": _batches}

if __name__ == "__main__":
    _floor(Path(sys.argv[1]))
