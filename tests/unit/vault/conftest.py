from types import SimpleNamespace

import pytest

from onrecord.base import ids
from onrecord.base.clock import ManualClock
from onrecord.base.ids import TenantId
from onrecord.storage.memory import MemoryObjectStore
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.localkms import LocalKms, open_local_kms, store_file
from onrecord.vault.vault import Vault


def house(keys, kms):
    """A vault with all that stands around it."""
    clock, objects = ManualClock(), MemoryObjectStore()
    keyring = Keyring(keys, kms, clock)
    return SimpleNamespace(
        clock=clock, objects=objects, keys=keys, kms=kms, keyring=keyring, vault=Vault(keyring, objects)
    )


@pytest.fixture
def tenant():
    return TenantId("acme")


@pytest.fixture
def persons():
    return tuple(ids.new_person_id() for _ in range(3))


@pytest.fixture
def home():
    return house(MemoryKeyStore(), LocalKms({1: bytes(range(32))}))


@pytest.fixture
def disk(tmp_path):
    """The same on disk, with the key file at `key_file`."""
    key_file = tmp_path / "keys" / "root.key"
    kms = open_local_kms(key_file)
    made = house(SqliteKeyStore(store_file(key_file)), kms)
    made.key_file = key_file
    yield made
    made.keys.close()


@pytest.fixture
def build():
    return house
