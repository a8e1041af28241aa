"""Whoever joins in mid-call."""

from onrecord.base.ids import new_person_id
from onrecord.interaction.events import Internal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live
from onrecord.workflow.side_records import places
from onrecord.workflow.statement import Sorted


async def introduce(d: Deployment, live: Live, post: Sorted) -> None:
    """Whoever joins has keys of their own before anything is said of them."""
    known = {(p.role, p.party_id) for p in live.conversation.parties}
    joining = [s.event.data for s in post.fresh if s.event.type == "party_join"]
    fresh = {(data["role"], data.get("party_id")): data for data in joining}
    events = [
        internal(live, d, Internal.PARTY_JOINED, {**data, "jurisdiction": place, "person": new_person_id()})
        for name, data in fresh.items()
        if name not in known
        for place in [data.get("jurisdiction", "unknown")]
    ]
    if events:
        persons = [event.data["person"] for event in events]
        await append(d, live, events, lambda _: places(live.conversation.interaction, persons))
