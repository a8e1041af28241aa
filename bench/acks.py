"""One-event submissions offered open loop, in process: how long until each is durable and its task goes on.

The path is the workflow's: canonical JSON, salt, commitment, sealing in the event loop; then the sequencer's thread
gives it its leaf, signs the head over the group and commits; then the loop hears of it. An acknowledgement is timed
from the instant at which its submission was due, so that whatever holds the loop up counts as waiting."""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from bench.ledger import Plane, event
from bench.measure import report, scratch
from onrecord.entrypoints.cli import collector
from onrecord.workflow.acks import Acks

_RATE = 20_000
_SECONDS = 2.0
_WARM_SECONDS = 0.5
_TICK = 0.001
_EVENTS = 1000
_ROUNDS = 5
_SYNC_BYTES = 16_384
_SWITCH_SECONDS = 0.0005  # as the server has it


def _fdatasync_ms(directory: Path) -> float:
    """Median of 200: what one costs after a write of some pages over bytes that stand in the file already."""
    descriptor = os.open(directory / "sync", os.O_RDWR | os.O_CREAT, 0o600)
    times: list[float] = []
    block = os.urandom(_SYNC_BYTES)
    try:
        os.write(descriptor, block * 64)
        os.fsync(descriptor)
        for turn in range(200):
            os.pwrite(descriptor, block, turn % 64 * _SYNC_BYTES)
            start = time.perf_counter()
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - start)
    finally:
        os.close(descriptor)
    return statistics.median(times) * 1e3


async def _offer(plane: Plane) -> list[float]:
    """Seconds from due to acknowledged, of every submission after the warm-up."""
    acks = Acks()
    warm, end = int(_RATE * _WARM_SECONDS), int(_RATE * (_WARM_SECONDS + _SECONDS))
    events = [event(number) for number in range(_EVENTS)]
    heard: list[float] = []
    last: asyncio.Future[object] | None = None

    def acknowledged(_: asyncio.Future[object]) -> None:
        heard.append(time.perf_counter())

    start = time.perf_counter()
    offered = 0
    while offered < end:
        due = min(end, int((time.perf_counter() - start) * _RATE))
        for number in range(offered, due):
            last = acks.submit(plane.sequencer, plane.drafts([events[number % _EVENTS]]))
            last.add_done_callback(acknowledged)
        offered = max(offered, due)
        await asyncio.sleep(_TICK)
    await last
    return [at - start - number / _RATE for number, at in enumerate(heard)][warm:]


def _p99_ms(directory: Path) -> float:
    plane = Plane(directory)
    collector.settle()
    try:
        waits = uvloop.run(_offer(plane))
    finally:
        plane.close()
    return statistics.quantiles(waits, n=100)[98] * 1e3


def _acks() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    quotients: list[float] = []
    try:
        with scratch() as directory:
            for _ in range(_ROUNDS):
                sync = _fdatasync_ms(directory)
                p99 = _p99_ms(directory)
                quotients.append(p99 / statistics.mean([sync, _fdatasync_ms(directory)]))
    finally:
        sys.setswitchinterval(before)
    report("acks-20k", "fdatasyncs", quotients, goal_max=40.0)


FIGURES: dict[str, Callable[[], None]] = {"acks-20k": _acks}
