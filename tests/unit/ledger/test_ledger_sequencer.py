import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from hashlib import sha256

import pytest

from onrecord.base import ids
from onrecord.base.errors import Disposition
from onrecord.ledger import checkpoint, leaf, note, proof, tlogproof, tree
from onrecord.ledger.errors import ClosedError, DraftError, InconsistentError, ProofError
from onrecord.ledger.sequencer import Draft, Sequencer
from onrecord.storage.memory import MemoryEventStore
from onrecord.storage.ports import ConflictError, HeadRow, Mark, Record, StorageFullError

ORIGIN, TENANT = "onrecord.example/t", "t"
SIGNER = note.Ed25519Signer(ORIGIN, bytes(32))
CALL, OTHER = "int_" + "0a" * 16, "int_" + "0b" * 16


def draft(number: int, interaction: str = CALL, commitment: bytes | None = None) -> Draft:
    own = sha256(b"%d" % number).digest() if commitment is None else commitment
    return Draft(interaction, bytes(16), "key_0", b"sealed %d" % number, [Mark("call_start", 1.5, 2.5, 3)], [own])


def commitment(number: int) -> bytes:
    return draft(number).commitments[0]


@pytest.fixture
def store() -> MemoryEventStore:
    return MemoryEventStore()


@pytest.fixture
def sequencer(store) -> Iterator[Sequencer]:
    made = Sequencer(store, TENANT, SIGNER, ORIGIN)
    yield made
    made.close()


def head(sequencer: Sequencer) -> checkpoint.Checkpoint:
    return checkpoint.open_checkpoint(sequencer.checkpoint(), ORIGIN, [SIGNER.verifier]).checkpoint


def test_an_empty_log_has_a_signed_checkpoint(sequencer):
    assert head(sequencer) == checkpoint.Checkpoint(ORIGIN, 0, tree.EMPTY_ROOT)
    with pytest.raises(ProofError):
        sequencer.inclusion_proof(0)


def test_places_follow_the_order_and_entries_chain_within_an_interaction(sequencer, store):
    placed = sequencer.append([draft(0), draft(1, OTHER), draft(2)])
    assert [(p.index, p.seq, p.tree_size) for p in placed] == [(0, 0, 3), (1, 0, 3), (2, 1, 3)]
    entries = store.entries(TENANT, 0, 3)
    assert entries[2] == leaf.encode(ids.raw(CALL), 1, tree.leaf_hash(entries[0]), commitment(2))
    assert [p.leaf_hash for p in placed] == [tree.leaf_hash(entry) for entry in entries]
    assert [p.prev for p in placed] == [leaf.NO_PREVIOUS, leaf.NO_PREVIOUS, tree.leaf_hash(entries[0])]
    row = store.last(TENANT, CALL)
    assert (row.index, row.seq, row.t, row.received, row.recorded_at) == (2, 1, 1.5, 2.5, 3)
    assert (row.uid, row.type, row.keys, row.sealed) == (bytes(16), "call_start", "key_0", b"sealed 2")
    assert head(sequencer) == checkpoint.Checkpoint(ORIGIN, 3, tree.root_of(p.leaf_hash for p in placed))
    assert store.head(TENANT).note == sequencer.checkpoint()


@pytest.mark.parametrize("interactions_remembered", [True, False])
def test_a_log_goes_on_where_it_was_left(store, interactions_remembered):
    leaves = []
    for round_ in range(5):
        sequencer = Sequencer(store, TENANT, SIGNER, ORIGIN)
        for i in range(150):
            if not interactions_remembered:
                sequencer._tails.forget()
            leaves += [p.leaf_hash for p in sequencer.append([draft(i, (CALL, OTHER)[i % 2])])]
        assert head(sequencer) == checkpoint.Checkpoint(ORIGIN, 150 * (round_ + 1), tree.root_of(leaves))
        sequencer.close()
    assert [row.seq for row in store.events(TENANT, CALL)] == list(range(375))


def test_proofs_hold_for_every_leaf_and_size(sequencer):
    placed = [p for i in range(60) for p in sequencer.append([draft(i * 10 + j) for j in range(10)])]
    roots = {size: tree.root_of(p.leaf_hash for p in placed[:size]) for size in (1, 256, 300, 512, 599, 600)}
    for size, root in roots.items():
        for p in placed[:size:7]:
            path = sequencer.inclusion_proof(p.index, size)
            proof.verify_inclusion(p.leaf_hash, p.index, size, path, root)
        for new in (n for n in roots if n >= size):
            proof.verify_consistency(size, root, new, roots[new], sequencer.consistency_proof(size, new))
    tlogproof.verify(sequencer.tlog_proof(77), placed[77].leaf_hash, ORIGIN, [SIGNER.verifier])


def test_proofs_may_be_asked_for_under_an_older_checkpoint(sequencer):
    placed = sequencer.append([draft(i) for i in range(5)])
    signed = sequencer.checkpoint()
    sequencer.append([draft(i) for i in range(5, 300)])
    data = sequencer.tlog_proof(3, signed)
    assert data.endswith(signed)
    tlogproof.verify(data, placed[3].leaf_hash, ORIGIN, [SIGNER.verifier])
    with pytest.raises(ProofError):
        sequencer.tlog_proof(5, signed)


@pytest.mark.parametrize("ask", [lambda s: s.inclusion_proof(5), lambda s: s.inclusion_proof(0, 6),
                                 lambda s: s.inclusion_proof(-1), lambda s: s.consistency_proof(1, 6),
                                 lambda s: s.consistency_proof(0, 5), lambda s: s.consistency_proof(4, 3)])  # fmt: skip
def test_no_proof_outside_the_log(sequencer, ask):
    sequencer.append([draft(i) for i in range(5)])
    with pytest.raises(ProofError):
        ask(sequencer)


def test_records_land_with_their_events_and_know_their_places(sequencer, store):
    def records(places):
        return [Record("reply", str(p.index), CALL, b"%d of %d" % (p.index, p.tree_size)) for p in places]

    sequencer.append([draft(0), draft(1)], records)
    assert [r.blob for r in store.records(TENANT, "reply")] == [b"0 of 2", b"1 of 2"]


class Gate(MemoryEventStore):
    """Holds every commit until it is opened, so that submissions pile up behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.entered = threading.Event()
        self.sizes: list[int] = []

    def commit(self, group) -> None:
        self.entered.set()
        assert self.open.wait(60)
        super().commit(group)
        self.sizes.append(len(group.rows))


@pytest.fixture
def gated() -> Iterator[tuple[Gate, Sequencer]]:
    gate = Gate()
    sequencer = Sequencer(gate, TENANT, SIGNER, ORIGIN)
    yield gate, sequencer
    gate.open.set()
    sequencer.close()


def test_what_comes_in_during_a_commit_is_the_next_group(gated):
    gate, sequencer = gated
    first = sequencer.submit([draft(0)])
    assert gate.entered.wait(60)
    rest = [sequencer.submit([draft(i), draft(-i)]) for i in range(1, 51)]
    gate.open.set()
    assert first.result()[0].tree_size == 1
    assert [[p.index for p in future.result()] for future in rest] == [[2 * i - 1, 2 * i] for i in range(1, 51)]
    assert {p.tree_size for future in rest for p in future.result()} == {101}
    assert gate.sizes == [1, 100]


def test_a_group_has_a_cap(gated):
    gate, sequencer = gated
    first = sequencer.submit([draft(0)])
    assert gate.entered.wait(60)
    rest = [sequencer.submit([draft(i)] * 3000) for i in range(3)]
    gate.open.set()
    for future in (first, *rest):
        future.result()
    assert gate.sizes == [1, 3000, 3000, 3000]


def test_a_submission_that_fails_by_its_own_fault_fails_alone(gated):
    gate, sequencer = gated
    first = sequencer.submit([draft(0)])
    assert gate.entered.wait(60)

    def raises(_):
        raise LookupError("the caller's own")

    good = sequencer.submit([draft(1)], lambda p: [Record("k", "good", "", b"%d" % p[0].tree_size)])
    bad = [
        sequencer.submit([draft(2)], raises),
        sequencer.submit([draft(3), draft(4, "no id")]),
        sequencer.submit([draft(3, "int_" + "0A" * 16)]),
        sequencer.submit([draft(3), draft(4, commitment=b"short")]),
        sequencer.submit([draft(3)], raises),
    ]
    also_good = sequencer.submit([draft(5)])
    gate.open.set()
    first.result()
    assert [f.result()[0].index for f in (good, also_good)] == [1, 2]
    assert {f.result()[0].tree_size for f in (good, also_good)} == {3}
    assert [type(future.exception()) for future in bad] == [
        LookupError,
        DraftError,
        DraftError,
        DraftError,
        LookupError,
    ]
    assert gate.record(TENANT, "k", "good").blob == b"3"
    assert [row.seq for row in gate.events(TENANT, CALL)] == [0, 1, 2]


def test_a_cancelled_submission_is_not_written(gated):
    gate, sequencer = gated
    first = sequencer.submit([draft(0)])
    assert gate.entered.wait(60)
    cancelled, kept = sequencer.submit([draft(1)]), sequencer.submit([draft(2)])
    assert cancelled.cancel()
    assert not first.cancel()
    gate.open.set()
    assert (first.result()[0].index, kept.result()[0].index) == (0, 1)
    with pytest.raises(CancelledError):
        cancelled.result()


def test_nothing_is_said_before_it_is_durable(gated):
    gate, sequencer = gated
    future = sequencer.submit([draft(0)])
    assert gate.entered.wait(60)
    assert (future.done(), sequencer.size, head(sequencer).size) == (False, 0, 0)
    gate.open.set()
    future.result()
    assert (sequencer.size, head(sequencer).size) == (1, 1)


def test_appends_from_many_threads_keep_each_threads_order(sequencer, store):
    places: dict[int, list[int]] = {i: [] for i in range(6)}

    def work(number: int) -> None:
        for i in range(30):
            if i % 2:
                places[number] += [p.index for p in sequencer.append([draft(i), draft(i)])]
            else:
                places[number] += [p.index for p in sequencer.submit([draft(i)]).result()]

    threads = [threading.Thread(target=work, args=(i,)) for i in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own == sorted(own) for own in places.values())
    assert sorted(i for own in places.values() for i in own) == list(range(6 * 45))
    assert [row.seq for row in store.events(TENANT, CALL)] == list(range(6 * 45))


def test_closing_commits_what_is_pending_and_then_refuses(store):
    sequencer = Sequencer(store, TENANT, SIGNER, ORIGIN)
    futures = [sequencer.submit([draft(i)]) for i in range(100)]
    sequencer.close()
    sequencer.close()
    assert [future.result()[0].index for future in futures] == list(range(100))
    for call in (sequencer.submit, sequencer.append):
        with pytest.raises(ClosedError):
            call([draft(0)])


def test_a_submission_of_nothing_is_refused(sequencer):
    with pytest.raises(DraftError):
        sequencer.submit([])


def fill(store: MemoryEventStore, count: int = 300) -> None:
    sequencer = Sequencer(store, TENANT, SIGNER, ORIGIN)
    sequencer.append([draft(i) for i in range(count)])
    sequencer.close()


def reopen(store: MemoryEventStore) -> InconsistentError:
    with pytest.raises(InconsistentError) as raised:
        Sequencer(store, TENANT, SIGNER, ORIGIN)
    assert raised.value.disposition is Disposition.HALT
    return raised.value


def spoil_entry(own):
    own.rows[299] = type(own.rows[299])(
        *[getattr(own.rows[299], f) for f in own.rows[299].__struct_fields__[:-1]], b"other"
    )


def spoil_tile(own):
    own.tiles[0, 0] = own.tiles[0, 0][:-1] + b"\0"


def spoil_head(**fields):
    def spoil(own):
        own.head = HeadRow(**{"size": own.head.size, "root": own.head.root, "note": own.head.note} | fields)

    return spoil


SPOILED = {
    "an entry is another": spoil_entry,
    "an entry is missing": lambda own: own.rows.pop(),
    "a tile is another": spoil_tile,
    "a tile is broken": lambda own: own.tiles.update({(0, 0): b"short"}),
    "a tile is missing": lambda own: own.tiles.clear(),
    "the size is another": spoil_head(size=299),
    "the root is another": spoil_head(root=bytes(32)),
    "the note is none": spoil_head(note=b"none"),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_log_that_does_not_lead_to_its_signed_head_is_not_gone_on_with(store, spoil):
    fill(store)
    spoil(store._tenants[TENANT])
    assert reopen(store).code == "log_inconsistent"


def test_a_wrong_key_and_a_wrong_origin_are_told_apart(store):
    fill(store)
    with pytest.raises(InconsistentError) as raised:
        Sequencer(store, TENANT, note.Ed25519Signer(ORIGIN, bytes(31) + b"x"), ORIGIN)
    assert raised.value.code == "log_key_mismatch"
    with pytest.raises(InconsistentError) as raised:
        Sequencer(store, TENANT, SIGNER, "onrecord.example/other")
    assert raised.value.code == "log_inconsistent"


def test_a_signature_that_was_tampered_with_is_found_at_opening(store):
    fill(store)
    text = checkpoint.Checkpoint(ORIGIN, 300, store.head(TENANT).root).text()
    signature = note.Signature(ORIGIN, SIGNER.verifier.key_id, bytes(64))
    spoil_head(note=note.Note(text, (signature,)).encode())(store._tenants[TENANT])
    assert reopen(store).code == "log_inconsistent"


def signed_head(own, size: int) -> HeadRow:
    root = tree.root_of(tree.leaf_hash(row.entry) for row in own.rows[:size])
    return HeadRow(size, root, note.sign(checkpoint.Checkpoint(ORIGIN, size, root).text(), [SIGNER]))


def roll_back(own):
    own.head = signed_head(own, 5)
    del own.rows[5:]


def fork(own):
    own.rows[2], own.rows[3] = own.rows[3], own.rows[2]
    own.rows.append(own.rows[0])
    own.head = signed_head(own, len(own.rows))


def vanish(own):
    own.head = None
    own.rows.clear()


@pytest.mark.parametrize("change", [roll_back, fork, vanish])
def test_a_log_that_changed_under_us_is_never_signed_again(sequencer, store, change):
    sequencer.append([draft(i) for i in range(10)])
    before = sequencer.checkpoint()
    change(store._tenants[TENANT])
    for _ in range(2):
        with pytest.raises(InconsistentError):
            sequencer.append([draft(11)])
    assert sequencer.checkpoint() == before


def test_a_store_that_conflicts_for_ever_is_given_up_on(sequencer, store, monkeypatch):
    def conflict(_):
        raise ConflictError("always")

    monkeypatch.setattr(store, "commit", conflict)
    with pytest.raises(ConflictError):
        sequencer.append([draft(0)])
    monkeypatch.undo()
    assert sequencer.append([draft(0)])[0].index == 0


def test_memory_of_interactions_is_bounded(sequencer, monkeypatch):
    monkeypatch.setattr("onrecord.ledger.group._MAX_TAILS", 10)
    calls = [ids.new_interaction_id() for _ in range(50)]
    for _ in range(3):
        assert len({p.seq for p in sequencer.append([draft(i, call) for i, call in enumerate(calls)])}) == 1
    assert len(sequencer._tails._known) == 10


def test_each_durable_commit_is_observed_before_its_callers_hear_of_it(gated):
    gate, _ = gated
    gate.open.set()
    seen: list[tuple[int, float]] = []
    sequencer = Sequencer(gate, TENANT, SIGNER, ORIGIN, observe=lambda events, seconds: seen.append((events, seconds)))
    sequencer.submit([draft(0), draft(1)]).result()
    assert [events for events, _ in seen] == [2]
    sequencer.append([draft(2)])
    sequencer.close()
    assert [events for events, _ in seen] == [2, 1]
    assert all(seconds > 0 for _, seconds in seen)


def test_what_was_not_stored_is_not_observed(store, monkeypatch):
    seen: list[int] = []
    sequencer = Sequencer(store, TENANT, SIGNER, ORIGIN, observe=lambda events, _: seen.append(events))

    def fail(group):
        raise StorageFullError("no room")

    monkeypatch.setattr(store, "commit", fail)
    with pytest.raises(StorageFullError):
        sequencer.append([draft(0)])
    with pytest.raises(DraftError):
        sequencer.append([draft(0, "no id")])
    assert seen == []
    sequencer.close()


def test_an_observer_that_fails_fails_nobody_else(store):
    def observe(events: int, seconds: float) -> None:
        raise RuntimeError

    sequencer = Sequencer(store, TENANT, SIGNER, ORIGIN, observe=observe)
    assert sequencer.append([draft(0)])[0].index == 0
    assert sequencer.submit([draft(1)]).result()[0].index == 1
    sequencer.close()
