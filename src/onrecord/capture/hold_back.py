"""What waits in memory before its verdict: at most 20 ms a piece, in order, no sample twice."""

from bisect import bisect_right
from typing import NamedTuple

from onrecord.capture.clockmap import ClockMap


class Piece(NamedTuple):
    """Samples [start, end). `due`: the end with the clock's uncertainty."""

    start: int
    end: int
    due: int
    payload: bytearray
    clock: ClockMap

    @property
    def uncertainty(self) -> int:
        return self.due - self.end

    def wipe(self) -> None:
        self.payload[:] = bytes(len(self.payload))


class HoldBack:
    """Pieces of one track. Payloads are buffers of its own, to be wiped when a piece leaves."""

    __slots__ = ("_pieces", "_slot", "_width")

    def __init__(self, slot: int, width: int) -> None:
        self._pieces: list[Piece] = []
        self._slot = slot
        self._width = width

    @property
    def first(self) -> Piece | None:
        return self._pieces[0] if self._pieces else None

    def drop_first(self) -> None:
        self._pieces.pop(0).wipe()

    def append(self, start: int, end: int, payload: bytes | bytearray | memoryview, clock: ClockMap) -> None:
        """One slot behind all that is held."""
        self._pieces.append(Piece(start, end, end + clock.uncertainty, bytearray(payload), clock))

    def insert(self, start: int, end: int, payload: memoryview, clock: ClockMap) -> int:
        """Any stretch anywhere, cut into slots; how many of its samples were held already (and stay as they were)."""
        index = bisect_right(self._pieces, start, key=lambda piece: piece.end)
        known = 0
        at = start
        while at < end:
            after = self._pieces[index] if index < len(self._pieces) else None
            if after is not None and after.start <= at:
                upto = min(end, after.end)
                known += upto - at
            else:
                upto = min(end, at + self._slot)
                if after is not None:
                    upto = min(upto, after.start)
                part = payload[(at - start) * self._width : (upto - start) * self._width]
                piece = Piece(at, upto, upto + clock.uncertainty, bytearray(part), clock)
                self._pieces.insert(index, piece)
            index += 1
            at = upto
        return known
