"""Recovery is the normal path: every start takes up what the last end left, however it ended."""

import asyncio

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.capture.accounting import Accounting
from onrecord.capture.permission import Shut
from onrecord.interaction.events import INTERNAL, Internal
from onrecord.interaction.record import Stage
from onrecord.storage.ports import Record
from onrecord.workflow import journal, sweep
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import find, load
from onrecord.workflow.live import Live
from onrecord.workflow.notices import say
from onrecord.workflow.segments import seal_rest, sealed_or_lost
from onrecord.workflow.settle import settle
from onrecord.workflow.side_records import RecordKind, opened
from onrecord.workflow.stream import drain, recheck
from onrecord.workflow.tell import tell
from onrecord.workflow.tracks import restored
from onrecord.workflow.withdraw import resume

_INTENDED = frozenset({Internal.PURGE_INTENDED, Internal.ERASURE_INTENDED})
log = structlog.get_logger("recover")


async def recover(d: Deployment) -> None:
    """Takes up every interaction that is not sealed: its tracks as their last durable account leaves them, gates shut;
    and every purge and erasure that was asked for and is not complete. After an unclean end also those of sealed
    interactions; then removes what no event names; then tells those that go on the withdrawals that have not reached
    all. Nothing else may write yet. The event loop turns meanwhile.

    Crash: the next start does the same again. Errors: StorageError, VaultError, LogInconsistentError."""
    loop = asyncio.get_running_loop()
    unclean = await loop.run_in_executor(d.executor, sweep.left_running, d)
    await loop.run_in_executor(d.writers, sweep.mark_running, d)
    for record in await loop.run_in_executor(d.executor, d.store.records, d.tenant, RecordKind.UNSEALED):
        await asyncio.create_task(_recover(d, record))
    if unclean:
        await _settle_sealed(d)
        removed = await sweep.sweep(d)
        log.warning("unclean_end", objects_removed=removed)
    await asyncio.create_task(resume(d, tell))


async def _recover(d: Deployment, record: Record) -> None:
    """In a task of its own: with its end the conversation may leave memory again."""
    live = await find(d, record.interaction)
    await _take_up(d, live)
    if live.conversation.seal is not None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.UNSEALED, record.id)


async def _settle_sealed(d: Deployment) -> None:
    loop = asyncio.get_running_loop()
    for interaction in await loop.run_in_executor(d.executor, lambda: list(sweep.interactions(d))):
        rows = await loop.run_in_executor(d.executor, d.store.events, d.tenant, interaction)
        sealed = next((row.seq for row in rows if row.type == Internal.SEALED), len(rows))
        late = {row.type for row in rows[sealed:]}
        if late - INTERNAL or Internal.EVENT_CONFLICTED in late or any(row.type in _INTENDED for row in rows):
            await settle(d, await loop.run_in_executor(d.executor, load, d, interaction, rows))


async def _take_up(d: Deployment, live: Live) -> None:
    c = live.conversation
    live.epochs = len(c.streams)
    if c.seal is None:
        live.shut.append(Shut(0.0))
        kept = await asyncio.get_running_loop().run_in_executor(d.executor, _counted, d, c.interaction)
        for name, entry in c.tracks.items():
            known = kept["told"].get(name, {}) == entry.accounting
            account = _account(entry.accounting, kept["tracks"].get(name), known=known)
            d.measures.frames.known(c.interaction, name, account)
            live.tracks[name] = restored(live, name, entry, account)
        await _interrupt(d, live)
    await settle(d, live)


def _counted(d: Deployment, interaction: str) -> dict[str, dict[str, dict[str, int]]]:
    record = d.store.record(d.tenant, RecordKind.ACCOUNTING, interaction)
    return {"tracks": {}, "told": {}} if record is None else opened(d.vault, d.tenant, record)


async def _interrupt(d: Deployment, live: Live) -> None:
    """Says so where the conversation was going on, or where something of it was lost."""
    c = live.conversation
    if c.started_at is None:
        return
    lost = any(t.gate.accounting.lost > c.tracks[t.name].accounting.get("lost", 0) for t in live.tracks.values())
    if c.stage is Stage.OPEN or c.open_streams or lost:
        data = {"accounting": {name: track.gate.snapshot() for name, track in live.tracks.items()}}
        async with live.lock:
            await journal.append(d, live, [journal.internal(live, d, Internal.INTERRUPTED, data, t=live.media_head())])
    await seal_rest(d, live)


def _account(told: dict[str, int], kept: dict[str, int] | None, *, known: bool) -> dict[str, int]:
    """The later of two accounts: what the last event told, or what was kept beside the log. `known`: the one kept knew
    of that event. One that did not, and yet counted more, was taken while the event was under way: what the event says
    was written was."""
    if kept is None:
        return told or Accounting().snapshot()
    if known or not told:
        return kept
    more = told["written"] - kept["written"]
    older = kept["received"] + kept["missing"] <= told["received"] + told["missing"]
    if older or kept["purged"] != told["purged"] or not 0 <= more <= kept["held"]:
        return told
    return {**kept, "written": kept["written"] + more, "held": kept["held"] - more}


async def mend(d: Deployment) -> None:
    """Tries again what failed writes left undone in this process: conversations of which it is not known what is on
    record are taken up anew, purges and erasures go on, objects that nothing names go. What fails is left for the next
    time."""
    for name, live in tuple(d.live.items()):
        try:
            if live.halted:
                await _replace(d, name)
            elif live.unsettled:
                await settle(d, live)
        except OnRecordError as error:
            log.error("not_mended", code=error.code)
    await _say_all(d)
    await sweep.tidy(d)


async def _say_all(d: Deployment) -> None:
    """Until the record takes none: what it does not take of one it does not take of the others."""
    try:
        for live in [live for live in d.live.values() if live.unsaid and not live.halted]:
            async with live.lock:
                await say(d, live)
    except OnRecordError as error:
        log.error("notice_put_off", code=error.code)


async def _replace(d: Deployment, name: str) -> None:
    """As after a crash, of this one conversation. What of it is still being written is not left to itself: an object
    that is stored later would be loose, and nobody would know."""
    before = d.live[name]
    await sealed_or_lost(d, before)
    d.measures.frames.take(before)
    live = await asyncio.get_running_loop().run_in_executor(d.executor, _load, d, name)
    live.wall = before.wall
    live.closings = live.closings.owe(e for e in before.closings.all() if e.event_id not in live.said)
    live.unsaid = [e for e in before.unsaid if e.event_id not in live.said]
    await _take_up(d, live)
    live.closings = live.closings.owe(e for e in before.closings.all() if e.event_id not in live.said)
    recheck(live)
    d.live[name] = live


def _load(d: Deployment, name: str) -> Live:
    return load(d, name, d.store.events(d.tenant, name))


async def rest(d: Deployment) -> None:
    """An orderly end: what is held is decided and made durable. Where that fails the next start is as after a crash."""
    going_on = [live for live in d.live.values() if live.tracks and live.conversation.seal is None]
    await asyncio.gather(*(_drain(d, live) for live in going_on))
    await mend(d)
    if not d.loose and not any(live.halted or live.unsettled or live.unsaid for live in d.live.values()):
        sweep.mark_ended(d)


async def _drain(d: Deployment, live: Live) -> None:
    try:
        await drain(d, live)
    except OnRecordError as error:
        log.error("not_drained", code=error.code)
        live.unsettled.add("rest")
