"""The port to the store of wrapped keys, which is never beside the data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from onrecord.base.ids import KeyId, PersonId, TenantId


class KeyKind(StrEnum):
    TENANT = "tenant"
    PERSON = "person"
    OBJECT = "object"
    SIGNING = "signing"
    INDEX = "index"


class KeyClass(StrEnum):
    """What a person's key closes: each class can be read, and handed out, apart from the others."""

    EVENT = "event"
    AUDIO = "audio"
    TEXT = "text"
    RECORD = "record"


class Purpose(StrEnum):
    """Why a key was unwrapped."""

    SEAL = "seal"
    OPEN = "open"
    WRITE = "write"
    READ = "read"
    SIGN = "sign"
    INDEX = "index"
    ROTATE = "rotate"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One wrapped key. `owner`: tenant id, person id or object id; `parents`: the keys that wrap it, all needed, in
    order, none for a tenant's key; `version` counts wrappings; `created_at` in nanoseconds since the epoch;
    `wrapped` is empty once shredded."""

    id: KeyId
    kind: KeyKind
    tenant: TenantId
    owner: str
    klass: str
    parents: tuple[KeyId, ...]
    version: int
    created_at: int
    wrapped: bytes = field(repr=False)

    @property
    def shredded(self) -> bool:
        return not self.wrapped


@dataclass(frozen=True, slots=True)
class Unwrap:
    """One unwrapping of one key; `at` in nanoseconds since the epoch."""

    key: KeyId
    purpose: Purpose
    at: int


class KeyStore(Protocol):
    """Wrapped keys, who is one person, and the log of unwraps. Every method may be called from any thread.

    Writes are durable when they return. Errors of every write: KeyStoreError (nothing stored), KeyStoreUnknownError.
    """

    @property
    def deployment_id(self) -> str:
        """32 random hexadecimal digits, made with the store; the data side keeps a copy."""
        ...

    def check(self) -> bytes | None:
        """The deployment id wrapped under the root key, once set."""
        ...

    def set_check(self, wrapped: bytes) -> None:
        """Errors: KeyConflictError where one is set."""
        ...

    def add(self, rows: Sequence[KeyRow]) -> None:
        """All or none. Errors: KeyConflictError where an id or (tenant, kind, owner, class) stands already,
        ErasedError where an owner is erased or a parent, stored before, is shredded, KeyMissingError where one
        is unknown."""
        ...

    def get(self, key: KeyId) -> KeyRow | None: ...

    def find(self, tenant: TenantId, kind: KeyKind, owner: str, klass: str = "") -> KeyRow | None: ...

    def owned(self, tenant: TenantId, owners: Sequence[str]) -> list[KeyRow]:
        """Every key of these owners, shredded ones included, in order of creation."""
        ...

    def children(self, parents: Sequence[KeyId]) -> list[KeyRow]:
        """Every key that one of these wraps, shredded ones included, in order of creation."""
        ...

    def of_kind(self, kind: KeyKind) -> list[KeyRow]:
        """Every key of this kind, of all tenants, shredded ones included, in order of creation."""
        ...

    def shred(self, tenant: TenantId, keys: Sequence[KeyId], persons: Sequence[PersonId] = ()) -> None:
        """The keys' wrapped bytes and the persons' blind index tags are gone from every file of the store when this
        returns, and the persons take no new keys. Ids stay. Idempotent. Crash: all or nothing; a repeat completes."""
        ...

    def rewrap(self, rows: Sequence[KeyRow], check: bytes) -> None:
        """Replaces `version` and `wrapped` of live rows, and the check value, all or none."""
        ...

    def erased(self, tenant: TenantId, person: PersonId) -> bool: ...

    def link(self, tenant: TenantId, provisional: PersonId, person: PersonId) -> None:
        """The two, and all linked to either, are one person from now on. Errors: ErasedError where one is erased."""
        ...

    def linked(self, tenant: TenantId, person: PersonId) -> tuple[PersonId, ...]:
        """All ids of the same human, this one included, sorted."""
        ...

    def tagged(self, tenant: TenantId, tag: bytes) -> PersonId | None: ...

    def tag(self, tenant: TenantId, tag: bytes, person: PersonId) -> None:
        """Errors: KeyConflictError where the tag stands, ErasedError."""
        ...

    def log(self, unwraps: Sequence[Unwrap]) -> None:
        """Durable after the next write or `close`, not before."""
        ...

    def unwraps(self) -> list[Unwrap]:
        """In order of logging."""
        ...

    def close(self) -> None: ...
