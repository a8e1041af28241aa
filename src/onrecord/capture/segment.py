"""A segment: a few seconds of one track, handed over to be sealed."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from onrecord.capture.permission import Judge, Permission
from onrecord.capture.runs import Fate, Runs
from onrecord.signal.encoding import Encoding, silence

SLOT_SECONDS = 0.02


def slot_samples(rate: int) -> int:
    """Samples in 20 ms: the grain in which audio is withheld."""
    return max(1, round(rate * SLOT_SECONDS))


class Gap(NamedTuple):
    """[start, end) in samples on the interaction's axis, digitally silent; `why` is its fate."""

    start: int
    end: int
    why: Fate


@dataclass(frozen=True, slots=True)
class Segment:
    """`payload` covers [start, end) in the source's encoding, gaps as digital silence; it belongs to whoever holds the
    segment, and is overwritten in place when a part of it turns out to be closed. `uncertainty` in samples."""

    start: int
    payload: bytearray
    gaps: tuple[Gap, ...]
    encoding: Encoding
    rate: int
    epoch: int = 0
    uncertainty: int = 0

    @property
    def samples(self) -> int:
        return len(self.payload) // self.encoding.width

    @property
    def end(self) -> int:
        return self.start + self.samples

    @property
    def passed(self) -> int:
        """Samples that are not gaps."""
        return self.samples - sum(gap.end - gap.start for gap in self.gaps)

    def runs(self) -> Runs:
        runs = Runs()
        at = self.start
        for gap in self.gaps:
            if at < gap.start:
                runs.add(at, gap.start, Fate.PASSED)
            runs.add(*gap)
            at = gap.end
        if at < self.end:
            runs.add(at, self.end, Fate.PASSED)
        return runs


def overwrite(payload: bytearray, encoding: Encoding, start: int, end: int) -> None:
    """Digital silence over samples [start, end) of the payload, in place."""
    width = encoding.width
    payload[start * width : end * width] = silence(encoding, end - start)


def silenced(segment: Segment, permission: Permission) -> Segment:
    """The segment as far as it is permitted now: same extent, what is closed overwritten in place and marked. Itself
    where nothing changed; nothing of it may be left (`passed` is 0)."""
    runs = segment.runs()
    judge = Judge(permission, segment.rate)
    closed = judge.withheld(runs.passed(), slot_samples(segment.rate), segment.uncertainty)
    if not closed:
        return segment
    for start, end in closed:
        overwrite(segment.payload, segment.encoding, start - segment.start, end - segment.start)
        runs.paint(start, end, Fate.POLICY)
    return replace(segment, gaps=tuple(Gap(*run) for run in runs if run.fate is not Fate.PASSED))
