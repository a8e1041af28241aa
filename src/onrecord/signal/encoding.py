"""Sample encodings: their width and their digital silence."""

from enum import StrEnum


class Encoding(StrEnum):
    """One channel of samples. `pcm16` is signed, little-endian."""

    MULAW = "mulaw"
    PCM16 = "pcm16"

    @property
    def width(self) -> int:
        """Bytes a sample."""
        return 1 if self is Encoding.MULAW else 2


def silence(encoding: Encoding, samples: int) -> bytes:
    """Samples that decode to 0: 0xFF in mu-law (G.711), zeros in PCM."""
    return b"\xff" * samples if encoding is Encoding.MULAW else bytes(2 * samples)


def is_silent(payload: bytes | bytearray, encoding: Encoding) -> bool:
    """Whether every sample decodes to 0 (mu-law has two zeros, 0xFF and 0x7F)."""
    if encoding is Encoding.MULAW:
        return payload.count(0xFF) + payload.count(0x7F) == len(payload)
    return payload.count(0) == len(payload)
