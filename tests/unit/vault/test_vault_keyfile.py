"""The SQLite key store: what stands in its files, and what it survives."""

import os
import shutil
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from onrecord.base import ids
from onrecord.base.ids import TenantId
from onrecord.vault.errors import KeyStoreError, KeyStoreInvalidError, KeyStoreUnknownError
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keystore import KeyKind, KeyRow, Purpose, Unwrap

TENANT = TenantId("acme")


def row():
    return KeyRow(ids.new_key_id(), KeyKind.OBJECT, TENANT, ids.new_object_id(), "audio", (), 1, 0, os.urandom(72))


def files_of(folder: Path) -> bytes:
    """All bytes of keys.db, keys.db-wal and keys.db-shm."""
    found = sorted(folder.iterdir())
    assert found[0].name == "keys.db"
    return b"".join(path.read_bytes() for path in found)


def shows(raw: bytes, wrapped: bytes) -> bool:
    """Whether any quarter of the wrapped bytes stands in the raw bytes."""
    return any(wrapped[at : at + 18] in raw for at in range(0, len(wrapped), 18))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "root.key.d" / "keys.db"


@pytest.fixture
def store(file):
    made = SqliteKeyStore(file)
    yield made
    made.close()


def test_folder_and_files_are_the_owners_alone(file, store):
    store.add([row()])
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    for path in file.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_store_open_to_others_is_refused(file, what):
    SqliteKeyStore(file).close()
    before = file.read_bytes()
    path = file.parent if what == "folder" else file
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(KeyStoreInvalidError) as caught:
        SqliteKeyStore(file)
    assert caught.value.code == "key_store_permissions"
    assert file.read_bytes() == before


def test_what_is_no_key_store_is_refused_and_left_alone(file):
    file.parent.mkdir(mode=0o700)
    for make in (lambda: file.write_bytes(b"x" * 5000), lambda: sqlite3.connect(file).execute("CREATE TABLE t(a)")):
        file.unlink(missing_ok=True)
        file.touch(0o600)
        made = make()
        if isinstance(made, sqlite3.Cursor):
            made.connection.close()
        before = file.read_bytes()
        with pytest.raises(KeyStoreInvalidError):
            SqliteKeyStore(file)
        assert file.read_bytes() == before
        assert [path.name for path in file.parent.iterdir()] == ["keys.db"]


def test_everything_survives_a_restart(file, store):
    kept, gone, person, other = row(), row(), ids.new_person_id(), ids.new_person_id()
    store.add([kept, gone])
    store.set_check(b"check")
    store.link(TENANT, person, other)
    store.tag(TENANT, b"t" * 32, person)
    store.shred(TENANT, [gone.id])
    store.log([Unwrap(kept.id, Purpose.READ, 5)])
    deployment = store.deployment_id
    store.close()
    again = SqliteKeyStore(file)
    assert again.deployment_id == deployment
    assert again.get(kept.id) == kept
    assert again.get(gone.id) == replace(gone, wrapped=b"", version=0)
    assert again.check() == b"check"
    assert again.linked(TENANT, person) == tuple(sorted([person, other]))
    assert again.tagged(TENANT, b"t" * 32) == person
    assert again.unwraps() == [Unwrap(kept.id, Purpose.READ, 5)]
    again.close()


def test_what_was_acknowledged_survives_a_crash(file, store, tmp_path):
    rows = [row() for _ in range(20)]
    for each in rows:
        store.add([each])
    store.shred(TENANT, [rows[0].id])
    crashed = shutil.copytree(file.parent, tmp_path / "crashed")
    again = SqliteKeyStore(crashed / "keys.db")
    assert [again.get(each.id) for each in rows[1:]] == rows[1:]
    assert again.get(rows[0].id).shredded
    again.close()


def test_shredded_bytes_stand_in_no_file(file, store):
    rows = [row() for _ in range(300)]
    store.add(rows)
    assert all(shows(files_of(file.parent), each.wrapped) for each in rows)
    store.shred(TENANT, [each.id for each in rows[::3]])
    raw = files_of(file.parent)
    assert (file.parent / "keys.db-wal").stat().st_size == 0
    assert not any(shows(raw, each.wrapped) for each in rows[::3])
    assert all(each.wrapped in raw for each in [*rows[1::3], *rows[2::3]])


def test_blind_index_tags_stand_in_no_file_after_their_person(file, store):
    tags = {os.urandom(32): ids.new_person_id() for _ in range(100)}
    for tag, person in tags.items():
        store.tag(TENANT, tag, person)
    assert all(shows(files_of(file.parent), tag) for tag in tags)
    gone = list(tags)[::2]
    store.shred(TENANT, [], [tags[tag] for tag in gone])
    raw = files_of(file.parent)
    assert not any(shows(raw, tag) for tag in gone)
    assert all(tag in raw for tag in list(tags)[1::2])


def test_a_shred_that_a_reader_hinders_says_so_and_is_finished_by_a_repeat(file, store, tmp_path):
    each = row()
    store.add([each])
    store._db.execute("PRAGMA busy_timeout = 0")
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM keys").fetchall()
    with pytest.raises(KeyStoreUnknownError):
        store.shred(TENANT, [each.id])
    assert store.get(each.id).shredded
    assert shows(files_of(file.parent), each.wrapped)
    crashed = shutil.copytree(file.parent, tmp_path / "crashed")
    reader.execute("ROLLBACK")
    reader.close()
    store.shred(TENANT, [each.id])
    assert not shows(files_of(file.parent), each.wrapped)
    SqliteKeyStore(crashed / "keys.db").close()
    assert not shows(files_of(crashed), each.wrapped)


def test_a_full_disk_stores_nothing_and_says_so(store):
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    rows = [row() for _ in range(200)]
    with pytest.raises(KeyStoreError) as caught:
        store.add(rows)
    assert caught.value.code == "key_store_full"
    assert store.of_kind(KeyKind.OBJECT) == []
    store._db.execute("PRAGMA max_page_count = 100000")
    store.add(rows)
    assert store.of_kind(KeyKind.OBJECT) == rows


def test_unwraps_wait_for_a_store_that_takes_no_writes_and_then_refuse(store):
    each = Unwrap(ids.new_key_id(), Purpose.OPEN, 1)
    store._db.execute("PRAGMA query_only = ON")
    for _ in range(256):
        store.log([each] * 256)
    with pytest.raises(KeyStoreError):
        store.log([each])
    store._db.execute("PRAGMA query_only = OFF")
    store.add([row()])
    store.log([each])
    assert len(store.unwraps()) == 65537


def test_two_processes_see_one_another(file, store):
    other = SqliteKeyStore(file)
    each, person = row(), ids.new_person_id()
    other.add([each])
    assert store.get(each.id) == each
    other.tag(TENANT, b"t" * 32, person)
    assert store.tagged(TENANT, b"t" * 32) == person
    other.shred(TENANT, [each.id], [person])
    assert store.get(each.id).shredded
    assert store.tagged(TENANT, b"t" * 32) is None
    other.close()


def test_a_closed_store_answers_with_its_own_error(file):
    store = SqliteKeyStore(file)
    store.close()
    with pytest.raises(KeyStoreError):
        store.get(ids.new_key_id())
    with pytest.raises(KeyStoreError):
        store.add([row()])
