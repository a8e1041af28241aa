"""Brings a conversation into memory: from what this process holds, or from its events."""

import asyncio
from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any

from onrecord.capture.permission import Shut
from onrecord.interaction.events import INTERNAL, Event, Internal
from onrecord.interaction.record import Conversation, fold
from onrecord.policy.facts import Fact
from onrecord.storage.ports import EventRow
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.live import Live, Said
from onrecord.workflow.outbox import changed
from onrecord.workflow.packs import timeline_of
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.tracks import on_record, restored

MAX_RESIDENT = 2000
MAX_SEALED = 128
FACTS = frozenset({Internal.PARTY_ADDED, Internal.PARTY_JOINED, Internal.EVENT_CONFLICTED})


async def find(d: Deployment, interaction: str) -> Live:
    """The one state of it in this process, which stays in memory until the task that asked has ended.
    Errors: NotFoundError, LogInconsistentError."""
    _hold(d, interaction)
    live = d.live.pop(interaction, None)
    if live is None:
        return await _into_memory(d, interaction)
    d.live[interaction] = live
    return live


def _hold(d: Deployment, interaction: str) -> None:
    task = asyncio.current_task()
    holders = d.holders.setdefault(interaction, set())
    if task is not None and task not in holders:
        holders.add(task)
        task.add_done_callback(lambda _: _let_go(d, interaction, task))


def _let_go(d: Deployment, interaction: str, task: asyncio.Task[Any]) -> None:
    holders = d.holders[interaction]
    holders.discard(task)
    if not holders:
        del d.holders[interaction]


async def _into_memory(d: Deployment, interaction: str) -> Live:
    """Read once, however many ask."""
    reading = d.loading.get(interaction)
    if reading is None:
        reading = d.loading[interaction] = asyncio.create_task(_read(d, interaction))
        reading.add_done_callback(lambda done: _has_read(d, interaction, done))
    return await asyncio.shield(reading)


def _has_read(d: Deployment, interaction: str, done: asyncio.Task[Live]) -> None:
    del d.loading[interaction]
    if not done.cancelled():
        done.exception()  # whoever asked may have gone


async def _read(d: Deployment, interaction: str) -> Live:
    def work() -> Live:
        return load(d, interaction, d.store.events(d.tenant, interaction))

    live = await asyncio.get_running_loop().run_in_executor(d.executor, work)
    if interaction in d.rested_shut:
        d.rested_shut.discard(interaction)
        live.shut.append(Shut(0.0))
    _take_up_tracks(d, live)
    make_room(d)
    d.live[interaction] = live
    return live


def _take_up_tracks(d: Deployment, live: Live) -> None:
    """Of a call that has ended, and rested before it was sealed. At a start `recover` takes them up."""
    c = live.conversation
    if c.seal is not None or c.ended_t is None:
        return
    live.epochs = len(c.streams)
    for name, entry in c.tracks.items():
        if entry.accounting:
            live.tracks[name] = restored(live, name, entry, entry.accounting)
            d.measures.frames.known(c.interaction, name, entry.accounting)


async def find_artifact(d: Deployment, artifact: str) -> tuple[Live, str]:
    """The conversation that an artifact belongs to. Errors: NotFoundError."""
    loop = asyncio.get_running_loop()
    record = await loop.run_in_executor(d.executor, d.store.record, d.tenant, RecordKind.ARTIFACT, artifact)
    if record is None:
        raise NotFoundError("there is no such artifact")
    return await find(d, record.interaction), artifact


def load(d: Deployment, interaction: str, rows: list[EventRow]) -> Live:
    """The state after these events. What was erased stays unread, and nothing opens for it: from the first fact that
    cannot be read on, it is as if erasure had been asked for."""
    if not rows:
        raise NotFoundError("there is no such interaction")
    read: list[tuple[EventRow, Event]] = []
    erased: list[EventRow] = []
    for row in rows:
        event = journal.read(d, row)
        if event is None:
            erased.append(row)
        else:
            read.append((row, event))
    conversation: Conversation = fold(interaction, (event for _, event in read))
    live = Live(Conversation(interaction), timeline_of(d, conversation))
    facts = [row for row in erased if row.type not in INTERNAL or row.type in FACTS]
    if facts:
        first = min(facts, key=lambda row: row.t)
        live.timeline = live.timeline.with_fact(Fact("erased", "erasure_request", first.t, first.received))
    live.apply([event for _, event in read])
    for row, event in read:
        live.said[event.event_id] = Said(event, row.index)
    live.conversation.unreadable = len(erased)
    if live.conversation.systems:
        live.watchers.add(partial(changed, d, live))
    return live


def make_room(d: Deployment) -> None:
    """Forgets conversations at rest, the least recently used first, as long as more than MAX_SEALED of all are sealed,
    or there are more than MAX_RESIDENT."""
    sealed = [name for name, live in d.live.items() if live.conversation.seal is not None]
    _forget(d, sealed, len(sealed) - MAX_SEALED)
    _forget(d, d.live, len(d.live) - MAX_RESIDENT)


def _forget(d: Deployment, names: Iterable[str], surplus: int) -> None:
    resting = (name for name in names if name not in d.holders and _rests(d.live[name]))
    for name in list(islice(resting, max(0, surplus))):
        live = d.live.pop(name)
        live.watchers.clear()
        d.measures.frames.leave(live)
        if live.is_shut:
            d.rested_shut.add(name)


def _rests(live: Live) -> bool:
    """Whether its events bring it back as it is, and nothing is left to do."""
    c = live.conversation
    undone = live.closings.all() or live.unsettled or live.unsaid
    busy = live.lock.locked() or live.sealing or undone or live.halted
    return not busy and (c.seal is not None or not live.tracks or on_record(live))
