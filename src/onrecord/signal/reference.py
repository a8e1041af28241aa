"""A recorded prompt, made ready to be looked for in calls."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onrecord.signal.band import FEWEST_HZ, RATE, Samples, banded
from onrecord.signal.errors import SignalError

BLOCK = RATE // 2  # samples that vote together
SHORTEST_S = 0.6
LONGEST_S = 600.0
_FAINTEST = 1e-3  # full scale 1: a prompt below -60 dBFS is silent
_QUIET = 0.03  # of the prompt's level: of a block that is quieter nothing can be told
_RICH_HZ = 14.0  # bandwidth below which a block is a tone or two, which many lines play; speech has 17 and more


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """`sound` is banded; `blocks` the first samples of the blocks that can vote, `level` the RMS of the sound. A
    prompt too short or too even for a whole block has none, and is never heard."""

    name: str
    sound: Samples = field(repr=False)
    level: float
    blocks: tuple[int, ...]

    def between(self) -> Samples:
        """The sound half a sample later: a call is seldom cut where the prompt was."""
        size = len(self.sound)
        turn = np.exp(1j * np.pi * np.arange(size // 2 + 1) / size)
        return np.fft.irfft(np.fft.rfft(self.sound) * turn, size).astype(np.float32)

    @property
    def seconds(self) -> float:
        return len(self.sound) / RATE

    def spectra(self, size: int) -> NDArray[np.complex64]:
        """(blocks, size // 2 + 1): the conjugate spectrum of each block at unit norm, over `size` samples."""
        if not self.blocks:
            return np.zeros((0, size // 2 + 1), np.complex64)
        pieces = np.stack([self.sound[at : at + BLOCK] for at in self.blocks])
        pieces /= np.linalg.norm(pieces, axis=1, keepdims=True)
        return np.conj(np.fft.rfft(pieces, size)).astype(np.complex64)


def reference(name: str, samples: NDArray[np.floating], rate: int) -> Reference:
    """Of one channel at full scale 1. Errors: SignalError prompt_rate, prompt_too_short, prompt_too_long,
    prompt_silent."""
    if rate < FEWEST_HZ:
        raise SignalError("a prompt has 4000 samples a second or more", code="prompt_rate")
    seconds = len(samples) / rate
    if seconds < SHORTEST_S:
        raise SignalError("a prompt is 0.6 seconds long or longer", code="prompt_too_short")
    if seconds > LONGEST_S:
        raise SignalError("a prompt is 600 seconds long or shorter", code="prompt_too_long")
    sound = banded(samples, rate)
    level = rms(sound)
    if not math.isfinite(level) or level < _FAINTEST * 0.1 or rms(np.asarray(samples)) < _FAINTEST:
        raise SignalError("the sound of a prompt is silent", code="prompt_silent")
    last = len(sound) - BLOCK
    starts = [*range(0, last + 1, BLOCK)]
    if starts and starts[-1] < last - BLOCK // 4:
        starts.append(last)
    votes = (at for at in starts if _tells(sound[at : at + BLOCK], level))
    return Reference(name, sound, level, tuple(votes))


def rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _tells(block: Samples, level: float) -> bool:
    """Whether it is loud enough, and more than a tone or two: by the bandwidth over which its power is spread."""
    if rms(block) <= _QUIET * level:
        return False
    power = np.abs(np.fft.rfft(block * np.hanning(BLOCK))) ** 2
    width = float(power.sum() ** 2 / np.square(power).sum()) * RATE / BLOCK
    return width >= _RICH_HZ
