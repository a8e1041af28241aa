"""Messages that this process no longer has in memory, made again from the log."""

from onrecord.ledger import leaf
from onrecord.workflow import journal
from onrecord.workflow.changes import messages
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.feed import Message
from onrecord.workflow.find import load
from onrecord.workflow.live import Live
from onrecord.workflow.packs import timeline_of

BATCH = 1000


def messages_after(d: Deployment, position: tuple[int, int], interaction: str | None) -> list[Message]:
    """All messages after (leaf index, ordinal), in order."""
    found: list[Message] = []
    for name in sorted(_touched(d, position[0])):
        if interaction is None or name == interaction:
            found.extend(message for message in _again(d, name) if message.position > position)
    return sorted(found, key=lambda message: message.position)


def _touched(d: Deployment, first: int) -> set[str]:
    """Interactions with an event at or after leaf index `first`."""
    names: set[str] = set()
    size = d.sequencer.size
    for start in range(max(0, first), size, BATCH):
        for entry in d.store.entries(d.tenant, start, min(start + BATCH, size)):
            names.add(f"int_{leaf.parse(entry).interaction.hex()}")
    return names


def _again(d: Deployment, interaction: str) -> list[Message]:
    rows = d.store.events(d.tenant, interaction)
    whole = load(d, interaction, rows)
    live = Live(whole.conversation, timeline_of(d, whole.conversation))
    found: list[Message] = []
    for row in rows:
        event = journal.read(d, row)
        if event is None:
            continue
        before = live.timeline
        live.tell(event)
        found.extend(messages(interaction, before, live.timeline, {event.event_id: row.index}, row.index))
    return found
