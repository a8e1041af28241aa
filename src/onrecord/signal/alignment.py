"""What of a prompt was heard, once it is known where: the stretch whose short windows speak for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onrecord.signal.band import RATE, Samples
from onrecord.signal.reference import BLOCK, Reference, rms

FLOOR = 1e-4  # full scale 1: what is quieter in a channel is nothing
WANDER = RATE // 40  # samples that a window may lie off its block: jitter, and drift of the clocks
AFTER = RATE  # samples beyond a cut in a pause of the prompt that are looked at
_SOON = RATE * 2 // 5  # the same, beyond a cut in the middle of a word
_PAUSE = RATE * 3 // 20
LIKE = 0.75  # median correlation of a hearing
LIKE_IF_STEADY = 0.6  # the same, of blocks that agree to the sample: under another voice
LEAST_S = 0.8
_STEADY = 6  # samples that blocks lie off each other where nothing but noise came between
_FEWEST = 4  # blocks, and half of those within, for a hearing to be steady
_WINDOW = RATE // 10
_HOP = RATE // 100
_HEARD = 0.55  # above it a window speaks for the prompt, below against
_GONE = 0.45  # below it for half a second it was not played there
_EDGE = RATE // 5  # samples on both sides of an edge of windows that are looked at for the edge itself
_EVEN = 0.01  # of the sound before an edge: what changes it by less is silence, in the middle of which it is put
_ALIKE = 2  # samples
_NEAR = 20  # windows from an edge: the best of them says where the edge lies in the channel
_BLUR = 50  # windows: that half second
_FAINT = 0.1  # of the level: of a window that is fainter, or lost in noise, nothing can be told
_CUT = RATE // 4  # samples missing at an end that are a cut
_NEARLY_ALL = 0.8
_HALF = 0.5
_ONSET = RATE * 3 // 10  # samples from the beginning of a channel within which it begins in the middle of a prompt
_GOES_ON = 0.25  # of the level: above it, and above the noise, speech goes on beyond a cut; keys leak in fainter


class Vote(NamedTuple):
    """A block at `at` of the prompt correlates with the channel at `at + offset`; in samples at RATE."""

    at: int
    offset: int
    score: float


@dataclass(frozen=True, slots=True)
class Hearing:
    """Seconds: [start, end) of the channel, [ref_start, ref_end) of the prompt. `fraction` of the prompt was heard, by
    its time, its silence too: what lies beyond the channel was not;
    `score` the median correlation, 0 to 1; `level` of the channel there, RMS in the band, full scale 1."""

    prompt: str
    start: float
    end: float
    ref_start: float
    ref_end: float
    fraction: float
    score: float
    level: float


@dataclass(frozen=True, slots=True)
class Channel:
    """The sound of a channel from sample `first` on, banded."""

    sound: Samples
    first: int

    @property
    def end(self) -> int:
        return self.first + len(self.sound)

    def part(self, start: int, end: int) -> Samples:
        return self.sound[max(0, start - self.first) : max(0, end - self.first)]


def measured(channel: Channel, prompt: Reference, votes: Sequence[Vote], *, mixed: bool) -> Hearing | None:
    """`votes` by `at`; `mixed`: the channel has the caller's voice too. None where what correlates is too short or too
    unlike, or where other words were put around a piece that is the same: a voice out of a machine says the same words
    the same way."""
    places = np.arange(0, len(prompt.sound) - _WINDOW + 1, _HOP)
    offsets = _offsets(votes, places + _WINDOW // 2)
    sounds = (prompt.sound, prompt.between())
    windows = _windows(channel, sounds, places, offsets)
    scores = windows.scores
    weight = _weights(prompt.sound, places)
    low, high = _heaviest(np.where(_blurred(scores, weight) < _GONE, -np.inf, weight * (scores - _HEARD)))
    within = slice(low, high + 1)
    telling = weight[within] > _FAINT * weight.max()
    if not telling.any():
        return None
    score = float(np.median(scores[within][telling]))
    if score < (LIKE_IF_STEADY if _steady(votes, places[low], places[high] + _WINDOW) else LIKE):
        return None
    faint = weight < max(_FAINT, 0.7 * _noise(score)) * _level(weight[within])
    known = faint | (scores >= _HEARD)
    first, last = int(places[low]), int(places[high]) + _WINDOW
    sure = weight * np.maximum(0, scores - _HEARD)
    inside = min(_WINDOW // _HOP, (high - low) // 2)  # windows over an edge correlate best with what is not beyond it
    head = _agreed(windows.offsets, sure, low + inside, min(high, low + inside + _NEAR))
    tail = _agreed(windows.offsets, sure, max(low, high - inside - _NEAR), high - inside)
    ahead, behind = int(windows.offsets[head]), int(windows.offsets[tail])
    begin, end, sounded = 0, len(prompt.sound), len(prompt.sound)
    if not known[:low].all():
        begin = _onset(channel, sounds[windows.later[head]], first, ahead)
    if not known[high + 1 :].all():
        sounded, end = _cut(channel, sounds[windows.later[tail]], last, behind)
    begin, end = max(begin, -ahead), min(end, channel.end - behind)
    start, stop = begin + ahead, end + behind
    if (end - begin) / RATE < LEAST_S:
        return None
    part = (end - begin) / len(prompt.sound)
    level = rms(channel.part(start, stop))
    if begin > _CUT and part < (_HALF if mixed else _NEARLY_ALL) and start > _ONSET:
        return None
    over = mixed and _broken_off(scores[low : high + 1], score)
    if len(prompt.sound) - end > _CUT and part < _NEARLY_ALL and not over:
        in_pause = rms(prompt.sound[sounded : sounded + _PAUSE]) < _FAINT * prompt.level
        reach = AFTER if in_pause else _SOON
        beyond = _loudest(channel.part(sounded + behind + RATE // 20, sounded + behind + reach))
        if beyond > max(_GOES_ON, 1.6 * _noise(score)) * level:
            return None
    return Hearing(prompt.name, max(0.0, start / RATE), stop / RATE, begin / RATE, end / RATE, part, score, level)


def _broken_off(scores: NDArray[np.float64], score: float) -> bool:
    """Whether someone spoke over the end."""
    return float(np.quantile(scores[-30:-5], 0.2)) < score - 0.08 if len(scores) > 30 else False


def _offsets(votes: Sequence[Vote], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the nearest block that voted, for each place."""
    centres = np.array([vote.at + BLOCK // 2 for vote in votes])
    nearest = np.abs(places[:, None] - centres[None, :]).argmin(axis=1)
    offsets: NDArray[np.int64] = np.array([vote.offset for vote in votes], np.int64)[nearest]
    return offsets


class _Windows(NamedTuple):
    """For each window of the prompt its best correlation, 0 beyond the channel; the offset of that; and 1 where it
    is the prompt half a sample later that correlates so."""

    scores: NDArray[np.float64]
    offsets: NDArray[np.int64]
    later: NDArray[np.int64]


def _windows(
    channel: Channel, sounds: tuple[Samples, Samples], places: NDArray[np.int64], offsets: NDArray[np.int64]
) -> _Windows:
    """Within WANDER of where each should be."""
    made = _Windows(np.zeros(len(places)), offsets.copy(), np.zeros(len(places), np.int64))
    for number, (at, offset) in enumerate(zip(places.tolist(), offsets.tolist(), strict=True)):
        first = max(channel.first, at + offset - WANDER)
        around = channel.part(first, at + offset + _WINDOW + WANDER)
        if len(around) < _WINDOW:
            continue
        power = np.concatenate([[0.0], np.cumsum(np.square(around, dtype=np.float64))])
        norms = np.sqrt(np.maximum(power[_WINDOW:] - power[:-_WINDOW], 0)) + FLOOR * np.sqrt(_WINDOW)
        for later, sound in enumerate(sounds):
            piece = sound[at : at + _WINDOW]
            match = np.abs(np.correlate(around, piece, "valid")) / (norms * max(float(np.linalg.norm(piece)), 1e-12))
            best = int(match.argmax())
            if match[best] > made.scores[number]:
                made.scores[number], made.offsets[number] = match[best], first + best - at
                made.later[number] = later
    return made


def _agreed(offsets: NDArray[np.int64], sure: NDArray[np.float64], low: int, high: int) -> int:
    """The surest window of [low, high] at the offset on which the most agree: a vowel is like itself a period later."""
    own, weight = offsets[low : high + 1], sure[low : high + 1]
    near = np.abs(own[:, None] - own[None, :]) <= _ALIKE
    most = int((near @ weight).argmax())
    return low + int((weight * near[most]).argmax())


def _weights(sound: Samples, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """RMS of each window."""
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    made: NDArray[np.float64] = np.sqrt(np.maximum(power[places + _WINDOW] - power[places], 0) / _WINDOW)
    return made


def _blurred(scores: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over half a second, by weight."""
    over = np.ones(min(_BLUR, len(scores)))
    return np.convolve(scores * weight, over, "same") / np.maximum(np.convolve(weight, over, "same"), 1e-12)


def _heaviest(values: NDArray[np.floating]) -> tuple[int, int]:
    """[first, last] of the run with the greatest sum; last < first where none is above 0."""
    best, found, total, first = 0.0, (0, -1), 0.0, 0
    for at, value in enumerate(values.tolist()):
        total += value
        if total <= 0:
            total, first = 0.0, at + 1
        elif total > best:
            best, found = total, (first, at)
    return found


def _steady(votes: Sequence[Vote], begin: int, end: int) -> bool:
    """Whether enough blocks of [begin, end) agree to the sample."""
    within = [vote.offset for vote in votes if begin <= vote.at and vote.at + BLOCK <= end]
    if len(within) < _FEWEST:
        return False
    agree = sum(abs(offset - sorted(within)[len(within) // 2]) <= _STEADY for offset in within)
    return agree >= _FEWEST and agree * BLOCK * 2 >= end - begin


def _noise(score: float) -> float:
    """What is not the prompt, as a share of the level of the whole."""
    return math.sqrt(max(0.0, 1 - score * score))


def _level(weight: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(weight))))


def _cut(channel: Channel, sound: Samples, end: int, lag: int) -> tuple[int, int]:
    """Where the prompt that was heard up to about `end` sounded last, and where it was cut: before it, taking the
    prompt off the channel leaves less there, and beyond it more."""
    begin, stop = max(0, end - _EDGE), min(len(sound), end + _EDGE)
    sounded, cut = _turn(channel.part(begin + lag, stop + lag), sound[begin:stop])
    return begin + sounded, begin + cut


def _onset(channel: Channel, sound: Samples, begin: int, lag: int) -> int:
    """As the cut, for the other end."""
    start, end = max(0, begin - _EDGE), min(len(sound), begin + _EDGE)
    return end - _turn(channel.part(start + lag, end + lag)[::-1], sound[start:end][::-1])[1]


def _turn(there: Samples, piece: Samples) -> tuple[int, int]:
    size = min(len(there), len(piece))
    there, piece = there[:size].astype(np.float64), piece[:size].astype(np.float64)
    gain = float(there[: size // 4] @ piece[: size // 4]) / max(float(np.square(piece[: size // 4]).sum()), 1e-12)
    saved = np.cumsum(2 * gain * there * piece - np.square(gain * piece))
    level = np.flatnonzero(saved >= saved.max(initial=0.0) * (1 - _EVEN))
    return (int(level[0]) + 1, int(level[0] + level[-1] + 2) // 2) if len(level) else (0, 0)


def _loudest(sound: Samples) -> float:
    """RMS of the loudest fifth of a second."""
    parts = range(0, max(1, len(sound) - RATE // 5 + 1), RATE // 20)
    return max(rms(sound[at : at + RATE // 5]) for at in parts)
