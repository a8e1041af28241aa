"""Digests and salted commitments, each with its own domain so that no value of one kind passes for another."""

import hashlib
from enum import Enum

from onrecord.base.draw import BLOCK_BYTES, block

SALT_BYTES = BLOCK_BYTES
DIGEST_BYTES = 32


class Domain(Enum):
    """First bytes of what is hashed: 24 bytes, zero-padded."""

    EVENT = b"onrecord/event/v1"
    OBJECT = b"onrecord/object/v1"

    def __init__(self, name: bytes) -> None:
        self.prefix = name.ljust(24, b"\0")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


new_salt = block


def commit(domain: Domain, salt: bytes, payload: bytes) -> bytes:
    """SHA-256(domain, 24 bytes || salt, 32 bytes || payload). Hiding while the salt is secret; binding always.

    Errors: ValueError where the salt has another length."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 32 bytes")
    return hashlib.sha256(domain.prefix + salt + payload).digest()
