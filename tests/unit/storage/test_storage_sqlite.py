import sqlite3
import stat
from pathlib import Path

import pytest

from onrecord.base.errors import Disposition
from onrecord.storage import sqlitedb
from onrecord.storage.ports import (
    Group,
    HeadRow,
    Mark,
    Record,
    Run,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageUnknownError,
    StorageUnreadableError,
)
from onrecord.storage.sqlite import SqliteEventStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def one(size: int, sealed: bytes = b"sealed") -> Group:
    run = Run("int_a", size, bytes(16), "", sealed, [Mark("t", 0.0, 0.0, 0)], [b"entry %d" % size])
    return Group(tenant="a", expected_size=size, runs=(run,), head=HeadRow(size + 1, bytes(32), b"note"))


def test_what_was_committed_is_there_after_opening_again(path):
    store = SqliteEventStore(path)
    for size in range(100):
        store.commit(one(size))
    store.put("a", [Record("k", "1", "", b"x")])
    store.close()
    store = SqliteEventStore(path)
    assert store.head("a").size == 100
    assert [row.seq for row in store.events("a", "int_a", 49)] == list(range(50, 100))
    store.commit(one(100))
    assert store.last("a", "int_a").seq == 100
    store.close()


def test_the_files_are_their_owners_alone(path):
    store = SqliteEventStore(path)
    store.commit(one(0))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    store.close()
    assert modes == {"events.db": 0o600, "events.db-wal": 0o600, "events.db-shm": 0o600}


def test_every_connection_is_durable_and_erases(path):
    store = SqliteEventStore(path)
    store.commit(one(0))
    for connection in (store._db._writer, store._db._connect()):
        pragmas = [connection.execute(f"pragma {name}").fetchone()[0] for name in
                   ("journal_mode", "synchronous", "secure_delete", "wal_autocheckpoint")]  # fmt: skip
        assert pragmas == ["wal", 2, 1, 0]
    connection.close()
    store.close()


def test_another_programs_database_is_refused_and_left_alone(path):
    other = sqlite3.connect(path)
    other.execute("create table theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(StorageError) as raised:
        SqliteEventStore(path)
    assert raised.value.code == "storage_foreign"
    other = sqlite3.connect(path)
    assert other.execute("select name from sqlite_master").fetchall() == [("theirs",)]
    other.close()


def test_a_newer_schema_is_refused(path):
    SqliteEventStore(path).close()
    other = sqlite3.connect(path)
    other.execute("pragma user_version=99")
    other.close()
    with pytest.raises(StorageError) as raised:
        SqliteEventStore(path)
    assert raised.value.code == "storage_schema"


def test_an_older_schema_is_brought_forward(path):
    first = [["create table t (x)"]]
    sqlitedb.Database(path, 7, first).close()
    database = sqlitedb.Database(
        path, 7, [*first, ["alter table t add column y default 5", "insert into t (x) values (1)"]]
    )
    assert database.read("select x, y from t") == [(1, 5)]
    database.close()
    database = sqlitedb.Database(
        path, 7, [*first, ["alter table t add column y default 5", "insert into t (x) values (1)"]]
    )
    assert database.read("select count(*) from t") == [(1,)]
    database.close()


def test_a_file_that_is_no_database(path):
    path.write_bytes(b"not a database, only text that is long enough" * 100)
    with pytest.raises(StorageUnreadableError):
        SqliteEventStore(path)


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(StorageUnreadableError):
        SqliteEventStore(tmp_path / "none" / "events.db")


def test_a_full_disk_stores_nothing_and_is_over_when_there_is_room(path):
    store = SqliteEventStore(path)
    store.commit(one(0))
    writer = store._db._writer
    pages = writer.execute("pragma page_count").fetchone()[0]
    writer.execute(f"pragma max_page_count={pages}")
    with pytest.raises(StorageFullError) as raised:
        store.commit(one(1, bytes(100_000)))
    assert raised.value.disposition is Disposition.RETRY
    assert store.head("a").size == 1
    writer.execute("pragma max_page_count=1000000")
    store.commit(one(1, bytes(100_000)))
    assert store.head("a").size == 2
    store.close()


def test_a_write_broken_at_any_step_is_unknown_and_leaves_all_or_nothing(path):
    """SQLite is interrupted at every step of its machine in turn, last of all after the transaction was durable."""
    store = SqliteEventStore(path)
    store.commit(one(0))
    broken = 0
    while store.head("a").size == 1:
        broken += 1
        left = broken

        def tick() -> int:
            nonlocal left
            left -= 1
            return left <= 0

        writer = store._db._writer or store._db._connect()
        store._db._writer = writer
        writer.set_progress_handler(tick, 1)
        with pytest.raises(StorageUnknownError):
            store.commit(one(1))
        assert store.entries("a", 0, 9) == [b"entry 0", b"entry 1"][: store.head("a").size]
        assert store.last("a", "int_a").seq == store.head("a").size - 1
    assert broken > 20
    store.commit(one(2))
    assert [row.seq for row in store.events("a", "int_a")] == [0, 1, 2]
    store.close()


def test_another_process_that_holds_the_file_makes_it_busy(path, monkeypatch):
    monkeypatch.setattr(sqlitedb, "BUSY_SECONDS", 0.01)
    store = SqliteEventStore(path)
    store.commit(one(0))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StorageBusyError) as raised:
        store.commit(one(1))
    assert raised.value.disposition is Disposition.RETRY
    assert store.head("a").size == 1
    other.execute("rollback")
    other.close()
    store.commit(one(1))
    store.close()


def test_a_value_that_cannot_be_stored_is_refused(path):
    store = SqliteEventStore(path)
    with pytest.raises(StorageError) as raised:
        store.put("a", [Record("k", "\ud800", "", b"x")])
    assert raised.value.code == "storage_value"
    store.put("a", [Record("k", "1", "", b"x")])
    store.close()


def test_a_closed_store_says_so(path):
    store = SqliteEventStore(path)
    store.close()
    store.close()
    for call in (lambda: store.commit(one(0)), lambda: store.head("a")):
        with pytest.raises(StorageError) as raised:
            call()
        assert raised.value.code == "storage_closed"


def test_a_broken_block_is_unreadable(path):
    store = SqliteEventStore(path)
    store.commit(one(0))
    store._db._writer.execute("update blocks set runs = x'c1'")
    with pytest.raises(StorageUnreadableError):
        store.last("a", "int_a")
    store._db._writer.execute("delete from blocks")
    with pytest.raises(StorageUnreadableError):
        store.events("a", "int_a")
    store.close()


def test_deleted_bytes_stand_in_no_page(path):
    store = SqliteEventStore(path)
    needle = b"needle-in-a-record" * 3
    store.put("a", [Record("k", str(i), "", needle + bytes([i])) for i in range(50)])
    files = [path, path.with_name(path.name + "-wal")]
    assert any(needle in file.read_bytes() for file in files)
    for i in range(50):
        store.delete("a", "k", str(i))
    assert not any(needle in file.read_bytes() for file in files if file.exists())
    store.close()


def test_a_delete_that_cannot_empty_the_log_says_so_and_can_be_repeated(path, monkeypatch):
    monkeypatch.setattr(sqlitedb, "BUSY_SECONDS", 0.01)
    store = SqliteEventStore(path)
    store.put("a", [Record("k", "1", "", b"needle" * 10)])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("begin")
    reader.execute("select * from records").fetchall()
    with pytest.raises(StorageBusyError):
        store.delete("a", "k", "1")
    reader.close()
    assert store.delete("a", "k", "1") is False
    assert b"needle" * 10 not in path.read_bytes() + path.with_name(path.name + "-wal").read_bytes()
    store.close()


def test_the_write_ahead_log_starts_anew_under_steady_writing(path, monkeypatch):
    monkeypatch.setattr(sqlitedb, "CHECKPOINT_BYTES", 50_000)
    monkeypatch.setattr(sqlitedb, "RESTART_BYTES", 200_000)
    store = SqliteEventStore(path)
    wal = path.with_name(path.name + "-wal")
    for size in range(400):
        store.commit(one(size, bytes(4000)))
        if size % 20 == 19:
            while store._db._wake.is_set():  # the checkpointer has been asked and has not begun
                pass
    assert wal.stat().st_size < 2_000_000
    store.close()
    assert not wal.exists()
