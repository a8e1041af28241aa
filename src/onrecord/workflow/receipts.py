"""Hands out the consent receipts of a conversation, made from its events as they stand now."""

import asyncio
from typing import Any

from onrecord.evidence.receipt import Asked, receipts
from onrecord.interaction.record import fold
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope


async def receipts_of(d: Deployment, live: Live, principal: Principal, party: str | None) -> dict[str, Any]:
    """JSON-LD. Of who was erased there is nothing any more. Errors: ForbiddenError, NotFoundError (no such party),
    StorageError, VaultError."""
    principal.need(Scope.RECORD_READ)
    interaction = live.conversation.interaction
    contacts = {
        entry.prompt.name: entry.prompt.privacy_contact
        for entry in d.prompts.all()
        if entry.prompt.privacy_contact is not None
    }

    def make() -> dict[str, Any] | None:
        read = [(row.seq, journal.read(d, row)) for row in d.store.events(d.tenant, interaction)]
        events = [(seq, event) for seq, event in read if event is not None]
        conversation = fold(interaction, [event for _, event in events])
        return receipts(Asked(conversation, events, contacts, d.clock.now_ns()), party)

    made = await asyncio.get_running_loop().run_in_executor(d.executor, make)
    if made is None:
        raise NotFoundError("nobody of that name takes part")
    return made
