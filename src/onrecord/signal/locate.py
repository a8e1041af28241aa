"""Where recorded prompts are heard in a channel: by the waveform itself, not by what is said.

Blocks of a prompt are looked for by normalised cross-correlation; blocks that agree on one offset are a hearing. Gain,
codecs, noise and packet jitter leave the waveform; another reading of the same text does not."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from onrecord.signal.alignment import AFTER, FLOOR, Channel, Hearing, Vote, measured
from onrecord.signal.band import RATE, Band, Samples
from onrecord.signal.reference import BLOCK, Reference

CHUNK = 1 << 14  # samples that are looked at together; a power of two
_VOTE = 0.5  # correlation of a block that speaks for an offset: half a sample off it loses a fifth
_SURE = 0.62  # of one block that speaks for a hearing, or
_FEWEST = 4  # blocks that speak for one
_APART = RATE // 10  # samples: blocks further apart in offset do not agree
_BLURRED = 0.1  # seconds by which edges may be off
_ECHO = 0.3  # of the level in the other channel: what is fainter is its echo


class Locator:
    """One channel, as it comes, at full scale 1; `mixed`: the caller is heard in it. `hop`, seconds, and `chunk`,
    samples at RATE: what is worked on at a time, and so how late a hearing is told; long ones cost less. Memory: the
    longest prompt and two chunks, whatever comes. Not for two threads at once."""

    def __init__(
        self, references: Sequence[Reference], rate: int, *, mixed: bool = False, hop: int = 8, chunk: int = CHUNK
    ) -> None:
        self._mixed = mixed
        self._references = references
        self._spectra = [each.spectra(chunk) for each in references]
        self._votes: list[list[Vote]] = [[] for _ in references]
        self._band = Band(rate, hop)
        self._chunk = chunk
        self._fresh = chunk - BLOCK + 1
        self._reach = max((len(each.sound) for each in references), default=0) + 2 * _APART + AFTER
        self._heard = np.zeros(0, np.float32)
        self._first = 0
        self._voted = 0

    @property
    def voted(self) -> float:
        """Seconds up to which all is decided but for prompts that go on there."""
        return self._voted / RATE

    def take(self, samples: NDArray[np.floating]) -> list[Hearing]:
        """The hearings that are known by now to be over."""
        return self._take(self._band.take(samples))

    def rest(self) -> list[Hearing]:
        """All others. Nothing may be given after it."""
        found = self._take(self._band.rest())
        if self._voted < self._end:
            self._vote(self._heard[self._voted - self._first :])
        self._voted = self._end + self._reach
        return found + list(self._settled())

    @property
    def _end(self) -> int:
        return self._first + len(self._heard)

    def _take(self, sound: Samples) -> list[Hearing]:
        self._heard = np.concatenate([self._heard, sound])
        found: list[Hearing] = []
        while self._end - self._voted >= self._chunk:
            at = self._voted - self._first
            self._vote(self._heard[at : at + self._chunk])
            self._voted += self._fresh
            found += self._settled()
            keep = max(self._first, self._voted - self._reach)
            self._heard = self._heard[keep - self._first :]
            self._first = keep
        return found

    def _vote(self, chunk: Samples) -> None:
        spectrum = np.fft.rfft(chunk, self._chunk).astype(np.complex64)
        norms = self._norms(chunk)
        for number, (prompt, spectra) in enumerate(zip(self._references, self._spectra, strict=True)):
            if len(spectra):
                match = np.abs(np.fft.irfft(spectra * spectrum, self._chunk, axis=1)[:, : self._fresh]) / norms
                self._votes[number] += self._peaks(prompt, match)

    def _norms(self, chunk: Samples) -> NDArray[np.float64]:
        power = np.zeros(self._chunk + 1)
        power[1 : len(chunk) + 1] = np.cumsum(np.square(chunk, dtype=np.float64))
        power[len(chunk) + 1 :] = power[len(chunk)]
        norms: NDArray[np.float64] = np.sqrt(np.maximum(power[BLOCK:] - power[:-BLOCK], 0)) + FLOOR * np.sqrt(BLOCK)
        return norms

    def _peaks(self, prompt: Reference, match: NDArray[np.floating]) -> Iterator[Vote]:
        for row, at in zip(match, prompt.blocks, strict=True):
            while (best := float(row[peak := int(row.argmax())])) >= _VOTE:
                yield Vote(at, self._voted + peak - at, best)
                row[max(0, peak - BLOCK) : peak + BLOCK] = 0

    def _settled(self) -> Iterator[Hearing]:
        """Measures and forgets what all has voted for that ever will."""
        for number, prompt in enumerate(self._references):
            ripe = self._voted - len(prompt.sound) - _APART - AFTER
            kept: list[Vote] = []
            for group in _agreeing(self._votes[number]):
                surest = max(group, key=lambda vote: vote.score)
                if surest.offset > ripe:
                    kept += group
                elif surest.score >= _SURE or len(group) >= _FEWEST:
                    best = {vote.at: vote for vote in sorted(group, key=lambda vote: vote.score)}
                    channel = Channel(self._heard, self._first)
                    hearing = measured(channel, prompt, [best[at] for at in sorted(best)], mixed=self._mixed)
                    if hearing is not None:
                        yield hearing
            self._votes[number] = kept


def _agreeing(votes: Iterable[Vote]) -> Iterator[list[Vote]]:
    """Groups around the surest of those that are left."""
    left = list(votes)
    while left:
        surest = max(left, key=lambda vote: vote.score)
        yield [vote for vote in left if abs(vote.offset - surest.offset) <= _APART]
        left = [vote for vote in left if abs(vote.offset - surest.offset) > _APART]


def each_once(found: Iterable[Hearing]) -> list[Hearing]:
    """By start. Of hearings in one channel that overlap, by more than edges are sure, the one that was heard for
    longest: prompts that share a beginning are both heard where it is played, and a channel plays one at a time."""
    kept: list[Hearing] = []
    for hearing in sorted(found, key=lambda h: (h.start - h.end, -h.score)):
        if all(hearing.end - other.start <= _BLURRED or other.end - hearing.start <= _BLURRED for other in kept):
            kept.append(hearing)
    return sorted(kept, key=lambda h: h.start)


def without_echo(channels: Sequence[Sequence[Hearing]]) -> list[list[Hearing]]:
    """For each channel what is not another one's prompt, come back fainter."""
    return [
        [h for h in own if not any(_echoes(h, other) for others in channels if others is not own for other in others)]
        for own in channels
    ]


def _echoes(hearing: Hearing, other: Hearing) -> bool:
    together = min(hearing.end, other.end) - max(hearing.start, other.start)
    half = (hearing.end - hearing.start) / 2
    return hearing.prompt == other.prompt and together > half and hearing.level < _ECHO * other.level
