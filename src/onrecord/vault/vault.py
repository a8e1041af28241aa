"""Sealing and shredding: what the floors above ask of the vault.

Order of a write: data key durable, then object durable, then the caller's event that names it. Order of an erasure:
keys, then objects; a restart repeats the whole call. Errors of the object store pass through.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onrecord.base import ids
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import KeyId, ObjectId, PersonId, TenantId
from onrecord.storage.ports import ObjectStore
from onrecord.vault import stream
from onrecord.vault.errors import TamperedError, VaultError
from onrecord.vault.keyring import Keyring
from onrecord.vault.keystore import KeyClass

Content = bytes | bytearray


class Sealed(NamedTuple):
    """`keys`: ids of all keys needed to open, space-separated; `blob`: nonce (24 bytes) || ciphertext || tag."""

    keys: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """What an event must carry to find, open and check an object. `size`: bytes of plaintext; `tags_digest`: SHA-256
    of the concatenated chunk tags."""

    object_id: ObjectId
    key_id: KeyId
    size: int
    chunks: int
    tags_digest: bytes


@dataclass(frozen=True, slots=True)
class Plain:
    """An object to be written, as `Vault.write` takes it."""

    subjects: Sequence[PersonId]
    klass: KeyClass
    meta: bytes
    content: Content = field(repr=False)


class Vault:
    """Every method may be called from any thread and may be repeated after any error."""

    def __init__(self, keyring: Keyring, objects: ObjectStore) -> None:
        """`objects` holds nothing but this vault's objects."""
        self._keyring = keyring
        self._objects = objects

    def seal(
        self, tenant: TenantId, subjects: Sequence[PersonId], klass: KeyClass, aad: bytes, plaintext: bytes
    ) -> Sealed:
        """About nobody: `subjects` empty, the tenant's operator key. Errors: ErasedError where a subject is erased."""
        sealing = self._keyring.sealing(tenant, subjects, klass)
        return Sealed(sealing.keys, sealing.xaes.seal(aad, plaintext))

    def open(self, tenant: TenantId, keys: str, aad: bytes, blob: bytes) -> bytes:
        """Errors: ErasedError, TamperedError, KeyMissingError."""
        return self._keyring.opening(tenant, keys).open(aad, blob)

    def write(
        self, tenant: TenantId, subjects: Sequence[PersonId], klass: KeyClass, meta: bytes, plaintext: Content
    ) -> ObjectRef:
        """Key and object are durable when it returns. `meta` (kind, artifact, segment, version: in one form) is needed
        again to read. Crash: at most a key, or a key and an object, that no event names; `sweep` takes them."""
        identifier = ids.new_object_id()
        key, cipher = self._keyring.new_data_key(tenant, subjects, klass, identifier)
        return self._put(identifier, key, cipher, meta, plaintext)

    def write_all(self, tenant: TenantId, wanted: Sequence[Plain]) -> list[ObjectRef | OnRecordError]:
        """As many times `write`, or what that raises, with one durable write of all keys."""
        named = [ids.new_object_id() for _ in wanted]
        keys = self._keyring.new_data_keys(
            tenant, [(each.subjects, each.klass, name) for each, name in zip(wanted, named, strict=True)]
        )
        done: list[ObjectRef | OnRecordError] = []
        for each, name, made in zip(wanted, named, keys, strict=True):
            if isinstance(made, VaultError):
                done.append(made)
                continue
            try:
                done.append(self._put(name, *made, each.meta, each.content))
            except OnRecordError as error:
                done.append(error)
        return done

    def _put(self, identifier: ObjectId, key: KeyId, cipher: AESGCM, meta: bytes, plaintext: Content) -> ObjectRef:
        data, tags_digest = stream.encrypt(cipher, meta, plaintext)
        self._objects.put(identifier, data)
        return ObjectRef(identifier, key, len(plaintext), stream.chunks_of(len(plaintext)), tags_digest)

    def read(self, tenant: TenantId, ref: ObjectRef, meta: bytes, start: int = 0, end: int | None = None) -> bytes:
        """Plaintext bytes [start, end), as far as there are; decrypts only the chunks that hold them. Errors:
        ErasedError, TamperedError, KeyMissingError, ObjectMissingError where the key stands and the object is lost."""
        cipher = self._keyring.data_key(tenant, ref.key_id, ref.object_id)
        if ref.size < 0 or ref.chunks != stream.chunks_of(ref.size):
            raise TamperedError("a reference contradicts itself")
        if self._objects.size(ref.object_id) != stream.stored_size(ref.size):
            raise TamperedError("the object has another length")
        stop = ref.size if end is None else max(0, min(end, ref.size))
        begin = max(0, min(start, stop))

        def fetch(first: int, last: int) -> bytes:
            return self._objects.get(ref.object_id, first, last)

        return stream.decrypt(cipher, meta, fetch, size=ref.size, tags_digest=ref.tags_digest, start=begin, end=stop)

    def shred_objects(self, tenant: TenantId, identifiers: Sequence[ObjectId]) -> tuple[KeyId, ...]:
        """The keys that are gone, all in one durable write; then the bytes. Idempotent; the same result again."""
        shredded = self._keyring.shred_objects(tenant, identifiers)
        for identifier in shredded.objects:
            self._objects.delete(identifier)
        return shredded.keys

    def shred_person(self, tenant: TenantId, person: PersonId) -> tuple[KeyId, ...]:
        """Every key of the person, of all ids linked, and of each object that needed one of them, however many others
        it is about; then those objects' bytes. Idempotent; the same result again. Errors: SubjectError."""
        shredded = self._keyring.shred_person(tenant, person)
        for identifier in shredded.objects:
            self._objects.delete(identifier)
        return shredded.keys

    def orphans(self, known: Collection[str]) -> tuple[ObjectId, ...]:
        """Objects that have a key or bytes and are not in `known`, the ids that the events of all tenants name; and
        bytes that outlived their key. Only while nothing writes: what no event names yet looks the same."""
        keyed = self._keyring.objects()
        stored = {ObjectId(identifier) for identifier in self._objects.ids()}
        live = {identifier for identifier, (_, stands) in keyed.items() if stands}
        unnamed = {identifier for identifier in live | stored if identifier not in known}
        return tuple(sorted(unnamed | (stored & (keyed.keys() - live))))

    def sweep(self, known: Collection[str]) -> tuple[ObjectId, ...]:
        """The orphans, removed: keys first. The same restriction."""
        found = self.orphans(known)
        keyed = self._keyring.objects()
        by_tenant: dict[TenantId, list[ObjectId]] = {}
        for identifier in found:
            if identifier in keyed:
                by_tenant.setdefault(keyed[identifier][0], []).append(identifier)
        for tenant, identifiers in by_tenant.items():
            self._keyring.shred_objects(tenant, identifiers)
        for identifier in found:
            self._objects.delete(identifier)
        return found

    def blind(self, tenant: TenantId, value: bytes) -> bytes:
        """32 bytes that find a value again without keeping it; nobody without the keys can try values out."""
        return self._keyring.blind(tenant, value)

    def person_for(self, tenant: TenantId, identifier: bytes) -> PersonId:
        """The person of an identifier from outside, in the caller's one form for it; made on first sight."""
        return self._keyring.person_for(tenant, identifier)

    def link(self, tenant: TenantId, provisional: PersonId, person: PersonId) -> None:
        """Both ids are one human's from now on. Errors: ErasedError where one is erased, SubjectError."""
        self._keyring.link(tenant, provisional, person)

    def persons_of(self, tenant: TenantId, person: PersonId) -> tuple[PersonId, ...]:
        """All ids of the same human, this one included, sorted."""
        return self._keyring.persons_of(tenant, person)

    def try_writing(self) -> None:
        """Whether the key store takes anything: durable, and changes nothing. Errors: VaultError."""
        self._keyring.try_writing()

    def signing_seed(self, tenant: TenantId) -> bytes:
        """The 32-byte Ed25519 seed of the tenant's log, made once."""
        return self._keyring.signing_seed(tenant)
