"""Objects that no event names: taken back where a write failed, removed at the start after an unclean end."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onrecord.base.errors import OnRecordError
from onrecord.interaction.events import Internal
from onrecord.interaction.record import Conversation
from onrecord.ledger import leaf
from onrecord.storage.ports import EventRow, Record
from onrecord.workflow import journal, prompts
from onrecord.workflow.contents import remove
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live
from onrecord.workflow.side_records import RecordKind

BATCH = 1000
NAMING = frozenset({Internal.SEGMENT_SEALED, Internal.ARTIFACT_STORED})
_MARK = "process"


def left_running(d: Deployment) -> bool:
    """Whether the process before this one did not end in order. Errors: StorageError."""
    return d.store.record(d.tenant, RecordKind.RUNNING, _MARK) is not None


def mark_running(d: Deployment) -> None:
    """Durable before anything else is written. Errors: StorageError."""
    d.store.put(d.tenant, [Record(RecordKind.RUNNING, _MARK, "", b"")])


def mark_ended(d: Deployment) -> None:
    """Nothing is written after this. Errors: StorageError."""
    d.store.delete(d.tenant, RecordKind.RUNNING, _MARK)


async def discard(d: Deployment, live: Live, stored: Mapping[str, Any]) -> None:
    """Takes back an object that was to be named by an event which was not stored, or perhaps was. What cannot be
    settled now is by `tidy`, and after a crash by `sweep`."""
    d.loose[stored["object"]] = live.conversation.interaction
    await _take_back(d, stored["object"], live)


async def tidy(d: Deployment) -> None:
    """Another try at every loose object."""
    for identifier, interaction in tuple(d.loose.items()):
        live = d.live.get(interaction)
        if live is not None:
            await _take_back(d, identifier, live)


async def _take_back(d: Deployment, identifier: str, live: Live) -> None:
    if live.halted:
        return
    if identifier not in _held(live.conversation):
        try:
            await remove(d, [{"object": identifier}])
        except OnRecordError:
            return
    d.loose.pop(identifier, None)


def _held(c: Conversation) -> set[str]:
    entries = c.artifacts.values()
    return {s.object_id for entry in entries for s in (*entry.segments.values(), *entry.superseded.values())}


def interactions(d: Deployment) -> Iterator[str]:
    """Every interaction of the log, in the order of their first events."""
    size = d.sequencer.size
    for start in range(0, size, BATCH):
        for entry in d.store.entries(d.tenant, start, min(start + BATCH, size)):
            first = leaf.parse(entry)
            if first.seq == 0:
                yield f"int_{first.interaction.hex()}"


def named(d: Deployment, rows: Sequence[EventRow]) -> set[str]:
    """Ids of the objects that these events name, superseded ones too; none of an event whose keys were destroyed: its
    objects went with them. Errors: VaultError, LogInconsistentError."""
    events = (journal.read(d, row) for row in rows if row.type in NAMING)
    return {event.data["object"] for event in events if event is not None and "object" in event.data}


async def sweep(d: Deployment) -> int:
    """How many objects and keys that nothing on record names were removed, keys first. Only while nothing else writes:
    what is not named yet looks the same. Memory: the ids of all objects, and the events of one interaction at a time.

    Errors: StorageError, VaultError, LogInconsistentError: then nothing was removed that is named."""

    def run() -> int:
        known = prompts.objects(d)
        for interaction in interactions(d):
            known |= named(d, d.store.events(d.tenant, interaction))
        return len(d.vault.sweep(known))

    return await asyncio.get_running_loop().run_in_executor(d.executor, run)
