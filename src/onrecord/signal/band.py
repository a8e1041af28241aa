"""Sound cut to what survives a telephone line and its codecs: what a prompt is compared by."""

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 4000  # Hz, of what comes out
FEWEST_HZ = RATE
_EDGES = (150.0, 250.0, 1800.0, 1900.0)  # Hz: the ramps into and out of the band
_TILT_AT = 500.0  # Hz at which the tilt is 1


def banded(samples: NDArray[np.floating], rate: int) -> Samples:
    """At RATE, 150 to 1900 Hz, higher tones raised against lower ones by the square root of their frequency: voiced
    speech falls off with it, and a few low harmonics would decide alone. `rate` is FEWEST_HZ or more."""
    step = rate // math.gcd(rate, RATE)  # so many samples, or a multiple, become whole ones
    given = -(-len(samples) // step) * step
    size = given * RATE // rate
    if size < 2:
        return np.zeros(size, np.float32)
    spectrum = np.fft.rfft(np.asarray(samples, np.float32), given)
    kept = np.zeros(size // 2 + 1, np.complex64)
    count = min(len(kept), len(spectrum))
    kept[:count] = spectrum[:count]
    tones = np.arange(len(kept), dtype=np.float32) * np.float32(RATE / size)
    low, full, down, high = _EDGES
    gain = np.clip((tones - low) / (full - low), 0, 1) * np.clip((high - tones) / (high - down), 0, 1)
    kept *= gain * np.sqrt(tones / _TILT_AT) * np.float32(size / given)
    return np.fft.irfft(kept, size)[: round(len(samples) * RATE / rate)].astype(np.float32)


class Band:
    """`banded` for sound that comes in parts, the same but for -60 dB at the joints. `hop`: seconds that are worked out
    at a time, and how far what comes out lags behind, beside the margin."""

    def __init__(self, rate: int, hop: int = 8) -> None:
        quarters = 1 if rate % 4 == 0 else 4
        self._rate = rate
        self._margin = rate * quarters // 4
        self._out_margin = RATE * quarters // 4
        self._hop = hop * rate
        self._held = np.zeros(self._margin, np.float32)

    def take(self, samples: NDArray[np.floating]) -> Samples:
        """What can be said by now, after what was given before."""
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        made = []
        while len(self._held) >= self._hop + 2 * self._margin:
            window = banded(self._held[: self._hop + 2 * self._margin], self._rate)
            made.append(window[self._out_margin : -self._out_margin])
            self._held = self._held[self._hop :]
        return np.concatenate(made) if made else np.zeros(0, np.float32)

    def rest(self) -> Samples:
        """The end of it; nothing may be given after it."""
        there = len(self._held) - self._margin
        window = banded(np.concatenate([self._held, np.zeros(self._margin, np.float32)]), self._rate)
        return window[self._out_margin : self._out_margin + there * RATE // self._rate]
