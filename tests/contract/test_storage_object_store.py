"""What every object store keeps to, whatever it is made of."""

from pathlib import Path
from threading import Thread

import pytest

from onrecord.base.ids import new_object_id
from onrecord.storage.localfiles import LocalObjectStore
from onrecord.storage.memory import MemoryObjectStore
from onrecord.storage.ports import ConflictError, ObjectMissingError, ObjectStore, StorageError

ONE = "obj_" + "0a" * 16
TWO = "obj_" + "0b" * 16


@pytest.fixture(params=["memory", "localfiles"])
def store(request, tmp_path: Path) -> ObjectStore:
    return MemoryObjectStore() if request.param == "memory" else LocalObjectStore(tmp_path / "objects")


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 1000])
def test_an_object_comes_back_whole(store, data):
    store.put(ONE, data)
    assert store.get(ONE) == data
    assert store.size(ONE) == len(data)


@pytest.mark.parametrize("bounds", [(0, None), (0, 0), (2, 5), (2, None), (8, 100), (10, 12), (50, None), (5, 2)])
def test_ranges_are_as_of_a_slice(store, bounds):
    data = b"0123456789"
    store.put(ONE, data)
    assert store.get(ONE, *bounds) == data[bounds[0] : bounds[1]]


@pytest.mark.parametrize("bounds", [(-1, None), (0, -1)])
def test_ranges_count_from_the_start(store, bounds):
    store.put(ONE, b"data")
    with pytest.raises(StorageError) as raised:
        store.get(ONE, *bounds)
    assert raised.value.code == "object_range"


def test_the_same_again_is_no_conflict_and_something_else_is(store):
    store.put(ONE, b"one")
    store.put(ONE, b"one")
    with pytest.raises(ConflictError):
        store.put(ONE, b"two")
    assert store.get(ONE) == b"one"


def test_what_is_not_there(store):
    with pytest.raises(ObjectMissingError):
        store.get(ONE)
    with pytest.raises(ObjectMissingError):
        store.size(ONE)
    assert store.delete(ONE) is False
    assert store.ids() == []


def test_delete_is_idempotent_and_frees_the_id(store):
    store.put(ONE, b"one")
    store.put(TWO, b"two")
    assert store.delete(ONE) is True
    assert store.delete(ONE) is False
    assert store.ids() == [TWO]
    store.put(ONE, b"another")
    assert store.get(ONE) == b"another"


def test_ids_are_sorted(store):
    made = sorted(new_object_id() for _ in range(20))
    for identifier in reversed(made):
        store.put(identifier, b"x")
    assert store.ids() == made


@pytest.mark.parametrize(
    "identifier",
    ["", "obj", "obj_", "obj_" + "0" * 31, "obj_" + "0" * 33, "obj_" + "0A" * 16, "../" + ONE,
     ONE + "\n", "_" + "0" * 32,     "OBJ_" + "0" * 32, "obj-" + "0" * 32, "o/j_" + "0" * 32, "obj_" + "\u0660" * 32],
)  # fmt: skip
def test_only_ids_are_ids(store, identifier):
    for call in (lambda: store.put(identifier, b""), lambda: store.get(identifier), lambda: store.size(identifier),
                 lambda: store.delete(identifier)):  # fmt: skip
        with pytest.raises(StorageError) as raised:
            call()
        assert raised.value.code == "object_id"


def test_of_many_writers_of_one_id_one_wins_whole(store):
    outcomes: list[str] = []

    def work(data: bytes) -> None:
        try:
            store.put(ONE, data)
            outcomes.append("stored")
        except ConflictError:
            outcomes.append("conflict")

    threads = [Thread(target=work, args=(bytes([i]) * 5000,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["stored"]
    assert len(set(store.get(ONE))) == 1
