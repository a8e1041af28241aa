"""The port to whatever holds the root key."""

from typing import Protocol

ROOT = "root"


class Kms(Protocol):
    """Wraps small secrets under root keys that never leave it. Every method may be called from any thread."""

    def wrap(self, key_id: str, plaintext: bytes, aad: bytes) -> bytes:
        """`plaintext` (at most 1 KiB) under the newest version of root key `key_id`, bound to `aad`."""
        ...

    def unwrap(self, key_id: str, wrapped: bytes, aad: bytes) -> bytes:
        """Errors: KmsRefusedError for another root key, other `aad` or changed bytes."""
        ...
