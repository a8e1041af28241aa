"""A client of the log: reads everything the store holds and believes nothing but the signature."""

import os
from collections.abc import Iterable

from onrecord.base import ids
from onrecord.ledger import checkpoint, leaf, tile, tree
from onrecord.ledger.note import Ed25519Signer
from onrecord.ledger.sequencer import Draft
from onrecord.storage.ports import EventStore, HeadRow, Mark

ORIGIN = "onrecord.example/tenant"
TENANT = "tenant"
SIGNER = Ed25519Signer(ORIGIN, bytes(range(32)))


def draft(interaction: str, events: int = 1) -> Draft:
    marks = [Mark("call_start", 0.0, 0.0, 0)] * events
    return Draft(interaction, ids.new_uid(), "key_0", b"sealed", marks, [os.urandom(32) for _ in range(events)])


class Notes:
    """Every head that was ever shown: no size may have two."""

    def __init__(self) -> None:
        self.shown: dict[int, bytes] = {}

    def __call__(self, head: HeadRow | None) -> None:
        if head is not None:
            assert self.shown.setdefault(head.size, head.note) == head.note, "two signed notes of one size differ"


def check_log(store: EventStore, acknowledged: Iterable[Draft], refused: Iterable[Draft] = ()) -> int:
    """The log's size, where every entry is under the signed root, interactions have neither gap nor fork, rows and
    tiles agree with entries, what was acknowledged stands there once, and what was refused does not."""
    head = store.head(TENANT)
    entries = store.entries(TENANT, 0, 1 << 30)
    if head is None:
        assert entries == []
        assert not list(acknowledged)
        return 0
    opened = checkpoint.open_checkpoint(head.note, ORIGIN, [SIGNER.verifier]).checkpoint
    leaves = [tree.leaf_hash(entry) for entry in entries]
    assert (opened.size, opened.root) == (head.size, head.root) == (len(entries), tree.root_of(leaves))
    for n in range(len(entries) // tile.WIDTH):
        assert tile.served(store.tile(TENANT, 0, n)) == b"".join(leaves[n * 256 : (n + 1) * 256])
    last: dict[bytes, tuple[int, bytes]] = {}
    rows = {}
    for index, entry in enumerate(entries):
        parsed = leaf.parse(entry)
        seq, previous = last.get(parsed.interaction, (0, leaf.NO_PREVIOUS))
        assert (parsed.seq, parsed.previous) == (seq, previous)
        last[parsed.interaction] = (seq + 1, leaves[index])
        assert parsed.commitment not in rows, "a draft stands there twice"
        rows[parsed.commitment] = index
    stored = [row for raw in last for row in store.events(TENANT, f"int_{raw.hex()}")]
    assert sorted(row.index for row in stored) == list(range(len(entries)))
    assert all(entries[row.index] == row.entry for row in stored)
    by_uid = {(row.uid, row.part): row for row in stored}
    for one in acknowledged:
        for number, (mark, commitment) in enumerate(zip(one.marks, one.commitments, strict=True)):
            row = by_uid[one.uid, number]
            assert rows[commitment] == row.index
            assert (row.interaction, row.sealed, row.keys) == (one.interaction, one.sealed, one.keys)
            assert row.type == mark.type
        assert (one.uid, len(one.marks)) not in by_uid
    assert not [one for one in refused if (one.uid, 0) in by_uid]
    return len(entries)
