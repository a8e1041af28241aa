from hashlib import sha256

import pytest

from onrecord.ledger import tile
from onrecord.ledger.edge import Edge
from onrecord.ledger.errors import MalformedError, ProofError
from onrecord.ledger.tree import Frontier, root_of

LEAVES = [sha256(bytes([i % 256, i // 256 % 256, i // 65536])).digest() for i in range(70_000)]

PATHS = {
    "tile/0/000": (0, 0, 256),
    "tile/0/x001/x234/067": (0, 1_234_067, 256),
    "tile/1/999.p/1": (1, 999, 1),
    "tile/63/x001/000.p/255": (63, 1000, 255),
    "tile/0/x010/000": (0, 10_000, 256),
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_as_the_specification_has_them(path):
    assert tile.parse_path(path) == tile.TileName(*PATHS[path])
    assert tile.TileName(*PATHS[path]).path() == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/100/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/\u0660/000",
        "tile/0/00a",
    ],
)
def test_what_is_no_path(path):
    with pytest.raises(MalformedError) as raised:
        tile.parse_path(path)
    assert raised.value.code == "tile_path_malformed"


def grown(*widths: int) -> tuple[Edge, dict[tuple[int, int], bytes]]:
    edge, tiles, at = Edge(), {}, 0
    for width in widths:
        edge, full = edge.extended(LEAVES[at : at + width])
        tiles |= {(level, n): blob for level, n, blob in full}
        at += width
    return edge, tiles


@pytest.mark.parametrize("widths", [(1,), (255,), (256,), (257,), (100, 156), (1, 254, 2), (3, 600, 1), (512,)])
def test_an_edge_has_the_root_of_its_leaves(widths):
    edge, _ = grown(*widths)
    assert edge.size == sum(widths)
    assert edge.root() == root_of(LEAVES[: sum(widths)])


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts():
    edge, tiles = grown(1000, 69_000)
    assert sorted(tiles) == [(0, n) for n in range(273)] + [(1, 0)]
    assert [len(rows[0]) for rows in edge._tiles] == [112, 17, 1]
    assert tile.served(tiles[0, 5]) == b"".join(LEAVES[5 * 256 : 6 * 256])
    assert tile.served(tiles[1, 0])[:32] == root_of(LEAVES[:256])
    assert tile.root_of(tiles[1, 0]) == root_of(LEAVES[:65_536])
    frontier = Frontier()
    for leaf in LEAVES:
        frontier.append(leaf)
    assert edge.root() == frontier.root()
    again = Edge.load(70_000, LEAVES[70_000 - 112 :], lambda level, n: tiles[level, n])
    assert again._tiles == edge._tiles


def test_extending_leaves_the_edge_as_it_was():
    edge, _ = grown(300)
    root = edge.root()
    edge.extended(LEAVES[300:900])
    assert (edge.size, edge.root()) == (300, root)


def test_nodes_are_in_the_edge_in_a_tile_or_nowhere():
    edge, tiles = grown(700)
    for height in range(10):
        for index in range(700 >> height):
            found = edge.node(height, index)
            if found is None:
                level, row = divmod(height, 8)
                n, within = divmod(index, 256 >> row)
                found = tile.node_of(tiles[level, n], row, within)
            assert found == root_of(LEAVES[index << height : (index + 1) << height])
        with pytest.raises(ProofError):
            edge.node(height, 700 >> height)


def test_a_blob_that_is_no_tile():
    with pytest.raises(ProofError):
        tile.node_of(bytes(8192), 0, 0)
