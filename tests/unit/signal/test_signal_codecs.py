import struct

import numpy as np
import pytest

from onrecord.signal import mulaw
from onrecord.signal.encoding import Encoding, is_silent, silence
from onrecord.signal.errors import SignalError
from onrecord.signal.wav import HEADER_BYTES, pcm16, wav_header

# ITU-T G.711 table 2: decoder output values (14 bits) at the start of each segment, times 4
DECODED = {0x00: -32124, 0x0F: -16764, 0x10: -15996, 0x7E: -8, 0x7F: 0, 0x80: 32124, 0x8F: 16764, 0xFE: 8, 0xFF: 0}


@pytest.mark.parametrize(("code", "value"), DECODED.items())
def test_decoder_follows_the_table(code, value):
    assert mulaw.decode(bytes([code])).tolist() == [value]


def test_decoded_values_are_odd_symmetric_and_monotonic():
    values = mulaw.decode(bytes(range(256)))
    assert (values[:128] == -values[128:]).all()
    assert (np.diff(values[:128]) > 0).all()


def test_encoding_is_the_inverse_but_for_the_second_zero():
    every = bytes(range(256))
    again = mulaw.encode(mulaw.decode(every))
    assert again == every.replace(b"\x7f", b"\xff")


def test_encoder_picks_the_nearest_value_of_the_table():
    """Within a segment: the error is at most half a step, clipped at the ends."""
    samples = np.arange(-32635, 32636, dtype=np.int16)
    error = np.abs(mulaw.decode(mulaw.encode(samples)).astype(int) - samples)
    step = np.maximum(8, (np.abs(samples.astype(int)) + 132) // 16)
    assert (error <= step).all()


def test_encoder_clips_the_extremes():
    extremes = np.array([-32768, -32636, 32636, 32767], dtype=np.int16)
    assert mulaw.encode(extremes) == b"\x00\x00\x80\x80"


@pytest.mark.parametrize("encoding", Encoding)
def test_silence_is_silent_and_decodes_to_zero(encoding):
    quiet = silence(encoding, 160)
    assert len(quiet) == 160 * encoding.width
    assert is_silent(quiet, encoding)
    assert pcm16(quiet, encoding) == bytes(320)


@pytest.mark.parametrize("encoding", Encoding)
def test_one_loud_sample_is_heard(encoding):
    quiet = bytearray(silence(encoding, 160))
    quiet[77] ^= 0x55
    assert not is_silent(quiet, encoding)


def test_both_zeros_of_mulaw_are_silent():
    assert is_silent(b"\xff\x7f\xff", Encoding.MULAW)


def test_wav_header_says_what_follows():
    header = wav_header(8000, 1000)
    assert len(header) == HEADER_BYTES
    riff, size, wave, _, _, form, channels, rate, byterate, align, bits, _, data = struct.unpack(
        "<4sI4s4sIHHIIHH4sI", header
    )
    assert (riff, wave) == (b"RIFF", b"WAVE")
    assert (form, channels, rate, byterate, align, bits) == (1, 1, 8000, 16000, 2, 16)
    assert (size, data) == (36 + 2000, 2000)


def test_wav_beyond_four_gibibytes_is_refused():
    with pytest.raises(SignalError) as refused:
        wav_header(8000, 2**31)
    assert refused.value.code == "wav_too_long"


def test_pcm_passes_unchanged():
    assert pcm16(b"\x01\x02\x03\x04", Encoding.PCM16) == b"\x01\x02\x03\x04"
