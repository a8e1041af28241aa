"""The top of the hierarchy: the KMS's root key wraps one key a tenant, which wraps the tenant's own secrets."""

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onrecord.base import canonical, ids
from onrecord.base.clock import Clock
from onrecord.base.ids import KeyId, TenantId
from onrecord.vault.errors import (
    ErasedError,
    KeyConflictError,
    KmsRefusedError,
    TamperedError,
    WrongKeyFileError,
)
from onrecord.vault.keycache import KeyCache
from onrecord.vault.keystore import KeyKind, KeyRow, KeyStore, Purpose, Unwrap
from onrecord.vault.kms import ROOT, Kms
from onrecord.vault.xaes import KEY_BYTES, Xaes

_CHECK_AAD: Final = b"onrecord/check/v1"


def associated(row: KeyRow) -> bytes:
    """What a wrapped key is bound to: all of its row but time and bytes."""
    return canonical.dumps(
        ["onrecord/key/v1", row.kind, row.id, row.tenant, row.owner, row.klass, list(row.parents), row.version]
    )


def derive(keys: Sequence[bytes], use: str, names: str) -> bytes:
    """HKDF-SHA256 (RFC 5869), no salt, over the concatenated keys in the order of their names."""
    info = f"onrecord/{use}/v1 {names}".encode()
    return HKDF(hashes.SHA256(), KEY_BYTES, None, info).derive(b"".join(keys))


class TenantKeys:
    """Safe for threads; whoever holds `lock` may call anything here."""

    def __init__(self, store: KeyStore, kms: Kms, clock: Clock, lifetime_ns: int, *, capacity: int) -> None:
        """Errors: WrongKeyFileError where the root key is not the store's; nothing is changed then."""
        self._store = store
        self._kms = kms
        self._clock = clock
        self.lock = threading.RLock()
        self._wrappers: KeyCache[TenantId, tuple[KeyId, Xaes]] = KeyCache(clock, lifetime_ns, capacity)
        self._secrets: KeyCache[tuple[TenantId, KeyKind], bytes] = KeyCache(clock, lifetime_ns, capacity)
        self._check_root()

    def _check_root(self) -> None:
        expected = self._store.deployment_id.encode()
        wrapped = self._store.check()
        if wrapped is None:
            try:
                self._store.set_check(self._kms.wrap(ROOT, expected, _CHECK_AAD))
            except KeyConflictError:
                self._check_root()
            return
        try:
            found = self._kms.unwrap(ROOT, wrapped, _CHECK_AAD)
        except KmsRefusedError as error:
            raise WrongKeyFileError("the root key does not open this key store") from error
        if found != expected:
            raise WrongKeyFileError("the check value is another key store's")

    def _logged(self, row: KeyRow, purpose: Purpose) -> None:
        self._store.log([Unwrap(row.id, purpose, self._clock.now_ns())])

    def wrapper(self, tenant: TenantId, purpose: Purpose) -> tuple[KeyId, Xaes]:
        """The tenant's key id and the cipher that wraps its children. Made on first use. Under the lock."""
        cached = self._wrappers.get(tenant)
        if cached is not None:
            return cached
        row = self._store.find(tenant, KeyKind.TENANT, tenant)
        if row is None:
            row = self.fresh(KeyKind.TENANT, tenant, tenant, "", ())
            row = replace(row, wrapped=self._kms.wrap(ROOT, os.urandom(KEY_BYTES), associated(row)))
            row = self._added(row)
        key = self._tenant_key(row, purpose)
        made = (row.id, Xaes(derive([key], "wrap", row.id)))
        self._wrappers.put(tenant, made, [row.id])
        return made

    def _tenant_key(self, row: KeyRow, purpose: Purpose) -> bytes:
        if row.shredded:
            raise ErasedError("the tenant's key was shredded")
        self._logged(row, purpose)
        try:
            return self._kms.unwrap(ROOT, row.wrapped, associated(row))
        except KmsRefusedError as error:
            raise TamperedError("a tenant's wrapped key does not authenticate") from error

    def fresh(self, kind: KeyKind, tenant: TenantId, owner: str, klass: str, parents: tuple[KeyId, ...]) -> KeyRow:
        return KeyRow(ids.new_key_id(), kind, tenant, owner, klass, parents, 1, self._clock.now_ns(), b"")

    def _added(self, row: KeyRow) -> KeyRow:
        """The row, or the one that another process stored first."""
        try:
            self._store.add([row])
        except KeyConflictError:
            stored = self._store.find(row.tenant, row.kind, row.owner, row.klass)
            if stored is None:
                raise
            return stored
        return row

    def unwrap(self, row: KeyRow, wrapper: Xaes, purpose: Purpose) -> bytes:
        if row.shredded:
            raise ErasedError("the key was shredded")
        self._logged(row, purpose)
        return wrapper.open(associated(row), row.wrapped)

    def secret(self, tenant: TenantId, kind: KeyKind, purpose: Purpose) -> bytes:
        """A tenant's own 32-byte secret, made on first use."""
        with self.lock:
            cached = self._secrets.get((tenant, kind))
            if cached is not None:
                return cached
            parent, wrapper = self.wrapper(tenant, purpose)
            row = self._store.find(tenant, kind, tenant)
            if row is None:
                row = self.fresh(kind, tenant, tenant, "", (parent,))
                row = self._added(replace(row, wrapped=wrapper.seal(associated(row), os.urandom(KEY_BYTES))))
            secret = self.unwrap(row, wrapper, purpose)
            self._secrets.put((tenant, kind), secret, [row.id, parent])
            return secret

    def rewrap(self) -> int:
        """How many tenants' keys now stand under the newest version of the root key. Nothing below them changes."""
        with self.lock:
            rows = []
            for row in self._store.of_kind(KeyKind.TENANT):
                if not row.shredded:
                    key = self._tenant_key(row, Purpose.ROTATE)
                    newer = replace(row, version=row.version + 1)
                    rows.append(replace(newer, wrapped=self._kms.wrap(ROOT, key, associated(newer))))
            self._store.rewrap(rows, self._check())
            return len(rows)

    def _check(self) -> bytes:
        return self._kms.wrap(ROOT, self._store.deployment_id.encode(), _CHECK_AAD)

    def try_writing(self) -> None:
        """Replaces the check value, which changes nothing. Errors: as every write of the key store."""
        with self.lock:
            self._store.rewrap([], self._check())
