"""What is counted for an operator: numbers by words of closed lists, never an id.

Counting costs what an addition costs; nothing is counted per frame but what the gates count already, which is read when
somebody asks."""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from onrecord.capture.accounting import Accounting
from onrecord.interaction.events import Event
from onrecord.policy.verdict import Flag
from onrecord.workflow.live import Live

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
EVENTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
FRAMES_PER_SECOND = 50
LAG_SECONDS = 0.1
FATES = tuple(name for name in Accounting().snapshot() if name not in {"missing", "held"})


class Histogram:
    """How many values were at most each bound, and their sum. One writer at a time."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def read(self) -> tuple[list[tuple[float, int]], float]:
        """((bound, how many were at most that), the last without a bound), and the sum."""
        counts, total = list(self._counts), self._sum
        reached = 0
        read: list[tuple[float, int]] = []
        for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
            reached += count
            read.append((bound, reached))
        return read, total


class Frames:
    """Media by fate since this process began, in frames of 20 ms. What a purge takes away stays counted as written, and
    counts as purged beside it; what a late frame fills stays counted as a gap."""

    def __init__(self) -> None:
        self._totals = dict.fromkeys(FATES, 0.0)
        self._last: dict[str, dict[str, _Seen]] = {}

    def known(self, interaction: str, track: str, counts: Mapping[str, int]) -> None:
        """What was counted before: in another process, or by a gate that this process gave up."""
        self._last.setdefault(interaction, {})[track] = _Seen((), _fates(counts))

    def take(self, live: Live) -> None:
        """Adds what has become of a conversation's media since the last look."""
        if not live.tracks:
            return
        last = self._last.setdefault(live.conversation.interaction, {})
        for track in live.tracks.values():
            accounting = track.gate.accounting
            before = last.get(track.name, _NOTHING_SEEN)
            if before.mark == accounting.mark:
                continue
            counts = _fates(accounting.snapshot())
            for fate in FATES:
                if counts[fate] > before.counts[fate]:
                    self._totals[fate] += (counts[fate] - before.counts[fate]) * FRAMES_PER_SECOND / track.rate
            last[track.name] = _Seen(accounting.mark, counts)

    def leave(self, live: Live) -> None:
        """The conversation leaves memory: what is counted of it so far stays counted."""
        self.take(live)
        self._last.pop(live.conversation.interaction, None)

    def totals(self, lives: Iterable[Live]) -> dict[str, float]:
        for live in lives:
            self.take(live)
        return dict(self._totals)


class _Seen(NamedTuple):
    mark: tuple[int, ...]
    counts: Mapping[str, int]


_NOTHING_SEEN = _Seen((), dict.fromkeys(FATES, 0))


def _fates(counts: Mapping[str, int]) -> dict[str, int]:
    """Such as never go down."""
    read = {fate: counts[fate] for fate in FATES}
    read["written"] += read["purged"]
    read["silenced_policy"] -= read["purged"]
    return read


@dataclass(slots=True)
class Measures:
    """Since this process began. `requests` by operation and hundreds of the status, `alarms` those that were raised and
    `alarms_active` those that stand."""

    group_events: Histogram = field(default_factory=lambda: Histogram(EVENTS))
    commit_seconds: Histogram = field(default_factory=Histogram)
    close_seconds: Histogram = field(default_factory=Histogram)
    loop_lag: Histogram = field(default_factory=Histogram)
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    request_seconds: dict[str, Histogram] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    segments_lost: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    alarms_active: Counter[str] = field(default_factory=Counter)
    frames: Frames = field(default_factory=Frames)

    def committed(self, events: int, seconds: float) -> None:
        """One durable group."""
        self.group_events.observe(events)
        self.commit_seconds.observe(seconds)

    def requested(self, operation: str, status: int, seconds: float) -> None:
        self.requests[operation, status // 100] += 1
        known = self.request_seconds.get(operation)
        if known is None:
            known = self.request_seconds[operation] = Histogram()
        known.observe(seconds)

    def recorded(self, events: Sequence[Event], flags: Iterable[Flag]) -> None:
        """Events that are durable, and what they flag."""
        for event in events:
            self.events[event.type] += 1
        for flag in flags:
            self.flags[flag.flag] += 1


def streams_by_door(lives: Iterable[Live]) -> Counter[str]:
    """How many streams are open at each door."""
    found: Counter[str] = Counter()
    for live in lives:
        for stream in {track.stream for track in live.tracks.values()} - {None}:
            opened = live.conversation.streams.get(stream or "")
            if opened is not None:
                found[opened["door"]] += 1
    return found


async def measure_lag(measures: Measures) -> None:
    """How late the event loop wakes who asked to be woken. Until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_SECONDS
        await asyncio.sleep(LAG_SECONDS)
        measures.loop_lag.observe(max(0.0, loop.time() - due))
