"""The SQLite file of the key store: its tables, its making and its opening."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from onrecord.vault.durable import sync_folder
from onrecord.vault.errors import KeyStoreInvalidError

_APPLICATION_ID: Final = 0x4F524B31  # "ORK1"
_SCHEMA: Final = (
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    (
        "CREATE TABLE keys(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, tenant TEXT NOT NULL,"
        " owner TEXT NOT NULL, class TEXT NOT NULL, parents TEXT NOT NULL, created_at INTEGER NOT NULL,"
        " slot BLOB NOT NULL, UNIQUE(tenant, owner, kind, class))"
    ),
    "CREATE TABLE edges(parent TEXT NOT NULL, child INTEGER NOT NULL, PRIMARY KEY(parent, child)) WITHOUT ROWID",
    "CREATE TABLE erased(tenant TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY(tenant, person)) WITHOUT ROWID",
    (
        "CREATE TABLE links(tenant TEXT NOT NULL, person TEXT NOT NULL, root TEXT NOT NULL,"
        " PRIMARY KEY(tenant, person)) WITHOUT ROWID"
    ),
    "CREATE INDEX links_root ON links(tenant, root)",
    "CREATE TABLE tags(seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, person TEXT NOT NULL, tag BLOB NOT NULL)",
    "CREATE INDEX tags_person ON tags(tenant, person)",
    "CREATE TABLE unwraps(seq INTEGER PRIMARY KEY, key TEXT NOT NULL, purpose TEXT NOT NULL, at INTEGER NOT NULL)",
)


def open_key_file(file: Path) -> tuple[sqlite3.Connection, str]:
    """The connection and the deployment id. Makes the folder (0700) and the file (0600) where there are none. Errors:
    KeyStoreInvalidError, `key_store_permissions` where others may touch it; nothing is changed then."""
    _prepare(file)
    try:
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            deployment_id = _open(db)
            sync_folder(file.parent)
            sync_folder(file.parent.parent)
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise KeyStoreInvalidError("the key store cannot be opened") from error
    return db, deployment_id


def _prepare(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        open_to_others = (file.parent.stat().st_mode | file.stat().st_mode) & 0o077
    except OSError as error:
        raise KeyStoreInvalidError("the key store's folder cannot be used") from error
    if open_to_others:
        raise KeyStoreInvalidError("the key store must be the owner's alone (0700, 0600)", code="key_store_permissions")


def _open(db: sqlite3.Connection) -> str:
    """The deployment id, after making the schema in an empty file and finishing what a crash left in the WAL."""
    application = db.execute("PRAGMA application_id").fetchone()[0]
    empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if application != _APPLICATION_ID and not empty:
        raise KeyStoreInvalidError("the file is no key store of this version")
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("BEGIN IMMEDIATE")
    if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        for statement in _SCHEMA:
            db.execute(statement)
        db.execute("INSERT INTO meta VALUES ('deployment', ?)", (os.urandom(16).hex(),))
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return str(db.execute("SELECT value FROM meta WHERE name = 'deployment'").fetchone()[0])
