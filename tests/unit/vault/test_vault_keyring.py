import ast
from dataclasses import replace
from pathlib import Path

import pytest

from onrecord.base import ids
from onrecord.base.clock import ManualClock
from onrecord.base.ids import KeyId, PersonId, TenantId
from onrecord.vault import keyring as keyring_module
from onrecord.vault.errors import (
    ErasedError,
    KeyMissingError,
    KeyStoreError,
    SubjectError,
    TamperedError,
    WrongKeyFileError,
)
from onrecord.vault.keycache import KeyCache
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import OPERATOR, Keyring
from onrecord.vault.keystore import KeyClass, KeyKind, Purpose
from onrecord.vault.localkms import (
    LocalKms,
    add_version,
    drop_old_versions,
    open_local_kms,
    store_dir,
    store_file,
)
from onrecord.vault.tenantkeys import associated

OTHER = TenantId("other")


def again(home):
    """A keyring with cold caches over the same store."""
    return Keyring(home.keys, home.kms, home.clock)


def test_a_wrong_root_key_is_told_and_changes_nothing(disk, build):
    sealed = disk.vault.seal(TenantId("acme"), [], KeyClass.EVENT, b"", b"kept")
    disk.keys.close()
    before = {path.name: path.read_bytes() for path in store_dir(disk.key_file).iterdir()}
    right = disk.key_file.read_bytes()
    disk.key_file.write_text(f"onrecord-root-key-v1\n1 {'ab' * 32}\n")
    store = SqliteKeyStore(store_file(disk.key_file))
    with pytest.raises(WrongKeyFileError) as caught:
        build(store, open_local_kms(disk.key_file))
    store.close()
    assert caught.value.code == "wrong_key_file"
    assert {path.name: path.read_bytes() for path in store_dir(disk.key_file).iterdir()} == before
    disk.key_file.write_bytes(right)
    store = SqliteKeyStore(store_file(disk.key_file))
    mended = build(store, open_local_kms(disk.key_file))
    assert mended.vault.open(TenantId("acme"), sealed.keys, b"", sealed.blob) == b"kept"
    store.close()


def test_a_check_value_of_another_store_is_told(home):
    stranger = MemoryKeyStore()
    stranger.set_check(home.keys.check())
    with pytest.raises(WrongKeyFileError):
        Keyring(stranger, home.kms, home.clock)


def test_a_person_gets_all_classes_in_one_write(home, tenant, persons):
    home.keyring.sealing(tenant, persons[:2], KeyClass.TEXT)
    rows = home.keys.owned(tenant, persons)
    assert {(row.owner, row.klass) for row in rows} == {(p, c) for p in persons[:2] for c in KeyClass}
    parent = home.keys.find(tenant, KeyKind.TENANT, tenant)
    assert {row.parents for row in rows} == {(parent.id,)}
    assert len({row.wrapped for row in rows}) == len(rows)


def test_keys_are_named_sorted_and_once(home, tenant, persons):
    a, b, _ = persons
    one = home.keyring.sealing(tenant, (a, b), KeyClass.EVENT).keys
    assert one == home.keyring.sealing(tenant, (b, a, b), KeyClass.EVENT).keys
    assert one.split(" ") == sorted(one.split(" "))
    assert len(one.split(" ")) == 2


def test_payload_and_data_keys_close_under_different_keys(home, tenant, persons):
    sealing = home.keyring.sealing(tenant, persons[:1], KeyClass.AUDIO)
    home.keyring.new_data_key(tenant, persons[:1], KeyClass.AUDIO, ids.new_object_id())
    row = home.keys.of_kind(KeyKind.OBJECT)[0]
    with pytest.raises(TamperedError):
        sealing.xaes.open(associated(row), row.wrapped)
    assert row.parents == (KeyId(sealing.keys),)


def test_only_random_ids_are_subjects(home, tenant):
    stranger = ids.new_object_id()
    for subject in ("ada@example.org", "prs_ada", "prs_" + "g" * 32, stranger, "", tenant):
        with pytest.raises(SubjectError):
            home.keyring.sealing(tenant, [PersonId(subject)], KeyClass.EVENT)
        with pytest.raises(SubjectError):
            home.keyring.link(tenant, ids.new_person_id(), PersonId(subject))
    with pytest.raises(SubjectError):
        home.keyring.link(tenant, OPERATOR, ids.new_person_id())
    with pytest.raises(SubjectError):
        home.keyring.shred_person(tenant, OPERATOR)


def test_keys_of_another_tenant_are_missing_not_erased(home, tenant, persons):
    keys = home.keyring.sealing(tenant, persons[:1], KeyClass.EVENT).keys
    with pytest.raises(KeyMissingError):
        home.keyring.opening(OTHER, keys)
    for unknown in ("", " ", "key_none", f"{keys} key_none", home.keys.find(tenant, KeyKind.TENANT, tenant).id):
        with pytest.raises(KeyMissingError):
            home.keyring.opening(tenant, unknown)


def test_a_wrapped_key_is_bound_to_its_row(home, tenant, persons):
    a, b, _ = persons
    home.keyring.sealing(tenant, (a,), KeyClass.EVENT)
    home.keyring.sealing(tenant, (b,), KeyClass.EVENT)
    mine = home.keys.find(tenant, KeyKind.PERSON, a, KeyClass.EVENT)
    theirs = home.keys.find(tenant, KeyKind.PERSON, b, KeyClass.EVENT)
    home.keys._rows[mine.id] = replace(mine, wrapped=theirs.wrapped)
    with pytest.raises(TamperedError):
        again(home).opening(tenant, mine.id)
    home.keys._rows[mine.id] = replace(mine, version=2)
    with pytest.raises(TamperedError):
        again(home).opening(tenant, mine.id)
    home.keys._rows[mine.id] = mine
    again(home).opening(tenant, mine.id)


def test_cached_keys_end_with_their_lifetime(home, tenant, persons):
    keys = home.keyring.sealing(tenant, persons[:1], KeyClass.EVENT).keys
    home.keyring.opening(tenant, keys)
    count = len(home.keys.unwraps())
    home.clock.advance(299.9)
    home.keyring.opening(tenant, keys)
    assert len(home.keys.unwraps()) == count
    home.clock.advance(0.2)
    home.keyring.opening(tenant, keys)
    assert [each.purpose for each in home.keys.unwraps()[count:]] == [Purpose.OPEN, Purpose.OPEN]


@pytest.mark.parametrize("seconds", [-3600, 3600, 10 * 365 * 86400])
def test_setting_the_wall_clock_neither_ends_nor_prolongs_a_cached_key(home, tenant, persons, seconds):
    keys = home.keyring.sealing(tenant, persons[:1], KeyClass.EVENT).keys
    count = len(home.keys.unwraps())
    home.clock.advance(200)
    home.clock.step(seconds)
    home.keyring.opening(tenant, keys)
    assert len(home.keys.unwraps()) == count
    home.clock.advance(100.1)
    home.keyring.opening(tenant, keys)
    assert len(home.keys.unwraps()) == count + 2


def test_the_cache_is_bounded_and_evicts_by_key():
    cache = KeyCache(ManualClock(), 10**9, 3)
    for n in range(5):
        cache.put(n, str(n), [KeyId(f"k{n}"), KeyId("all")])
    assert [cache.get(n) for n in range(5)] == [None, None, "2", "3", "4"]
    cache.put(2, "again", [KeyId("k2")])
    cache.evict(frozenset({KeyId("all"), KeyId("none")}))
    assert [cache.get(n) for n in range(5)] == [None, None, "again", None, None]


def test_every_unwrap_is_logged_with_its_purpose(home, tenant, persons):
    home.keyring.sealing(tenant, persons[:2], KeyClass.EVENT)
    owned = [home.keys.find(tenant, KeyKind.PERSON, p, KeyClass.EVENT).id for p in sorted(persons[:2])]
    top = home.keys.find(tenant, KeyKind.TENANT, tenant).id
    assert [each.key for each in home.keys.unwraps()] == [top, *sorted(owned)]
    assert {each.at for each in home.keys.unwraps()} == {home.clock.now_ns()}
    home.keyring.signing_seed(tenant)
    home.keyring.person_for(tenant, b"x")
    key, _ = home.keyring.new_data_key(tenant, [], KeyClass.AUDIO, ids.new_object_id())
    again(home).data_key(tenant, key, home.keys.get(key).owner)
    assert {each.purpose for each in home.keys.unwraps()} == set(Purpose) - {Purpose.OPEN, Purpose.ROTATE}


def test_the_signing_seed_is_made_once_a_tenant(home, tenant):
    seed = home.keyring.signing_seed(tenant)
    assert len(seed) == 32
    assert again(home).signing_seed(tenant) == seed
    assert home.keyring.signing_seed(OTHER) != seed
    assert seed not in home.keys.find(tenant, KeyKind.SIGNING, tenant).wrapped


def test_an_identifier_finds_its_person_again_and_is_not_kept(disk, tenant):
    person = disk.keyring.person_for(tenant, b"crm:ada-4711")
    assert again(disk).person_for(tenant, b"crm:ada-4711") == person
    assert disk.keyring.person_for(tenant, b"crm:ben-4712") != person
    assert disk.keyring.person_for(OTHER, b"crm:ada-4711") != person
    raw = b"".join(path.read_bytes() for path in store_dir(disk.key_file).iterdir())
    assert b"ada-4711" not in raw
    disk.keyring.shred_person(tenant, person)
    assert disk.keyring.person_for(tenant, b"crm:ada-4711") != person


def test_a_person_and_its_provisional_ids_are_shredded_together(home, tenant, persons):
    a, b, c = persons
    for each in persons:
        home.keyring.sealing(tenant, (each,), KeyClass.EVENT)
    home.keyring.link(tenant, b, a)
    assert home.keyring.persons_of(tenant, b) == tuple(sorted([a, b]))
    gone = home.keyring.shred_person(tenant, b)
    assert set(gone.keys) == {row.id for row in home.keys.owned(tenant, [a, b])}
    for each in (a, b):
        with pytest.raises(ErasedError):
            home.keyring.sealing(tenant, (each,), KeyClass.EVENT)
        with pytest.raises(ErasedError):
            home.keyring.sealing(tenant, (each, c), KeyClass.EVENT)
    home.keyring.sealing(tenant, (c,), KeyClass.EVENT)
    assert home.keyring.shred_person(tenant, a) == gone
    assert home.keys.get(home.keys.find(tenant, KeyKind.TENANT, tenant).id).wrapped


def test_a_person_without_keys_can_be_erased_and_stays_so(home, tenant, persons):
    assert home.keyring.shred_person(tenant, persons[0]).keys == ()
    with pytest.raises(ErasedError):
        home.keyring.sealing(tenant, persons[:1], KeyClass.EVENT)


def test_rotation_of_the_root_rewraps_tenants_only(disk, build, tenant, persons):
    sealed = disk.vault.seal(tenant, persons, KeyClass.EVENT, b"a", b"kept")
    before = disk.keys.owned(tenant, persons)
    assert add_version(disk.key_file) == 2
    rotating = Keyring(disk.keys, open_local_kms(disk.key_file), disk.clock)
    assert rotating.rewrap_tenants() == 1
    drop_old_versions(disk.key_file)
    rotated = build(disk.keys, open_local_kms(disk.key_file))
    assert rotated.vault.open(tenant, sealed.keys, b"a", sealed.blob) == b"kept"
    assert disk.keys.owned(tenant, persons) == before
    assert disk.keys.find(tenant, KeyKind.TENANT, tenant).version == 2
    with pytest.raises(WrongKeyFileError):
        Keyring(disk.keys, disk.kms, disk.clock)


def test_a_key_of_a_failed_write_is_found_when_it_was_stored(home, tenant, persons, monkeypatch):
    real = home.keys.add

    def stored_and_failed(rows):
        real(rows)
        raise KeyStoreError("failed")

    monkeypatch.setattr(home.keys, "add", stored_and_failed)
    with pytest.raises(KeyStoreError):
        home.keyring.signing_seed(tenant)
    with pytest.raises(KeyStoreError):
        home.keyring.signing_seed(tenant)
    assert home.keyring.signing_seed(tenant) == again(home).signing_seed(tenant)


def test_another_process_may_make_the_same_keys_first(tenant, persons):
    class Late(MemoryKeyStore):
        """Shows a row only after an attempt to add it met a conflict."""

        def find(self, tenant, kind, owner, klass=""):
            return super().find(tenant, kind, owner, klass) if (kind, owner) in self.tried else None

        def add(self, rows):
            self.tried.update((row.kind, row.owner) for row in rows)
            super().add(rows)

        tried: set = set()  # noqa: RUF012  (shared by the test's two keyrings on purpose)

    store, kms = Late(), LocalKms({1: bytes(32)})
    first = Keyring(store, kms, ManualClock())
    keys = first.sealing(tenant, persons, KeyClass.EVENT).keys
    seed = first.signing_seed(tenant)
    store.tried.clear()
    second = Keyring(store, kms, ManualClock())
    assert second.sealing(tenant, persons, KeyClass.EVENT).keys == keys
    assert second.signing_seed(tenant) == seed


def test_no_unwrapped_key_shows_in_a_repr(home, tenant, persons):
    seed = home.keyring.signing_seed(tenant)
    sealing = home.keyring.sealing(tenant, persons, KeyClass.EVENT)
    shown = repr((sealing, home.keyring, vars(home.keyring), vars(home.keyring._tenants), home.vault))
    assert repr(seed)[2:-1] not in shown
    assert repr(sealing.xaes._key)[2:-1] not in shown
    assert "xaes" not in repr(sealing)


def test_the_vault_logs_nothing():
    for module in Path(keyring_module.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(module.read_text())))
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert imported.isdisjoint({"logging", "structlog", "warnings"})
        assert not any(isinstance(node, ast.Name) and node.id == "print" for node in nodes)
