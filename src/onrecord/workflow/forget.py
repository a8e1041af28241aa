"""Forgets a person in every interaction: keys first, and with them all that they close. The log stays whole, and a
completed erasure says which of its entries cannot be opened any more.

Order: an intent in each interaction, then the keys, then the objects, then a completion in each. A restart takes up
every intent without completion.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from onrecord.base.ids import PersonId, TenantId
from onrecord.capture.permission import Shut
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactState
from onrecord.storage.ports import Record
from onrecord.vault.errors import SubjectError
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.erase import carry_out
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.recover import mend
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.stream import drain, recheck

OF_PERSONS = (RecordKind.PROFILE, RecordKind.WITHDRAWAL, RecordKind.UNPLACED, RecordKind.REACHING)
"""Records that are about one person; keys close what is said in them."""


async def forget(d: Deployment, principal: Principal, person: str) -> dict[str, Any]:
    """What is gone. Errors: ForbiddenError, NotFoundError; StorageError, VaultError (what was begun goes on later)."""
    principal.need(Scope.PERSONS_ERASE)
    loop = asyncio.get_running_loop()
    persons, places, kept = await loop.run_in_executor(d.writers, _held, d, person)
    intents: list[tuple[Live, dict[str, Any]]] = []
    for interaction in sorted({place.id.rpartition("/")[2] for place in places}):
        live = await find(d, interaction)
        intents.append((live, await _intend(d, live, set(persons))))
    events = 0
    for live, intent in intents:
        async with live.lock:
            events += len((await carry_out(d, live, intent))["openings"])
        live.halt()
    if not intents:
        await loop.run_in_executor(d.writers, d.vault.shred_person, TenantId(d.tenant), PersonId(person))
    await mend(d)
    await loop.run_in_executor(d.writers, _delete, d, [*places, *kept])
    return {
        "person": person,
        "interactions": len(intents),
        "events": events,
        "objects": sum(len(intent["objects"]) for _, intent in intents),
    }


def _held(d: Deployment, person: str) -> tuple[tuple[PersonId, ...], list[Record], list[Record]]:
    """All ids of the person, where they take part, and what is kept of them. Errors: NotFoundError, StorageError."""
    try:
        persons = d.vault.persons_of(TenantId(d.tenant), PersonId(person))
    except SubjectError as error:
        raise NotFoundError("there is no such person") from error
    places = [record for each in persons for record in d.store.records(d.tenant, RecordKind.PERSON, each)]
    kept = [r for each in persons for kind in OF_PERSONS for r in d.store.records(d.tenant, kind, each)]
    if not places and not kept:
        raise NotFoundError("there is no such person")
    return persons, places, kept


def _delete(d: Deployment, records: Sequence[Record]) -> None:
    for record in records:
        d.store.delete(d.tenant, record.kind, record.id)


async def _intend(d: Deployment, live: Live, persons: set[PersonId]) -> dict[str, Any]:
    """Nothing of the conversation is stored from here on; what is held is dropped."""
    live.shut.append(Shut(0.0))
    recheck(live)
    for track in live.tracks.values():
        track.stream = None
    live.forget_sound()
    await drain(d, live)
    interaction = live.conversation.interaction
    async with live.lock:
        wanted = [
            entry
            for entry in live.conversation.artifacts.values()
            if entry.state is not ArtifactState.ERASED and persons.intersection(entry.persons)
        ]
        intent = {
            "erasure": f"era_{os.urandom(16).hex()}",
            "request": None,
            "persons": sorted(persons),
            "artifacts": [entry.artifact for entry in wanted],
            "objects": [s.object_id for e in wanted for s in (*e.segments.values(), *e.superseded.values())],
        }
        event = journal.internal(live, d, Internal.ERASURE_INTENDED, intent)
        mark = Record(RecordKind.UNSEALED, interaction, interaction, b"")
        await journal.append(d, live, [event], lambda _: [mark])
    return intent
