"""A conversation's events as they stand in the record, and what they made of its verdicts."""

import asyncio
from typing import Any

from onrecord.workflow import journal, views
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live


async def timeline(d: Deployment, live: Live) -> dict[str, Any]:
    """Errors: StorageError, LogInconsistentError."""
    interaction = live.conversation.interaction
    events = await asyncio.get_running_loop().run_in_executor(d.executor, _events, d, interaction)
    return {"events": events, "transitions": views.transitions(live.timeline)}


def _events(d: Deployment, interaction: str) -> list[dict[str, Any]]:
    """In the order of the record. Of an event whose keys were destroyed only what the log shows in clear."""
    found: list[dict[str, Any]] = []
    for row in d.store.events(d.tenant, interaction):
        shown: dict[str, Any] = {"t": row.t, "received": row.received, "type": row.type, "leaf_index": row.index}
        event = journal.read(d, row)
        if event is None:
            shown |= {"event_id": f"erased-{row.uid.hex()}", "erased": True}
        else:
            shown |= {"event_id": event.event_id, "source": event.source, "data": dict(event.data)}
            if event.uncertainty:
                shown["uncertainty"] = event.uncertainty
        found.append(shown)
    return found
