import pytest

from onrecord.ledger.errors import ProofError
from onrecord.ledger.proof import consistency_path, inclusion_path, root_at, verify_consistency, verify_inclusion
from onrecord.ledger.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of

# The eight entries that the reference code of RFC 6962 (google/certificate-transparency) tests with, and its answers.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = {(0, 1): [], (0, 8): [A, B, C], (5, 8): [D, E, ROOTS[4]], (2, 3): [ROOTS[2]], (1, 5): [ROOTS[1], B, D]}
CONSISTENCY = {(1, 1): [], (1, 8): [A, B, C], (6, 8): [F, E, ROOTS[4]], (2, 5): [B, D]}


def node(height: int, index: int) -> bytes:
    if height == 0:
        return LEAVES[index]
    return node_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference(size):
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]
    assert root_at(size, node).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_paths_of_the_reference(index, size):
    path = [bytes.fromhex(text) for text in INCLUSION[index, size]]
    assert list(inclusion_path(index, size, node)) == path
    verify_inclusion(LEAVES[index], index, size, path, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_paths_of_the_reference(old, new):
    path = [bytes.fromhex(text) for text in CONSISTENCY[old, new]]
    assert list(consistency_path(old, new, node)) == path
    verify_consistency(old, bytes.fromhex(ROOTS[old]), new, bytes.fromhex(ROOTS[new]), path)


def test_a_frontier_goes_on_from_its_peaks():
    whole = Frontier()
    for leaf in LEAVES[:5]:
        whole.append(leaf)
    again = Frontier(5, whole.peaks)
    for frontier in (whole, again):
        for leaf in LEAVES[5:7]:
            frontier.append(leaf)
        assert (frontier.size, frontier.root().hex()) == (7, ROOTS[7])


@pytest.mark.parametrize(("size", "peaks"), [(5, [bytes(32)]), (0, [bytes(32)]), (1, [bytes(31)]), (3, [])])
def test_peaks_that_fit_no_tree_of_that_size(size, peaks):
    with pytest.raises(ProofError):
        Frontier(size, peaks)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (8, 8), (-1, 8)])
def test_no_inclusion_outside_the_tree(index, size):
    with pytest.raises(ProofError):
        inclusion_path(index, size, node)
    with pytest.raises(ProofError):
        verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 8), (5, 4), (-1, 4)])
def test_no_consistency_outside_the_tree(old, new):
    with pytest.raises(ProofError):
        consistency_path(old, new, node)


def test_an_empty_tree_begins_every_tree_and_proves_nothing_else():
    root = bytes.fromhex(ROOTS[8])
    verify_consistency(0, EMPTY_ROOT, 8, root, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    for args in (
        (0, root, 8, root, []),
        (0, EMPTY_ROOT, 8, root, [root]),
        (0, EMPTY_ROOT, 0, root, []),
        (8, root, 8, EMPTY_ROOT, []),
        (8, root, 8, root, [root]),
        (8, root, 4, root, []),
        (4, root, 8, root, []),
    ):
        with pytest.raises(ProofError):
            verify_consistency(*args)


def test_proofs_that_are_too_long_or_too_short():
    root = bytes.fromhex(ROOTS[8])
    path = list(inclusion_path(5, 8, node))
    for bad in (path[:-1], [*path, path[0]], path[1:], [*path[:-1], path[-1][:31]]):
        with pytest.raises(ProofError):
            verify_inclusion(LEAVES[5], 5, 8, bad, root)
    path = list(consistency_path(6, 8, node))
    for bad in (path[:-1], [*path, path[0]], path[1:], []):
        with pytest.raises(ProofError):
            verify_consistency(6, bytes.fromhex(ROOTS[6]), 8, root, bad)
