import errno
import os
import stat
from pathlib import Path

import pytest

from onrecord.storage.localfiles import LocalObjectStore
from onrecord.storage.ports import StorageError, StorageFullError, StorageUnknownError, StorageUnreadableError

ONE = "obj_" + "0a" * 16


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


def everything(root: Path) -> list[str]:
    return sorted(p.name for p in root.rglob("*") if p.is_file())


def test_files_and_directories_are_their_owners_alone(root):
    LocalObjectStore(root).put(ONE, b"x")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [root, *root.rglob("*")]}
    assert modes == {"objects": 0o700, "0a": 0o700, ONE: 0o600}


def test_objects_are_there_after_opening_again(root):
    LocalObjectStore(root).put(ONE, b"x")
    assert LocalObjectStore(root).get(ONE) == b"x"


def test_what_a_crash_left_is_removed_at_opening(root):
    store = LocalObjectStore(root)
    store.put(ONE, b"x")
    (root / "0a" / ".put-0123").write_bytes(b"half")
    assert store.ids() == [ONE]
    LocalObjectStore(root)
    assert everything(root) == [ONE]


def test_a_crash_between_link_and_unlink_keeps_the_object(root):
    LocalObjectStore(root).put(ONE, b"x")
    os.link(root / "0a" / ONE, root / "0a" / ".put-0123")
    assert LocalObjectStore(root).get(ONE) == b"x"
    assert everything(root) == [ONE]


def test_a_temporary_file_that_is_being_written_is_not_taken_for_a_leftover(root, monkeypatch):
    store = LocalObjectStore(root)
    link = os.link

    def open_again_and_link(source, target):
        LocalObjectStore(root)
        link(source, target)

    monkeypatch.setattr(os, "link", open_again_and_link)
    store.put(ONE, b"x")
    assert store.get(ONE) == b"x"


def broken(name: str, code: int, monkeypatch, when: int = 1):
    """The `when`-th call of os.NAME fails with `code`."""
    real, calls = getattr(os, name), 0

    def call(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == when:
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("step", ["write", "link", "mkdir"])
def test_without_room_nothing_is_left(root, monkeypatch, step, code):
    store = LocalObjectStore(root)
    with monkeypatch.context() as patched:
        broken(step, code, patched)
        with pytest.raises(StorageFullError):
            store.put(ONE, b"x" * 1000)
    assert everything(root) == []
    store.put(ONE, b"x" * 1000)
    assert store.get(ONE) == b"x" * 1000


@pytest.mark.parametrize(
    ("step", "when"), [("open", 1), ("open", 2), ("write", 1), ("fsync", 1), ("fsync", 2), ("link", 1)]
)
def test_a_failing_disk_before_the_name_stands_leaves_nothing(root, monkeypatch, step, when):
    store = LocalObjectStore(root)
    with monkeypatch.context() as patched:
        broken(step, errno.EIO, patched, when)
        with pytest.raises(StorageUnknownError):
            store.put(ONE, b"x")
    assert everything(root) == []
    store.put(ONE, b"x")
    assert store.get(ONE) == b"x"


def test_a_name_that_may_not_be_durable_is_unknown_and_the_same_put_mends_it(root, monkeypatch):
    store = LocalObjectStore(root)
    with monkeypatch.context() as patched:
        broken("fsync", errno.EIO, patched, 3)  # shard's parent, file, shard
        with pytest.raises(StorageUnknownError):
            store.put(ONE, b"x")
    assert everything(root) == [ONE]
    store.put(ONE, b"x")
    assert store.get(ONE) == b"x"


def test_a_short_write_goes_on_where_it_ended(root, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
    store = LocalObjectStore(root)
    store.put(ONE, bytes(range(100)))
    assert store.get(ONE) == bytes(range(100))


def test_the_bytes_are_synced_before_the_name_and_the_name_before_it_returns(root, monkeypatch):
    store = LocalObjectStore(root)
    (root / "0a").mkdir()
    steps: list[str] = []
    for name in ("write", "fsync", "link"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _real=real, _name=name, **k: (steps.append(_name), _real(*a, **k))[1])
    store.put(ONE, b"x")
    assert steps == ["write", "fsync", "link", "fsync"]


def test_a_delete_that_may_not_be_durable_is_unknown_and_can_be_repeated(root, monkeypatch):
    store = LocalObjectStore(root)
    store.put(ONE, b"x")
    with monkeypatch.context() as patched:
        broken("fsync", errno.EIO, patched)
        with pytest.raises(StorageUnknownError):
            store.delete(ONE)
    assert store.delete(ONE) is False


def test_an_unreadable_object_is_said_to_be_so(root, monkeypatch):
    store = LocalObjectStore(root)
    (root / "0a" / ONE).mkdir(parents=True)
    with pytest.raises(StorageUnreadableError):
        store.get(ONE)


def test_a_root_that_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        LocalObjectStore(tmp_path / "file")
