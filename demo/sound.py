"""Telephone sound at 8 kHz. Sums and gains are in integers, so that every machine gives the same samples.

Shapes: int64, (samples,) between the steps; int16 only after `telephone`.
"""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.int64]

RATE = 8_000
FULL_SCALE = 32_768
SPEECH_RMS = 4_629  # -17 dBFS
NOISE_RMS = 33  # -60 dBFS
KNEE = 16_384
KEY_SECONDS = 0.08
KEY_GAP_SECONDS = 0.08

# ITU-T Q.23
_LOW = {"1": 697, "2": 697, "3": 697, "4": 770, "5": 770, "6": 770, "7": 852, "8": 852, "9": 852}
_LOW |= {"*": 941, "0": 941, "#": 941}
_HIGH = {"1": 1209, "4": 1209, "7": 1209, "*": 1209, "2": 1336, "5": 1336, "8": 1336, "0": 1336}
_HIGH |= {"3": 1477, "6": 1477, "9": 1477, "#": 1477}
_LOW_PEAK = 8_231  # -12 dBFS
_HIGH_PEAK = 10_362  # -10 dBFS

_TAPS = 96
_UNIT = 1 << 15


def _filters(phases: int, step: int, source_rate: int) -> Sound:
    """Windowed-sinc low-pass at 3.5 kHz, one row a phase, each row with the sum 2^15."""
    offsets = np.arange(_TAPS)[None, :] - _TAPS // 2 + 1 - (np.arange(phases) * step % phases / phases)[:, None]
    rows = np.sinc(2 * 3_500 / source_rate * offsets) * np.cos(np.pi * offsets / _TAPS) ** 2
    return np.asarray(np.rint(rows / rows.sum(axis=1, keepdims=True) * _UNIT), dtype=np.int64)


def to_8k(samples: NDArray[np.int16]) -> Sound:
    """22,050 Hz to 8,000 Hz: output n stands at input n * 441 / 160."""
    phases, step = 160, 441
    filters = _filters(phases, step, 22_050)
    padded = np.pad(samples.astype(np.int64), _TAPS)
    count = len(samples) * phases // step
    n = np.arange(count)
    first = n * step // phases + _TAPS - _TAPS // 2 + 1
    taken = padded[first[:, None] + np.arange(_TAPS)[None, :]]
    return np.asarray((taken * filters[n % phases]).sum(axis=1) // _UNIT, dtype=np.int64)


def voiced(sound: Sound, block: int = 80) -> NDArray[np.bool_]:
    """For each block of samples whether its RMS is within 35 dB of the loudest block."""
    blocks = sound[: len(sound) // block * block].reshape(-1, block)
    energy = (blocks * blocks).sum(axis=1)
    return np.asarray(energy * 3_162 > energy.max())


def at_speech_level(sound: Sound) -> Sound:
    """The voiced blocks at -17 dBFS RMS; what passes -6 dBFS is pressed together, four to one."""
    loud = np.repeat(voiced(sound), 80)
    rms = isqrt(int((sound[: len(loud)][loud] ** 2).mean()))
    scaled = sound * SPEECH_RMS // rms
    over = np.maximum(np.abs(scaled) - KNEE, 0)
    return np.asarray(scaled - np.sign(scaled) * (over * 3 // 4), dtype=np.int64)


def _pair(low: int, high: int, low_peak: int, high_peak: int, seconds: float) -> Sound:
    """Two tones with edges of 4 ms."""
    n = np.arange(round(seconds * RATE))
    wave = low_peak * np.sin(2 * np.pi * low * n / RATE) + high_peak * np.sin(2 * np.pi * high * n / RATE)
    edge = np.minimum(1, np.minimum(n + 1, len(n) - n) / 32)
    return np.asarray(np.rint(wave * edge), dtype=np.int64)


def key(digit: str) -> Sound:
    return _pair(_LOW[digit], _HIGH[digit], _LOW_PEAK, _HIGH_PEAK, KEY_SECONDS)


def ringing() -> Sound:
    """One ring as in Ireland: 400 and 450 Hz, 0.4 s on, 0.2 s off, 0.4 s on."""
    tone = _pair(400, 450, 1_800, 1_800, 0.4)
    return np.concatenate([tone, np.zeros(round(0.2 * RATE), dtype=np.int64), tone])


def line_noise(samples: int, seed: int) -> Sound:
    """Near-Gaussian noise at -60 dBFS from raw PCG64 words, whose stream numpy keeps for ever. One second, over and
    over: so that where nobody talks, the shipped file costs next to nothing."""
    octets = np.random.PCG64(seed).random_raw(RATE).astype("<u8").view(np.uint8).reshape(-1, 8)
    second = ((octets.astype(np.int64).sum(axis=1) - 1_020) * NOISE_RMS + 104) // 209
    return np.asarray(np.resize(second, samples), dtype=np.int64)


def telephone(sound: Sound) -> NDArray[np.int16]:
    return np.clip(sound, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
