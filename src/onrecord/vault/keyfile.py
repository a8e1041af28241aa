"""The key store in one SQLite file in a folder of its own.

Wrapped bytes stand in slots: rows of `keys` are only appended and their size never changes, so SQLite never rebalances
their pages, and shredding overwrites them where they stand. (Where rows are deleted, rebalanced pages can keep copies
of old cells in their free space, even with secure_delete.) Blind index tags stand the same way, and for that reason
have no index in the file: they are looked up in memory.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from onrecord.base.ids import KeyId, PersonId, TenantId
from onrecord.vault.errors import (
    ErasedError,
    KeyConflictError,
    KeyMissingError,
    KeyStoreError,
    KeyStoreUnknownError,
    VaultError,
)
from onrecord.vault.keyschema import open_key_file
from onrecord.vault.keystore import KeyKind, KeyRow, Purpose, Unwrap

_LOG_BATCH: Final = 256
_LOG_LIMIT: Final = 65536
_SELECT: Final = "SELECT id, kind, tenant, owner, class, parents, created_at, slot FROM keys WHERE "


def _row(found: Sequence[Any]) -> KeyRow:
    identifier, kind, tenant, owner, klass, parents, created_at, slot = found
    version, wrapped = int.from_bytes(slot[:4]), slot[4:]
    above = tuple(KeyId(parent) for parent in parents.split())
    wrapped = b"" if version == 0 else wrapped
    return KeyRow(KeyId(identifier), KeyKind(kind), TenantId(tenant), owner, klass, above, version, created_at, wrapped)


def _slot(row: KeyRow) -> bytes:
    """version, u32 big-endian || wrapped bytes; all zero once shredded."""
    return row.version.to_bytes(4) + row.wrapped


class SqliteKeyStore:
    """Several processes may hold one file. Crash: every write is there as a whole or not at all."""

    def __init__(self, file: Path) -> None:
        """Makes the folder (0700) and the file (0600) where there are none. Errors: KeyStoreInvalidError."""
        self._lock = threading.RLock()
        self._closed = False
        self._pending: list[Unwrap] = []
        self._tags: dict[tuple[str, bytes], tuple[int, PersonId]] = {}
        self._last_tag = 0
        self._db, self._deployment_id = open_key_file(file)

    @property
    def deployment_id(self) -> str:
        return self._deployment_id

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise KeyStoreError("the key store cannot be read") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, with the unwraps that wait."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                rows = [(unwrap.key, unwrap.purpose, unwrap.at) for unwrap in self._pending]
                self._db.executemany("INSERT INTO unwraps(key, purpose, at) VALUES (?, ?, ?)", rows)
            except VaultError:
                self._roll_back()
                raise
            except sqlite3.IntegrityError as error:
                self._roll_back()
                raise KeyConflictError("the key or tag stands already") from error
            except sqlite3.Error as error:
                self._roll_back()
                raise _failed(error) from error
            try:
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                    raise _failed(error) from error
                raise KeyStoreUnknownError("a write to the key store may or may not have happened") from error
            self._pending.clear()

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def check(self) -> bytes | None:
        with self._reading() as db:
            found = db.execute("SELECT value FROM meta WHERE name = 'check'").fetchone()
            return None if found is None else bytes(found[0])

    def set_check(self, wrapped: bytes) -> None:
        with self._writing() as db:
            db.execute("INSERT INTO meta VALUES ('check', ?)", (wrapped,))

    def add(self, rows: Sequence[KeyRow]) -> None:
        with self._writing() as db:
            for row in rows:
                if _is_erased(db, row.tenant, row.owner):
                    raise ErasedError("the owner is erased")
                for parent in row.parents:
                    found = db.execute("SELECT slot FROM keys WHERE id = ?", (parent,)).fetchone()
                    if found is None:
                        raise KeyMissingError("a parent key is not in this key store")
                    if not any(found[0]):
                        raise ErasedError("a parent key was shredded")
                cursor = db.execute(
                    "INSERT INTO keys(id, kind, tenant, owner, class, parents, created_at, slot)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(row.id, row.kind, row.tenant, row.owner, row.klass),
                        *(" ".join(row.parents), row.created_at, _slot(row)),
                    ),
                )
                db.executemany(
                    "INSERT INTO edges VALUES (?, ?)", [(parent, cursor.lastrowid) for parent in row.parents]
                )

    def get(self, key: KeyId) -> KeyRow | None:
        return next(iter(self._select("id = ?", key)), None)

    def find(self, tenant: TenantId, kind: KeyKind, owner: str, klass: str = "") -> KeyRow | None:
        where = "tenant = ? AND owner = ? AND kind = ? AND class = ?"
        return next(iter(self._select(where, tenant, owner, kind, klass)), None)

    def owned(self, tenant: TenantId, owners: Sequence[str]) -> list[KeyRow]:
        where = "tenant = ? AND owner IN (SELECT value FROM json_each(?)) ORDER BY seq"
        return self._select(where, tenant, json.dumps(owners))

    def children(self, parents: Sequence[KeyId]) -> list[KeyRow]:
        below = "SELECT child FROM edges WHERE parent IN (SELECT value FROM json_each(?))"
        return self._select(f"seq IN ({below}) ORDER BY seq", json.dumps(parents))

    def of_kind(self, kind: KeyKind) -> list[KeyRow]:
        return self._select("kind = ? ORDER BY seq", kind)

    def _select(self, where: str, *values: str) -> list[KeyRow]:
        with self._reading() as db:
            return [_row(found) for found in db.execute(_SELECT + where, values)]

    def shred(self, tenant: TenantId, keys: Sequence[KeyId], persons: Sequence[PersonId] = ()) -> None:
        with self._writing() as db:
            db.executemany(
                "UPDATE keys SET slot = zeroblob(length(slot)) WHERE id = ? AND tenant = ?",
                [(key, tenant) for key in keys],
            )
            members = [(tenant, person) for person in persons]
            db.executemany("INSERT OR IGNORE INTO erased VALUES (?, ?)", members)
            db.executemany("UPDATE tags SET tag = zeroblob(length(tag)) WHERE tenant = ? AND person = ?", members)
        with self._lock:
            try:
                busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                raise KeyStoreUnknownError("shredded, but old pages may stand in the WAL: repeat") from error
            if busy:
                raise KeyStoreUnknownError("shredded, but old pages still stand in the WAL: repeat")

    def rewrap(self, rows: Sequence[KeyRow], check: bytes) -> None:
        with self._writing() as db:
            db.executemany(
                "UPDATE keys SET slot = ? WHERE id = ? AND slot != zeroblob(length(slot))",
                [(_slot(row), row.id) for row in rows],
            )
            db.execute("INSERT OR REPLACE INTO meta VALUES ('check', ?)", (check,))

    def erased(self, tenant: TenantId, person: PersonId) -> bool:
        with self._reading() as db:
            return _is_erased(db, tenant, person)

    def link(self, tenant: TenantId, provisional: PersonId, person: PersonId) -> None:
        with self._writing() as db:
            old, new = _linked(db, tenant, provisional), _linked(db, tenant, person)
            if any(_is_erased(db, tenant, member) for member in (*old, *new)):
                raise ErasedError("one of the two is erased")
            root = new[0]
            db.executemany(
                "INSERT OR REPLACE INTO links VALUES (?, ?, ?)", [(tenant, member, root) for member in (*old, *new)]
            )

    def linked(self, tenant: TenantId, person: PersonId) -> tuple[PersonId, ...]:
        with self._reading() as db:
            return _linked(db, tenant, person)

    def tagged(self, tenant: TenantId, tag: bytes) -> PersonId | None:
        with self._reading() as db:
            return self._tagged(db, tenant, tag)

    def _tagged(self, db: sqlite3.Connection, tenant: TenantId, tag: bytes) -> PersonId | None:
        """By the tags in memory, after those that were added since, whoever added them."""
        for seq, owner, person, found in db.execute(
            "SELECT seq, tenant, person, tag FROM tags WHERE seq > ? ORDER BY seq", (self._last_tag,)
        ):
            self._tags[(owner, found)] = (seq, PersonId(person))
            self._last_tag = seq
        held = self._tags.get((tenant, tag))
        if held is None:
            return None
        if db.execute("SELECT tag FROM tags WHERE seq = ?", (held[0],)).fetchone()[0] != tag:
            del self._tags[(tenant, tag)]
            return None
        return held[1]

    def tag(self, tenant: TenantId, tag: bytes, person: PersonId) -> None:
        with self._writing() as db:
            if self._tagged(db, tenant, tag) is not None:
                raise KeyConflictError("the tag stands already")
            if _is_erased(db, tenant, person):
                raise ErasedError("the person is erased")
            db.execute("INSERT INTO tags(tenant, person, tag) VALUES (?, ?, ?)", (tenant, person, tag))

    def log(self, unwraps: Sequence[Unwrap]) -> None:
        """Errors: KeyStoreError where the store has taken no write for 65,536 unwraps."""
        with self._lock:
            if len(self._pending) >= _LOG_LIMIT:
                raise KeyStoreError("the log of unwraps cannot be written")
            before = len(self._pending)
            self._pending.extend(unwraps)
            if before // _LOG_BATCH < len(self._pending) // _LOG_BATCH:
                with suppress(VaultError), self._writing():
                    pass

    def unwraps(self) -> list[Unwrap]:
        with self._reading() as db:
            rows = db.execute("SELECT key, purpose, at FROM unwraps ORDER BY seq").fetchall()
            return [*(Unwrap(KeyId(key), Purpose(purpose), at) for key, purpose, at in rows), *self._pending]

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                with self._writing():
                    pass
            finally:
                self._db.close()


def _is_erased(db: sqlite3.Connection, tenant: str, person: str) -> bool:
    query = "SELECT 1 FROM erased WHERE tenant = ? AND person = ?"
    return db.execute(query, (tenant, person)).fetchone() is not None


def _linked(db: sqlite3.Connection, tenant: TenantId, person: PersonId) -> tuple[PersonId, ...]:
    rows = db.execute(
        "SELECT person FROM links WHERE tenant = ?1 AND root ="
        " (SELECT root FROM links WHERE tenant = ?1 AND person = ?2)",
        (tenant, person),
    )
    return tuple(sorted({person, *(PersonId(found) for (found,) in rows)}))


def _failed(error: sqlite3.Error) -> KeyStoreError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return KeyStoreError("no room for the key store", code="key_store_full")
    return KeyStoreError("the key store refused a write")
