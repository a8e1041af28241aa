"""Prompts are listened for in sound that still comes: its latest stretch stays in memory, and is looked through again
when one is said to have been played. Nothing is written."""

from collections.abc import Sequence

import numpy as np

from onrecord.signal import mulaw
from onrecord.signal.alignment import Hearing
from onrecord.signal.band import Samples
from onrecord.signal.encoding import Encoding, silence
from onrecord.signal.locate import Locator, each_once
from onrecord.signal.reference import Reference

_HOP_S = 1
_CHUNK = 1 << 12
LAG_S = 3.6
"""How much later than the end of the prompt it is known at most, in seconds of sound: less than a hold-back."""


class Ring:
    """The latest sound of a track, as it came: `most` samples, and what `keep_from` asks for, at most twice as much.
    Positions are samples on the track's axis; what never came is silence, counted as `missing` from where on."""

    def __init__(self, encoding: Encoding, rate: int, most: int) -> None:
        self.encoding = encoding
        self.rate = rate
        self.keep_from: int | None = None
        self._most = most
        self._width = encoding.width
        self._sound = bytearray()
        self._gaps: list[tuple[int, int]] = []
        self._end: int | None = None

    @property
    def end(self) -> int:
        """0 before any sound came."""
        return self._end or 0

    @property
    def start(self) -> int:
        return self.end - len(self._sound) // self._width

    def write(self, position: int, payload: bytes | bytearray) -> None:
        """What is late takes its place where that is still there."""
        samples = len(payload) // self._width
        if not samples or samples > self._most:
            return
        if self._end is None:
            self._end = position
        if position > self._end:
            self._skip(position)
        known = min(samples, self._end - position)
        if known:
            self._late(position, payload[: known * self._width])
        self._sound += payload[known * self._width : samples * self._width]
        self._end += samples - known
        if len(self._sound) > 2 * self._most * self._width:
            self._trim()

    def _skip(self, position: int) -> None:
        gap = position - self.end
        if gap >= 2 * self._most:
            self._sound.clear()
        else:
            self._sound += silence(self.encoding, gap)
            self._gaps.append((self.end, position))
        self._end = position

    def _late(self, position: int, payload: bytes | bytearray) -> None:
        first, last = max(position, self.start), min(position + len(payload) // self._width, self.end)
        if first < last:
            at = (first - self.start) * self._width
            part = payload[(first - position) * self._width : (last - position) * self._width]
            self._sound[at : at + len(part)] = part
            self._gaps = [gap for gap in self._gaps if not (first <= gap[0] and gap[1] <= last)]

    def _trim(self) -> None:
        least = self.end - self._most
        if self.keep_from is not None:
            least = max(self.end - 2 * self._most + self.rate, min(least, self.keep_from))
        if least > self.start:
            del self._sound[: (least - self.start) * self._width]
            self._gaps = [gap for gap in self._gaps if gap[1] > least]

    def part(self, start: int, end: int) -> bytes:
        """What is there of [start, end)."""
        first, last = max(start, self.start), max(min(end, self.end), self.start)
        base = self.start
        return bytes(self._sound[(first - base) * self._width : (last - base) * self._width])

    def there(self, start: int, end: int) -> int:
        """Samples of [start, end) that came and are still held."""
        first, last = max(start, self.start), min(end, self.end)
        gone = sum(max(0, min(last, high) - max(first, low)) for low, high in self._gaps)
        return max(0, last - first - gone)


class Search:
    """For some prompts in one track, from a position on. Not for two threads at once."""

    def __init__(self, references: Sequence[Reference], encoding: Encoding, rate: int, start: int) -> None:
        self.start = self.next = start
        self._encoding = encoding
        self._rate = rate
        self._locator = Locator(references, rate, hop=_HOP_S, chunk=_CHUNK)
        self._found: list[Hearing] = []
        self._over = False

    def take(self, sound: bytes) -> None:
        """What follows what was given before."""
        samples = samples_of(sound, self._encoding)
        self.next += len(samples)
        self._found += self._locator.take(samples)

    def finish(self) -> None:
        """Nothing more is to come."""
        if not self._over:
            self._over = True
            self._found += self._locator.rest()

    def found(self) -> list[Hearing]:
        """So far, in seconds on the track's axis."""
        return [_moved(hearing, self.start / self._rate) for hearing in each_once(self._found)]


def samples_of(sound: bytes, encoding: Encoding) -> Samples:
    """At full scale 1."""
    pcm = mulaw.decode(sound) if encoding is Encoding.MULAW else np.frombuffer(sound[: len(sound) // 2 * 2], "<i2")
    return pcm.astype(np.float32) / np.float32(32768)


def _moved(h: Hearing, by: float) -> Hearing:
    return Hearing(h.prompt, h.start + by, h.end + by, h.ref_start, h.ref_end, h.fraction, h.score, h.level)
