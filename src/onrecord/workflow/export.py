"""Hands out the evidence of one interaction as a pack that verifies offline."""

import asyncio
from importlib.metadata import version

from onrecord.evidence.build import build
from onrecord.evidence.dossier import Dossier, Missing, Opening
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactState
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.disclose import wav
from onrecord.workflow.errors import InvalidRequestError
from onrecord.workflow.live import Live
from onrecord.workflow.packs import packs_of
from onrecord.workflow.principal import Principal, Scope

MEDIA = frozenset({"redacted", "permitted"})

MISSING = (
    Missing("prompt_delivery_grade", "delivery is claimed by the platform; the sound of the prompt is not located yet"),
    Missing("redaction", "no redactor runs; what the policy closes is withheld whole"),
    Missing("retention_execution", "schedules are named in the decisions; nothing deletes by schedule yet"),
    Missing("legal_holds", "there is no producer of holds yet"),
    Missing("capture_system_acknowledgements", "no outside capture system is registered"),
    Missing("witness", "no witness has cosigned the checkpoint"),
    Missing("timestamp", "no time-stamping authority is configured"),
)


async def export(d: Deployment, live: Live, principal: Principal, media: str | None) -> bytes:
    """The pack. The export is itself an event, and in the pack. Errors: ForbiddenError, InvalidRequestError,
    StorageError, LogInconsistentError."""
    principal.need(Scope.EVIDENCE_READ)
    if media is not None:
        principal.need(Scope.CONTENT_READ)
        if media not in MEDIA:
            raise InvalidRequestError("`media` is `redacted` or `permitted`")
    interaction = live.conversation.interaction
    async with live.lock:
        data = {"principal": principal.id, "media": media or "none"}
        await journal.append(d, live, [journal.internal(live, d, Internal.EVIDENCE_EXPORTED, data)])
        rows = d.store.events(d.tenant, interaction)
        checkpoint = d.sequencer.checkpoint()
        proofs = {row.seq: d.sequencer.tlog_proof(row.index, checkpoint) for row in rows}
    openings = []
    for row in rows:
        opened = journal.open_row(d, row)
        salt, payload = opened if opened is not None else (None, None)
        openings.append(Opening(row.index, row.seq, row.entry, salt, payload))
    dossier = Dossier(
        interaction=interaction,
        product=f"onrecord {version('onrecord')}",
        exported_at=d.clock.now_ns(),
        log_vkey=d.log_vkey,
        checkpoint=checkpoint,
        openings=tuple(openings),
        proofs=proofs,
        policy={loaded.pack.id: loaded.note for loaded in packs_of(d, live.conversation)},
        missing=MISSING,
        sound={} if media is None else await _sound(d, live),
    )
    return await asyncio.get_running_loop().run_in_executor(d.executor, build, dossier, d.sign)


async def _sound(d: Deployment, live: Live) -> dict[str, bytes]:
    """Every stored recording, as it may be played: what is closed was never stored, or is no longer."""
    recordings = [
        entry
        for entry in live.conversation.artifacts.values()
        if entry.track is not None and entry.state is ArtifactState.ACTIVE
    ]
    return {entry.artifact: await wav(d, live, entry) for entry in recordings}
