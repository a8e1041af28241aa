"""Whether a frame has a place on its track at all."""

from onrecord.capture.clockmap import ClockMap
from onrecord.capture.errors import FrameError

FARTHEST_AHEAD_SECONDS = 3600


def misplaced(position: int, odd: int, head: int, clock: ClockMap) -> FrameError | None:
    """The refusal of a frame at `position` with `odd` bytes too many, on a track heard up to `head`; None where it may
    be taken."""
    if odd:
        return FrameError("a frame ends in half a sample", code="odd_bytes")
    if position < clock.origin:
        return FrameError("a frame from before its stream began", code="position_negative")
    if position > max(head, clock.origin) + FARTHEST_AHEAD_SECONDS * clock.rate:
        return FrameError("a frame more than an hour ahead of its stream", code="position_far_ahead")
    return None
