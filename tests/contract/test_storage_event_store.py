"""What every event store keeps to, whatever it is made of."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from onrecord.storage.memory import MemoryEventStore
from onrecord.storage.ports import (
    ConflictError,
    EventRow,
    EventStore,
    Group,
    HeadRow,
    Mark,
    Record,
    Run,
    StorageError,
    TileRow,
)
from onrecord.storage.sqlite import SqliteEventStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path: Path) -> Iterator[EventStore]:
    made = MemoryEventStore() if request.param == "memory" else SqliteEventStore(tmp_path / "events.db")
    yield made
    made.close()


def run(index: int, interaction: str = "int_a", seq: int | None = None, width: int = 1) -> Run:
    """`width` events, the first of which stands at `index`."""
    seq = index if seq is None else seq
    indices = range(index, index + width)
    marks = [Mark("call_start", i / 2, i / 2 + 0.25, 1_700_000_000_000_000_000 + i) for i in indices]
    entries = [b"entry %d" % i for i in indices]
    return Run(interaction, seq, bytes([index % 256]) * 16, "key_1", b"sealed %d" % index, marks, entries)


def group(runs: list[Run], size: int, tenant: str = "a", **more: object) -> Group:
    end = size + sum(len(one.entries) for one in runs)
    head = HeadRow(end, bytes(32), b"note %d" % end)
    return Group(tenant=tenant, expected_size=size, runs=runs, head=head, **more)  # type: ignore[arg-type] # fields by name


def fill(store: EventStore, count: int, tenant: str = "a", width: int = 1) -> list[EventRow]:
    """`count` events of three interactions in turn, in runs of `width` and in groups that grow."""
    rows: list[EventRow] = []
    seqs = dict.fromkeys(("int_a", "int_b", "int_c"), 0)
    runs: list[Run] = []
    turn, wanted = 0, 1
    while len(rows) < count:
        name = f"int_{'abc'[turn % 3]}"
        runs.append(run(len(rows), name, seqs[name], min(width, count - len(rows))))
        rows += runs[-1].rows(len(rows))
        seqs[name] += len(runs[-1].entries)
        turn += 1
        if len(runs) == wanted or len(rows) == count:
            store.commit(group(runs, len(rows) - sum(len(one.entries) for one in runs), tenant))
            runs, wanted = [], wanted * 2 + 1
    return rows


def test_an_empty_store_knows_nothing(store):
    assert store.head("a") is None
    assert store.events("a", "int_a") == []
    assert store.last("a", "int_a") is None
    assert store.entries("a", 0, 10) == []
    assert store.tile("a", 0, 0) is None
    assert store.record("a", "k", "1") is None
    assert store.records("a", "k") == []
    assert store.delete("a", "k", "1") is False


@pytest.mark.parametrize("width", [1, 3, 70])
def test_events_come_back_as_they_were_in_order_of_sequence(store, width):
    rows = fill(store, 200, width=width)
    for name in ("int_a", "int_b", "int_c"):
        assert store.events("a", name) == [r for r in rows if r.interaction == name]


@pytest.mark.parametrize("width", [1, 3, 70])
@pytest.mark.parametrize("after", [-1, 0, 1, 30, 65, 66, 67, 80])
def test_events_after_a_sequence_number(store, after, width):
    rows = fill(store, 200, width=width)
    assert store.events("a", "int_a", after) == [r for r in rows if r.interaction == "int_a" and r.seq > after]


def test_the_last_event_of_an_interaction(store):
    rows = fill(store, 200)
    assert store.last("a", "int_c") == rows[197]
    assert store.last("a", "int_b") == rows[199]


def test_a_run_is_sealed_as_one_and_read_event_by_event(store):
    store.commit(group([run(0, "int_a", 0, 3), run(3, "int_b", 0, 2), run(5, "int_a", 3)], 0))
    rows = store.events("a", "int_a")
    assert [(row.index, row.seq, row.part) for row in rows] == [(0, 0, 0), (1, 1, 1), (2, 2, 2), (5, 3, 0)]
    assert [row.sealed for row in rows] == [b"sealed 0", b"sealed 0", b"sealed 0", b"sealed 5"]
    assert [row.entry for row in rows] == [b"entry 0", b"entry 1", b"entry 2", b"entry 5"]
    assert store.last("a", "int_b") == store.events("a", "int_b")[1]
    assert store.events("a", "int_a", 1) == rows[2:]


@pytest.mark.parametrize(
    "bounds", [(0, 200), (0, 1), (199, 200), (31, 33), (150, 400), (200, 300), (5, 5), (9, 3), (-5, 2)]
)
@pytest.mark.parametrize("width", [1, 3, 70])
def test_entries_of_a_range(store, bounds, width):
    rows = fill(store, 200, width=width)
    start, end = bounds
    assert store.entries("a", start, end) == [r.entry for r in rows if start <= r.index < end]


def test_the_head_is_that_of_the_last_group(store):
    fill(store, 20)
    assert store.head("a") == HeadRow(20, bytes(32), b"note 20")


def test_a_group_at_another_size_is_a_conflict_and_leaves_nothing(store):
    fill(store, 4)
    record = Record("k", "1", "int_a", b"x")
    for wrong in (0, 3, 5):
        with pytest.raises(ConflictError):
            store.commit(group([run(wrong, "int_z", 0)], wrong, records=(record,), tiles=(TileRow(0, 0, b"t"),)))
    assert store.head("a") == HeadRow(4, bytes(32), b"note 4")
    assert store.events("a", "int_z") == []
    assert store.record("a", "k", "1") is None
    assert store.tile("a", 0, 0) is None


@pytest.mark.parametrize("seq", [0, 1, 3, 7])
def test_a_gap_or_repetition_in_an_interaction_is_a_conflict(store, seq):
    store.commit(group([run(0), run(1)], 0))
    with pytest.raises(ConflictError):
        store.commit(group([run(2, "int_b", 0), run(3, "int_a", seq)], 2))
    assert store.head("a").size == 2
    store.commit(group([run(2, "int_b", 0), run(3, "int_a", 2)], 2))
    assert [r.seq for r in store.events("a", "int_a")] == [0, 1, 2]


def test_a_group_within_which_an_interaction_repeats_a_number_is_a_conflict(store):
    with pytest.raises(ConflictError):
        store.commit(group([run(0), run(1, "int_a", 0)], 0))
    assert store.head("a") is None


def test_a_group_that_does_not_lead_to_its_head_cannot_be_made():
    for bad in (
        {"runs": (run(0),), "head": HeadRow(2, bytes(32), b"")},
        {"runs": (run(0, width=3),), "head": HeadRow(1, bytes(32), b"")},
        {"runs": (run(0, width=0),), "head": HeadRow(0, bytes(32), b"")},
        {"runs": (msgspec.structs.replace(run(0), marks=[]),), "head": HeadRow(1, bytes(32), b"")},
        {"runs": (run(0),)},
        {"tiles": (TileRow(0, 0, b""),)},
    ):
        with pytest.raises(StorageError) as raised:
            Group(tenant="a", expected_size=0, **bad)  # type: ignore[arg-type] # fields by name
        assert raised.value.code == "group_malformed"


def test_tiles_and_records_land_with_their_group(store):
    store.commit(
        group([run(0)], 0, tiles=(TileRow(0, 0, b"t0"), TileRow(1, 0, b"t1")), records=(Record("k", "1", "", b"r"),))
    )
    assert (store.tile("a", 0, 0), store.tile("a", 1, 0), store.tile("a", 0, 1)) == (b"t0", b"t1", None)
    assert store.record("a", "k", "1") == Record("k", "1", "", b"r")


def test_a_head_of_the_same_size_may_gain_signatures(store):
    fill(store, 3)
    store.commit(Group(tenant="a", expected_size=3, head=HeadRow(3, bytes(32), b"note 3, cosigned")))
    assert store.head("a").note == b"note 3, cosigned"


def test_tenants_are_apart(store):
    fill(store, 5, "a")
    store.put("a", [Record("k", "1", "int_a", b"of a")])
    assert store.head("b") is None
    assert store.events("b", "int_a") == []
    assert store.record("b", "k", "1") is None
    rows = fill(store, 7, "b")
    store.put("b", [Record("k", "1", "int_a", b"of b")])
    assert store.head("a").size == 5
    assert store.head("b").size == 7
    assert store.entries("a", 0, 100) == [r.entry for r in rows[:5]]
    assert store.record("a", "k", "1").blob == b"of a"
    assert store.delete("b", "k", "1")
    assert store.record("a", "k", "1").blob == b"of a"


def test_records_are_replaced_whole_and_listed_by_kind_and_interaction(store):
    store.put(
        "a", [Record("k", "2", "int_a", b"old"), Record("k", "1", "int_b", b"1"), Record("l", "1", "int_a", b"l")]
    )
    store.put("a", [Record("k", "2", "int_c", b"new")])
    assert store.record("a", "k", "2") == Record("k", "2", "int_c", b"new")
    assert [r.id for r in store.records("a", "k")] == ["1", "2"]
    assert store.records("a", "k", "int_a") == []
    assert [r.id for r in store.records("a", "k", "int_c")] == ["2"]
    assert [r.blob for r in store.records("a", "l", "int_a")] == [b"l"]


def test_a_deleted_record_is_gone_once(store):
    store.put("a", [Record("k", "1", "", b"x"), Record("k", "2", "", b"y")])
    assert store.delete("a", "k", "1") is True
    assert store.delete("a", "k", "1") is False
    assert [r.id for r in store.records("a", "k")] == ["2"]


def test_records_alone_ask_for_no_size(store):
    fill(store, 3)
    store.commit(Group(tenant="a", expected_size=99, records=(Record("k", "1", "", b"x"),)))
    assert store.record("a", "k", "1") is not None
    assert store.head("a").size == 3


def test_any_thread_may_call(store):
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for i in range(10):
                store.put("a", [Record("k", f"{name}{i}", name, b"x")])
                assert len(store.records("a", "k", name)) == i + 1
        except BaseException as error:  # noqa: BLE001 - shown by the main thread
            failures.append(error)

    threads = [Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.records("a", "k")) == 40
