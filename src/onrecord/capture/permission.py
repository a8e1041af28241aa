"""What the gate asks: which stretches of media time are closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onrecord.base.stretch import FOREVER, Stretch, normalise
from onrecord.capture.clockmap import closing, opening
from onrecord.capture.errors import CaptureError

_WINDOW_S = 30


class Permission(Protocol):
    """A value: the same answer for the same question, always. A change is another value."""

    def closed(self, start: float, end: float) -> Sequence[tuple[float, float]]:
        """Every closed stretch that overlaps [start, end), seconds; clipped to it or not, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Union:
    """Closed where any of its parts is: what is held while a closing is pending, or over several sources."""

    parts: tuple[Permission, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise CaptureError("a union of no permissions would permit everything", code="empty_permission")

    def closed(self, start: float, end: float) -> Sequence[Stretch]:
        return normalise(stretch for part in self.parts for stretch in part.closed(start, end))


@dataclass(frozen=True, slots=True)
class Shut:
    """Closed from `start` on, whatever the policy says (a restart, storage that fails), until ended."""

    start: float = 0.0
    end: float = FOREVER

    def closed(self, start: float, end: float) -> Sequence[Stretch]:
        return (Stretch(self.start, self.end),) if self.start < end and start < self.end else ()

    def ended(self, at: float) -> "Shut":
        return Shut(self.start, min(self.end, at))


class Judge:
    """A permission in samples of one track. `touches` remembers what it last learnt, so that a frame in the middle of
    a stretch asks nobody; `closed` always asks."""

    __slots__ = ("_open", "_permission", "_rate", "_shut")

    def __init__(self, permission: Permission, rate: int) -> None:
        self._permission = permission
        self._rate = rate
        self._open = (0, 0)
        self._shut: tuple[int, int] | None = None

    def closed(self, start: int, end: int) -> list[tuple[int, int]]:
        """Closed stretches that overlap [start, end), sorted, disjoint; starts rounded down, ends up."""
        rate = self._rate
        asked = self._permission.closed((start - 1) / rate, (end + 1) / rate)
        rounded = normalise((closing(s, rate), opening(e, rate)) for s, e in asked if not e <= s)
        return [(int(s), int(e)) for s, e in rounded if s < end and start < e]

    def touches(self, start: int, end: int) -> bool:
        """Whether any sample of [start, end) is closed."""
        low, high = self._open
        if low <= start and end <= high:
            return False
        if self._shut is not None and start < self._shut[1] and self._shut[0] < end:
            return True
        horizon = end + _WINDOW_S * self._rate
        found = self.closed(start, horizon)
        if found and found[0][0] < end:
            self._shut = found[0]
            return True
        self._open = (start, found[0][0] if found else horizon)
        return False

    def withheld(self, stretches: Sequence[tuple[int, int]], slot: int, uncertainty: int) -> list[tuple[int, int]]:
        """What goes of `stretches` (in order, disjoint) when each is cut into slots of `slot` samples from its start on
        and a slot goes whole as soon as it touches, `uncertainty` samples either side, a closed stretch."""
        if not stretches:
            return []
        shut = self.closed(stretches[0][0] - uncertainty, stretches[-1][1] + uncertainty)
        gone: list[tuple[int, int]] = []
        for start, end in stretches if shut else ():
            touched = (
                (
                    start + max(0, (low - uncertainty - start) // slot) * slot,
                    min(end, start - (start - high - uncertainty) // slot * slot),
                )
                for low, high in shut
            )
            gone.extend((int(low), int(high)) for low, high in normalise(touched))
        return gone
