"""`python -m bench.soak`: a real server at 70 % of its ceiling, for an hour or SOAK_SECONDS; exit status 1 where
something did not hold. A run of less than ten minutes may be asked of a machine that others use: half of that load.

Calls send at their own pace; each has a stop and a payment stretch, ends after one to three minutes, is sealed, and
makes room for a new one. The ceiling is what the CPU time of a message and of a call that begins and ends promises for
one core, measured first, or SOAK_CALLS over 0.7. What must hold: the account of every call adds up to the sample when
it is sealed, and nothing is lost, late or invalid; the server logs no error; over the second half memory grows by no
more than 3 % (at least 12 MiB); there are never more than 64 file descriptors beside those of the calls, nor more
than 16 threads. Two minutes tell of calls that stay as a whole; what is less shows in an hour. The server keeps 4096
unwrapped keys; a shorter run keeps fewer, or it would only measure how those fill up."""

import asyncio
import itertools
import json
import os
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import uvloop

from bench.calls import FRAME, PER_SECOND, Call, Fleet, Http, consented
from bench.measure import scratch
from bench.servers import Server, running
from onrecord.entrypoints import bootstrap
from onrecord.entrypoints.cli import serve
from onrecord.vault.keyring import CAPACITY, Keyring

_HOUR = 3600.0
_SHARE = 0.7
_SHORT = 600.0
_PROBE_CALLS = 100
_PROBE_S = 6.0
_WARM = 9 * PER_SECOND
_LENGTHS = (60.0, 180.0)  # seconds of media; in a short run an eighth and a third of it
_FEWEST_KEYS = 1024
_PATIENCE_S = 600.0
_COMING_AND_GOING = 1.5  # of what it costs to begin a call
_CONTROLS = 8  # connections
_SAMPLES = 400
_GROWTH = 0.03
_LEAST_GROWTH = 12 << 20
_THREADS = 16
_OWN = 64  # descriptors that are no call's
_FATES = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
_NEVER = ("missing", "late", "duplicate", "invalid", "held", "lost")
_CHOSEN = random.Random(4)  # noqa: S311 - how long a call lasts is no secret


@dataclass(frozen=True)
class _Sample:
    rss: int
    descriptors: int
    threads: int


@dataclass
class _Soak:
    """`wrong`: what did not hold."""

    server: Server
    seconds: float
    fleet: Fleet = field(default_factory=lambda: Fleet(patience=_PATIENCE_S))
    samples: list[_Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ended: int = 0
    stops: int = 0
    lengths: tuple[float, float] = _LENGTHS
    ends: float = 0.0
    _https: "itertools.cycle[Http]" = field(default_factory=lambda: itertools.cycle(()))

    async def run(self) -> int:
        """How many calls it held."""
        ready = self.server.ready
        self._https = itertools.cycle([await Http.to(ready["api"], ready["api_key"]) for _ in range(_CONTROLS)])
        self.lengths = min(_LENGTHS[0], self.seconds / 8), min(_LENGTHS[1], self.seconds / 3)
        pacing = asyncio.create_task(self.fleet.pace())
        before = self.server.cpu_seconds()
        given = int(os.environ.get("SOAK_CALLS", _PROBE_CALLS))
        first = [await self._begin() for _ in range(min(given, _PROBE_CALLS))]
        calls = await self._bearable((self.server.cpu_seconds() - before) / len(first))
        self.ends = asyncio.get_running_loop().time() + self.seconds
        for call in first:
            call.until = call.t + _CHOSEN.uniform(0.0, self.lengths[1])
        lines = [asyncio.create_task(self._line(call)) for call in first]
        while len(lines) < calls:
            lines.append(asyncio.create_task(self._line(await self._begin(_CHOSEN.uniform(0.0, self.lengths[1])))))
        watching = asyncio.create_task(self._watch())
        await asyncio.gather(*lines, watching)
        pacing.cancel()
        return calls

    async def _bearable(self, begun: float) -> int:
        """Calls at the share of the ceiling, by the CPU time of a message and, `begun`, of a call's beginning."""
        if "SOAK_CALLS" in os.environ:
            return int(os.environ["SOAK_CALLS"])
        await asyncio.sleep(2.0)
        self.fleet.forget()
        before = self.server.cpu_seconds()
        await asyncio.sleep(_PROBE_S)
        cost = (self.server.cpu_seconds() - before) / self.fleet.sent
        second = PER_SECOND * cost + _COMING_AND_GOING * begun / statistics.mean(self.lengths)
        share = _SHARE if self.seconds >= _SHORT else _SHARE / 2
        return max(_PROBE_CALLS, round(share / second))

    async def _begin(self, length: float = 0.0) -> "_Timed":
        http = next(self._https)
        call = await consented(http, self.server.ready["ws"], self.fleet, _CHOSEN.randrange(_WARM))
        return _Timed(call, call.t + (length or _CHOSEN.uniform(*self.lengths)))

    async def _line(self, timed: "_Timed") -> None:
        """One call after the other."""
        while True:
            await self._live(timed)
            if asyncio.get_running_loop().time() >= self.ends:
                return
            timed = await self._begin()

    async def _live(self, timed: "_Timed") -> None:
        call = timed.call
        marks = sorted(_CHOSEN.uniform(call.t, timed.until) for _ in range(4))
        script = ("opt_out", "opt_in", "segment_start", "segment_end")
        for at, kind in zip(marks, script, strict=True):
            await self._reach(call, at)
            await self._tell(call, kind)
        await self._reach(call, timed.until)
        await self._end(call)

    async def _reach(self, call: Call, t: float) -> None:
        """Until the call's media has come to second `t`, or the run to its end."""
        left = self.ends - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(left, t - call.t)))

    async def _tell(self, call: Call, kind: str) -> None:
        event: dict[str, Any] = {"type": kind, "t": call.t}
        event |= {"method": "verbal"} if kind.startswith("opt") else {"segment": "payment", "n": 1}
        event |= {"reason_code": "asked"} if kind == "opt_out" else {}
        await next(self._https).ask("POST", f"/interactions/{call.id}/events", event)
        self.stops += kind in {"opt_out", "segment_start"}

    async def _end(self, call: Call) -> None:
        http, path = next(self._https), f"/interactions/{call.id}"
        await self.fleet.stop(call)
        await http.ask("POST", f"{path}/events", {"type": "call_end", "t": call.t})
        await http.ask("POST", f"{path}/seal")
        tracks = (await http.ask("GET", f"{path}/accounting"))["tracks"]
        counts = tracks["customer"]
        if counts["received"] + counts["missing"] != sum(counts[fate] for fate in _FATES):
            self.wrong.append(f"an account does not add up: {counts}")
        if counts["received"] != call.sent * FRAME or any(counts[fate] for fate in _NEVER):
            self.wrong.append(f"not every sample sent was taken: {call.sent * FRAME} sent, {counts}")
        self.ended += 1

    async def _watch(self) -> None:
        while asyncio.get_running_loop().time() < self.ends:
            server = self.server
            self.samples.append(_Sample(server.rss_bytes(), server.descriptors(), server.threads()))
            await asyncio.sleep(self.seconds / _SAMPLES)


@dataclass
class _Timed:
    """A call, and the second of its media at which it ends."""

    call: Call
    until: float

    @property
    def t(self) -> float:
        return self.call.t


def growth(values: Sequence[float]) -> float:
    """Over the whole of them, by the line that fits best."""
    return statistics.linear_regression(range(len(values)), values).slope * len(values)


def errors(log: Path) -> list[str]:
    """Lines that say that something failed, or say it in no form of the product's."""
    found = []
    for line in log.read_text().splitlines():
        try:
            level = json.loads(line)["level"]
        except (ValueError, KeyError, TypeError):
            level = "error"
        if level in {"error", "critical"}:
            found.append(line)
    return found


def _verdict(soak: _Soak, calls: int) -> int:
    half = soak.samples[len(soak.samples) // 2 :]
    memory = [float(sample.rss) for sample in half]
    bound = max(_GROWTH * statistics.mean(memory), _LEAST_GROWTH)
    grown, peak = growth(memory), max(sample.rss for sample in soak.samples)
    lines = [
        ("soak-memory-growth", grown / 2**20, "MiB", bound / 2**20),
        ("soak-descriptors", float(max(sample.descriptors for sample in half)), "files", float(calls + _OWN)),
        ("soak-threads", float(max(sample.threads for sample in soak.samples)), "threads", float(_THREADS)),
        ("soak-wrong-accounts", float(len(soak.wrong)), "calls", 0.0),
        ("soak-errors-logged", float(len(errors(soak.server.log))), "lines", 0.0),
    ]
    for name, value, unit, goal in lines:
        line = {"name": name, "value": round(value, 3), "unit": unit, "goal": round(goal, 3), "pass": value <= goal}
        print(json.dumps(line), flush=True)
    known = {"calls": calls, "seconds": soak.seconds, "ended": soak.ended, "stops": soak.stops}
    known |= {"rss_mib": round(peak / 2**20), "threads": half[-1].threads, "descriptors": half[-1].descriptors}
    print(json.dumps({"name": "soak", **known}), flush=True)
    for what in [*soak.wrong[:5], *errors(soak.server.log)[:5]]:
        print(what, file=sys.stderr)
    return 0 if soak.ended and all(value <= goal for _, value, _, goal in lines) else 1


def main() -> int:
    seconds = float(os.environ.get("SOAK_SECONDS", _HOUR))
    share = str(min(1.0, seconds / _HOUR))
    with scratch() as folder, running(folder / "soak", ["-m", "bench.soak", "serve", share]) as server:
        soak = _Soak(server, seconds)
        calls = uvloop.run(soak.run())
        return _verdict(soak, calls)


def _serve(share: float, options: list[str]) -> int:
    """The server as it ships, but for how many keys it keeps: so much of them."""
    keyring = partial(Keyring, capacity=max(_FEWEST_KEYS, round(CAPACITY * share)))
    with mock.patch.object(bootstrap, "Keyring", keyring):
        return serve.run(options)


if __name__ == "__main__":
    sys.exit(_serve(float(sys.argv[2]), sys.argv[3:]) if sys.argv[1:2] == ["serve"] else main())
