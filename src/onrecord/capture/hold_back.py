"""What waits in memory before its verdict: one buffer, in which a sample stands at its position."""

from bisect import bisect_right
from dataclasses import dataclass

from onrecord.capture.clockmap import ClockMap

_NONE = memoryview(bytearray())


@dataclass(slots=True)
class Held:
    """Samples [start, end) under one clock, without a hole. Slots of 20 ms count from `start`."""

    start: int
    end: int
    clock: ClockMap


class HoldBack:
    """Stretches of one track, in order, no sample twice. At most `capacity` samples may lie from the first held to the
    last: position p stands at p modulo the capacity. The buffer is made by `make`, given back by `release` and made
    again by `reserve`; it is never resized, and what leaves is overwritten where it stood."""

    __slots__ = ("_held", "_size", "_sound", "_width", "capacity")

    def __init__(self, capacity: int, width: int) -> None:
        self.capacity = capacity
        self._width = width
        self._held: list[Held] = []
        self._size = capacity * width
        self._sound = _NONE

    @property
    def made(self) -> bool:
        """Whether there is a buffer, without which nothing is written."""
        return self._sound is not _NONE

    @property
    def first(self) -> Held | None:
        return self._held[0] if self._held else None

    def make(self) -> None:
        if self._sound is _NONE:
            self._sound = memoryview(bytearray(self._size))

    def release(self) -> None:
        """Gives the buffer back where nothing is held."""
        if not self._held:
            self._sound = _NONE

    def reserve(self, capacity: int) -> None:
        """Room for at least so much."""
        if capacity <= self.capacity:
            return
        before, old, self.capacity, self._size = self._sound, self.capacity, capacity, capacity * self._width
        if before is _NONE:
            return
        self._sound = memoryview(bytearray(self._size))
        for held in self._held:
            for at, upto, low in _parts(held.start, held.end, old):
                self.write(at, before[low * self._width : (low + upto - at) * self._width])
        before[:] = bytes(len(before))

    def write(self, position: int, payload: bytes | bytearray | memoryview) -> None:
        """Sound to its place, whether or not it counts as held yet."""
        low = position % self.capacity * self._width
        high = low + len(payload)
        if high <= self._size:
            self._sound[low:high] = payload
        else:
            view, turn = memoryview(payload), self._size - low
            self._sound[low:] = view[:turn]
            self._sound[: high - self._size] = view[turn:]

    def extend(self, start: int, end: int, clock: ClockMap) -> None:
        """What was written at [start, end), behind all that is held, is held too."""
        last = self._held[-1] if self._held else None
        if last is not None and last.end == start and last.clock is clock:
            last.end = end
        else:
            self._held.append(Held(start, end, clock))

    def insert(self, start: int, end: int, payload: memoryview, clock: ClockMap) -> int:
        """Any stretch anywhere; how many of its samples were held already (and stay as they were)."""
        index = bisect_right(self._held, start, key=lambda held: held.end)
        known = 0
        at = start
        while at < end:
            after = self._held[index] if index < len(self._held) else None
            if after is not None and after.start <= at:
                upto = min(end, after.end)
                known += upto - at
                index += 1
            else:
                upto = end if after is None else min(end, after.start)
                self.write(at, payload[(at - start) * self._width : (upto - start) * self._width])
                self._join(index, Held(at, upto, clock))
                index = bisect_right(self._held, upto, key=lambda held: held.end)
            at = upto
        return known

    def _join(self, index: int, new: Held) -> None:
        """Puts a stretch before number `index`, into one with the neighbours that it touches."""
        before = self._held[index - 1] if index else None
        if before is not None and before.end == new.start and before.clock is new.clock:
            before.end = new.end
            new = before
        else:
            self._held.insert(index, new)
            index += 1
        after = self._held[index] if index < len(self._held) else None
        if after is not None and after.start == new.end and after.clock is new.clock:
            new.end = after.end
            del self._held[index]

    def copy(self, start: int, end: int, target: memoryview) -> None:
        """The sound of [start, end), all of it held, into as many bytes."""
        width = self._width
        for at, upto, low in _parts(start, end, self.capacity):
            part = self._sound[low * width : (low + upto - at) * width]
            target[(at - start) * width : (upto - start) * width] = part

    def drop(self, end: int) -> None:
        """Overwrites the first stretch up to `end`, and forgets that part of it."""
        first, width = self._held[0], self._width
        for at, upto, low in _parts(first.start, end, self.capacity):
            self._sound[low * width : (low + upto - at) * width] = bytes((upto - at) * width)
        first.start = end
        if end == first.end:
            del self._held[0]


def _parts(start: int, end: int, capacity: int) -> list[tuple[int, int, int]]:
    """[start, end) in a ring of `capacity`: (from, to, where `from` stands). At most two parts."""
    low = start % capacity
    if low + end - start <= capacity:
        return [(start, end, low)] if start < end else []
    turn = start + capacity - low
    return [(start, turn, low), (turn, end, 0)]
