"""Behind the hold-back: the verdict, the segment that is being filled, and what was handed over."""

from onrecord.capture.accounting import Accounting
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.frame import Frame
from onrecord.capture.handed_over import HandedOver
from onrecord.capture.open_segment import OpenSegment, Sound
from onrecord.capture.permission import Judge, Permission
from onrecord.capture.runs import Fate, Runs
from onrecord.capture.segment import Segment, slot_samples
from onrecord.signal.encoding import Encoding

SEGMENT_SECONDS = 4


class Output:
    """Decides sound in the order of its positions, by the permission as it is. Counts in `counts` what leaves `held`.
    `ready`: full segments, to be taken."""

    def __init__(
        self, encoding: Encoding, clock: ClockMap, permission: Permission, counts: Accounting, start: int
    ) -> None:
        self.permission = permission
        self.runs = Runs()
        self.handed = HandedOver(counts, self.runs)
        self.ready: list[Segment] = []
        self._counts = counts
        self._slot = slot_samples(clock.rate)
        self._judge = Judge(permission, clock.rate)
        self._open = OpenSegment(encoding, SEGMENT_SECONDS * clock.rate, start, clock)

    @property
    def start(self) -> int:
        """Of the open segment: what comes before is settled for good."""
        return self._open.start

    @property
    def end(self) -> int:
        """Up to where all is decided."""
        return self._open.end

    def judge_by(self, permission: Permission) -> int:
        """Silences at once what that closes in the open segment; how many samples."""
        self.permission = permission
        self._judge = Judge(permission, self._open.clock.rate)
        return self._shut()

    def decide(self, start: int, end: int, clock: ClockMap, sound: Sound) -> None:
        """Verdicts for [start, end), which is held, slot by slot from `start` on."""
        opened, slot = self._open, self._slot
        if start > opened.end:
            self._skip(start, Fate.GAP if clock is opened.clock else Fate.DISCONNECTED)
        while start < end:
            room = opened.start + opened.capacity - start
            upto = start + room // slot * slot if start + room < end else end
            if clock is not opened.clock or upto <= start:
                self.cut(clock)
                continue
            self._pass(start, upto, clock, sound)
            if not opened.fits(upto + slot):
                self.cut(clock)
            start = upto

    def _pass(self, start: int, end: int, clock: ClockMap, sound: Sound) -> None:
        for low, high in self._judge.withheld([(start, end)], self._slot, clock.uncertainty):
            if self._open.end < low:
                self._open.append(low, sound)
            self._open.skip(high, Fate.POLICY)
            self._counts.held -= high - low
            self._counts.silenced_policy += high - low
        if self._open.end < end:
            self._open.append(end, sound)

    def _skip(self, upto: int, fate: Fate) -> None:
        """A hole: silence, counted missing."""
        hole = upto - self._open.end
        self._counts.missing += hole
        self._counts.silenced_gap += hole
        if self._open.fits(upto):
            self._open.skip(upto, fate)
            return
        self.cut(self._open.clock)
        self.runs.add(self._open.start, upto, fate)
        self._open.restart(upto, self._open.clock)

    def late(self, start: int, end: int, clock: ClockMap, frame: Frame) -> None:
        """A part of a frame that comes behind `end`: taken where a hole is and it is permitted now."""
        settled = min(end, max(start, self._open.start))
        self._counts.late += settled - start
        for run in self._open.runs.over(settled, min(end, self._open.end)):
            if run.fate is Fate.PASSED:
                self._counts.duplicate += run.end - run.start
            elif run.fate is Fate.POLICY:
                self._counts.late += run.end - run.start
            else:
                self._fill(run.start, run.end, clock.uncertainty, frame)

    def _fill(self, start: int, end: int, uncertainty: int, frame: Frame) -> None:
        """A hole in the open segment, in slots: received after all."""
        counts = self._counts
        for at in range(start, end, self._slot):
            upto = min(end, at + self._slot)
            closed = self._judge.touches(at - uncertainty, upto + uncertainty)
            counts.missing -= upto - at
            counts.silenced_gap -= upto - at
            if closed:
                counts.silenced_policy += upto - at
                self._open.runs.paint(at, upto, Fate.POLICY)
            else:
                counts.held += upto - at
                self._open.insert(at, frame.part(at, upto), uncertainty)

    def _shut(self) -> int:
        closed = self._open.shut(self._judge)
        self._counts.held -= closed
        self._counts.silenced_policy += closed
        return closed

    def cut(self, clock: ClockMap | None = None) -> None:
        """Judges the open segment a last time, hands it over, and opens the next where it ends."""
        self._shut()
        segment = self._open.segment()
        for run in self._open.runs:
            self.runs.add(*run)
        self._open.restart(self._open.end, clock or self._open.clock)
        if segment is not None:
            self.handed.add(segment)
            self.ready.append(segment)

    def release(self) -> None:
        """Keeps no buffer while nothing is decided."""
        self._open.release()

    def take_ready(self) -> tuple[Segment, ...]:
        ready, self.ready = self.ready, []
        return tuple(ready)

    def full_at(self, first: int | None) -> int:
        """Up to where all is to be decided before the open segment is full, or has to be handed over because `first`,
        the first sample held, comes after a hole."""
        full = self._open.start + SEGMENT_SECONDS * self._open.clock.rate
        return full if first is None or first <= self._open.end else max(full, first + self._slot)
