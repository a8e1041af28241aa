"""Brings what is stored of a conversation under all that is on record of it: erasures and purges begun, or asked for.

Erasures first: what cannot be replaced can still be destroyed."""

from collections.abc import Mapping

from onrecord.interaction.events import Internal
from onrecord.policy.assertion import closes
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.erase import resume_erasures
from onrecord.workflow.live import Live
from onrecord.workflow.purge import purge_closed

SETTLE = "settle"


async def settle(d: Deployment, live: Live) -> None:
    """Errors: StorageError, VaultError; what is left undone is `unsettled`."""
    await resume_erasures(d, live)
    said = [said.event for said in live.said.values()]
    closing = [event.event_id for event in said if _closes(event.type, event.data)]
    if closing:
        await purge_closed(d, live, closing[-1])
    live.unsettled.discard(SETTLE)


def _closes(kind: str, data: Mapping[str, object]) -> bool:
    return kind == Internal.EVENT_CONFLICTED or closes(kind, data)
