"""G.711 mu-law to and from 16-bit PCM (ITU-T G.711, table 2, scaled from 14 to 16 bits)."""

import numpy as np
from numpy.typing import NDArray

_BIAS = 0x84
_CLIP = 32635


def _decode_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    """Indexed by the sample's bits as an unsigned integer."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    code: NDArray[np.int32] = ~(sign | (exponent << 4) | mantissa) & 0xFF
    return code.astype(np.uint8)


_DECODE = _decode_table()
_ENCODE = _encode_table()


def decode(payload: bytes | bytearray) -> NDArray[np.int16]:
    """int16, (samples,). 0xFF and 0x7F are both 0."""
    return _DECODE.take(np.frombuffer(payload, dtype=np.uint8))


def encode(samples: NDArray[np.int16]) -> bytes:
    """One byte a sample; beyond +-32635 clipped. `encode(decode(b))` is b but for 0x7F, which becomes 0xFF."""
    return _ENCODE[np.ascontiguousarray(samples, dtype=np.int16).view(np.uint16)].tobytes()
