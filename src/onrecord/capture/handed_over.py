"""Segments that were handed over and are not durable yet: still open to a closing, still in the account as held."""

from onrecord.capture.accounting import Accounting
from onrecord.capture.errors import CaptureError
from onrecord.capture.permission import Permission
from onrecord.capture.runs import Fate, Runs
from onrecord.capture.segment import Segment, silenced


class HandedOver:
    """Writes to `counts` and `runs`, which are its gate's. A segment is known by where it starts."""

    __slots__ = ("_counts", "_passed", "_runs")

    def __init__(self, counts: Accounting, runs: Runs) -> None:
        self._counts = counts
        self._runs = runs
        self._passed: dict[int, int] = {}

    @property
    def start(self) -> int | None:
        """Where the first of them starts."""
        return min(self._passed, default=None)

    def add(self, segment: Segment) -> None:
        self._passed[segment.start] = segment.passed

    def outstanding(self, segment: Segment) -> int:
        """Its samples that are not gaps. Errors: segment_unknown."""
        passed = segment.passed
        if self._passed.get(segment.start) != passed:
            raise CaptureError("no such segment is waiting to be sealed", code="segment_unknown")
        return passed

    def rejudge(self, segment: Segment, permission: Permission) -> Segment | None:
        """As far as it is permitted now; None where nothing is left, which needs no further word. Errors:
        segment_unknown."""
        before = self.outstanding(segment)
        rest = silenced(segment, permission)
        if rest is segment:
            return segment
        for gap in rest.gaps:
            self._runs.paint(*gap)
        left = rest.passed
        self._counts.held -= before - left
        self._counts.silenced_policy += before - left
        if left:
            self._passed[segment.start] = left
            return rest
        del self._passed[segment.start]
        return None

    def sealed(self, segment: Segment) -> None:
        """Errors: segment_unknown."""
        samples = self.outstanding(segment)
        del self._passed[segment.start]
        self._counts.held -= samples
        self._counts.written += samples

    def discarded(self, segment: Segment) -> None:
        """Errors: segment_unknown."""
        samples = self.outstanding(segment)
        del self._passed[segment.start]
        self._counts.held -= samples
        self._counts.lost += samples
        for start, end in segment.runs().passed():
            self._runs.paint(start, end, Fate.LOST)
