"""The hierarchy: the KMS's root key wraps tenant keys, those wrap one key a person and class, those wrap data keys.

docs/design/format.md, "Keys", is the byte-exact account.
"""

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onrecord.base import ids
from onrecord.base.clock import Clock
from onrecord.base.ids import KeyId, ObjectId, PersonId, TenantId
from onrecord.vault.errors import ErasedError, KeyConflictError, KeyMissingError, SubjectError, VaultError
from onrecord.vault.keycache import KeyCache
from onrecord.vault.keystore import KeyClass, KeyKind, KeyRow, KeyStore, Purpose
from onrecord.vault.kms import Kms
from onrecord.vault.tenantkeys import TenantKeys, associated, derive
from onrecord.vault.xaes import KEY_BYTES, Xaes

OPERATOR: Final = PersonId("operator")
LIFETIME_S: Final = 300.0
CAPACITY: Final = 4096


@dataclass(frozen=True, slots=True)
class Sealing:
    """What closes a payload: the ids of all its keys, space-separated and sorted, and the cipher they make together."""

    keys: str
    xaes: Xaes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shredded:
    """Keys that are gone for good, and the objects that they closed."""

    keys: tuple[KeyId, ...]
    objects: tuple[ObjectId, ...]


class Keyring:
    """Safe for threads. Cached keys outlive their shredding by another process by at most `lifetime_s`."""

    def __init__(
        self,
        store: KeyStore,
        kms: Kms,
        clock: Clock,
        *,
        lifetime_s: float = LIFETIME_S,
        capacity: int = CAPACITY,
    ) -> None:
        """Errors: WrongKeyFileError where the root key is not the store's; nothing is changed then."""
        lifetime_ns = round(lifetime_s * 1e9)
        self._store = store
        self._tenants = TenantKeys(store, kms, clock, lifetime_ns, capacity=capacity)
        self._lock = self._tenants.lock
        self._sealing: KeyCache[tuple[TenantId, tuple[PersonId, ...], KeyClass], Sealing]
        self._sealing = KeyCache(clock, lifetime_ns, capacity)
        self._ciphers: KeyCache[tuple[TenantId, str, str], Xaes] = KeyCache(clock, lifetime_ns, capacity)
        self._data: KeyCache[KeyId, tuple[KeyRow, AESGCM]] = KeyCache(clock, lifetime_ns, capacity)

    def signing_seed(self, tenant: TenantId) -> bytes:
        """The 32-byte Ed25519 seed (RFC 8032) of the tenant's log, made once."""
        return self._tenants.secret(tenant, KeyKind.SIGNING, Purpose.SIGN)

    def rewrap_tenants(self) -> int:
        """How many tenants' keys now stand under the newest version of the root key. Nothing below them changes."""
        return self._tenants.rewrap()

    def try_writing(self) -> None:
        """A durable write that changes nothing. Errors: as every write of the key store."""
        self._tenants.try_writing()

    def _class_rows(
        self, tenant: TenantId, subjects: Sequence[PersonId], klass: KeyClass, purpose: Purpose
    ) -> list[KeyRow]:
        """One live row a subject. Who has none gets all classes at once, in one durable write. Under the lock."""
        parent, wrapper = self._tenants.wrapper(tenant, purpose)
        found = {person: self._store.find(tenant, KeyKind.PERSON, person, klass) for person in subjects}
        missing = [person for person, row in found.items() if row is None]
        if missing:
            fresh = []
            for person in missing:
                _check_subject(person)
                for each in KeyClass:
                    row = self._tenants.fresh(KeyKind.PERSON, tenant, person, each, (parent,))
                    secret = os.urandom(KEY_BYTES)
                    fresh.append(replace(row, wrapped=wrapper.seal(associated(row), secret)))
            try:
                self._store.add(fresh)
            except KeyConflictError:
                if all(self._store.find(tenant, KeyKind.PERSON, person, klass) is None for person in missing):
                    raise
            return self._class_rows(tenant, subjects, klass, purpose)
        rows = [row for row in found.values() if row is not None]
        if any(row.shredded for row in rows):
            raise ErasedError("a subject is erased")
        return rows

    def _cipher(self, tenant: TenantId, names: str, use: str, purpose: Purpose) -> Xaes:
        """What the named class keys make together for one use; all of them are needed."""
        cached = self._ciphers.get((tenant, names, use))
        if cached is not None:
            return cached
        with self._lock:
            wrapper = self._tenants.wrapper(tenant, purpose)[1]
            keys = []
            for name in names.split(" "):
                row = self._store.get(KeyId(name))
                if row is None or row.tenant != tenant or row.kind is not KeyKind.PERSON:
                    raise KeyMissingError("a key is not in this key store")
                keys.append(self._tenants.unwrap(row, wrapper, purpose))
            made = Xaes(derive(keys, use, names))
            self._ciphers.put((tenant, names, use), made, [KeyId(name) for name in names.split(" ")])
            return made

    def sealing(self, tenant: TenantId, subjects: Sequence[PersonId], klass: KeyClass) -> Sealing:
        """For new payloads about `subjects` (none: the tenant's operator). Errors: ErasedError, SubjectError."""
        cached = self._sealing.get((tenant, tuple(subjects), klass))
        if cached is not None:
            return cached
        with self._lock:
            rows = self._class_rows(tenant, subjects or [OPERATOR], klass, Purpose.SEAL)
            names = sorted(row.id for row in rows)
            made = Sealing(" ".join(names), self._cipher(tenant, " ".join(names), "seal", Purpose.SEAL))
            self._sealing.put((tenant, tuple(subjects), klass), made, names)
            return made

    def opening(self, tenant: TenantId, keys: str) -> Xaes:
        """Errors: ErasedError, KeyMissingError, TamperedError."""
        return self._cipher(tenant, keys, "seal", Purpose.OPEN)

    def new_data_key(
        self, tenant: TenantId, subjects: Sequence[PersonId], klass: KeyClass, identifier: ObjectId
    ) -> tuple[KeyId, AESGCM]:
        """Durable when it returns. Errors: ErasedError, SubjectError."""
        row, key = self._data_row(tenant, subjects, klass, identifier)
        self._store.add([row])
        return row.id, AESGCM(key)

    def new_data_keys(
        self, tenant: TenantId, wanted: Sequence[tuple[Sequence[PersonId], KeyClass, ObjectId]]
    ) -> list[tuple[KeyId, AESGCM] | VaultError]:
        """As many times `new_data_key`, or what that raises; all in one durable write, as long as none is refused."""
        rows: list[tuple[KeyRow, bytes] | VaultError] = []
        for subjects, klass, identifier in wanted:
            try:
                rows.append(self._data_row(tenant, subjects, klass, identifier))
            except VaultError as error:
                rows.append(error)
        made = [item for item in rows if isinstance(item, tuple)]
        try:
            self._store.add([row for row, _ in made])
        except (ErasedError, KeyMissingError):
            return [item if isinstance(item, VaultError) else self._added_alone(*item) for item in rows]
        except VaultError as error:
            return [item if isinstance(item, VaultError) else error for item in rows]
        return [item if isinstance(item, VaultError) else (item[0].id, AESGCM(item[1])) for item in rows]

    def _added_alone(self, row: KeyRow, key: bytes) -> tuple[KeyId, AESGCM] | VaultError:
        try:
            self._store.add([row])
        except VaultError as error:
            return error
        return row.id, AESGCM(key)

    def _data_row(
        self, tenant: TenantId, subjects: Sequence[PersonId], klass: KeyClass, identifier: ObjectId
    ) -> tuple[KeyRow, bytes]:
        parents = tuple(KeyId(name) for name in self.sealing(tenant, subjects, klass).keys.split(" "))
        wrapper = self._cipher(tenant, " ".join(parents), "wrap", Purpose.WRITE)
        key = os.urandom(KEY_BYTES)
        row = self._tenants.fresh(KeyKind.OBJECT, tenant, identifier, klass, parents)
        return replace(row, wrapped=wrapper.seal(associated(row), key)), key

    def data_key(self, tenant: TenantId, key: KeyId, identifier: ObjectId) -> AESGCM:
        """Errors: ErasedError, KeyMissingError, TamperedError."""
        cached = self._data.get(key)
        if cached is None:
            with self._lock:
                row = self._store.get(key)
                if row is None or row.tenant != tenant or row.kind is not KeyKind.OBJECT:
                    raise KeyMissingError("a data key is not in this key store")
                if row.shredded:
                    raise ErasedError("the object was shredded")
                wrapper = self._cipher(tenant, " ".join(row.parents), "wrap", Purpose.READ)
                cached = row, AESGCM(self._tenants.unwrap(row, wrapper, Purpose.READ))
                self._data.put(key, cached, [key, *row.parents])
        row, cipher = cached
        if row.tenant != tenant or row.owner != identifier:
            raise KeyMissingError("the key is another object's")
        return cipher

    def objects(self) -> dict[ObjectId, tuple[TenantId, bool]]:
        """All objects of all tenants that ever had a data key, and whether it stands."""
        rows = self._store.of_kind(KeyKind.OBJECT)
        return {ObjectId(row.owner): (row.tenant, not row.shredded) for row in rows}

    def shred_objects(self, tenant: TenantId, identifiers: Sequence[ObjectId]) -> Shredded:
        """Idempotent; the same result again. Durable when it returns, cached keys included."""
        rows = [row for row in self._store.owned(tenant, identifiers) if row.kind is KeyKind.OBJECT]
        return self._shred(tenant, rows, ())

    def shred_person(self, tenant: TenantId, person: PersonId) -> Shredded:
        """All keys of the person and of all ids linked, with the data keys below them. As `shred_objects`."""
        if person == OPERATOR:
            raise SubjectError("the operator is no person to erase")
        persons = self._store.linked(tenant, person)
        owned = [row for row in self._store.owned(tenant, persons) if row.kind is KeyKind.PERSON]
        return self._shred(tenant, owned, persons)

    def _shred(self, tenant: TenantId, rows: Sequence[KeyRow], persons: Sequence[PersonId]) -> Shredded:
        rows = [*rows, *self._store.children([row.id for row in rows])]
        keys = tuple(row.id for row in rows)
        try:
            self._store.shred(tenant, keys, persons)
        finally:
            with self._lock:
                for cache in (self._sealing, self._ciphers, self._data):
                    cache.evict(frozenset(keys))
        return Shredded(keys, tuple(ObjectId(row.owner) for row in rows if row.kind is KeyKind.OBJECT))

    def blind(self, tenant: TenantId, value: bytes) -> bytes:
        """HMAC-SHA256 under the tenant's index key: finds a value again without keeping it."""
        return hmac.digest(self._tenants.secret(tenant, KeyKind.INDEX, Purpose.INDEX), value, "sha256")

    def person_for(self, tenant: TenantId, identifier: bytes) -> PersonId:
        """The person of an identifier from outside, who is made on first sight. Only HMAC-SHA256 under the tenant's
        index key is kept. Callers bring identifiers into one form (and say which kind they are) beforehand."""
        tag = self.blind(tenant, identifier)
        person = self._store.tagged(tenant, tag)
        if person is not None:
            return person
        made = ids.new_person_id()
        try:
            self._store.tag(tenant, tag, made)
        except KeyConflictError:
            return self.person_for(tenant, identifier)
        return made

    def link(self, tenant: TenantId, provisional: PersonId, person: PersonId) -> None:
        """Both ids are one human's from now on: shredding either shreds both. Errors: ErasedError, SubjectError."""
        for each in (provisional, person):
            _check_person(each)
        self._store.link(tenant, provisional, person)

    def persons_of(self, tenant: TenantId, person: PersonId) -> tuple[PersonId, ...]:
        return self._store.linked(tenant, person)


def _check_person(person: PersonId) -> None:
    try:
        ids.raw(person)
    except ValueError as error:
        raise SubjectError("a person is named by a random id only") from error
    if not person.startswith("prs_"):
        raise SubjectError("a person is named by a random id only")


def _check_subject(person: PersonId) -> None:
    if person != OPERATOR:
        _check_person(person)
