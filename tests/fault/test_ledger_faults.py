"""Every write of the sequencer broken before and after, and the log read again as a client would."""

import random
from collections import Counter
from pathlib import Path

import pytest
from faults import Faults, FaultyEventStore
from logclient import ORIGIN, SIGNER, TENANT, Notes, check_log, draft

from onrecord.base import ids
from onrecord.base.errors import Disposition
from onrecord.ledger import proof
from onrecord.ledger.checkpoint import parse
from onrecord.ledger.note import parse as parse_note
from onrecord.ledger.sequencer import Draft, Sequencer
from onrecord.storage.memory import MemoryEventStore
from onrecord.storage.ports import Group, NotStoredError, Record, StorageError, StorageFullError, StorageUnknownError
from onrecord.storage.sqlite import SqliteEventStore


class Run:
    """One seeded life of a log: groups that are retried when they may be, dropped when not, and restarts in between."""

    def __init__(self, seed: int, inner, rate: float = 0.4) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.notes = Notes()
        self.faults = Faults(seed, rate)
        self.store = FaultyEventStore(inner, self.faults, self.notes)
        self.calls = [ids.new_interaction_id() for _ in range(4)]
        self.acknowledged: list[Draft] = []
        self.refused: list[Draft] = []
        self.unknown: list[Draft] = []
        self.checkpoints: list[bytes] = []
        self.outcomes: Counter[str] = Counter()
        self.sequencer = self.open()

    def open(self) -> Sequencer:
        return Sequencer(self.store, TENANT, SIGNER, ORIGIN)

    def step(self) -> None:
        width = self.random.choice([1, 1, 2, 5, 40, 130])
        events = self.random.choice([1, 1, 3, 50])
        drafts = [draft(self.random.choice(self.calls), events) for _ in range(width)]
        self.faults.reads = self.random.choice([0.0, 0.0, 0.5])
        for _ in range(self.random.randrange(1, 4)):
            if self.attempt(drafts):
                break
        self.faults.reads = 0.0
        self.checkpoints.append(self.sequencer.checkpoint())
        if self.random.random() < 0.1:
            self.sequencer.close()
            self.sequencer = self.open()

    def attempt(self, drafts: list[Draft]) -> bool:
        """Whether there is nothing to repeat."""
        try:
            placed = self.sequencer.append(drafts, lambda _: [Record("reply", drafts[0].uid.hex(), "", b"sealed")])
        except StorageError as error:
            self.outcomes[error.code] += 1
            if error.disposition is Disposition.RETRY:
                self.refused = [one for one in self.refused if one not in drafts] + drafts
                return False
            self.refused = [one for one in self.refused if one not in drafts]
            self.unknown += drafts
            return True
        self.outcomes["acknowledged"] += 1
        self.refused = [one for one in self.refused if one not in drafts]
        self.acknowledged += drafts
        assert self.store.inner.head(TENANT).size >= placed[-1].tree_size
        return True

    def check(self) -> None:
        self.sequencer.close()
        size = check_log(self.store.inner, self.acknowledged, self.refused)
        assert size <= sum(len(one.marks) for one in (*self.acknowledged, *self.unknown))
        records = {record.id for record in self.store.inner.records(TENANT, "reply")}
        heads = {row.uid.hex() for call in self.calls for row in self.store.inner.events(TENANT, call)}
        assert records <= heads, "a record stands without its events"
        sequencer = Sequencer(self.store.inner, TENANT, SIGNER, ORIGIN)
        known = [parse(parse_note(signed).text) for signed in self.checkpoints]
        for old in (c for c in known if c.size):
            path = sequencer.consistency_proof(old.size, size)
            proof.verify_consistency(
                old.size, old.root, size, parse(parse_note(sequencer.checkpoint()).text).root, path
            )
        sequencer.close()


def test_no_fault_in_memory_loses_doubles_or_forks_anything():
    injected: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for seed in range(80):
        run = Run(seed, MemoryEventStore())
        for _ in range(25):
            run.step()
        run.check()
        injected += run.faults.injected
        outcomes += run.outcomes
    assert sum(injected.values()) >= 1000
    assert min(injected[name] for name in ("failed, not stored", "failed, yet stored", "no room", "read")) >= 50
    assert {"acknowledged", "not_stored", "storage_full", "storage_busy", "storage_unknown"} <= set(outcomes)


def test_no_fault_on_sqlite_loses_doubles_or_forks_anything(tmp_path: Path):
    for seed in range(3):
        store = SqliteEventStore(tmp_path / f"{seed}.db")
        run = Run(seed + 1000, store)
        for _ in range(25):
            run.step()
        run.check()
        store.close()


def test_sqlite_interrupted_at_seeded_steps_leaves_a_log_that_verifies(tmp_path: Path):
    """The database itself is broken at a random step of its machine, before or after the transaction is durable."""
    inner = SqliteEventStore(tmp_path / "events.db")
    chosen = random.Random(7)  # noqa: S311 - repeatable on purpose
    run = Run(7, inner, rate=0.0)
    for _ in range(150):
        left = chosen.randrange(1, 700)

        def tick() -> int:
            nonlocal left
            left -= 1
            return left == 0

        if inner._db._writer is None:
            inner._db._writer = inner._db._connect()
        inner._db._writer.set_progress_handler(tick, 1)
        drafts = [draft(chosen.choice(run.calls)) for _ in range(chosen.choice([1, 3, 40]))]
        run.attempt(drafts)
        run.checkpoints.append(run.sequencer.checkpoint())
    assert run.outcomes["not_stored"] > 20
    assert run.outcomes["acknowledged"] > 20
    run.check()
    inner.close()


class Once(FaultyEventStore):
    """Breaks the next commit in the way named, and reads for as long as told."""

    def __init__(self, inner: MemoryEventStore) -> None:
        super().__init__(inner, Faults(0, 0.0))
        self.next: StorageError | None = None
        self.stored = False

    def commit(self, group: Group) -> None:
        error, self.next = self.next, None
        if error is None or self.stored:
            self.inner.commit(group)
        if error is not None:
            raise error


@pytest.fixture
def store() -> Once:
    return Once(MemoryEventStore())


@pytest.fixture
def sequencer(store):
    made = Sequencer(store, TENANT, SIGNER, ORIGIN)
    yield made
    made.close()


CALL = ids.new_interaction_id()


def test_an_unknown_failure_that_stored_is_acknowledged(store, sequencer):
    store.next, store.stored = StorageUnknownError("injected"), True
    placed = sequencer.append([draft(CALL)])
    assert (placed[0].index, sequencer.size) == (0, 1)
    assert sequencer.append([draft(CALL)])[0].seq == 1


def test_an_unknown_failure_that_left_nothing_may_be_repeated(store, sequencer):
    store.next, store.stored = StorageUnknownError("injected"), False
    one = draft(CALL)
    with pytest.raises(NotStoredError) as raised:
        sequencer.append([one])
    assert raised.value.disposition is Disposition.RETRY
    assert sequencer.append([one])[0].index == 0
    assert check_log(store.inner, [one]) == 1


@pytest.mark.parametrize("stored", [True, False])
def test_where_not_even_the_store_can_say_the_next_group_finds_out(store, sequencer, stored):
    first = draft(CALL)
    sequencer.append([first])
    store.next, store.stored, store.faults.reads = StorageUnknownError("injected"), stored, 1.0
    with pytest.raises(StorageUnknownError):
        sequencer.append([draft(CALL)])
    with pytest.raises(StorageError):
        sequencer.append([draft(CALL)])
    store.faults.reads = 0.0
    one = draft(CALL)
    assert sequencer.append([one])[0].index == 1 + int(stored)
    assert check_log(store.inner, [first, one]) == 2 + int(stored)


def test_a_full_disk_fails_that_group_alone_and_advances_nothing(store, sequencer):
    sequencer.append([draft(CALL)])
    before = sequencer.checkpoint()
    store.next = StorageFullError("injected")
    with pytest.raises(StorageFullError):
        sequencer.append([draft(CALL) for _ in range(300)])
    assert (sequencer.size, sequencer.checkpoint()) == (1, before)
    assert sequencer.append([draft(CALL)])[0].seq == 1


def test_a_commit_that_is_interrupted_is_unknown_until_looked_at(store, sequencer):
    store.next, store.stored = KeyboardInterrupt(), True  # type: ignore[assignment] # what a signal raises in a caller's thread
    with pytest.raises(KeyboardInterrupt):
        sequencer.append([draft(CALL)])
    assert sequencer.append([draft(CALL)])[0].index == 1
