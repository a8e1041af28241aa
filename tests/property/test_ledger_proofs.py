"""Every proof of a random tree verifies, and none with any one bit changed."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.ledger import checkpoint, note, tile, tlogproof, tree
from onrecord.ledger.edge import Edge
from onrecord.ledger.errors import LedgerError, ProofError
from onrecord.ledger.proof import (
    consistency_path,
    inclusion_path,
    root_at,
    verify_consistency,
    verify_inclusion,
)

SETTINGS = settings(deadline=None, derandomize=True, max_examples=60)
LEAVES = [sha256(i.to_bytes(2, "big")).digest() for i in range(1100)]


class Log:
    """An edge with its tiles, grown in groups of the given widths."""

    def __init__(self, widths: list[int]) -> None:
        self.edge, self.tiles = Edge(), {}
        for width in widths:
            self.edge, full = self.edge.extended(LEAVES[self.edge.size : self.edge.size + width])
            self.tiles |= {(level, n): blob for level, n, blob in full}
        self.size = self.edge.size

    def node(self, height: int, index: int) -> bytes:
        found = self.edge.node(height, index)
        if found is None:
            level, row = divmod(height, tile.HEIGHT)
            n, within = divmod(index, tile.WIDTH >> row)
            found = tile.node_of(self.tiles[level, n], row, within)
        return found


logs = st.lists(st.integers(1, 300), min_size=1, max_size=4).filter(lambda w: sum(w) <= len(LEAVES)).map(Log)


def flip(data: bytes, bit: int) -> bytes:
    bit %= len(data) * 8
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


@given(logs, st.data())
@SETTINGS
def test_inclusion(log, data):
    size = data.draw(st.integers(1, log.size))
    index = data.draw(st.integers(0, size - 1))
    root = tree.root_of(LEAVES[:size])
    path = inclusion_path(index, size, log.node)
    assert root == root_at(size, log.node)
    verify_inclusion(LEAVES[index], index, size, path, root)
    bit = data.draw(st.integers(0, 255))
    changed = [(flip(LEAVES[index], bit), index, size, path, root), (LEAVES[index], index, size, path, flip(root, bit))]
    changed += [
        (LEAVES[index], index, size, [*path[:i], flip(path[i], bit), *path[i + 1 :]], root) for i in range(len(path))
    ]
    changed += [(LEAVES[index], index ^ 1 << i, size, path, root) for i in range(12)]
    changed += [(LEAVES[index], index, size, path[:-1], root)] if path else []
    changed += [(LEAVES[index], index, size, [*path, root], root)]
    for args in changed:
        with pytest.raises(ProofError):
            verify_inclusion(*args)


@given(logs, st.data())
@SETTINGS
def test_consistency(log, data):
    new = data.draw(st.integers(1, log.size))
    old = data.draw(st.integers(1, new))
    old_root, new_root = tree.root_of(LEAVES[:old]), tree.root_of(LEAVES[:new])
    path = consistency_path(old, new, log.node)
    verify_consistency(old, old_root, new, new_root, path)
    bit = data.draw(st.integers(0, 255))
    changed = [(old, flip(old_root, bit), new, new_root, path), (old, old_root, new, flip(new_root, bit), path)]
    changed += [
        (old, old_root, new, new_root, [*path[:i], flip(path[i], bit), *path[i + 1 :]]) for i in range(len(path))
    ]
    changed += [(old, old_root, new, new_root, [*path, new_root])]
    changed += [(old, old_root, new, new_root, path[:-1])] if path else []
    for args in changed:
        with pytest.raises(ProofError):
            verify_consistency(*args)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
@SETTINGS
def test_a_proof_says_nothing_of_another_size(size, other, data):
    """A size that the path does not determine (same shape towards this leaf) is bound by the checkpoint's signature;
    where the shape differs, the proof fails."""
    index = data.draw(st.integers(0, size - 1))
    log = Log([300])
    path = inclusion_path(index, size, log.node)
    root = tree.root_of(LEAVES[:size])
    try:
        verify_inclusion(LEAVES[index], index, other, path, root)
    except ProofError:
        return
    assert index < other
    assert shape(index, other) == shape(index, size)


def test_no_bit_of_a_proof_file_can_be_changed():
    """Here the size is bound too: the whole tree head is signed."""
    signer = note.Ed25519Signer("example.com/log", bytes(32))
    log = Log([77])
    text = checkpoint.Checkpoint("example.com/log", 77, log.edge.root()).text()
    path = inclusion_path(70, 77, log.node)
    whole = tlogproof.TlogProof(70, path, note.sign(text, [signer])).encode()
    tlogproof.verify(whole, LEAVES[70], "example.com/log", [signer.verifier])
    for bit in range(len(whole) * 8):
        with pytest.raises(LedgerError):
            tlogproof.verify(flip(whole, bit), LEAVES[70], "example.com/log", [signer.verifier])


def shape(index: int, size: int) -> list[bool]:
    """Which side each sibling stands on, from the leaf up."""
    sides = []
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        sides.append(index < middle)
        start, end = (start, middle) if index < middle else (middle, end)
    return sides[::-1]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5).filter(lambda w: sum(w) <= len(LEAVES)))
@SETTINGS
def test_however_it_grew_an_edge_is_the_same_and_loads_again(widths):
    grown, at_once = Log(widths), Log([sum(widths)])
    assert grown.edge._tiles == at_once.edge._tiles
    assert grown.tiles == at_once.tiles
    size = sum(widths)
    loaded = Edge.load(size, LEAVES[size - size % 256 : size], lambda level, n: grown.tiles[level, n])
    assert loaded._tiles == grown.edge._tiles
    assert loaded.root() == tree.root_of(LEAVES[:size])


@given(st.integers(0, 1100))
@SETTINGS
def test_a_frontier_of_any_size_has_the_root_of_its_peaks(size):
    frontier = tree.Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert tree.Frontier(size, frontier.peaks).root() == frontier.root() == tree.root_of(LEAVES[:size])
