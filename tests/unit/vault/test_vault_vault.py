import threading
from dataclasses import replace

import pytest

from onrecord.base import ids
from onrecord.base.ids import TenantId
from onrecord.storage.ports import ObjectMissingError
from onrecord.vault.errors import ErasedError, KeyMissingError, TamperedError
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.keystore import KeyClass, KeyKind
from onrecord.vault.localkms import open_local_kms, store_dir, store_file
from onrecord.vault.stream import CHUNK_BYTES
from onrecord.vault.vault import Vault

OTHER = TenantId("other")
META = b"audio_recording art_1 0 1"


def test_what_is_sealed_opens_with_its_own_meaning_only(home, tenant, persons):
    keys, blob = home.vault.seal(tenant, persons, KeyClass.EVENT, b"aad", b"payload")
    assert home.vault.open(tenant, keys, b"aad", blob) == b"payload"
    assert b"payload" not in blob
    with pytest.raises(TamperedError):
        home.vault.open(tenant, keys, b"other", blob)
    with pytest.raises(TamperedError):
        home.vault.open(tenant, " ".join(reversed(keys.split(" "))), b"aad", blob)
    with pytest.raises(TamperedError):
        home.vault.open(tenant, keys.split(" ")[0], b"aad", blob)
    with pytest.raises(KeyMissingError):
        home.vault.open(OTHER, keys, b"aad", blob)


def test_without_subjects_the_operator_owns_it(home, tenant, persons):
    keys, blob = home.vault.seal(tenant, (), KeyClass.EVENT, b"", b"note")
    home.vault.shred_person(tenant, persons[0])
    assert home.vault.open(tenant, keys, b"", blob) == b"note"
    assert home.keys.get(keys).owner == "operator"


def test_what_several_share_ends_with_any_of_them(home, tenant, persons):
    shared = home.vault.seal(tenant, persons, KeyClass.TEXT, b"", b"shared")
    own = [home.vault.seal(tenant, (each,), KeyClass.TEXT, b"", b"own") for each in persons]
    summary = home.vault.write(tenant, persons, KeyClass.TEXT, META, b"summary")
    gone = home.vault.shred_person(tenant, persons[1])
    assert summary.key_id in gone
    assert home.vault.shred_person(tenant, persons[1]) == gone
    for sealed in (shared, own[1]):
        with pytest.raises(ErasedError):
            home.vault.open(tenant, sealed.keys, b"", sealed.blob)
    with pytest.raises(ErasedError):
        home.vault.read(tenant, summary, META)
    assert home.objects.ids() == []
    for index in (0, 2):
        assert home.vault.open(tenant, own[index].keys, b"", own[index].blob) == b"own"


def test_objects_are_read_whole_and_in_part(home, tenant, persons):
    sound = bytes(range(256)) * 1000
    ref = home.vault.write(tenant, persons[:1], KeyClass.AUDIO, META, sound)
    assert (ref.size, ref.chunks) == (256_000, 4)
    cold = Vault(Keyring(home.keys, home.kms, home.clock), home.objects)
    for vault in (home.vault, cold):
        assert vault.read(tenant, ref, META) == sound
        assert vault.read(tenant, ref, META, 70_000) == sound[70_000:]
        assert vault.read(tenant, ref, META, CHUNK_BYTES, 2 * CHUNK_BYTES) == sound[CHUNK_BYTES : 2 * CHUNK_BYTES]
        assert vault.read(tenant, ref, META, 255_999, 999_999) == sound[-1:]
        assert vault.read(tenant, ref, META, 999_999) == b""
        assert vault.read(tenant, ref, META, 10, 5) == b""
        assert vault.read(tenant, ref, META, -5, 5) == sound[:5]


def test_an_empty_object_is_authenticated_too(home, tenant):
    ref = home.vault.write(tenant, (), KeyClass.AUDIO, META, b"")
    assert home.vault.read(tenant, ref, META) == b""
    with pytest.raises(TamperedError):
        home.vault.read(tenant, ref, b"other")


def test_an_object_is_bound_to_its_reference_and_meaning(home, tenant, persons):
    one = home.vault.write(tenant, persons[:1], KeyClass.AUDIO, META, b"a" * 100)
    two = home.vault.write(tenant, persons[:1], KeyClass.AUDIO, META, b"b" * 100)
    for wrong in (
        replace(one, size=99),
        replace(one, size=-1),
        replace(one, chunks=2),
        replace(one, tags_digest=two.tags_digest),
    ):
        with pytest.raises(TamperedError):
            home.vault.read(tenant, wrong, META)
    for wrong in (
        replace(one, key_id=two.key_id),
        replace(one, object_id=two.object_id),
        replace(one, key_id=ids.new_key_id()),
    ):
        with pytest.raises(KeyMissingError):
            home.vault.read(tenant, wrong, META)
    with pytest.raises(TamperedError):
        home.vault.read(tenant, one, b"other")
    with pytest.raises(KeyMissingError):
        home.vault.read(OTHER, one, META)
    home.objects._objects[one.object_id] = home.objects.get(two.object_id)
    with pytest.raises(TamperedError):
        home.vault.read(tenant, one, META)


def test_a_lost_or_lengthened_object_is_not_an_erased_one(home, tenant):
    ref = home.vault.write(tenant, (), KeyClass.AUDIO, META, b"x" * 100)
    data = home.objects.get(ref.object_id)
    home.objects._objects[ref.object_id] = data + b"\0"
    with pytest.raises(TamperedError):
        home.vault.read(tenant, ref, META)
    home.objects.delete(ref.object_id)
    with pytest.raises(ObjectMissingError):
        home.vault.read(tenant, ref, META)


def test_shredding_one_object_leaves_the_rest(home, tenant, persons):
    gone, kept = (home.vault.write(tenant, persons, KeyClass.AUDIO, META, b"x") for _ in range(2))
    home.vault.read(tenant, gone, META)
    for _ in range(2):
        home.vault.shred_objects(tenant, [gone.object_id])
        with pytest.raises(ErasedError):
            home.vault.read(tenant, gone, META)
        assert home.objects.ids() == [kept.object_id]
    assert home.vault.read(tenant, kept, META) == b"x"
    home.vault.shred_objects(OTHER, [kept.object_id])
    assert home.vault.read(tenant, kept, META) == b"x"
    assert home.vault.shred_objects(tenant, [kept.object_id, gone.object_id]) == (gone.key_id, kept.key_id)


def test_keys_written_before_objects(home, tenant, monkeypatch):
    seen = []

    def put(identifier, data):
        seen.extend(row.owner for row in home.keys.of_kind(KeyKind.OBJECT))
        assert seen == [identifier]

    monkeypatch.setattr(home.objects, "put", put)
    home.vault.write(tenant, (), KeyClass.AUDIO, META, b"x")
    assert len(seen) == 1


def test_the_sweep_takes_what_no_event_names(home, tenant, persons):
    kept = home.vault.write(tenant, persons, KeyClass.AUDIO, META, b"kept")
    dropped = home.vault.write(OTHER, (), KeyClass.AUDIO, META, b"dropped")
    bare, _ = home.keyring.new_data_key(tenant, (), KeyClass.AUDIO, ids.new_object_id())
    stray = ids.new_object_id()
    home.objects.put(stray, b"bytes without a key")
    expected = sorted([dropped.object_id, home.keys.get(bare).owner, stray])
    assert list(home.vault.orphans([kept.object_id])) == expected
    assert list(home.vault.sweep([kept.object_id])) == expected
    assert home.vault.orphans({kept.object_id}) == ()
    assert home.objects.ids() == [kept.object_id]
    assert home.keys.get(bare).shredded
    assert home.vault.read(tenant, kept, META) == b"kept"


def test_the_sweep_takes_bytes_that_outlived_their_key(home, tenant, persons, monkeypatch):
    """A write that meets the erasure of its subject between its key and its object."""
    real = home.objects.put

    def late(identifier, data):
        home.vault.shred_person(tenant, persons[0])
        real(identifier, data)

    monkeypatch.setattr(home.objects, "put", late)
    ref = home.vault.write(tenant, persons[:1], KeyClass.AUDIO, META, b"late")
    with pytest.raises(ErasedError):
        home.vault.read(tenant, ref, META)
    assert home.vault.sweep([ref.object_id]) == (ref.object_id,)
    assert home.objects.ids() == []


def raw(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("what", ["person", "object"])
def test_after_shredding_no_page_holds_the_keys(disk, tenant, persons, what):
    for other in (ids.new_person_id() for _ in range(40)):
        disk.vault.seal(tenant, (other,), KeyClass.EVENT, b"", b"x")
    refs = [disk.vault.write(tenant, persons[:1], KeyClass.AUDIO, META, b"sound") for _ in range(20)]
    folder = store_dir(disk.key_file)
    doomed = disk.keys.of_kind(KeyKind.OBJECT)
    if what == "person":
        doomed += disk.keys.owned(tenant, persons[:1])
    assert len(doomed) == (24 if what == "person" else 20)
    assert all(row.wrapped in raw(folder) for row in doomed)
    if what == "person":
        disk.vault.shred_person(tenant, persons[0])
    else:
        disk.vault.shred_objects(tenant, [ref.object_id for ref in refs])
    pages = raw(folder)
    for row in doomed:
        assert not any(row.wrapped[at : at + 16] in pages for at in range(len(row.wrapped) - 15))
    assert disk.objects.ids() == []
    disk.keys.close()
    restarted = SqliteKeyStore(store_file(disk.key_file))
    vault = Vault(Keyring(restarted, open_local_kms(disk.key_file), disk.clock), disk.objects)
    for ref in refs:
        with pytest.raises(ErasedError):
            vault.read(tenant, ref, META)
    restarted.close()


def test_many_threads_seal_and_open_at_once(disk, tenant):
    people = [ids.new_person_id() for _ in range(6)]
    wrong = []

    def work(number):
        for step in range(30):
            subjects = (people[(number + step) % 6], people[(number * step) % 6])
            sealed = disk.vault.seal(tenant, subjects, KeyClass.EVENT, b"", b"%d" % step)
            if disk.vault.open(tenant, sealed.keys, b"", sealed.blob) != b"%d" % step:
                wrong.append(step)
            ref = disk.vault.write(tenant, subjects, KeyClass.AUDIO, META, b"%d" % step)
            if disk.vault.read(tenant, ref, META) != b"%d" % step:
                wrong.append(step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(disk.keys.of_kind(KeyKind.PERSON)) == 6 * len(KeyClass)
    assert len(disk.keys.of_kind(KeyKind.OBJECT)) == 120
