"""From a stream's own timestamps to positions on the interaction's axis."""

import math
from dataclasses import dataclass, field

from onrecord.capture.errors import CaptureError

MAX_OFFSET_S = 7 * 86_400.0
MAX_UNCERTAINTY_S = 60.0
_NEVER = 2**62  # beyond every position, for instants that never come
_SNAP = 1e-6  # samples; what float seconds lose on their way


def closing(seconds: float, rate: int) -> int:
    """The first sample that a closing at `seconds` takes: rounded down, so the sample holding the instant goes. What is
    no number closes from the beginning."""
    at = seconds * rate
    if at >= _NEVER:
        return _NEVER
    return math.floor(at + _SNAP) if at > -_NEVER else -_NEVER


def opening(seconds: float, rate: int) -> int:
    """The first sample that an opening at `seconds` gives back: rounded up. What is no number never opens."""
    at = seconds * rate
    if at <= -_NEVER:
        return -_NEVER
    return math.ceil(at - _SNAP) if at < _NEVER else _NEVER


@dataclass(frozen=True, slots=True)
class ClockMap:
    """One epoch of one stream: `rate` Hz, `offset_s` is where its timestamp 0 lies on the interaction's clock, true to
    within `uncertainty_s` either side. Errors: bad_clock."""

    rate: int
    offset_s: float = 0.0
    uncertainty_s: float = 0.0
    epoch: int = 0
    origin: int = field(init=False)  # position of the stream's timestamp 0, samples
    uncertainty: int = field(init=False)  # samples either side, rounded up

    def __post_init__(self) -> None:
        sound = (
            self.rate > 0
            and 0 <= self.offset_s <= MAX_OFFSET_S
            and 0 <= self.uncertainty_s <= MAX_UNCERTAINTY_S
            and self.epoch >= 0
        )
        if not sound:
            raise CaptureError("a stream clock out of range", code="bad_clock")
        object.__setattr__(self, "origin", round(self.offset_s * self.rate))
        object.__setattr__(self, "uncertainty", opening(self.uncertainty_s, self.rate))

    def position(self, timestamp: int) -> int:
        """Samples on the interaction's axis for a timestamp in samples of the stream."""
        return self.origin + timestamp

    def seconds(self, position: int) -> float:
        return position / self.rate
