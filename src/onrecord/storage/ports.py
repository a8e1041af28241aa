"""What the rooms above ask of storage: opaque bytes and rows, one transaction a group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from onrecord.base.errors import Disposition, OnRecordError


class StorageError(OnRecordError):
    code = "storage"


class ConflictError(StorageError):
    """Another writer was first: tree size or an interaction's sequence is not what was expected. Nothing stored."""

    code = "storage_conflict"
    disposition = Disposition.RETRY


class StorageFullError(StorageError):
    """No room. Nothing stored."""

    code = "storage_full"
    disposition = Disposition.RETRY


class StorageUnknownError(StorageError):
    """The write failed and may yet be stored: reload before anything else is said."""

    code = "storage_unknown"
    disposition = Disposition.HALT


class NotStoredError(StorageError):
    """The write failed and left nothing, as a look at the store has shown: it may be repeated."""

    code = "not_stored"
    disposition = Disposition.RETRY


class StorageBusyError(StorageError):
    """Another process held the store for too long. Nothing stored."""

    code = "storage_busy"
    disposition = Disposition.RETRY


class StorageReadOnlyError(StorageError):
    """The disk takes no writes. Nothing stored."""

    code = "storage_readonly"
    disposition = Disposition.RETRY


class StorageLostError(StorageError):
    """The store's files are not those that were opened any more: removed, replaced or cut. Nothing stored."""

    code = "storage_lost"
    disposition = Disposition.HALT


class StorageUnreadableError(StorageError):
    """The disk or the store's own form does not give back what it should hold."""

    code = "storage_unreadable"
    disposition = Disposition.HALT


class ObjectMissingError(StorageError):
    code = "object_missing"


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """One event as read: the `part`th of a run, counted from 0, with its place."""

    index: int
    interaction: str
    seq: int
    uid: bytes
    part: int
    type: str
    t: float
    received: float
    recorded_at: int
    keys: str
    sealed: bytes
    entry: bytes


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of an event stands in clear: type (closed list), times (seconds; recorded_at in nanoseconds since the
    epoch)."""

    type: str
    t: float
    received: float
    recorded_at: int


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Consecutive events of one interaction, at least one, that were sealed as one: `seq` is the first one's number,
    `uid` 16 random bytes of the run's own, `keys` ids of keys; `sealed` holds all salts and payloads. For each event a
    mark and the log entry, from which its leaf hash follows."""

    interaction: str
    seq: int
    uid: bytes
    keys: str
    sealed: bytes
    marks: Sequence[Mark]
    entries: Sequence[bytes]

    def rows(self, index: int) -> list[EventRow]:
        """Its events, where the first has that index in the log."""
        return [
            EventRow(
                index + part, self.interaction, self.seq + part, self.uid, part, mark.type, mark.t, mark.received,
                mark.recorded_at, self.keys, self.sealed, entry,
            )
            for part, (mark, entry) in enumerate(zip(self.marks, self.entries, strict=True))
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed row beside the log: replaced as a whole, no leaf. `kind` is from a closed list of the writer's."""

    kind: str
    id: str
    interaction: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class TileRow:
    """Hashes of one full tile and of the nodes inside it, in the ledger's own layout. Immutable once stored."""

    level: int
    n: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The log's head: size, root hash (32 bytes) and the signed checkpoint (C2SP note)."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Group:
    """All or nothing, in one durable transaction. `expected_size` is the head that `runs` extend; `head` is None where
    only records are written, and then no size is expected. Errors: StorageError (group_malformed)."""

    tenant: str
    expected_size: int
    runs: Sequence[Run] = ()
    tiles: Sequence[TileRow] = ()
    head: HeadRow | None = None
    records: Sequence[Record] = ()

    def __post_init__(self) -> None:
        if self.head is None:
            fits = not self.runs and not self.tiles
        else:
            fits = self.head.size == self.expected_size + sum(len(run.entries) for run in self.runs)
        if not fits or not all(len(run.marks) == len(run.entries) > 0 for run in self.runs):
            raise StorageError("the runs of the group do not lead to its head", code="group_malformed")

    @property
    def rows(self) -> list[EventRow]:
        rows: list[EventRow] = []
        for run in self.runs:
            rows += run.rows(self.expected_size + len(rows))
        return rows


class EventStore(Protocol):
    """Events, log and records of all tenants. Every method may be called from any thread. Errors of what reads:
    StorageUnreadableError, StorageBusyError."""

    def commit(self, group: Group) -> None:
        """Durable when it returns. Errors: ConflictError, StorageFullError, StorageReadOnlyError, StorageBusyError,
        StorageLostError (nothing stored), StorageUnknownError."""
        ...

    def head(self, tenant: str) -> HeadRow | None: ...

    def events(self, tenant: str, interaction: str, after_seq: int = -1) -> list[EventRow]:
        """In order of seq."""
        ...

    def last(self, tenant: str, interaction: str) -> EventRow | None: ...

    def entries(self, tenant: str, start: int, end: int) -> list[bytes]:
        """Log entries of the indices [start, end)."""
        ...

    def tile(self, tenant: str, level: int, n: int) -> bytes | None: ...

    def put(self, tenant: str, records: Iterable[Record]) -> None:
        """Durable when it returns, as by `commit`."""
        ...

    def record(self, tenant: str, kind: str, identifier: str) -> Record | None: ...

    def records(self, tenant: str, kind: str, interaction: str | None = None) -> list[Record]: ...

    def delete(self, tenant: str, kind: str, identifier: str) -> bool:
        """Whether there was one to delete. Durable when it returns; the bytes are overwritten (secure delete)."""
        ...

    def close(self) -> None: ...


class ObjectStore(Protocol):
    """Immutable objects by id. Every method may be called from any thread."""

    def put(self, identifier: str, data: bytes) -> None:
        """Durable when it returns, name included. Errors: ConflictError where other bytes stand under that id,
        StorageFullError (nothing under that id), StorageUnknownError."""
        ...

    def get(self, identifier: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes [start, end). Errors: ObjectMissingError."""
        ...

    def size(self, identifier: str) -> int: ...

    def delete(self, identifier: str) -> bool:
        """Whether there was one. Idempotent; durable when it returns."""
        ...

    def ids(self) -> list[str]: ...
