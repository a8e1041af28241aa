"""What every key store does, whichever driver holds it."""

from dataclasses import replace

import pytest

from onrecord.base import ids
from onrecord.base.ids import KeyId, PersonId, TenantId
from onrecord.vault.errors import ErasedError, KeyConflictError, KeyMissingError
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keystore import KeyKind, KeyRow, Purpose, Unwrap

TENANT = TenantId("acme")
OTHER = TenantId("other")
TAG = bytes(range(32))


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryKeyStore() if request.param == "memory" else SqliteKeyStore(tmp_path / "root.d" / "keys.db")
    yield made
    made.close()


def row(kind=KeyKind.PERSON, owner="", klass="event", parents=()):
    owner = owner or ids.new_person_id()
    return KeyRow(ids.new_key_id(), kind, TENANT, owner, klass, tuple(parents), 1, 1_700_000_000_000_000_000, b"w" * 72)


@pytest.fixture
def family(store):
    """A tenant's key, two persons' keys below it and an object's below both."""
    tenant = row(KeyKind.TENANT, TENANT, "")
    ada, ben = row(parents=[tenant.id]), row(parents=[tenant.id])
    shared = row(KeyKind.OBJECT, ids.new_object_id(), "audio", [ada.id, ben.id])
    store.add([tenant])
    store.add([ada, ben])
    store.add([shared])
    return tenant, ada, ben, shared


def test_rows_come_back_whole(store, family):
    for each in family:
        assert store.get(each.id) == each
        assert store.find(TENANT, each.kind, each.owner, each.klass) == each
    assert store.get(KeyId("key_none")) is None
    assert store.find(OTHER, KeyKind.TENANT, TENANT) is None


def test_selections_keep_the_order_of_creation(store, family):
    tenant, ada, ben, shared = family
    assert store.owned(TENANT, [ben.owner, ada.owner]) == [ada, ben]
    assert store.owned(OTHER, [ada.owner]) == []
    assert store.children([tenant.id]) == [ada, ben]
    assert store.children([ben.id, ada.id]) == [shared]
    assert store.children([]) == []
    assert store.of_kind(KeyKind.OBJECT) == [shared]


def test_add_is_all_or_nothing(store, family):
    _, ada, _, _ = family
    fresh = row()
    for twice in (replace(row(), id=ada.id), replace(ada, id=ids.new_key_id())):
        with pytest.raises(KeyConflictError):
            store.add([fresh, twice])
        assert store.get(fresh.id) is None
    with pytest.raises(KeyMissingError):
        store.add([fresh, row(parents=[ids.new_key_id()])])
    assert store.get(fresh.id) is None


def test_shredding_empties_rows_and_keeps_their_ids(store, family):
    _, ada, ben, shared = family
    for _ in range(2):
        store.shred(TENANT, [ada.id], [PersonId(ada.owner)])
        assert store.get(ada.id).shredded
        assert store.get(ada.id).id == ada.id
        assert store.owned(TENANT, [ada.owner])[0].shredded
        assert store.children([ada.id]) == [shared]
        assert not store.get(ben.id).shredded


def test_shredding_stays_inside_the_tenant(store, family):
    _, ada, _, _ = family
    store.shred(OTHER, [ada.id], [PersonId(ada.owner)])
    assert store.get(ada.id) == ada
    assert not store.erased(TENANT, PersonId(ada.owner))


def test_an_erased_person_takes_no_new_key(store, family):
    _, ada, _, _ = family
    store.shred(TENANT, [ada.id], [PersonId(ada.owner)])
    assert store.erased(TENANT, PersonId(ada.owner))
    with pytest.raises(ErasedError):
        store.add([row(), row(owner=ada.owner, klass="text")])
    with pytest.raises(ErasedError):
        store.add([row(KeyKind.OBJECT, ids.new_object_id(), "audio", [ada.id])])
    assert len(store.of_kind(KeyKind.PERSON)) == 2


def test_rewrapping_reaches_live_rows_only(store, family):
    tenant, ada, ben, _ = family
    store.set_check(b"old")
    store.shred(TENANT, [ada.id])
    store.rewrap([replace(each, version=2, wrapped=b"n" * 72) for each in (tenant, ada, ben)], b"new")
    assert store.get(ben.id) == replace(ben, version=2, wrapped=b"n" * 72)
    assert store.get(tenant.id).version == 2
    assert store.get(ada.id).shredded
    assert store.check() == b"new"


def test_the_check_value_is_set_once(store):
    assert store.check() is None
    store.set_check(b"value")
    with pytest.raises(KeyConflictError):
        store.set_check(b"another")
    assert store.check() == b"value"
    assert len(bytes.fromhex(store.deployment_id)) == 16


def test_links_join_all_ids_of_one_human(store):
    a, b, c, d, e = sorted(ids.new_person_id() for _ in range(5))
    assert store.linked(TENANT, a) == (a,)
    store.link(TENANT, b, a)
    store.link(TENANT, d, c)
    store.link(TENANT, d, b)
    store.link(TENANT, a, c)
    for each in (a, b, c, d):
        assert store.linked(TENANT, each) == (a, b, c, d)
    assert store.linked(TENANT, e) == (e,)
    assert store.linked(OTHER, a) == (a,)


def test_an_erased_person_is_linked_to_nobody(store):
    a, b, c = (ids.new_person_id() for _ in range(3))
    store.link(TENANT, a, b)
    store.shred(TENANT, [], [a, b])
    for pair in ((c, b), (b, c)):
        with pytest.raises(ErasedError):
            store.link(TENANT, *pair)
    assert store.linked(TENANT, a) == tuple(sorted([a, b]))


def test_tags_find_their_person_until_it_is_erased(store):
    ada, ben = ids.new_person_id(), ids.new_person_id()
    assert store.tagged(TENANT, TAG) is None
    store.tag(TENANT, TAG, ada)
    with pytest.raises(KeyConflictError):
        store.tag(TENANT, TAG, ben)
    assert store.tagged(TENANT, TAG) == ada
    assert store.tagged(OTHER, TAG) is None
    store.shred(TENANT, [], [ada])
    assert store.tagged(TENANT, TAG) is None
    with pytest.raises(ErasedError):
        store.tag(TENANT, TAG, ada)
    store.tag(TENANT, TAG, ben)
    assert store.tagged(TENANT, TAG) == ben


def test_unwraps_are_kept_in_order(store):
    made = [Unwrap(ids.new_key_id(), Purpose.OPEN, at) for at in range(600)]
    for each in made:
        store.log([each])
    assert store.unwraps() == made


def test_wrapped_bytes_show_in_no_repr(store, family):
    assert "wrapped" not in repr(store.get(family[0].id))
