"""The event store on SQLite. Runs of a group stand together in blocks, so that a commit touches few pages
(docs/design/ledger.md has the layout and what it was measured against)."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from onrecord.storage.blocks import Block, decode, encode, in_blocks
from onrecord.storage.ports import (
    ConflictError,
    EventRow,
    Group,
    HeadRow,
    Record,
    StorageUnreadableError,
)
from onrecord.storage.sqlitedb import Database

_APPLICATION = 0x4F6E5265  # "OnRe"
_SCHEMA = """
create table tenants (no integer primary key, name text not null unique);
create table heads (tenant integer primary key, size integer not null, root blob not null, note blob not null);
create table blocks (id integer primary key, runs blob not null);
create table interactions (no integer primary key, tenant integer not null, name text not null,
    block integer not null, events integer not null, unique (tenant, name));
create table tiles (tenant integer not null, level integer not null, n integer not null, blob blob not null,
    primary key (tenant, level, n));
create table records (tenant integer not null, kind text not null, id text not null, interaction text not null,
    blob blob not null, primary key (tenant, kind, id));
create index records_by_interaction on records (tenant, kind, interaction)
"""
_MIGRATIONS = (_SCHEMA.split(";"),)
_TENANT_SHIFT = 40
_NO_BLOCK = -1
_MAX_PLACES = 20_000


class _Place(msgspec.Struct):
    """Where an interaction ends: its number (None until stored), its last block, and how many events it has."""

    no: int | None
    block: int
    events: int


class SqliteEventStore:
    def __init__(self, path: Path, before: Callable[[], None] = lambda: None) -> None:
        """`before` and errors: as of Database."""
        self._db = Database(path, _APPLICATION, _MIGRATIONS, before)
        self._tenants: dict[str, int] = {}
        self._places: dict[tuple[int, str], _Place] = {}
        self._sizes: dict[int, int] = {}

    def commit(self, group: Group) -> None:
        places: dict[str, _Place] = {}
        tenant = 0

        def work(db: sqlite3.Connection) -> int:
            nonlocal tenant
            tenant = self._tenant_for_write(db, group.tenant)
            written = _write_records(db, tenant, group.records)
            if group.head is not None:
                self._expect(db, tenant, group.expected_size)
                written += self._write_runs(db, tenant, group, places)
                db.executemany(
                    "insert into tiles values (?, ?, ?, ?)", [(tenant, t.level, t.n, t.blob) for t in group.tiles]
                )
                head = group.head
                db.execute(
                    "insert or replace into heads values (?, ?, ?, ?)", (tenant, head.size, head.root, head.note)
                )
            return written

        try:
            self._db.write(work)
        except BaseException:
            self._sizes.pop(tenant, None)
            raise
        self._tenants[group.tenant] = tenant
        if group.head is not None:
            self._remember(tenant, group.head.size, places)

    def _tenant_for_write(self, db: sqlite3.Connection, name: str) -> int:
        known = self._tenants.get(name)
        if known is not None:
            return known
        db.execute("insert or ignore into tenants (name) values (?)", (name,))
        return int(db.execute("select no from tenants where name = ?", (name,)).fetchone()[0])

    def _expect(self, db: sqlite3.Connection, tenant: int, size: int) -> None:
        row = db.execute("select size from heads where tenant = ?", (tenant,)).fetchone()
        if (row[0] if row else 0) != size:
            raise ConflictError("the log has another size")
        if self._sizes.get(tenant) != size:
            self._places.clear()

    def _remember(self, tenant: int, size: int, places: dict[str, _Place]) -> None:
        """What is known of the ends of interactions holds as long as the log has the size that this process gave it."""
        self._sizes[tenant] = size
        if len(self._places) + len(places) > _MAX_PLACES:
            self._places.clear()
        self._places.update({(tenant, name): place for name, place in places.items()})

    def _write_runs(self, db: sqlite3.Connection, tenant: int, group: Group, places: dict[str, _Place]) -> int:
        """Fills `places` with the ends of the interactions that the runs extend."""
        blocks: list[tuple[int, bytes]] = []
        index = group.expected_size
        for runs in in_blocks(group.runs):
            identifier = tenant << _TENANT_SHIFT | index
            links: dict[str, int] = {}
            for run in runs:
                name = run.interaction
                place = places.get(name)
                if place is None:
                    place = places[name] = self._place(db, tenant, name)
                if run.seq != place.events:
                    raise ConflictError("an interaction has another length")
                place.events += len(run.entries)
                index += len(run.entries)
                if place.block != identifier:
                    links[name] = place.block
                    place.block = identifier
            blocks.append((identifier, encode(Block(runs, links))))
        db.executemany("insert into blocks values (?, ?)", blocks)
        known = [(place.block, place.events, place.no) for place in places.values() if place.no is not None]
        db.executemany("update interactions set block = ?, events = ? where no = ?", known)
        for name, place in places.items():
            if place.no is None:
                place.no = db.execute(
                    "insert into interactions (tenant, name, block, events) values (?, ?, ?, ?)",
                    (tenant, name, place.block, place.events),
                ).lastrowid
        return sum(len(blob) for _, blob in blocks)

    def _place(self, db: sqlite3.Connection, tenant: int, name: str) -> _Place:
        known = self._places.get((tenant, name))
        if known is not None:
            return _Place(known.no, known.block, known.events)
        row = db.execute(
            "select no, block, events from interactions where tenant = ? and name = ?", (tenant, name)
        ).fetchone()
        return _Place(*row) if row else _Place(None, _NO_BLOCK, 0)

    def head(self, tenant: str) -> HeadRow | None:
        rows = self._db.read("select size, root, note from heads join tenants on tenant = no where name = ?", (tenant,))
        return HeadRow(*rows[0]) if rows else None

    def events(self, tenant: str, interaction: str, after_seq: int = -1) -> list[EventRow]:
        """Follows the links from the last block back."""

        def work(db: sqlite3.Connection) -> list[list[EventRow]]:
            parts: list[list[EventRow]] = []
            block = _last_block(db, tenant, interaction)
            while block != _NO_BLOCK:
                found = _block(db, block)
                parts.append(found.rows(_index(block), interaction, after_seq))
                if not parts[-1] or parts[-1][0].seq == after_seq + 1:
                    break
                block = found.links.get(interaction, _NO_BLOCK)
            return parts

        return [row for part in reversed(self._db.reading(work)) for row in part]

    def last(self, tenant: str, interaction: str) -> EventRow | None:
        def work(db: sqlite3.Connection) -> EventRow | None:
            block = _last_block(db, tenant, interaction)
            if block == _NO_BLOCK:
                return None
            return _block(db, block).rows(_index(block), interaction, -1)[-1]

        return self._db.reading(work)

    def entries(self, tenant: str, start: int, end: int) -> list[bytes]:
        base = self._tenant(tenant) << _TENANT_SHIFT
        start = max(start, 0)
        rows = self._db.read(
            "select id, runs from blocks where id >= coalesce((select max(id) from blocks where id between ? and ?), ?)"
            " and id < ? order by id",
            (base, base + start, base + start, base + max(end, 0)),
        )
        entries = [entry for _, blob in rows for run in decode(blob).runs for entry in run.entries]
        first = rows[0][0] - base if rows else 0
        return entries[start - first : max(end, 0) - first] if rows else []

    def tile(self, tenant: str, level: int, n: int) -> bytes | None:
        return self._blob(
            "select blob from tiles where tenant = ? and level = ? and n = ?", (self._tenant(tenant), level, n)
        )

    def _blob(self, sql: str, parameters: tuple[Any, ...]) -> bytes | None:
        rows = self._db.read(sql, parameters)
        return rows[0][0] if rows else None

    def _tenant(self, name: str) -> int:
        """The tenant's number, 0 (which none has) where it is not known."""
        if name not in self._tenants:
            rows = self._db.read("select no from tenants where name = ?", (name,))
            if not rows:
                return 0
            self._tenants[name] = int(rows[0][0])
        return self._tenants[name]

    def put(self, tenant: str, records: Iterable[Record]) -> None:
        self.commit(Group(tenant=tenant, expected_size=0, records=tuple(records)))

    def record(self, tenant: str, kind: str, identifier: str) -> Record | None:
        rows = self._db.read(
            "select kind, id, interaction, blob from records where tenant = ? and kind = ? and id = ?",
            (self._tenant(tenant), kind, identifier),
        )
        return Record(*rows[0]) if rows else None

    def records(self, tenant: str, kind: str, interaction: str | None = None) -> list[Record]:
        sql = "select kind, id, interaction, blob from records where tenant = ? and kind = ?"
        parameters: tuple[Any, ...] = (self._tenant(tenant), kind)
        if interaction is not None:
            sql, parameters = f"{sql} and interaction = ?", (*parameters, interaction)
        return [Record(*row) for row in self._db.read(f"{sql} order by id", parameters)]

    def delete(self, tenant: str, kind: str, identifier: str) -> bool:
        """Errors also: StorageBusyError where old bytes may still stand in the write-ahead log; repeat it."""
        number = self._tenant(tenant)
        gone = 0

        def work(db: sqlite3.Connection) -> int:
            nonlocal gone
            gone = db.execute(
                "delete from records where tenant = ? and kind = ? and id = ?", (number, kind, identifier)
            ).rowcount
            return 0

        self._db.write(work)
        self._db.scrub()
        return gone > 0

    def close(self) -> None:
        self._db.close()


def _write_records(db: sqlite3.Connection, tenant: int, records: Sequence[Record]) -> int:
    db.executemany(
        "insert into records values (?, ?, ?, ?, ?) on conflict (tenant, kind, id)"
        " do update set interaction = excluded.interaction, blob = excluded.blob",
        [(tenant, record.kind, record.id, record.interaction, record.blob) for record in records],
    )
    return sum(len(record.blob) for record in records)


def _index(block: int) -> int:
    return block & ((1 << _TENANT_SHIFT) - 1)


def _last_block(db: sqlite3.Connection, tenant: str, interaction: str) -> int:
    row = db.execute(
        "select i.block from interactions i join tenants t on i.tenant = t.no where t.name = ? and i.name = ?",
        (tenant, interaction),
    ).fetchone()
    return int(row[0]) if row else _NO_BLOCK


def _block(db: sqlite3.Connection, identifier: int) -> Block:
    row = db.execute("select runs from blocks where id = ?", (identifier,)).fetchone()
    if row is None:
        raise StorageUnreadableError("a block of events is missing")
    return decode(row[0])
