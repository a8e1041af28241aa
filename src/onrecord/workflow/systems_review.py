"""Which vendors lack a contract for a conversation whose parties, places or contracts have changed."""

from onrecord.interaction.events import Internal
from onrecord.workflow.changes import messages, publish
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live
from onrecord.workflow.outbox import look
from onrecord.workflow.stream import recheck
from onrecord.workflow.systems_attach import barred
from onrecord.workflow.systems_wish import lacking, present


async def moved(d: Deployment, live: Live) -> None:
    """Somebody joined, or is elsewhere than was known, or a sensitive segment began or ended. Errors: StorageError."""
    if live.conversation.systems:
        await review(d, live)
        await look(d, live)


async def review(d: Deployment, live: Live) -> None:
    """Where parties, places, segments or contracts have changed since: what is barred now. Errors: StorageError."""
    c = live.conversation
    if not any(entry.vendor is not None for entry in c.systems.values()):
        return
    async with live.lock:
        lacks = _lacks(d, live)
        if c.seal is not None or live.halted or lacks == {name: list(e.lacking) for name, e in c.systems.items()}:
            return
        data = barred(c.enabled, {name: list(entry.kinds) for name, entry in c.systems.items()}, lacks)
        before, event = live.timeline, internal(live, d, Internal.SYSTEM_BARRED, data)
        places = await append(d, live, [event])
        recheck(live)
        index = places[-1].index
        await publish(d.feed, messages(c.interaction, before, live.timeline, {event.event_id: index}, index))


def _lacks(d: Deployment, live: Live) -> dict[str, list[str]]:
    """Of a system that is not registered any more what was known last."""
    view = present(d, live)
    found: dict[str, list[str]] = {}
    for name, entry in live.conversation.systems.items():
        registered = d.outbox.registered.get(name)
        found[name] = list(entry.lacking) if registered is None else lacking(d, live, registered, view)
    return found
