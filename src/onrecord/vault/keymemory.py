"""The key store in memory, for tests and rehearsals."""

import os
import threading
from collections.abc import Sequence
from dataclasses import replace

from onrecord.base.ids import KeyId, PersonId, TenantId
from onrecord.vault.errors import ErasedError, KeyConflictError, KeyMissingError
from onrecord.vault.keystore import KeyKind, KeyRow, Unwrap


class MemoryKeyStore:
    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._deployment_id = os.urandom(16).hex()
        self._check: bytes | None = None
        self._rows: dict[KeyId, KeyRow] = {}
        self._names: dict[tuple[TenantId, KeyKind, str, str], KeyId] = {}
        self._erased: set[tuple[TenantId, str]] = set()
        self._links: dict[tuple[TenantId, PersonId], PersonId] = {}
        self._tags: dict[tuple[TenantId, bytes], PersonId] = {}
        self._unwraps: list[Unwrap] = []

    @property
    def deployment_id(self) -> str:
        return self._deployment_id

    def check(self) -> bytes | None:
        return self._check

    def set_check(self, wrapped: bytes) -> None:
        with self._lock:
            if self._check is not None:
                raise KeyConflictError("a check value is set already")
            self._check = wrapped

    def add(self, rows: Sequence[KeyRow]) -> None:
        with self._lock:
            fresh = {row.id: row for row in rows}
            names = {(row.tenant, row.kind, row.owner, row.klass): row.id for row in rows}
            if fresh.keys() & self._rows.keys() or names.keys() & self._names.keys() or len(names) < len(rows):
                raise KeyConflictError("the key stands already")
            for row in rows:
                if (row.tenant, row.owner) in self._erased:
                    raise ErasedError("the owner is erased")
                for parent in row.parents:
                    stored = self._rows.get(parent)
                    if stored is None:
                        raise KeyMissingError("a parent key is not in this key store")
                    if stored.shredded:
                        raise ErasedError("a parent key is gone")
            self._rows.update(fresh)
            self._names.update(names)

    def get(self, key: KeyId) -> KeyRow | None:
        return self._rows.get(key)

    def find(self, tenant: TenantId, kind: KeyKind, owner: str, klass: str = "") -> KeyRow | None:
        with self._lock:
            key = self._names.get((tenant, kind, owner, klass))
            return None if key is None else self._rows[key]

    def owned(self, tenant: TenantId, owners: Sequence[str]) -> list[KeyRow]:
        with self._lock:
            return [row for row in self._rows.values() if row.tenant == tenant and row.owner in owners]

    def children(self, parents: Sequence[KeyId]) -> list[KeyRow]:
        with self._lock:
            return [row for row in self._rows.values() if not set(parents).isdisjoint(row.parents)]

    def of_kind(self, kind: KeyKind) -> list[KeyRow]:
        with self._lock:
            return [row for row in self._rows.values() if row.kind is kind]

    def shred(self, tenant: TenantId, keys: Sequence[KeyId], persons: Sequence[PersonId] = ()) -> None:
        with self._lock:
            for key in keys:
                row = self._rows.get(key)
                if row is not None and row.tenant == tenant:
                    self._rows[key] = replace(row, wrapped=b"")
            self._erased.update((tenant, person) for person in persons)
            gone = [tag for tag, person in self._tags.items() if tag[0] == tenant and person in persons]
            for tag in gone:
                del self._tags[tag]

    def rewrap(self, rows: Sequence[KeyRow], check: bytes) -> None:
        with self._lock:
            for row in rows:
                stored = self._rows.get(row.id)
                if stored is not None and not stored.shredded:
                    self._rows[row.id] = replace(stored, version=row.version, wrapped=row.wrapped)
            self._check = check

    def erased(self, tenant: TenantId, person: PersonId) -> bool:
        return (tenant, person) in self._erased

    def link(self, tenant: TenantId, provisional: PersonId, person: PersonId) -> None:
        with self._lock:
            if self.erased(tenant, provisional) or self.erased(tenant, person):
                raise ErasedError("one of the two is erased")
            old = self._links.get((tenant, provisional), provisional)
            new = self._links.get((tenant, person), person)
            if old == new:
                return
            for member in self.linked(tenant, provisional):
                self._links[(tenant, member)] = new

    def linked(self, tenant: TenantId, person: PersonId) -> tuple[PersonId, ...]:
        with self._lock:
            root = self._links.get((tenant, person), person)
            members = {p for (t, p), r in self._links.items() if t == tenant and r == root}
            return tuple(sorted(members | {root, person}))

    def tagged(self, tenant: TenantId, tag: bytes) -> PersonId | None:
        return self._tags.get((tenant, tag))

    def tag(self, tenant: TenantId, tag: bytes, person: PersonId) -> None:
        with self._lock:
            if (tenant, tag) in self._tags:
                raise KeyConflictError("the tag stands already")
            if self.erased(tenant, person):
                raise ErasedError("the person is erased")
            self._tags[(tenant, tag)] = person

    def log(self, unwraps: Sequence[Unwrap]) -> None:
        with self._lock:
            self._unwraps.extend(unwraps)

    def unwraps(self) -> list[Unwrap]:
        with self._lock:
            return list(self._unwraps)

    def close(self) -> None:
        """Nothing to release."""
