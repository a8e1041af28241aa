"""A conversation's events as they stand in the record, and what they made of its verdicts."""

import asyncio
from typing import Any

from onrecord.interaction.events import Event
from onrecord.storage.ports import EventRow
from onrecord.workflow import journal, views
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live


async def timeline(d: Deployment, live: Live) -> dict[str, Any]:
    """Errors: StorageError, LogInconsistentError."""
    interaction = live.conversation.interaction
    events = await asyncio.get_running_loop().run_in_executor(d.executor, _events, d, interaction)
    return {"events": events, "transitions": views.transitions(live.timeline)}


def _events(d: Deployment, interaction: str) -> list[dict[str, Any]]:
    """In the order of the record, as the sealed events say it. Of one whose keys were destroyed only what the log shows
    in clear."""
    return [_shown(row, journal.read(d, row)) for row in d.store.events(d.tenant, interaction)]


def _shown(row: EventRow, event: Event | None) -> dict[str, Any]:
    if event is None:
        clear = {
            "event_id": f"erased-{row.uid.hex()}-{row.part}",
            "type": row.type,
            "t": row.t,
            "received": row.received,
        }
        return {**clear, "leaf_index": row.index, "erased": True}
    shown = {
        "event_id": event.event_id,
        "type": event.type,
        "t": event.t,
        "received": event.received,
        "leaf_index": row.index,
        "source": event.source,
        "data": dict(event.data),
    }
    return {**shown, "uncertainty": event.uncertainty} if event.uncertainty else shown
