"""Finding a value again without keeping it."""

from onrecord.base.clock import ManualClock
from onrecord.base.ids import TenantId
from onrecord.storage.memory import MemoryObjectStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.localkms import LocalKms
from onrecord.vault.vault import Vault

ONE, OTHER = TenantId("one"), TenantId("other")


def test_the_same_value_has_the_same_tag_after_a_restart_and_another_in_another_tenant() -> None:
    keys = MemoryKeyStore()
    kms = LocalKms({1: bytes(range(32))})
    first, second = (Vault(Keyring(keys, kms, ManualClock()), MemoryObjectStore()) for _ in range(2))
    assert first.blind(ONE, b"value") == second.blind(ONE, b"value")
    assert len({first.blind(ONE, b"value"), first.blind(OTHER, b"value"), first.blind(ONE, b"valuf")}) == 3
