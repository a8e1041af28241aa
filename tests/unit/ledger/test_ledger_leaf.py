import pytest

from onrecord.ledger import leaf
from onrecord.ledger.errors import DraftError, MalformedError
from onrecord.ledger.tree import leaf_hash

ID, PREVIOUS, COMMITMENT = bytes(range(16)), bytes(range(32)), bytes(range(32, 64))


def test_the_layout_is_as_documented():
    entry = leaf.encode(ID, 0x0102030405060708, PREVIOUS, COMMITMENT)
    assert entry == (b"onrecord/leaf/v1\0\0\0\0\0\0\0\0" + ID + bytes([1, 2, 3, 4, 5, 6, 7, 8]) + PREVIOUS + COMMITMENT)
    assert len(entry) == 112
    assert leaf.parse(entry) == leaf.Leaf(ID, 0x0102030405060708, PREVIOUS, COMMITMENT)


@pytest.mark.parametrize(
    "fields",
    [
        (ID[:15], 1, PREVIOUS, COMMITMENT),
        (ID + b"x", 1, PREVIOUS[:31], COMMITMENT),
        (ID, 1, PREVIOUS[:31], COMMITMENT + b"x"),
        (ID, 1, PREVIOUS, COMMITMENT[:31]),
        (ID, -1, PREVIOUS, COMMITMENT),
        (ID, 2**64, PREVIOUS, COMMITMENT),
        (ID, 0, PREVIOUS, COMMITMENT),
        (ID, 1, leaf.NO_PREVIOUS, COMMITMENT),
    ],
)
def test_what_is_no_entry_cannot_be_made(fields):
    with pytest.raises(DraftError):
        leaf.encode(*fields)


def test_a_chain_is_its_entries_one_after_the_other():
    commitments = [bytes([n]) * 32 for n in range(5)]
    for seq, previous in ((0, leaf.NO_PREVIOUS), (7, PREVIOUS)):
        entries, hashes = leaf.chain(ID, seq, previous, commitments)
        before = [previous, *hashes[:-1]]
        assert entries == [leaf.encode(ID, seq + n, before[n], commitments[n]) for n in range(5)]
        assert hashes == [leaf_hash(entry) for entry in entries]


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_chain_of_what_are_no_digests_cannot_be_made(at):
    commitments = [COMMITMENT] * 5
    commitments[at] = COMMITMENT[:31]
    with pytest.raises(DraftError):
        leaf.chain(ID, 1, PREVIOUS, commitments)


@pytest.mark.parametrize("change", [lambda e: e[:-1], lambda e: e + b"\0", lambda e: b"O" + e[1:], lambda e: b"",
                                    lambda e: e[:23] + b"x" + e[24:], lambda e: e[:40] + bytes(8) + e[48:],
                                    lambda e: e[:48] + bytes(32) + e[80:]])  # fmt: skip
def test_what_is_no_entry_is_not_read(change):
    with pytest.raises(MalformedError) as raised:
        leaf.parse(change(leaf.encode(ID, 1, PREVIOUS, COMMITMENT)))
    assert raised.value.code == "leaf_malformed"
