"""Brings a conversation into memory: from what this process holds, or from its events."""

from onrecord.interaction.events import INTERNAL, Event, Internal
from onrecord.interaction.record import Conversation, fold
from onrecord.policy.facts import Fact
from onrecord.storage.ports import EventRow
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.live import Live, Said
from onrecord.workflow.packs import timeline_of
from onrecord.workflow.side_records import RecordKind

MAX_RESTING = 2000
FACTS = frozenset({Internal.PARTY_ADDED, Internal.PARTY_JOINED, Internal.EVENT_CONFLICTED})


async def find(d: Deployment, interaction: str) -> Live:
    """Errors: NotFoundError, LogInconsistentError."""
    live = d.live.get(interaction)
    if live is None:
        live = load(d, interaction, d.store.events(d.tenant, interaction))
        _make_room(d)
        d.live[interaction] = live
    return live


async def find_artifact(d: Deployment, artifact: str) -> tuple[Live, str]:
    """The conversation that an artifact belongs to. Errors: NotFoundError."""
    for live in d.live.values():
        if artifact in live.conversation.artifacts:
            return live, artifact
    record = d.store.record(d.tenant, RecordKind.ARTIFACT, artifact)
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
    for row, event in read:
        live.apply(event)
        live.said[event.event_id] = Said(event, row.index)
    live.conversation.unreadable = len(erased)
    return live


def _make_room(d: Deployment) -> None:
    """Forgets sealed conversations at rest, oldest first; one that goes on, or has something left to do, stays."""
    resting = [
        name
        for name, live in d.live.items()
        if live.conversation.seal is not None
        and not (live.lock.locked() or live.closings.all() or live.sealing or live.unsettled or live.halted)
    ]
    for name in resting[: max(0, len(d.live) - MAX_RESTING)]:
        del d.live[name]
