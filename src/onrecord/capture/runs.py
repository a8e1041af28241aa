"""What became of every sample, run by run."""

from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple


class Fate(StrEnum):
    """`passed`: handed over in a segment, whose own gaps say the rest. The others left digital silence: `policy`
    closed, `gap` never received, `disconnected` no stream then, `lost` gone in a crash or with its storage."""

    PASSED = "passed"
    POLICY = "policy"
    GAP = "gap"
    DISCONNECTED = "disconnected"
    LOST = "lost"


class Run(NamedTuple):
    """[start, end) in samples on the interaction's axis."""

    start: int
    end: int
    fate: Fate


class Runs:
    """Contiguous runs in order; neighbours differ in fate."""

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, start: int, end: int, fate: Fate) -> None:
        """At the end; `start` is where the last run ends."""
        if self._runs and self._runs[-1].fate is fate:
            self._runs[-1] = Run(self._runs[-1].start, end, fate)
        else:
            self._runs.append(Run(start, end, fate))

    def over(self, start: int, end: int) -> list[Run]:
        """The runs that overlap [start, end), clipped to it."""
        first = max(0, bisect_right(self._runs, start, key=lambda run: run.start) - 1)
        found = []
        for run in self._runs[first:]:
            if run.start >= end:
                break
            if run.end > start:
                found.append(Run(max(run.start, start), min(run.end, end), run.fate))
        return found

    def paint(self, start: int, end: int, fate: Fate) -> None:
        """Gives the part of [start, end) that has a fate another one."""
        painted = Runs()
        for run in self._runs:
            low, high = max(run.start, start), min(run.end, end)
            if low >= high:
                painted.add(*run)
                continue
            if run.start < low:
                painted.add(run.start, low, run.fate)
            painted.add(low, high, fate)
            if high < run.end:
                painted.add(high, run.end, run.fate)
        self._runs = painted._runs

    def passed(self) -> list[tuple[int, int]]:
        return [(run.start, run.end) for run in self._runs if run.fate is Fate.PASSED]

    def until(self, end: int | None = None) -> tuple[Run, ...]:
        """All, or what lies before `end`."""
        if end is None or not self._runs:
            return tuple(self._runs)
        return tuple(self.over(self._runs[0].start, end))

    def drop(self, end: int) -> None:
        """Removes what lies before `end`."""
        if self._runs:
            self._runs = self.over(end, self._runs[-1].end)
