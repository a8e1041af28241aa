"""Reads a WAV file of one channel: RIFF with a `fmt ` and a `data` chunk (Multimedia Programming Interface and Data
Specifications 1.0, 1991). Only what is wholly there is taken: no chunk may be cut off."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from onrecord.signal.encoding import Encoding
from onrecord.signal.errors import SignalError

MIN_RATE = 8_000
MAX_RATE = 48_000
_FORMS = {(1, 16): Encoding.PCM16, (7, 8): Encoding.MULAW}
"""By format tag and bits a sample."""
_EXTENSIBLE = 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


@dataclass(frozen=True, slots=True)
class Wave:
    """`samples` in `encoding`, `rate` of them a second."""

    encoding: Encoding
    rate: int
    samples: bytes = field(repr=False)

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.encoding.width / self.rate


def read_wav(data: bytes) -> Wave:
    """Errors: SignalError `wav_refused`: no WAV, several channels, another encoding than PCM16 or mu-law, a rate that
    is not 8 to 48 kHz, cut off, or without samples."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _bad_wav("this is no WAV file")
    if int.from_bytes(data[4:8], "little") > len(data) - 8:
        raise _bad_wav("the WAV file is cut off")
    chunks = dict(reversed(list(_chunks(data))))
    if b"fmt " not in chunks or b"data" not in chunks:
        raise _bad_wav("the WAV file has no format or no samples")
    encoding, rate = _format(chunks[b"fmt "])
    samples = chunks[b"data"]
    if not samples or len(samples) % encoding.width:
        raise _bad_wav("the WAV file has no whole samples")
    return Wave(encoding, rate, samples)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Chunks are padded to an even length."""
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise _bad_wav("the WAV file is cut off")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _format(chunk: bytes) -> tuple[Encoding, int]:
    if len(chunk) < 16:
        raise _bad_wav("the WAV file has no whole format")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if tag == _EXTENSIBLE and len(chunk) >= 40 and chunk[26:40] == _SUBFORMAT_TAIL:
        tag = int.from_bytes(chunk[24:26], "little")
    encoding = _FORMS.get((tag, bits))
    if channels != 1:
        raise _bad_wav("a prompt has one channel")
    if encoding is None:
        raise _bad_wav("the samples are neither PCM16 nor mu-law")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise _bad_wav("the rate is not from 8 to 48 kHz")
    return encoding, rate


def _bad_wav(message: str) -> SignalError:
    return SignalError(message, code="wav_refused")
