"""The segment that a track is filling: released, judged, in memory only, still open to a closing."""

from functools import cache
from typing import Protocol

from onrecord.capture.clockmap import ClockMap
from onrecord.capture.permission import Judge
from onrecord.capture.runs import Fate, Runs
from onrecord.capture.segment import Gap, Segment, overwrite, slot_samples
from onrecord.signal.encoding import Encoding, silence


class Sound(Protocol):
    """What stands where on a track."""

    def copy(self, start: int, end: int, target: memoryview) -> None:
        """The sound of samples [start, end) into as many bytes."""
        ...


@cache
def _blank(encoding: Encoding, samples: int) -> bytes:
    """One for all tracks."""
    return silence(encoding, samples)


class OpenSegment:
    """Covers [start, end), at most `capacity` samples of one epoch. Its buffer is made silent with the first sound, and
    never resized, so that what is withheld is overwritten where it stood and left nowhere else."""

    __slots__ = ("_blank", "_buffer", "_encoding", "_width", "capacity", "clock", "end", "runs", "start", "uncertainty")

    def __init__(self, encoding: Encoding, capacity: int, start: int, clock: ClockMap) -> None:
        self.capacity = capacity
        self.start = self.end = start
        self.clock = clock
        self.uncertainty = clock.uncertainty
        self.runs = Runs()
        self._encoding = encoding
        self._width = encoding.width
        self._blank = _blank(encoding, capacity)
        self._buffer: bytearray | None = None

    def _made(self) -> bytearray:
        if self._buffer is None:
            self._buffer = bytearray(self._blank)
        return self._buffer

    def restart(self, start: int, clock: ClockMap) -> None:
        """Empty, from `start` on."""
        if self._buffer is not None:
            self._buffer[:] = self._blank
        self.start = self.end = start
        self.clock = clock
        self.uncertainty = clock.uncertainty
        self.runs = Runs()

    def release(self) -> None:
        """Gives the buffer back where nothing was decided."""
        if self.start == self.end:
            self._buffer = None

    def fits(self, end: int) -> bool:
        return end - self.start <= self.capacity

    def skip(self, end: int, fate: Fate) -> None:
        """Silence up to `end`."""
        self.runs.add(self.end, end, fate)
        self.end = end

    def append(self, end: int, sound: Sound) -> None:
        """Samples up to `end`, permitted."""
        low, high = (self.end - self.start) * self._width, (end - self.start) * self._width
        with memoryview(self._made()) as buffer, buffer[low:high] as target:
            sound.copy(self.end, end, target)
        self.runs.add(self.end, end, Fate.PASSED)
        self.end = end

    def insert(self, start: int, payload: memoryview, uncertainty: int) -> None:
        """Samples for a hole inside, permitted."""
        low = (start - self.start) * self._width
        self._made()[low : low + len(payload)] = payload
        self.runs.paint(start, start + len(payload) // self._width, Fate.PASSED)
        self.uncertainty = max(self.uncertainty, uncertainty)

    def shut(self, judge: Judge) -> int:
        """Overwrites what is closed now; how many samples that was."""
        closed = judge.withheld(self.runs.passed(), slot_samples(self.clock.rate), self.uncertainty)
        for start, end in closed:
            overwrite(self._made(), self._encoding, start - self.start, end - self.start)
            self.runs.paint(start, end, Fate.POLICY)
        return sum(end - start for start, end in closed)

    def segment(self) -> Segment | None:
        """A copy from the first sample that passed to the last; None where none did."""
        runs = list(self.runs)
        passed = [at for at, run in enumerate(runs) if run.fate is Fate.PASSED]
        if not passed:
            return None
        inner = runs[passed[0] : passed[-1] + 1]
        start, end = inner[0].start, inner[-1].end
        low, high = (start - self.start) * self._width, (end - self.start) * self._width
        return Segment(
            start=start,
            payload=self._made()[low:high],
            gaps=tuple(Gap(*run) for run in inner if run.fate is not Fate.PASSED),
            encoding=self._encoding,
            rate=self.clock.rate,
            epoch=self.clock.epoch,
            uncertainty=self.uncertainty,
        )
