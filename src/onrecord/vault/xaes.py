"""XAES-256-GCM (C2SP XAES-256-GCM.md): AES-256-GCM with 192-bit nonces, so that random nonces need no message count."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onrecord.vault.errors import TamperedError

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
_HALF = 12
_DERIVED_LIMIT = 64


def _subkey(key: bytes, first_half: bytes) -> AESGCM:
    """The key of all nonces with this first half: CMAC in counter mode (SP 800-108), unrolled as specified."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  (one block of a CMAC)
    left = int.from_bytes(encryptor.update(bytes(16)))
    doubled = (left << 1) & ((1 << 128) - 1)
    if left >> 127:
        doubled ^= 0x87
    first = int.from_bytes(b"\x00\x01X\x00" + first_half) ^ doubled
    second = int.from_bytes(b"\x00\x02X\x00" + first_half) ^ doubled
    return AESGCM(encryptor.update(first.to_bytes(16) + second.to_bytes(16)))


class Xaes:
    """One key. Seals under one random first half for its own lifetime, with a random second half a message: 2^32
    messages a lifetime keep the odds of a repeat under 2^-32, however many lifetimes there are."""

    __slots__ = ("_encrypt", "_first_half", "_key", "_subkeys")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._first_half = os.urandom(_HALF)
        own = _subkey(key, self._first_half)
        self._encrypt = own.encrypt
        self._subkeys = {self._first_half: own}

    def seal(self, aad: bytes, plaintext: bytes) -> bytes:
        """nonce (24 bytes) || ciphertext || tag (16 bytes)."""
        second_half = os.urandom(_HALF)
        return self._first_half + second_half + self._encrypt(second_half, plaintext, aad)

    def open(self, aad: bytes, blob: bytes) -> bytes:
        """Errors: TamperedError."""
        first_half = blob[:_HALF]
        subkey = self._subkeys.get(first_half)
        if subkey is None:
            if len(blob) < NONCE_BYTES + TAG_BYTES:
                raise TamperedError("sealed bytes are cut short")
            if len(self._subkeys) >= _DERIVED_LIMIT:
                self._subkeys = {}
            subkey = self._subkeys[first_half] = _subkey(self._key, first_half)
        try:
            return subkey.decrypt(blob[_HALF:NONCE_BYTES], blob[NONCE_BYTES:], aad)
        except (InvalidTag, ValueError) as error:
            raise TamperedError("sealed bytes do not authenticate") from error
