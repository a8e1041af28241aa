"""Tiles (c2sp.org/tlog-tiles): the tree in pieces of 256 hashes, and the nodes between them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from onrecord.ledger.errors import MalformedError, ProofError
from onrecord.ledger.tree import HASH_BYTES

HEIGHT = 8
WIDTH = 1 << HEIGHT
TILE_BYTES = WIDTH * HASH_BYTES
BLOB_BYTES = (2 * WIDTH - 1) * HASH_BYTES
_OFFSETS = tuple(sum(WIDTH >> row for row in range(height)) * HASH_BYTES for height in range(HEIGHT + 1))

_PATH = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class TileName:
    """Tile `n` of `level`, its first `width` hashes."""

    level: int
    n: int
    width: int = WIDTH

    def path(self) -> str:
        digits = f"{self.n:d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        number = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{number}{partial}"


def parse_path(path: str) -> TileName:
    """Errors: MalformedError (tile_path_malformed) for every path that `TileName.path` would not have made."""
    match = _PATH.fullmatch(path)
    if match is not None:
        level, number, width = match.groups()
        n = int(number.replace("x", "").replace("/", ""))
        name = TileName(int(level), n, WIDTH if width is None else int(width))
        if name.level < 64 and name.width <= WIDTH and name.path() == path:
            return name
    raise MalformedError("not the path of a tile", code="tile_path_malformed")


def stored(rows: Sequence[Sequence[bytes]]) -> bytes:
    """A full tile as stored, 16,352 bytes: its 256 hashes (the tile as served), then the 128 nodes above them, and
    so on to its root. `rows` are those nine rows."""
    return b"".join(b"".join(row) for row in rows)


def served(blob: bytes) -> bytes:
    """The tile as c2sp.org/tlog-tiles has it: 8,192 bytes."""
    return blob[:TILE_BYTES]


def node_of(blob: bytes, height: int, index: int) -> bytes:
    """The node `height` rows above the tile's own hashes. Errors: ProofError where the blob is no stored tile."""
    if len(blob) != BLOB_BYTES:
        raise ProofError("a stored tile has the wrong size")
    at = _OFFSETS[height] + index * HASH_BYTES
    return blob[at : at + HASH_BYTES]


def root_of(blob: bytes) -> bytes:
    return node_of(blob, HEIGHT, 0)


def grow(rows: Sequence[list[bytes]], hashes: Sequence[bytes]) -> None:
    """Appends to a tile's lowest row and completes the nodes above (tree.node_hash written out: it is the hot loop)."""
    rows[0].extend(hashes)
    for below, above in pairwise(rows):
        start = 2 * len(above)
        end = len(below) & ~1
        if start == end:
            return
        above.extend([sha256(b"\1" + below[i] + below[i + 1]).digest() for i in range(start, end, 2)])
