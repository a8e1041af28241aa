"""Merkle tree hashing, RFC 6962 section 2.1."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from onrecord.ledger.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\1" + left + right).digest()


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over the roots of perfect subtrees, widest first; the empty root where there are none."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


class Frontier:
    """The right edge of a growing tree: the roots of its perfect subtrees, widest first. O(log size) memory."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Errors: ProofError where the number of peaks is not the number of ones in `size`."""
        if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ProofError("the peaks do not fit the tree size")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """`leaf` is a leaf hash."""
        node, rest = leaf, self.size
        while rest & 1:
            node = node_hash(self._peaks.pop(), node)
            rest >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        return fold(self._peaks)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes in order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()
