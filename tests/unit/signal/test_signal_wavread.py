"""WAV files read: what is wholly there and of one channel, nothing else."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.signal.encoding import Encoding
from onrecord.signal.errors import SignalError
from onrecord.signal.wav import wav_header
from onrecord.signal.wavread import read_wav

SAMPLES = b"\x01\x02" * 800


def made(*, tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, data: bytes = SAMPLES) -> bytes:
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * bits // 8 * channels, bits // 8 * channels, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_pcm_and_mulaw() -> None:
    wave = read_wav(made())
    assert (wave.encoding, wave.rate, wave.samples, wave.seconds) == (Encoding.PCM16, 8000, SAMPLES, 0.1)
    wave = read_wav(made(tag=7, bits=8, rate=16_000))
    assert (wave.encoding, wave.seconds) == (Encoding.MULAW, 0.1)
    assert read_wav(wav_header(8000, 800) + SAMPLES).samples == SAMPLES


def test_other_chunks_and_their_padding_are_passed_over() -> None:
    plain = made()
    with_note = plain[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + plain[12:]
    whole = b"RIFF" + struct.pack("<I", len(with_note) - 8) + with_note[8:]
    assert read_wav(whole).samples == SAMPLES


@pytest.mark.parametrize(
    "data",
    [
        b"", b"RIFF", made()[:-1], made()[:40], made(channels=2), made(tag=3, bits=32), made(bits=8), made(rate=7999),
        made(rate=48_001), made(data=b""), made(data=b"\0"), b"OggS" + made()[4:], b"RIFF\xff\xff\xff\xff" + made()[8:],
    ],
)  # fmt: skip
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(SignalError) as caught:
        read_wav(data)
    assert caught.value.code == "wav_refused"


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.binary(max_size=80), st.integers(0, 60))
def test_nothing_but_a_refusal_comes_of_noise(noise: bytes, at: int) -> None:
    spoiled = made()[:at] + noise + made()[at + len(noise) :]
    try:
        wave = read_wav(spoiled)
    except SignalError:
        return
    assert 8000 <= wave.rate <= 48_000
    assert wave.samples
