"""How soon a stop acts, and that nothing is stored after it: a real server process on a core of its own.

`perf_counter` is the machine's monotonic clock, one for all processes. `stop-N-p99` runs from the client's first byte
of the post to the instant at which the gates of the call have closed in the server (`_probed` notes it): from then on
every frame is withheld. `stop-N-answer` runs to the answer, when the closing is durable too. The baseline is a plain
read beside the stops. N streams send at their own pace; `overload`: 200 send as fast as they are taken, on the client's
core, while calls among them are stopped now and again; `full-disk`: 200 at their own pace, and from before the first
stop on every write of the server fails with ENOSPC.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import uvloop

from bench.measure import scratch
from bench.stop_call import Call, Http, admit, begin, found, pace, post
from onrecord.entrypoints.cli import serve
from onrecord.workflow import tell
from onrecord.workflow.live import Live
from onrecord.workflow.stream import recheck

_WARM_S = 3.0
_STORED_S = 9.0  # by then a segment of every track is stored
_STOPS = 250
_STOPPED = 25  # of many calls, which are stopped
_SIDE_BY_SIDE = 5
_APART_S = 0.08  # between one post and the next
_GOAL_MS = 20.0
_MANY = 200
_FULL = 507


@dataclass
class _Seen:
    """`stops`: (interaction, when sent). `answers`, `plain`: milliseconds of posts, and of plain reads beside them."""

    stops: list[tuple[str, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    leaked: int = 0
    closed: int = 0
    stored: int = 0

    async def stop(self, control: Http, other: Http, call: Call, *, answers: tuple[int, ...] = (200, 201)) -> None:
        """Stops the call, or ends its stop; then reads it."""
        kind = "opt_in" if call.stopped else "opt_out"
        sent, took = await post(control, call, kind, answers=answers)
        if call.stopped:
            self.stops.append((call.id, sent))
            self.answers.append(took)
        await asyncio.sleep(_APART_S / 2)
        self.plain.append((await other.ask("GET", f"/interactions/{call.id}"))[0])
        await asyncio.sleep(_APART_S / 2)

    async def find(self, http: Http, calls: Sequence[Call]) -> None:
        told = [await found(http, call) for call in calls]
        self.leaked, self.closed, self.stored = (sum(column) for column in zip(*told, strict=True))
        assert self.closed, "no stretch was closed: there is nothing to find"
        assert self.stored, "nothing was stored: there is nothing to find"


@dataclass
class _Host:
    """A server process. `machine`: what its disk does, where that is told."""

    ready: dict[str, str]
    process: subprocess.Popen[bytes]
    data: Path
    machine: Any

    async def client(self) -> Http:
        """To be used within seconds: the server ends a connection that asks nothing."""
        return await Http.to(self.ready["api"], self.ready["api_key"])


async def _paced(host: _Host, *, streams: int) -> _Seen:
    control = await host.client()
    calls = [await begin(control, host.ready["ws"]) for _ in range(streams)]
    pacing = asyncio.create_task(pace(calls))
    await asyncio.sleep(_WARM_S)
    other = await host.client()
    seen, turn = _Seen(), 0
    stopped = calls[:_STOPPED] if streams >= _MANY else calls
    while len(seen.stops) < _STOPS:
        await seen.stop(control, other, stopped[turn % len(stopped)])
        turn += 1
    pacing.cancel()
    await seen.find(control, stopped)
    return seen


async def _overload(host: _Host) -> _Seen:
    control = await host.client()
    calls = [await admit(control) for _ in range(_MANY)]
    command = [sys.executable, "-m", "bench.stop_flood", host.ready["ws"], *(call.token for call in calls)]
    flood = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    seen = _Seen()
    try:
        assert flood.stdout is not None
        assert await flood.stdout.readline() == b"flowing\n"
        await asyncio.sleep(_WARM_S)
        await asyncio.gather(*(_stop_some(host, seen, calls[n:_STOPPED:_SIDE_BY_SIDE]) for n in range(_SIDE_BY_SIDE)))
    finally:
        flood.terminate()
        await flood.wait()
    await seen.find(control, calls[:_STOPPED])
    return seen


async def _stop_some(host: _Host, seen: _Seen, calls: Sequence[Call]) -> None:
    """One client of several: an answer comes when what is stored of the call has been brought under the stop."""
    control, other, turn = await host.client(), await host.client(), 0
    while len(seen.stops) < _STOPS:
        await seen.stop(control, other, calls[turn % len(calls)])
        turn += 1


async def _full_disk(host: _Host) -> _Seen:
    control = await host.client()
    calls = [await begin(control, host.ready["ws"]) for _ in range(_MANY)]
    pacing = asyncio.create_task(pace(calls))
    await asyncio.sleep(_STORED_S)
    other = await host.client()
    seen = _Seen()
    calls_of = import_module("machine")
    with host.machine.failing(calls_of.GROWING, host.data, calls_of.FULL):
        for call in calls:
            await seen.stop(control, other, call, answers=(_FULL,))
    pacing.cancel()
    await seen.find(control, calls[:_STOPPED])
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


@contextlib.contextmanager
def _serving(folder: Path, marks: Path, *options: str, failing: bool) -> Iterator[_Host]:
    ready, data, machine = folder / "ready.json", folder / "data", None
    environment = dict(os.environ)
    if failing:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "functional"))
        tool = import_module("machine")
        machine = tool.Machine(tool.compiled(folder), folder)
        environment |= machine.environment
    command = [sys.executable, "-m", "bench.stop", str(marks), "--data", str(data), "--ready-file", str(ready)]
    command += ["--keys", str(folder / "keys" / "root.key"), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        while not ready.exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield _Host(json.loads(ready.read_text()), process, data, machine)
    finally:
        process.terminate()
        process.wait(60)


def _apart(server: int) -> None:
    """The server on the first core, all that is the client's on the others, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        for thread in Path(f"/proc/{server}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores[:1])
        os.sched_setaffinity(0, cores[1:])


def _stop(name: str, drive: Callable[[_Host], Awaitable[_Seen]], *options: str, failing: bool = False) -> None:
    cores = os.sched_getaffinity(0)
    with scratch() as given:
        folder = given.resolve()
        marks = folder / "marks.json"
        with _serving(folder, marks, *options, failing=failing) as host:
            _apart(host.process.pid)
            seen = uvloop.run(_run(drive, host))
        os.sched_setaffinity(0, cores)
        acted = _acted(seen, json.loads(marks.read_text()))
    _line(f"{name}-p99", "ms", acted, seen.plain, _p99, _GOAL_MS)
    _line(f"{name}-median", "ms", acted, seen.plain, _median, None)
    _line(f"{name}-answer-p99", "ms", seen.answers, seen.plain, _p99, None)
    _line(f"{name}-answer-median", "ms", seen.answers, seen.plain, _median, None)
    _line(f"{name}-stored-after", "samples", [seen.leaked], [seen.stored], max, 0.0, n=seen.closed)


async def _run(drive: Callable[[_Host], Awaitable[_Seen]], host: _Host) -> _Seen:
    return await drive(host)


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


FIGURES: dict[str, Callable[[], None]] = {
    **{f"stop-{n}": partial(_stop, f"stop-{n}", partial(_paced, streams=n)) for n in (1, 50, _MANY)},
    "stop-overload": partial(_stop, "stop-overload", _overload),
    "stop-full-disk": partial(_stop, "stop-full-disk", _full_disk, "--hold-back", "1", failing=True),
}

if __name__ == "__main__":
    sys.exit(_probed(Path(sys.argv[1]), sys.argv[2:]))
