"""Both stores in memory: nothing outlives the process."""

from collections.abc import Iterable
from threading import Lock

from onrecord.storage.ids import check_id, check_range
from onrecord.storage.ports import (
    ConflictError,
    EventRow,
    Group,
    HeadRow,
    ObjectMissingError,
    Record,
)


class _Tenant:
    def __init__(self) -> None:
        self.head: HeadRow | None = None
        self.rows: list[EventRow] = []
        self.by_interaction: dict[str, list[EventRow]] = {}
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.records: dict[tuple[str, str], Record] = {}


class MemoryEventStore:
    def __init__(self) -> None:
        self._lock = Lock()
        self._tenants: dict[str, _Tenant] = {}

    def _of(self, tenant: str) -> _Tenant:
        return self._tenants.setdefault(tenant, _Tenant())

    def commit(self, group: Group) -> None:
        with self._lock:
            own = self._of(group.tenant)
            if group.head is not None and len(own.rows) != group.expected_size:
                raise ConflictError("the log has another size")
            rows = group.rows
            counts: dict[str, int] = {}
            for row in rows:
                known = counts.get(row.interaction, len(own.by_interaction.get(row.interaction, ())))
                if row.seq != known:
                    raise ConflictError("an interaction has another length")
                counts[row.interaction] = known + 1
            for row in rows:
                own.rows.append(row)
                own.by_interaction.setdefault(row.interaction, []).append(row)
            own.tiles.update({(tile.level, tile.n): tile.blob for tile in group.tiles})
            own.head = group.head or own.head
            own.records.update({(record.kind, record.id): record for record in group.records})

    def head(self, tenant: str) -> HeadRow | None:
        with self._lock:
            return self._of(tenant).head

    def events(self, tenant: str, interaction: str, after_seq: int = -1) -> list[EventRow]:
        with self._lock:
            return self._of(tenant).by_interaction.get(interaction, [])[max(after_seq + 1, 0) :]

    def last(self, tenant: str, interaction: str) -> EventRow | None:
        with self._lock:
            rows = self._of(tenant).by_interaction.get(interaction)
            return rows[-1] if rows else None

    def entries(self, tenant: str, start: int, end: int) -> list[bytes]:
        with self._lock:
            return [row.entry for row in self._of(tenant).rows[max(start, 0) : max(end, 0)]]

    def tile(self, tenant: str, level: int, n: int) -> bytes | None:
        with self._lock:
            return self._of(tenant).tiles.get((level, n))

    def put(self, tenant: str, records: Iterable[Record]) -> None:
        self.commit(Group(tenant=tenant, expected_size=0, records=tuple(records)))

    def record(self, tenant: str, kind: str, identifier: str) -> Record | None:
        with self._lock:
            return self._of(tenant).records.get((kind, identifier))

    def records(self, tenant: str, kind: str, interaction: str | None = None) -> list[Record]:
        with self._lock:
            found = [
                record
                for record in self._of(tenant).records.values()
                if record.kind == kind and interaction in (None, record.interaction)
            ]
        return sorted(found, key=lambda record: record.id)

    def delete(self, tenant: str, kind: str, identifier: str) -> bool:
        with self._lock:
            return self._of(tenant).records.pop((kind, identifier), None) is not None

    def close(self) -> None:
        """Keeps what it holds, as a file would."""


class MemoryObjectStore:
    def __init__(self) -> None:
        self._lock = Lock()
        self._objects: dict[str, bytes] = {}

    def put(self, identifier: str, data: bytes) -> None:
        check_id(identifier)
        with self._lock:
            if self._objects.setdefault(identifier, data) != data:
                raise ConflictError("another object stands under that id")

    def get(self, identifier: str, start: int = 0, end: int | None = None) -> bytes:
        data = self._find(identifier)
        check_range(start, end)
        return data[start:end]

    def size(self, identifier: str) -> int:
        return len(self._find(identifier))

    def _find(self, identifier: str) -> bytes:
        check_id(identifier)
        with self._lock:
            if identifier not in self._objects:
                raise ObjectMissingError("no object stands under that id")
            return self._objects[identifier]

    def delete(self, identifier: str) -> bool:
        check_id(identifier)
        with self._lock:
            return self._objects.pop(identifier, None) is not None

    def ids(self) -> list[str]:
        with self._lock:
            return sorted(self._objects)
