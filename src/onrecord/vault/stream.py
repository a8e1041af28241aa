"""The object format: AES-256-GCM in chunks with STREAM nonces (Hoang, Reyhanitabar, Rogaway, Vizar 2015).

Object = header || chunk 0 || chunk 1 ...; header = "ORO1" || chunk size, u32 || nonce prefix, 7 bytes; chunk =
ciphertext || tag, 16 bytes. Nonce of chunk i = prefix || i, u32 || 1 for the last chunk, else 0. Integers are
big-endian. All chunks but the last are full; an empty object has one empty chunk. docs/design/format.md, "Objects".
"""

import hashlib
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onrecord.base import digests
from onrecord.vault.errors import TamperedError

MAGIC = b"ORO1"
CHUNK_BYTES = 65536
TAG_BYTES = 16
HEADER_BYTES = 15
_PREFIX_BYTES = 7
_STRIDE = CHUNK_BYTES + TAG_BYTES
_DOMAIN = b"onrecord/chunks/v1".ljust(24, b"\0")
_START = MAGIC + CHUNK_BYTES.to_bytes(4)


def chunks_of(size: int) -> int:
    """How many chunks hold `size` bytes."""
    return max(1, -(-size // CHUNK_BYTES))


def stored_size(size: int) -> int:
    """Bytes of the object that holds `size` bytes."""
    return HEADER_BYTES + size + TAG_BYTES * chunks_of(size)


def _nonce(prefix: bytes, index: int, chunks: int) -> bytes:
    return prefix + index.to_bytes(4) + (b"\x01" if index == chunks - 1 else b"\x00")


def _associated(header: bytes, meta: bytes) -> bytes:
    return hashlib.sha256(_DOMAIN + header + meta).digest()


def encrypt(cipher: AESGCM, meta: bytes, plaintext: bytes | bytearray) -> tuple[bytes, bytes]:
    """The object and the SHA-256 of its concatenated tags. `cipher` bears a key that no other object has."""
    chunks = chunks_of(len(plaintext))
    header = _START + os.urandom(_PREFIX_BYTES)
    prefix = header[-_PREFIX_BYTES:]
    associated = _associated(header, meta)
    source = memoryview(plaintext)
    sealed = [
        cipher.encrypt(
            _nonce(prefix, index, chunks), source[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES], associated
        )
        for index in range(chunks)
    ]
    return b"".join([header, *sealed]), digests.sha256(b"".join([chunk[-TAG_BYTES:] for chunk in sealed]))


def decrypt(
    cipher: AESGCM,
    meta: bytes,
    fetch: Callable[[int, int], bytes],
    *,
    size: int,
    tags_digest: bytes,
    start: int,
    end: int,
) -> bytes:
    """Plaintext [start, end) of an object of `size` bytes of plaintext, 0 <= start <= end <= size. `fetch(a, b)`
    returns bytes [a, b) of the object; only the chunks that are needed are fetched. The tags' digest is checked where
    the whole is read. Errors: TamperedError."""
    chunks = chunks_of(size)
    first = min(start // CHUNK_BYTES, chunks - 1)
    last = min(max(end - 1, start, 0) // CHUNK_BYTES, chunks - 1)
    header = fetch(0, HEADER_BYTES)
    if len(header) != HEADER_BYTES or not header.startswith(_START):
        raise TamperedError("not an object of this format")
    base = HEADER_BYTES + first * _STRIDE
    body = memoryview(fetch(base, min(HEADER_BYTES + (last + 1) * _STRIDE, stored_size(size))))
    associated = _associated(header, meta)
    pieces, tags = [], []
    for index in range(first, last + 1):
        chunk = body[(index - first) * _STRIDE : (index - first + 1) * _STRIDE]
        try:
            pieces.append(cipher.decrypt(_nonce(header[-_PREFIX_BYTES:], index, chunks), chunk, associated))
        except (InvalidTag, ValueError) as error:
            raise TamperedError("a chunk does not authenticate") from error
        tags.append(bytes(chunk[-TAG_BYTES:]))
    plaintext = b"".join(pieces)
    if first == 0 and last == chunks - 1 and digests.sha256(b"".join(tags)) != tags_digest:
        raise TamperedError("the chunk tags are not those committed to")
    return plaintext[start - first * CHUNK_BYTES : end - first * CHUNK_BYTES]
