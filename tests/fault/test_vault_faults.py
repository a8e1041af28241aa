"""Every write of the vault broken both ways, before and after it took place, then a restart."""

import random

import pytest

from onrecord.base import ids
from onrecord.base.clock import ManualClock
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import TenantId
from onrecord.storage.memory import MemoryObjectStore
from onrecord.storage.ports import StorageFullError, StorageUnknownError
from onrecord.vault.errors import ErasedError, KeyStoreError, KeyStoreUnknownError
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.keystore import KeyClass, KeyKind
from onrecord.vault.localkms import LocalKms
from onrecord.vault.vault import Vault

TENANT = TenantId("acme")
KMS = LocalKms({1: bytes(32)})
META = b"meta"


class Fault:
    """Breaks the write number `at`: "not stored" before it happens, "stored" after it did."""

    def __init__(self, at, how):
        self.at, self.how, self.count = at, how, 0

    def around(self, write, clean, unknown):
        def broken(*args):
            self.count += 1
            if self.count - 1 != self.at:
                return write(*args)
            if self.how == "not stored":
                raise clean
            write(*args)
            raise unknown

        return broken


class Broken:
    """A store whose named writes go through the fault; all else passes."""

    def __init__(self, inner, writes, fault, clean, unknown):
        self._inner = inner
        for name in writes:
            setattr(self, name, fault.around(getattr(inner, name), clean, unknown))

    def __getattr__(self, name):
        return getattr(self._inner, name)


def broken_vault(keys, objects, fault):
    key_writes = ("add", "set_check", "shred", "link", "tag", "log")
    keys = Broken(keys, key_writes, fault, KeyStoreError("not stored"), KeyStoreUnknownError("perhaps stored"))
    objects = Broken(
        objects, ("put", "delete"), fault, StorageFullError("not stored"), StorageUnknownError("perhaps stored")
    )
    return lambda: Vault(Keyring(keys, KMS, ManualClock()), objects)


class Book:
    """What a caller's log holds: what was acknowledged, and intents, which are durable before they are acted on."""

    def __init__(self):
        self.sealed, self.written, self.persons, self.objects = [], [], [], []
        self.gone = []
        self.people = [ids.new_person_id() for _ in range(3)]
        self.known = {}

    def erased(self, subjects):
        return any(person in self.persons for person in subjects)


def life(book, vault, seed):
    """Forty seeded calls; whatever fails is not entered and not tried again."""
    dice = random.Random(seed)  # noqa: S311  (a repeatable walk)
    for number in range(40):
        subjects = dice.sample(book.people, dice.randrange(3))
        plain = b"%d" % number
        what = dice.choice(["seal"] * 4 + ["write"] * 5 + ["object"] * 2 + ["person"] + ["find"] * 2)
        if number < 25 and what == "person":
            what = "link"
        try:
            if what == "seal":
                book.sealed.append((vault.seal(TENANT, subjects, KeyClass.EVENT, b"", plain), subjects, plain))
            elif what == "write":
                ref = vault.write(TENANT, subjects, KeyClass.AUDIO, META, plain)
                book.written.append((ref, subjects, plain))
            elif what == "object" and book.written:
                identifier = dice.choice(book.written)[0].object_id
                book.objects.append(identifier)
                vault.shred_objects(TENANT, [identifier])
                book.gone.append(identifier)
            elif what == "person":
                person = dice.choice(book.people)
                book.persons.append(person)
                vault.shred_person(TENANT, person)
                book.gone.append(person)
            elif what == "find":
                name = b"external-%d" % dice.randrange(3)
                person = vault.person_for(TENANT, name)
                assert book.known.setdefault(name, person) == person
            elif what == "link":
                vault.link(TENANT, ids.new_person_id(), dice.choice(book.people))
        except OnRecordError:
            continue


def check_erasures(book, keys, objects):
    """An acknowledged erasure needs no restart: keys and bytes are gone."""
    rows = keys.owned(TENANT, book.gone)
    rows += keys.children([row.id for row in rows])
    assert all(row.shredded for row in rows)
    assert {row.owner for row in rows}.isdisjoint(objects.ids())
    assert all(keys.erased(TENANT, each) for each in book.gone if each in book.people)


def restart(book, keys, objects):
    """A new process: intents are repeated, what no event names is swept."""
    vault = Vault(Keyring(keys, KMS, ManualClock()), objects)
    for person in book.persons:
        vault.shred_person(TENANT, person)
    for identifier in book.objects:
        vault.shred_objects(TENANT, [identifier])
    vault.sweep({ref.object_id for ref, _, _ in book.written})
    return vault


def check(book, vault, keys, objects):
    for sealed, subjects, plain in book.sealed:
        if book.erased(subjects):
            with pytest.raises(ErasedError):
                vault.open(TENANT, sealed.keys, b"", sealed.blob)
        else:
            assert vault.open(TENANT, sealed.keys, b"", sealed.blob) == plain
    standing = set()
    for ref, subjects, plain in book.written:
        if book.erased(subjects) or ref.object_id in book.objects:
            with pytest.raises(ErasedError):
                vault.read(TENANT, ref, META)
        else:
            standing.add(ref.object_id)
            assert vault.read(TENANT, ref, META) == plain
    live = {row.owner for row in keys.of_kind(KeyKind.OBJECT) if not row.shredded}
    assert live == standing
    assert set(objects.ids()) == standing
    for name, person in book.known.items():
        assert vault.person_for(TENANT, name) == person


def one_life(make_keys, at, how, seed):
    """How many writes there were."""
    book, keys, objects, fault = Book(), make_keys(), MemoryObjectStore(), Fault(at, how)
    start = broken_vault(keys, objects, fault)
    try:
        try:
            vault = start()
        except OnRecordError:
            vault = start()
        life(book, vault, seed)
        check_erasures(book, keys, objects)
        check(book, restart(book, keys, objects), keys, objects)
        return fault.count
    finally:
        keys.close()


@pytest.mark.parametrize("how", ["not stored", "stored"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_single_fault_leaves_a_store_that_a_restart_mends(how, seed):
    writes = one_life(MemoryKeyStore, -1, how, seed)
    assert writes > 50
    for at in range(writes):
        one_life(MemoryKeyStore, at, how, seed)


@pytest.mark.parametrize("how", ["not stored", "stored"])
def test_the_same_on_disk(how, tmp_path):
    made = iter(range(10**6))

    def make():
        store = SqliteKeyStore(tmp_path / f"{next(made)}.d" / "keys.db")
        store._db.execute("PRAGMA synchronous = OFF")
        return store

    writes = one_life(make, -1, how, 4)
    for at in range(0, writes, 3):
        one_life(make, at, how, 4)


@pytest.mark.parametrize("killed", ["shred", "delete"])
def test_an_erasure_killed_between_keys_and_objects_is_completed_by_a_repeat(killed):
    keys, objects = MemoryKeyStore(), MemoryObjectStore()
    book = Book()
    person = book.people[0]
    whole = Vault(Keyring(keys, KMS, ManualClock()), objects)
    refs = [whole.write(TENANT, [person], KeyClass.AUDIO, META, b"x") for _ in range(3)]

    class KilledError(BaseException):
        pass

    def kill(*args):
        raise KilledError

    broken = Broken(keys if killed == "shred" else objects, (), Fault(0, ""), None, None)
    setattr(broken, killed, kill)
    dying = Vault(
        Keyring(broken if killed == "shred" else keys, KMS, ManualClock()), objects if killed == "shred" else broken
    )
    with pytest.raises(KilledError):
        dying.shred_person(TENANT, person)
    assert len(objects.ids()) == 3
    again = Vault(Keyring(keys, KMS, ManualClock()), objects)
    for ref in refs:
        if killed == "delete":
            with pytest.raises(ErasedError):
                again.read(TENANT, ref, META)
        else:
            assert again.read(TENANT, ref, META) == b"x"
    again.shred_person(TENANT, person)
    assert objects.ids() == []
