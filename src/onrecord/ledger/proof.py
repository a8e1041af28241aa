"""Inclusion and consistency proofs: made as in RFC 6962 section 2.1, checked as in RFC 9162 section 2.1."""

from collections.abc import Callable, Sequence

from onrecord.ledger.errors import ProofError
from onrecord.ledger.tree import EMPTY_ROOT, HASH_BYTES, fold, node_hash

NodeReader = Callable[[int, int], bytes]
"""(height, index) to the root of the perfect subtree over leaves [index << height, (index + 1) << height)."""


def root_at(size: int, node: NodeReader) -> bytes:
    """The root of the tree's first `size` leaves."""
    return _range_root(0, size, node)


def _range_root(start: int, end: int, node: NodeReader) -> bytes:
    peaks: list[bytes] = []
    while start < end:
        height = (end - start).bit_length() - 1
        peaks.append(node(height, start >> height))
        start += 1 << height
    return fold(peaks)


def _split(start: int, end: int) -> int:
    """Where RFC 6962 divides leaves [start, end): after the largest power of two below their number."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def inclusion_path(index: int, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """Sibling hashes from the leaf up. Errors: ProofError where the index is not in a tree of that size."""
    if not 0 <= index < size:
        raise ProofError("no such leaf in a tree of that size")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_path(old: int, new: int, node: NodeReader) -> tuple[bytes, ...]:
    """Empty where the sizes are equal. Errors: ProofError where not 0 < old <= new."""
    if not 0 < old <= new:
        raise ProofError("a consistency proof leads from a smaller tree to a larger one")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = _split(start, end)
        if old <= middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(start, end, node))
    return tuple(reversed(path))


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise ProofError("a hash has not 32 bytes")


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Returns where `leaf` (a leaf hash) stands at `index` under `root`. Errors: ProofError."""
    if not 0 <= index < size:
        raise ProofError("no such leaf in a tree of that size")
    _check_hashes((leaf, root, *path))
    position, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last or node != root:
        raise ProofError("the inclusion proof does not lead to the root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Returns where the tree under `new_root` begins with the tree under `old_root`. An empty tree begins every tree.
    Errors: ProofError."""
    _check_hashes((old_root, new_root, *path))
    if not 0 <= old <= new:
        raise ProofError("a consistency proof leads from a smaller tree to a larger one")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if path or old_root != expected or (new == 0 and new_root != EMPTY_ROOT):
            raise ProofError("the consistency proof does not fit the roots")
        return
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        raise ProofError("the consistency proof is empty")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = hashes[0]
    for value in hashes[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if position & 1 or position == last:
            before, after = node_hash(value, before), node_hash(value, after)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, value)
        position, last = position >> 1, last >> 1
    if last or before != old_root or after != new_root:
        raise ProofError("the consistency proof does not lead to the roots")
