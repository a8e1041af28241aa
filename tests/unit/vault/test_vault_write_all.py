"""Many objects with one write of their keys: each is told what became of it."""

import pytest

from onrecord.storage.ports import StorageFullError
from onrecord.vault.errors import ErasedError, KeyStoreError
from onrecord.vault.keystore import KeyClass
from onrecord.vault.vault import ObjectRef, Plain

META = b"audio_recording art_1 0 1"


def plain(subjects, content):
    return Plain(subjects, KeyClass.AUDIO, META, content)


def counted(home, monkeypatch):
    sizes = []
    real = home.keys.add
    monkeypatch.setattr(home.keys, "add", lambda rows: (sizes.append(len(rows)), real(rows))[1])
    return sizes


def test_every_object_opens_and_their_keys_are_written_at_once(home, tenant, persons, monkeypatch):
    for person in persons:
        home.vault.seal(tenant, (person,), KeyClass.AUDIO, b"", b"")
    sizes = counted(home, monkeypatch)
    refs = home.vault.write_all(tenant, [plain((person,), b"of %d" % n) for n, person in enumerate(persons)])
    assert sizes == [len(persons)]
    assert [home.vault.read(tenant, ref, META) for ref in refs] == [b"of %d" % n for n in range(len(persons))]


def test_one_whose_subject_is_erased_takes_no_other_along(home, tenant, persons):
    home.vault.seal(tenant, (persons[1],), KeyClass.AUDIO, b"", b"")
    home.vault.shred_person(tenant, persons[1])
    first, refused, last = home.vault.write_all(tenant, [plain((person,), b"x") for person in persons[:3]])
    assert isinstance(refused, ErasedError)
    assert [home.vault.read(tenant, ref, META) for ref in (first, last)] == [b"x", b"x"]


def test_one_whose_subject_is_erased_while_its_key_is_made_takes_no_other_along(home, tenant, persons, monkeypatch):
    for person in persons[:2]:
        home.vault.seal(tenant, (person,), KeyClass.AUDIO, b"", b"")
    real, sealing = home.keys.add, home.keyring.sealing

    def sealed_then_erased(*args):
        made = sealing(*args)
        if args[1] == (persons[1],):
            monkeypatch.setattr(home.keyring, "sealing", sealing)
            home.keys.shred(tenant, [row.id for row in home.keys.owned(tenant, [persons[1]])], [persons[1]])
        return made

    monkeypatch.setattr(home.keyring, "sealing", sealed_then_erased)
    kept, refused = home.vault.write_all(tenant, [plain((person,), b"x") for person in persons[:2]])
    assert isinstance(refused, ErasedError)
    assert home.vault.read(tenant, kept, META) == b"x"
    assert home.keys.add == real


def test_where_the_keys_cannot_be_written_nothing_is(home, tenant, persons, monkeypatch):
    home.vault.seal(tenant, persons[:1], KeyClass.AUDIO, b"", b"")

    def full(rows):
        raise KeyStoreError("no room for the key store", code="key_store_full")

    monkeypatch.setattr(home.keys, "add", full)
    done = home.vault.write_all(tenant, [plain(persons[:1], b"x"), plain(persons[:1], b"y")])
    assert [error.code for error in done] == ["key_store_full", "key_store_full"]
    assert home.objects.ids() == []


def test_one_that_finds_no_room_takes_no_other_along(home, tenant, persons, monkeypatch):
    real = home.objects.put

    def full_for_long_ones(identifier, data):
        if len(data) > 1000:
            raise StorageFullError("the disk has no room")
        real(identifier, data)

    monkeypatch.setattr(home.objects, "put", full_for_long_ones)
    long, short = home.vault.write_all(tenant, [plain(persons[:1], bytes(2000)), plain(persons[:1], b"x")])
    assert isinstance(long, StorageFullError)
    assert isinstance(short, ObjectRef)
    assert home.vault.read(tenant, short, META) == b"x"


def test_nothing_wanted_writes_nothing(home, tenant):
    assert home.vault.write_all(tenant, []) == []


@pytest.mark.parametrize("content", [b"sound", bytearray(b"sound")])
def test_a_buffer_is_content_as_bytes_are(home, tenant, persons, content):
    (ref,) = home.vault.write_all(tenant, [plain(persons[:1], content)])
    assert home.vault.read(tenant, ref, META) == b"sound"
