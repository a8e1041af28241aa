"""The right edge of the log in memory: the one tile per level that is not full yet."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from onrecord.ledger import tile
from onrecord.ledger.errors import ProofError
from onrecord.ledger.tree import fold


class FullTile(NamedTuple):
    level: int
    n: int
    blob: bytes


class Edge:
    """At most 511 hashes a level. An edge that others may read is never changed: `extended` makes the next one."""

    __slots__ = ("_tiles", "size")

    def __init__(self) -> None:
        self.size = 0
        self._tiles: list[list[list[bytes]]] = []

    @classmethod
    def load(cls, size: int, leaves: Sequence[bytes], read: Callable[[int, int], bytes]) -> "Edge":
        """`leaves`: hashes of the last size % 256 leaves; `read`: (level, n) to the blob of a full tile."""
        edge = cls()
        edge.size = size
        level, count = 0, size
        while count:
            start = count - count % tile.WIDTH
            hashes = leaves if level == 0 else [tile.root_of(read(level - 1, n)) for n in range(start, count)]
            rows = _new_rows()
            tile.grow(rows, hashes)
            edge._tiles.append(rows)
            level, count = level + 1, count // tile.WIDTH
        return edge

    def extended(self, leaves: Sequence[bytes]) -> tuple["Edge", list[FullTile]]:
        """The edge after appending leaf hashes, and the tiles that became full by it."""
        edge = Edge()
        edge.size = self.size + len(leaves)
        edge._tiles = [[row.copy() for row in rows] for rows in self._tiles]
        full: list[FullTile] = []
        level, count, hashes = 0, self.size, list(leaves)
        while hashes:
            if level == len(edge._tiles):
                edge._tiles.append(_new_rows())
            roots: list[bytes] = []
            at = 0
            while at < len(hashes):
                rows = edge._tiles[level]
                part = hashes[at : at + tile.WIDTH - len(rows[0])]
                tile.grow(rows, part)
                at += len(part)
                if len(rows[0]) == tile.WIDTH:
                    full.append(FullTile(level, (count + at - 1) // tile.WIDTH, tile.stored(rows)))
                    roots.append(rows[tile.HEIGHT][0])
                    edge._tiles[level] = _new_rows()
            level, count, hashes = level + 1, count // tile.WIDTH, roots
        return edge, full

    def root(self) -> bytes:
        peaks = [
            rows[height][-1]
            for rows in reversed(self._tiles)
            for height in range(tile.HEIGHT - 1, -1, -1)
            if len(rows[0]) >> height & 1
        ]
        return fold(peaks)

    def node(self, height: int, index: int) -> bytes | None:
        """The root of the perfect subtree of `height` over leaves from index << height; None where it lies in a
        full tile. Errors: ProofError where the log does not reach so far."""
        if (index + 1) << height > self.size:
            raise ProofError("no such node in a tree of that size")
        level, row = divmod(height, tile.HEIGHT)
        first = self.size >> (tile.HEIGHT * (level + 1)) << (tile.HEIGHT - row)
        if index < first:
            return None
        return self._tiles[level][row][index - first]


def _new_rows() -> list[list[bytes]]:
    return [[] for _ in range(tile.HEIGHT + 1)]
