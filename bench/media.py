"""What a media message costs: calls of 50 messages a second, each over a WebSocket of its own, against a real server
process: decoded, gated, accounted for, encrypted, written, and put on record.

The baseline is `bench.bare`, which only decodes the JSON. `media-cpu`: CPU time a message, user and system, all threads
of the server. `media-calls`: the most calls at which the server keeps up, both searched in turn on the same core: the
p99 of handling is under 20 ms (from a message to the pong of the ping behind it, which keeps its place), no send waits,
and no sample is withheld, lost or missing. `media-p99`: that p99 at the most calls. Every call is past its hold-back
and somewhere in its segment when it begins to count."""

import asyncio
import itertools
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from bench.calls import PER_SECOND, Call, CrowdedError, Fleet, Http, consented
from bench.measure import report, rounds, scratch
from bench.servers import Server, bare, product

_GOAL_US = 25.0
_GOAL_SHARE = 0.35
_GOAL_MS = 20.0
_LAG_MS = 5.0  # a client that is later than this measures itself
_WARM = (5 * PER_SECOND, 9 * PER_SECOND)  # frames sent at once: the hold-back, and a part of a segment
_SETTLE_S = 2.0
_CPU_CALLS = 200
_CPU_S = 8.0
_CPU_ROUNDS = 3
_LEVEL_S = 3.0
_SEARCHES = 2
_STEP = 1.1
_BEGIN = 0.55  # of what the CPU time of a first level promises
_FIRST = {"product": 200, "bare": 600}
_CHOSEN = random.Random(3)  # noqa: S311 - which call is looked at is no secret
_number = itertools.count()


@dataclass
class _Load:
    """Calls against one server."""

    server: Server
    fleet: Fleet
    http: Http | None

    async def grow(self, calls: int) -> None:
        """Errors: CrowdedError."""
        while len(self.fleet.calls) < calls:
            if self.http is None:
                await self.fleet.join("", self.server.ready["ws"], "/", 0)
            else:
                await consented(self.http, self.server.ready["ws"], self.fleet, _CHOSEN.randrange(*_WARM))

    async def measured(self, seconds: float) -> "_Level":
        await asyncio.sleep(_SETTLE_S)
        self.fleet.forget()
        before = self.server.cpu_seconds()
        await asyncio.sleep(seconds)
        used = self.server.cpu_seconds() - before
        fleet = self.fleet
        whole = fleet.sent >= 0.995 * seconds * PER_SECOND * len(fleet.calls)
        kept = not fleet.stalls and whole and not any(call.closed for call in fleet.calls)
        cost = used / fleet.sent * 1e6
        level = _Level(len(fleet.calls), cost, _p99(fleet.rounds), _p99(fleet.lags), kept)
        return level if kept and await self._all_stored() else level.failed()

    async def _all_stored(self) -> bool:
        """Whether of some calls nothing was withheld, lost or missed."""
        if self.http is None:
            return True
        chosen: list[Call] = _CHOSEN.sample(self.fleet.calls, min(5, len(self.fleet.calls)))
        found = [await self.http.ask("GET", f"/interactions/{call.id}/accounting") for call in chosen]
        tracks: list[dict[str, Any]] = [track for each in found for track in each["tracks"].values()]
        wrong = ("missing", "silenced_policy", "late", "duplicate", "invalid", "lost")
        return all(track["written"] and not any(track[fate] for fate in wrong) for track in tracks)


@dataclass(frozen=True)
class _Level:
    """`cost` in microseconds a message, `p99` and `lag` in milliseconds; `kept`: nothing waited, nothing went wrong."""

    calls: int
    cost: float
    p99: float
    lag: float
    kept: bool

    def failed(self) -> "_Level":
        return _Level(self.calls, self.cost, self.p99, self.lag, kept=False)

    @property
    def passes(self) -> bool:
        return self.kept and self.p99 < _GOAL_MS and self.lag < _LAG_MS


def _p99(seconds: Sequence[float]) -> float:
    """Milliseconds."""
    return statistics.quantiles(seconds, n=100)[98] * 1e3 if len(seconds) > 1 else float("inf")


def _against(kind: str, folder: Path, work: "Callable[[_Load], Any]") -> Any:
    """What `work` gives with a new server of that kind."""

    async def drive(server: Server) -> Any:
        ready, fleet = server.ready, Fleet()
        http = await Http.to(ready["api"], ready["api_key"]) if "api" in ready else None
        pacing = asyncio.create_task(fleet.pace())
        try:
            return await work(_Load(server, fleet, http))
        finally:
            pacing.cancel()

    with {"product": product, "bare": bare}[kind](folder / f"{kind}-{next(_number)}") as server:
        return uvloop.run(drive(server))


def _cost(kind: str, folder: Path) -> float:
    async def work(load: _Load) -> float:
        await load.grow(_CPU_CALLS)
        level: _Level = await load.measured(_CPU_S)
        return level.cost

    return float(_against(kind, folder, work))


def _most(kind: str, folder: Path) -> _Level:
    """The highest level that passes, from one that CPU time promises in steps of a tenth."""

    async def work(load: _Load) -> _Level:
        await load.grow(_FIRST[kind])
        best = await load.measured(_LEVEL_S)
        calls = max(_FIRST[kind] * _STEP, _BEGIN * 1e6 / PER_SECOND / best.cost)
        level = best
        while level.passes:
            best = level
            try:
                await load.grow(round(calls))
            except CrowdedError:
                break
            level = await load.measured(_LEVEL_S)
            calls *= _STEP
        return best

    found: _Level = _against(kind, folder, work)
    return found


def _cpu() -> None:
    with scratch() as folder:
        cases = {kind: lambda kind=kind: _cost(kind, folder) for kind in ("product", "bare")}
        figures = rounds(cases, _CPU_ROUNDS)
    report("media-cpu", "us/message", figures["product"], figures["bare"], goal_max=_GOAL_US)


def _calls() -> None:
    levels: dict[str, list[_Level]] = {"product": [], "bare": []}

    def search(kind: str) -> float:
        level = _most(kind, folder)
        levels[kind].append(level)
        return float(level.calls if level.passes else 0)

    with scratch() as folder:
        figures = rounds({kind: lambda kind=kind: search(kind) for kind in levels}, _SEARCHES)
    report("media-calls", "calls/core", figures["product"], figures["bare"], goal_ratio=_GOAL_SHARE)
    ours, floor = ([level.p99 for level in levels[kind]] for kind in ("product", "bare"))
    report("media-p99", "ms", ours, floor, goal_max=_GOAL_MS)
    ours, floor = ([level.cost for level in levels[kind]] for kind in ("product", "bare"))
    report("media-cpu-at-most-calls", "us/message", ours, floor, goal_max=_GOAL_US)


FIGURES: dict[str, Callable[[], None]] = {"media-cpu": _cpu, "media-calls": _calls}
