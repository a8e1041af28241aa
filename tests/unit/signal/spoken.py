"""Speech-like sound, made from nothing: a voice of harmonics under moving formants that says words of its own lexicon,
and what lines, codecs, rooms and callers do to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onrecord.signal import mulaw

Sound = npt.NDArray[np.float64]
RATE = 8000
PACKET = 0.02
WORDS = 120
# F1, F2, F3 in Hz of vowels and of voiced consonants, the latter fainter
_VOWELS = (
    (270, 2290, 3010),
    (390, 1990, 2550),
    (530, 1840, 2480),
    (660, 1720, 2410),
    (730, 1090, 2440),
    (570, 840, 2410),
    (440, 1020, 2240),
    (300, 870, 2240),
    (640, 1190, 2390),
    (490, 1350, 1690),
)
_SONORANTS = ((280, 1100, 2300), (280, 1500, 2500), (350, 1000, 2600), (310, 1060, 1380))
_HISSES = (1800, 2500, 3200)


@dataclass(frozen=True)
class Voice:
    """`pitch` in Hz, `size` of the vocal tract (1 is a man's), `pace` in seconds a phone."""

    pitch: float = 120.0
    size: float = 1.0
    pace: float = 0.085


MAN, WOMAN, OTHER = Voice(), Voice(205.0, 1.17, 0.08), Voice(150.0, 1.06, 0.09)


def lexicon(seed: int = 1) -> list[list[int]]:
    """Words as phones: up to 9 a vowel, up to 13 a sonorant, up to 16 a hiss, 17 a stop."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(WORDS):
        word: list[int] = []
        for _ in range(rng.integers(1, 4)):
            word += [int(rng.integers(10, 18)), int(rng.integers(0, 10))]
            if rng.random() < 0.4:
                word.append(int(rng.integers(10, 17)))
        made.append(word)
    return made


LEXICON = lexicon()


def text(seed: int, words: int) -> list[int]:
    return [int(n) for n in np.random.default_rng([7, seed]).integers(0, WORDS, words)]


def say(words: Sequence[int], voice: Voice = MAN, take: int = 0, *, rate: int = RATE, fixed: bool = False) -> Sound:
    """The words as this voice says them; another `take` has other pitch and timing, as when a person or a synthesiser
    says them again. `fixed`: a word always sounds the same, as where a machine strings recorded words together."""
    parts: list[Sound] = []
    phase = 0.0
    rng = np.random.default_rng([take, *words])
    for at, word in enumerate(words):
        own = np.random.default_rng([99, word]) if fixed else rng
        fall = 1.0 if fixed else 1.12 - 0.25 * at / max(1, len(words))
        made, phase = _word(LEXICON[word], voice, own, fall, 0.0 if fixed else phase, rate)
        parts += [made, np.zeros(round(rate * own.uniform(0.0, 0.05)))]
        if at % 6 == 5:
            parts.append(np.zeros(round(rate * rng.uniform(0.15, 0.4))))
    sound = np.concatenate(parts)
    return 0.2 * sound / np.abs(sound).max()


def _word(
    phones: Sequence[int], voice: Voice, rng: np.random.Generator, fall: float, phase: float, rate: int
) -> tuple[Sound, float]:
    lengths = [max(0.03, voice.pace * rng.normal(1.0 + 0.3 * (p < 10), 0.15)) for p in phones]
    total = round(sum(lengths) * rate)
    at = np.arange(total) / rate
    middles = np.cumsum(lengths) - np.array(lengths) / 2
    shapes = np.array([_formants(p, rng) for p in phones]) * voice.size
    formants = [np.interp(at, middles, shapes[:, n]) for n in range(3)]
    loud = np.interp(at, middles, [1.0 if p < 10 else 0.35 if p < 14 else 0.0 for p in phones])
    hiss = np.interp(at, middles, [0.25 if 14 <= p < 17 else 0.0 for p in phones])
    bend = np.interp(at, np.linspace(0, at[-1] + 0.01, 4), rng.normal(1.0, 0.06, 4))
    pitch = voice.pitch * fall * bend
    turns = phase + np.cumsum(2 * np.pi * pitch / rate)
    voiced = np.zeros(total)
    for k in range(1, int(min(3800, rate / 2.2) / voice.pitch)):
        tone = k * pitch
        gain = sum(
            w / (1 + ((tone - f) / b) ** 2) for f, b, w in zip(formants, (60, 90, 140), (1, 0.6, 0.3), strict=True)
        )
        voiced += gain * np.sin(k * turns) / k**0.3
    noise = np.diff(rng.normal(0, 1, total + 1))
    return voiced * loud + noise * hiss, float(turns[-1] % (2 * np.pi))


def _formants(phone: int, rng: np.random.Generator) -> Sound:
    known = _VOWELS[phone] if phone < 10 else _SONORANTS[phone - 10] if phone < 14 else (400, 1500, 2500)
    return np.array(known) * rng.normal(1.0, 0.03, 3)


def quiet(seconds: float, rate: int = RATE) -> Sound:
    return np.zeros(round(seconds * rate))


def gained(sound: Sound, decibel: float) -> Sound:
    return sound * 10 ** (decibel / 20)


def noisy(sound: Sound, snr: float, seed: int = 0, like: Sound | None = None) -> Sound:
    """White and low noise, `snr` dB below the speech in it (or in `like`)."""
    rng = np.random.default_rng([3, seed])
    given = sound if like is None else like
    level = np.sqrt(np.mean(given[np.abs(given) > 1e-4] ** 2))
    noise = rng.normal(0, 1, len(sound))
    noise = noise + np.convolve(rng.normal(0, 1, len(sound)), np.full(8, 0.5), "same")
    return sound + noise / noise.std() * level * 10 ** (-snr / 20)


def mulawed(sound: Sound) -> Sound:
    pcm = np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)
    return mulaw.decode(mulaw.encode(pcm)) / 32768.0


def narrowed(sound: Sound, low: float = 220.0, high: float = 3100.0, rate: int = RATE) -> Sound:
    """As codecs of few bits do: a narrower band, with a phase of its own, and noise that follows the sound."""
    spectrum = np.fft.rfft(sound)
    tones = np.fft.rfftfreq(len(sound), 1 / rate)
    gain = 1 / np.sqrt(1 + (low / np.maximum(tones, 1)) ** 8) / np.sqrt(1 + (tones / high) ** 16)
    delay = np.exp(-2j * np.pi * tones * 0.0065 - 1j * 0.4 * np.sin(tones / 700))
    made = np.fft.irfft(spectrum * gain * delay, len(sound))
    envelope = np.sqrt(np.convolve(made**2, np.full(80, 1 / 80), "same"))
    return made + np.random.default_rng(5).normal(0, 1, len(made)) * envelope * 0.15


def lossy(sound: Sound, share: float, seed: int = 0, rate: int = RATE) -> Sound:
    """Packets of 20 ms that never came: silence in their place."""
    rng = np.random.default_rng([11, seed])
    made, size = sound.copy(), round(PACKET * rate)
    for at in range(0, len(made), size):
        if rng.random() < share:
            made[at : at + size] = 0
    return made


def jittered(sound: Sound, share: float, seed: int = 0, rate: int = RATE) -> Sound:
    """A jitter buffer that now and then says 20 ms twice, or leaves them out."""
    rng = np.random.default_rng([13, seed])
    size = round(PACKET * rate)
    parts, late = [], 0
    for at in range(0, len(sound), size):
        packet = sound[at : at + size]
        draw = rng.random()
        if draw < share / 2 and late < 2:
            parts += [packet, packet]
            late += 1
        elif draw > 1 - share / 2 and late > -2:
            late -= 1
        else:
            parts.append(packet)
    return np.concatenate(parts)


def drifted(sound: Sound, share: float) -> Sound:
    """Played by a clock that is so much slow."""
    return np.interp(np.arange(round(len(sound) * (1 + share))) / (1 + share), np.arange(len(sound)), sound)


def resampled(sound: Sound, to: int, rate: int = RATE) -> Sound:
    size = round(len(sound) * to / rate)
    spectrum = np.fft.rfft(sound)
    kept = np.zeros(size // 2 + 1, complex)
    count = min(len(kept), len(spectrum))
    kept[:count] = spectrum[:count]
    return np.fft.irfft(kept, size) * size / len(sound)
