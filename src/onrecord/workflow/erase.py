"""Erases what an interaction holds of a person who asks for it: keys first, then objects, then the record of it.

What was decided and consented to stays, as events; whoever asks for those to go is shredded as a person.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from onrecord.base.ids import ObjectId, PersonId, TenantId, new_artifact_id
from onrecord.capture.permission import Shut
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import ArtifactState
from onrecord.storage.ports import ObjectMissingError
from onrecord.workflow import journal
from onrecord.workflow.contents import remove
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import LogInconsistentError
from onrecord.workflow.live import Live
from onrecord.workflow.stream import drain, recheck


async def erase_on_request(d: Deployment, live: Live, request: Event) -> None:
    """All content in which the person has a part, also what is still in memory.

    Crash: the intent is durable before the first key goes, and a restart repeats it.
    Errors: StorageError, VaultError."""
    try:
        await _erase(d, live, request)
    except BaseException:
        live.unsettled.add(request.event_id)
        raise
    live.unsettled.discard(request.event_id)


async def _erase(d: Deployment, live: Live, request: Event) -> None:
    live.shut.append(Shut(0.0))
    recheck(live)
    live.forget_sound()
    await drain(d, live)
    name = request.data.get("party_id") or request.data.get("party")
    persons = set(live.conversation.person_of(name if isinstance(name, str) else None))
    async with live.lock:
        await _complete(d, live)
        wanted = [
            entry
            for entry in live.conversation.artifacts.values()
            if entry.state is not ArtifactState.ERASED and persons.intersection(entry.persons)
        ]
        leaf = live.leaf_of(request.event_id)
        if not wanted and leaf in await _answered(d, live):
            return
        data = {
            "erasure": f"era_{os.urandom(16).hex()}",
            "request": leaf,
            "artifacts": [entry.artifact for entry in wanted],
            "objects": [
                segment.object_id
                for entry in wanted
                for segment in (*entry.segments.values(), *entry.superseded.values())
            ],
        }
        await journal.append(d, live, [journal.internal(live, d, Internal.ERASURE_INTENDED, data)])
        await carry_out(d, live, data)


async def resume_erasures(d: Deployment, live: Live) -> None:
    """Takes up the intents that a crash or a failed write left without completion, then the requests on record that
    have no intent yet."""
    async with live.lock:
        await _complete(d, live)
    asked = [said.event for said in live.said.values() if said.event.type == "erasure_request"]
    answered = await _answered(d, live) if asked else set()
    for request in asked:
        if live.leaf_of(request.event_id) not in answered or request.event_id in live.unsettled:
            await erase_on_request(d, live, request)


async def _answered(d: Deployment, live: Live) -> set[int | None]:
    """Leaves of the requests that have an intent."""

    def work() -> set[int | None]:
        rows = d.store.events(d.tenant, live.conversation.interaction)
        intents = [journal.read(d, row) for row in rows if row.type == Internal.ERASURE_INTENDED]
        return {intent.data["request"] for intent in intents if intent is not None}

    return await asyncio.get_running_loop().run_in_executor(d.executor, work)


async def _complete(d: Deployment, live: Live) -> None:
    for intent in list(live.conversation.pending_erasures.values()):
        await carry_out(d, live, intent)


async def carry_out(d: Deployment, live: Live, intent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Under the lock: keys, then objects, then a look that they are gone, then completion, which names the events that
    cannot be opened any more. May be repeated."""
    loop = asyncio.get_running_loop()
    persons = [PersonId(person) for person in intent.get("persons", ())]
    for person in persons:
        await loop.run_in_executor(d.executor, d.vault.shred_person, TenantId(d.tenant), person)
    objects: list[str] = list(intent["objects"])
    await remove(d, [{"object": identifier} for identifier in objects])
    _begin_anew(live)
    for identifier in objects:
        if _stands(d, ObjectId(identifier)):
            raise LogInconsistentError("an erased object is still stored")
    gone = await loop.run_in_executor(d.executor, _unreadable, d, live) if persons else []
    done = {
        "erasure": intent["erasure"],
        "artifacts": list(intent["artifacts"]),
        "objects": len(objects),
        "openings": gone,
    }
    await journal.append(d, live, [journal.internal(live, d, Internal.ERASURE_COMPLETED, done)])
    return done


def _unreadable(d: Deployment, live: Live) -> list[int]:
    """Sequence numbers of the events whose keys are gone."""
    rows = d.store.events(d.tenant, live.conversation.interaction)
    return [row.seq for row in rows if journal.open_row(d, row) is None]


def _begin_anew(live: Live) -> None:
    """What a track may record after an erasure is no part of what was erased."""
    for track in live.tracks.values():
        known = live.conversation.artifacts.get(track.artifact)
        if known is not None and known.state is ArtifactState.ERASED:
            track.artifact = new_artifact_id()


def _stands(d: Deployment, identifier: ObjectId) -> bool:
    try:
        d.objects.size(identifier)
    except ObjectMissingError:
        return False
    return True
