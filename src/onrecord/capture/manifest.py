"""An artifact's manifest: which sealed segments make it up now, and how they are laid out in time."""

from bisect import bisect_right
from dataclasses import dataclass, field

from onrecord.capture.errors import CaptureError


@dataclass(frozen=True, slots=True)
class Sealed:
    """One durable segment: [start, start + samples) on the interaction's axis; `id` names its object."""

    id: str
    start: int
    samples: int

    @property
    def end(self) -> int:
        return self.start + self.samples


@dataclass(frozen=True, slots=True)
class Span:
    """`samples` samples to render: from sample `offset` of the segment on, or digital silence where there is none."""

    segment: Sealed | None
    offset: int
    samples: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`live`: in order, not overlapping. `gone`: ids that were superseded; they never come back."""

    live: tuple[Sealed, ...] = ()
    gone: frozenset[str] = field(default_factory=frozenset)

    def add(self, segment: Sealed) -> "Manifest":
        """Errors: segment_overlap, segment_known."""
        if segment.id in self.gone or any(segment.id == live.id for live in self.live):
            raise CaptureError("the manifest knows that segment already", code="segment_known")
        if segment.samples <= 0:
            raise CaptureError("a segment holds at least one sample", code="segment_empty")
        at = bisect_right(self.live, segment.start, key=lambda live: live.start)
        before_overlaps = at > 0 and self.live[at - 1].end > segment.start
        after_overlaps = at < len(self.live) and self.live[at].start < segment.end
        if before_overlaps or after_overlaps:
            raise CaptureError("a segment lies over another that is live", code="segment_overlap")
        return Manifest((*self.live[:at], segment, *self.live[at:]), self.gone)

    def supersede(self, identifier: str, replacement: Sealed | None) -> "Manifest":
        """`replacement` takes the place of a live segment, inside its extent; None leaves silence there.
        Errors: segment_unknown, segment_outside, and those of `add`."""
        old = next((live for live in self.live if live.id == identifier), None)
        if old is None:
            raise CaptureError("no live segment has that id", code="segment_unknown")
        rest = Manifest(tuple(live for live in self.live if live.id != identifier), self.gone | {identifier})
        if replacement is None:
            return rest
        if replacement.start < old.start or replacement.end > old.end:
            raise CaptureError("a replacement stays inside what it replaces", code="segment_outside")
        return rest.add(replacement)

    def plan(self, start: int, end: int) -> list[Span]:
        """Spans that render exactly [start, end), in order."""
        spans: list[Span] = []
        at = start
        for segment in self.live:
            if segment.end <= at:
                continue
            if segment.start >= end:
                break
            if segment.start > at:
                spans.append(Span(None, 0, segment.start - at))
                at = segment.start
            upto = min(segment.end, end)
            spans.append(Span(segment, at - segment.start, upto - at))
            at = upto
        if at < end:
            spans.append(Span(None, 0, end - at))
        return spans
