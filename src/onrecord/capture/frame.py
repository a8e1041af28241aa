"""Sound off the wire, with its place on the track."""

from typing import NamedTuple


class Frame(NamedTuple):
    """Samples [start, end) of `width` bytes."""

    start: int
    end: int
    payload: memoryview
    width: int

    def part(self, start: int, end: int) -> memoryview:
        return self.payload[(start - self.start) * self.width : (end - self.start) * self.width]

    def copy(self, start: int, end: int, target: memoryview) -> None:
        """The sound of samples [start, end) into as many bytes."""
        target[:] = self.part(start, end)

    def kept(self) -> "Frame":
        """In a buffer of its own, to be wiped."""
        return self._replace(payload=memoryview(bytearray(self.payload)))

    def wipe(self) -> None:
        self.payload[:] = bytes(len(self.payload))
