import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onrecord.vault import stream
from onrecord.vault.errors import TamperedError

KEY = AESGCM(bytes(range(32)))
C = stream.CHUNK_BYTES
SIZES = [0, 1, C - 1, C, C + 1, 3 * C, 3 * C + 5]
STRIDE = C + 16


def plain(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def opened(data, size, digest, start=0, end=None, *, meta=b"meta", key=KEY):
    return stream.decrypt(
        key,
        meta,
        lambda first, last: data[first:last],
        size=size,
        tags_digest=digest,
        start=start,
        end=size if end is None else end,
    )


def chunks(data):
    body = data[stream.HEADER_BYTES :]
    return [body[at : at + STRIDE] for at in range(0, len(body), STRIDE)]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_encrypted_is_read_whole(size):
    data, digest = stream.encrypt(KEY, b"meta", plain(size))
    assert len(data) == stream.stored_size(size)
    assert len(chunks(data)) == stream.chunks_of(size)
    assert digest == hashlib.sha256(b"".join(chunk[-16:] for chunk in chunks(data))).digest()
    assert opened(data, size, digest) == plain(size)


def test_the_format_is_the_one_written_down(monkeypatch):
    monkeypatch.setattr(stream.os, "urandom", bytes)
    data, _ = stream.encrypt(KEY, b"meta", b"sound")
    header = b"ORO1" + (65536).to_bytes(4, "big") + bytes(7)
    associated = hashlib.sha256(b"onrecord/chunks/v1".ljust(24, b"\0") + header + b"meta").digest()
    assert data == header + KEY.encrypt(bytes(7) + bytes(4) + b"\x01", b"sound", associated)


@pytest.mark.parametrize("size", SIZES)
def test_ranges_at_the_borders_of_chunks(size):
    data, digest = stream.encrypt(KEY, b"meta", plain(size))
    edges = sorted({max(0, min(size, edge + d)) for edge in (0, C, 2 * C, 3 * C, size) for d in (-1, 0, 1)})
    for start in edges:
        for end in (edge for edge in edges if edge >= start):
            assert opened(data, size, digest, start, end) == plain(size)[start:end]


def test_a_range_fetches_only_its_chunks():
    data, digest = stream.encrypt(KEY, b"meta", plain(4 * C))
    asked = []

    def fetch(first, last):
        asked.append((first, last))
        return data[first:last]

    stream.decrypt(KEY, b"meta", fetch, size=4 * C, tags_digest=digest, start=C + 5, end=2 * C)
    assert asked == [(0, 15), (15 + STRIDE, 15 + 2 * STRIDE)]


@pytest.mark.parametrize("size", [0, 5, C, 2 * C + 5])
def test_every_position_is_authenticated(size):
    data, digest = stream.encrypt(KEY, b"meta", plain(size))
    borders = {0, 4, 8, 14, 15, 16, len(data) - 1, len(data) - 16, len(data) - 17}
    borders |= {15 + STRIDE - 1, 15 + STRIDE, 15 + STRIDE - 17}
    for position in (p for p in borders if p < len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            with pytest.raises(TamperedError):
                opened(bytes(changed), size, digest)


def test_truncation_is_found_whatever_length_is_claimed():
    data, digest = stream.encrypt(KEY, b"meta", plain(2 * C + 5))
    header, parts = data[:15], chunks(data)
    for kept in (1, 2):
        with pytest.raises(TamperedError):
            opened(header + b"".join(parts[:kept]), kept * C, digest)
    for cut in (1, 16, 21, C):
        with pytest.raises(TamperedError):
            opened(data[:-cut], 2 * C + 5, digest)
    with pytest.raises(TamperedError):
        opened(b"", 0, digest)


def test_reordered_repeated_and_appended_chunks_are_found():
    data, digest = stream.encrypt(KEY, b"meta", plain(3 * C))
    header, (a, b, c) = data[:15], chunks(data)
    for order in ([b, a, c], [a, a, c], [a, c, b], [a, b, c, c], [a, b, b, c]):
        with pytest.raises(TamperedError):
            opened(header + b"".join(order), sum(map(len, order)) - 16 * len(order), digest)


def test_chunks_of_another_object_are_found():
    size = 2 * C
    data, digest = stream.encrypt(KEY, b"meta", plain(size))
    same_key, _ = stream.encrypt(KEY, b"meta", plain(size))
    with pytest.raises(TamperedError):
        opened(data[:15] + chunks(data)[0] + chunks(same_key)[1], size, digest)
    with pytest.raises(TamperedError, match="committed"):
        opened(same_key, size, digest)
    with pytest.raises(TamperedError):
        opened(data, size, digest, key=AESGCM(bytes(32)))
    with pytest.raises(TamperedError):
        opened(data, size, digest, meta=b"other")
