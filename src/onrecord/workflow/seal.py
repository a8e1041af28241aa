"""Closes an interaction: what is held is drained, then a seal commits to the count and to the last digest."""

import asyncio
import contextlib
from typing import Any

from onrecord.interaction.events import Internal
from onrecord.storage.ports import StorageError
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError
from onrecord.workflow.live import Live
from onrecord.workflow.notices import say
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.settle import settle
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.stream import drain


async def seal(d: Deployment, live: Live, principal: Principal) -> dict[str, Any]:
    """Streams that are still open end here. Again: the same answer. Errors: ForbiddenError, StorageError."""
    principal.need(Scope.EVENTS_WRITE)
    live.closing = True
    name = live.conversation.interaction
    try:
        while live.conversation.seal is None:
            await _close(d, live)
    finally:
        live.closing = live.conversation.seal is not None
        if live.closing:
            live.forget_sound()
        live.told()
    loop = asyncio.get_running_loop()
    row = (await loop.run_in_executor(d.executor, d.store.events, d.tenant, name, _before(live)))[0]
    kept = live.conversation.seal
    if kept is None:
        raise InvalidRequestError("the seal was not stored")
    return {
        "leaf_index": row.index,
        "tree_size": row.index + 1,
        "events": kept.events,
        "last_digest": kept.last_digest,
    }


async def _close(d: Deployment, live: Live) -> None:
    """Detaches streams, drains, carries out what was told, and seals: a start looks no further back. Nothing yet where
    a stream came in, something is held still, or something was told meanwhile."""
    for track in live.tracks.values():
        track.stream = None
    live.told()
    await drain(d, live)
    told = len(live.said)
    await settle(d, live)
    async with live.lock:
        held = any(track.stream or track.gate.accounting.held for track in live.tracks.values())
        if live.conversation.seal is not None or held or len(live.said) != told:
            return
        await say(d, live)
        loop = asyncio.get_running_loop()
        last = await loop.run_in_executor(d.executor, d.store.last, d.tenant, live.conversation.interaction)
        if last is None:
            raise InvalidRequestError("there is nothing to seal")
        data = {"events": last.seq + 1, "last_digest": journal.digest(last).hex()}
        await journal.append(d, live, [journal.internal(live, d, Internal.SEALED, data)])
    await _unmark(d, live)


async def _unmark(d: Deployment, live: Live) -> None:
    """Not needed for the seal to hold: a start finds the seal, and removes the mark."""
    with contextlib.suppress(StorageError):
        await asyncio.get_running_loop().run_in_executor(
            d.executor, d.store.delete, d.tenant, RecordKind.UNSEALED, live.conversation.interaction
        )


def _before(live: Live) -> int:
    return -1 if live.conversation.seal is None else live.conversation.seal.events - 1
