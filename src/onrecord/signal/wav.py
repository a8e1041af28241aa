"""WAV, PCM16 mono: a fixed header, then samples; so that any byte range follows from the sample range."""

import struct

from onrecord.signal import mulaw
from onrecord.signal.encoding import Encoding
from onrecord.signal.errors import SignalError

HEADER_BYTES = 44
_MAX_DATA_BYTES = 2**32 - 1 - (HEADER_BYTES - 8)


def wav_header(rate: int, samples: int) -> bytes:
    """44 bytes: RIFF, `fmt ` (format 1, 1 channel, 16 bits), `data`. Errors: wav_too_long beyond 4 GiB."""
    size = 2 * samples
    if size > _MAX_DATA_BYTES:
        raise SignalError("a WAV file holds at most 4 GiB", code="wav_too_long")
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER_BYTES - 8 + size, b"WAVE",
        b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16,
        b"data", size,
    )  # fmt: skip


def pcm16(payload: bytes | bytearray, encoding: Encoding) -> bytes:
    """Little-endian PCM16, as a WAV body wants it."""
    if encoding is Encoding.MULAW:
        return mulaw.decode(payload).astype("<i2").tobytes()
    return bytes(payload)
