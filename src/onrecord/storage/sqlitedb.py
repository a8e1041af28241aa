"""One SQLite file: connections, schema version, durable transactions, and checkpoints off the commit path."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from onrecord.storage.ports import (
    ConflictError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageReadOnlyError,
    StorageUnknownError,
    StorageUnreadableError,
)

BUSY_SECONDS = 5.0
CHECKPOINT_BYTES = 1_000_000
RESTART_BYTES = 24_000_000

Row = tuple[Any, ...]
T = TypeVar("T")


def _primary(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _of_write(error: sqlite3.Error) -> StorageError:
    match _primary(error):
        case sqlite3.SQLITE_FULL:
            return StorageFullError("the disk has no room")
        case sqlite3.SQLITE_READONLY:
            return StorageReadOnlyError("the disk takes no writes")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StorageBusyError("another process holds the database")
        case sqlite3.SQLITE_CONSTRAINT:
            return ConflictError("a row of that key is stored already")
        case _:
            return StorageUnknownError("the database failed while writing")


def _of_read(error: sqlite3.Error) -> StorageError:
    if _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageBusyError("another process holds the database")
    return StorageUnreadableError("the database cannot be read")


def _version(connection: sqlite3.Connection, application: int, newest: int) -> int:
    """The schema version of the file, 0 for an empty one. Errors: StorageError (storage_foreign, storage_schema)."""
    (found,) = connection.execute("pragma application_id").fetchone()
    (version,) = connection.execute("pragma user_version").fetchone()
    (tables,) = connection.execute("select count(*) from sqlite_master").fetchone()
    if found != application and (found or tables):
        raise StorageError("the file is another program's database", code="storage_foreign")
    if version > newest:
        raise StorageError("the database was written by a newer version", code="storage_schema")
    return int(version)


def _make(path: Path) -> None:
    """An empty file, mode 0600, where there is none. One that exists is not even opened: closing it would drop the
    locks that this process may hold on it (sqlite.org/howtocorrupt.html, 2.2)."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class Database:
    """Every method may be called from any thread. No sqlite3 error leaves it.

    Durable: a transaction is in the write-ahead log and synced before `write` returns (WAL, synchronous=FULL). Deleted
    bytes are overwritten (secure_delete), and gone from the write-ahead log too after `scrub`."""

    def __init__(
        self,
        path: Path,
        application: int,
        migrations: Sequence[Sequence[str]],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Opens or makes the file, mode 0600. `migrations[n]` leads from schema version n to n + 1. `before` is called
        before every transaction that writes; what it raises, `write` raises.
        Errors: StorageError (storage_foreign, storage_schema), StorageUnreadableError, StorageFullError."""
        self._path = path
        self._before = before
        self._write_lock = Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._unsynced = 0
        self._wake = Event()
        try:
            _make(path)
            self._writer: sqlite3.Connection | None = self._connect()
            self._prepare(self._writer, application, migrations)
        except sqlite3.Error as error:
            raise _of_write(error) if _primary(error) == sqlite3.SQLITE_FULL else _of_read(error) from error
        except OSError as error:
            raise StorageUnreadableError("the database file cannot be opened") from error
        self._checkpointer = Thread(target=self._checkpoint_until_closed, name="onrecord-checkpoint", daemon=True)
        self._checkpointer.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode=wal", "synchronous=full", "secure_delete=on", "wal_autocheckpoint=0"):
                connection.execute(f"pragma {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, writer: sqlite3.Connection, application: int, migrations: Sequence[Sequence[str]]) -> None:
        try:
            writer.execute("begin immediate")
            version = _version(writer, application, len(migrations))
            for statement in (statement for migration in migrations[version:] for statement in migration):
                writer.execute(statement)
            writer.execute(f"pragma application_id={application}")
            writer.execute(f"pragma user_version={len(migrations)}")
            writer.execute("commit")
        except BaseException:
            writer.close()
            raise

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StorageError("the store is closed", code="storage_closed")

    def write(self, work: Callable[[sqlite3.Connection], int]) -> None:
        """Runs `work` in one transaction that excludes every other writer; it returns about how many bytes it wrote.
        Errors: those of `work`, ConflictError, StorageFullError, StorageBusyError, StorageError (storage_closed,
        storage_value), and nothing is stored; StorageUnknownError."""
        with self._write_lock:
            self._refuse_if_closed()
            self._before()
            try:
                if self._writer is None:
                    self._writer = self._connect()
                self._writer.execute("begin immediate")
                written = work(self._writer)
                self._writer.execute("commit")
            except sqlite3.Error as error:
                failure = _of_write(error)
                self._abandon(discard=isinstance(failure, StorageUnknownError | StorageReadOnlyError))
                raise failure from error
            except (OverflowError, UnicodeError) as error:
                self._abandon(discard=False)
                raise StorageError("a value cannot be stored", code="storage_value") from error
            except BaseException:
                self._abandon(discard=False)
                raise
            self._unsynced += written + 4 * 4096
        if self._unsynced > CHECKPOINT_BYTES:
            self._wake.set()

    def _abandon(self, *, discard: bool) -> None:
        """Rolls back. A connection that failed in an unknown way is not used again, nor one that was opened on a disk
        that takes no writes: it takes none for good (sqlite.org/c3ref/open.html)."""
        writer = self._writer
        if writer is None:
            return
        try:
            if writer.in_transaction:
                writer.execute("rollback")
        except sqlite3.Error:
            discard = True
        if discard:
            self._writer = None
            writer.close()

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Errors: StorageBusyError, StorageUnreadableError."""
        return self.reading(lambda connection: connection.execute(sql, parameters).fetchall())

    def reading(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` makes of a connection that is its own meanwhile.
        Errors: those of `work`, StorageBusyError, StorageUnreadableError."""
        self._refuse_if_closed()
        connection: sqlite3.Connection | None = None
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            result = work(connection)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise _of_read(error) from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)
        return result

    def scrub(self) -> None:
        """Empties the write-ahead log into the file. Errors: StorageBusyError (a reader is in the way: try again),
        StorageFullError, StorageUnknownError."""
        with self._write_lock:
            try:
                self._checkpoint("truncate")
            except sqlite3.Error as error:
                raise _of_write(error) from error

    def _checkpoint(self, mode: str) -> None:
        connection = self._connect()
        try:
            (busy, _, _) = connection.execute(f"pragma wal_checkpoint({mode})").fetchone()
        finally:
            connection.close()
        if busy:
            raise StorageBusyError("a reader holds the write-ahead log")

    def _checkpoint_until_closed(self) -> None:
        """Pages are copied beside the writers, a few at a time, so that no sync has much to do. Once the log is long
        the last of them are copied with writers held: so the next one starts it anew."""
        length = 0
        while self._wake.wait() and not self._closed:
            self._wake.clear()
            length, self._unsynced = length + self._unsynced, 0
            try:
                self._checkpoint("passive")
                if length > RESTART_BYTES:
                    with self._write_lock:
                        self._checkpoint("passive")
                    length = 0
            except (sqlite3.Error, StorageError):
                continue  # the log keeps its pages, and the next commits ask again

    def close(self) -> None:
        with self._write_lock:
            if self._closed:
                return
            self._closed = True
        self._wake.set()
        self._checkpointer.join()
        if self._writer is not None:
            self._writer.close()
        while self._idle:
            self._idle.pop().close()
