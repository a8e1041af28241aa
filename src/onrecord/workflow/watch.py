"""Once a second: whether the machine underneath still fails as was reported, and the failures that nobody meets."""

import asyncio

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import new_object_id
from onrecord.capture.permission import Shut
from onrecord.storage.ports import Record, StorageLostError
from onrecord.vault.errors import KeysLostError
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.descriptors import are_scarce
from onrecord.workflow.health import Trouble, recovered, report, report_error
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.stream import recheck

TRY_BYTES = 65536
STORAGE = (
    Trouble.STORAGE_FULL,
    Trouble.STORAGE_READONLY,
    Trouble.STORAGE_UNKNOWN,
    Trouble.STORAGE_UNREADABLE,
    Trouble.STORAGE_BUSY,
)


async def watch(d: Deployment) -> None:
    """A trouble of the stores is over when a write goes through that nothing depends on. Where a store or the keys are
    lost all gates shut."""
    _look_at_descriptors(d)
    if not _stand(d):
        return
    loop = asyncio.get_running_loop()
    if d.troubles.intersection(STORAGE):
        await loop.run_in_executor(d.writers, _try_storage, d)
    if Trouble.KEY_STORE in d.troubles:
        await loop.run_in_executor(d.writers, _try_keys, d)


def _look_at_descriptors(d: Deployment) -> None:
    if are_scarce():
        report(d, Trouble.OUT_OF_FILES)
    else:
        recovered(d, Trouble.OUT_OF_FILES)


def _stand(d: Deployment) -> bool:
    try:
        d.standing()
    except (StorageLostError, KeysLostError) as error:
        report_error(d, error)
        for live in d.live.values():
            if not live.is_shut:
                live.shut.append(Shut(0.0))
                recheck(live)
        return False
    recovered(d, Trouble.STORAGE_LOST)
    recovered(d, Trouble.KEYS_LOST)
    return True


def _try_storage(d: Deployment) -> None:
    """Crash, or a failure to delete: an object that no event names, which the next start removes."""
    found: str | None = None
    identifier = new_object_id()
    try:
        d.store.put(d.tenant, [Record(RecordKind.RUNNING, "tried", "", b"")])
        d.store.record(d.tenant, RecordKind.RUNNING, "tried")
        d.loose[identifier] = ""
        try:
            d.objects.put(identifier, bytes(TRY_BYTES))
        finally:
            d.objects.delete(identifier)
        del d.loose[identifier]
    except OnRecordError as error:
        found = error.code
        report_error(d, error)
    for trouble in STORAGE:
        if trouble.value != found:
            recovered(d, trouble)


def _try_keys(d: Deployment) -> None:
    try:
        d.vault.try_writing()
    except OnRecordError:
        return
    recovered(d, Trouble.KEY_STORE)
