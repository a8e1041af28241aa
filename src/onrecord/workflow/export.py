"""Hands out the evidence of one interaction as a pack that verifies offline."""

import asyncio
from importlib.metadata import version

from onrecord.evidence.build import build
from onrecord.evidence.dossier import Dossier, Missing, Opening
from onrecord.interaction.events import Internal, decode
from onrecord.interaction.record import ArtifactEntry, ArtifactState, Conversation, fold
from onrecord.vault.errors import ErasedError
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ContentErasedError, InvalidRequestError, PackTooLargeError
from onrecord.workflow.live import Live
from onrecord.workflow.packs import notes_of, packs_of
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.sound import wav
from onrecord.workflow.views import length, length_of

MAX_SOUND_BYTES = 256 * 1024 * 1024
ATTEMPTS = 3
MEDIA = frozenset({"redacted", "permitted"})

NO_SYSTEMS = Missing("capture_system_acknowledgements", "no outside capture system is registered")
MISSING = (
    Missing("prompt_delivery_grade", "delivery is claimed by the platform; the sound of the prompt is not located yet"),
    Missing("redaction", "no redactor runs; what the policy closes is withheld whole"),
    Missing("retention_execution", "schedules are named in the decisions; nothing deletes by schedule yet"),
    Missing("legal_holds", "there is no producer of holds yet"),
    NO_SYSTEMS,
    Missing("witness", "no witness has cosigned the checkpoint"),
    Missing("timestamp", "no time-stamping authority is configured"),
)


async def export(d: Deployment, live: Live, principal: Principal, media: str | None) -> bytes:
    """The pack. The export is itself an event, and in the pack. Errors: ForbiddenError, InvalidRequestError,
    PackTooLargeError, ContentErasedError, StorageError, LogInconsistentError."""
    principal.need(Scope.EVIDENCE_READ)
    if media is not None:
        principal.need(Scope.CONTENT_READ)
        if media not in MEDIA:
            raise InvalidRequestError("`media` is `redacted` or `permitted`")
        _check_size(live)
    async with live.lock:
        data = {"principal": principal.id, "media": media or "none"}
        await journal.append(d, live, [journal.internal(live, d, Internal.EVIDENCE_EXPORTED, data)])
    pool = d.executor if media is None else d.far_reader
    return await asyncio.get_running_loop().run_in_executor(
        pool, _pack, d, live.conversation.interaction, media is not None
    )


def _recordings(c: Conversation) -> list[ArtifactEntry]:
    return [a for a in c.artifacts.values() if a.track is not None and a.state is ArtifactState.ACTIVE]


def _check_size(live: Live) -> None:
    seconds = length_of(live)
    if sum(2 * seconds * entry.rate for entry in _recordings(live.conversation)) > MAX_SOUND_BYTES:
        raise PackTooLargeError("a pack holds at most 256 MiB of sound; take the pack and the recordings apart")


def _pack(d: Deployment, interaction: str, media: bool) -> bytes:
    """What is purged while it is read has been superseded on record before: then the record is read again."""
    for _ in range(ATTEMPTS):
        try:
            return build(_dossier(d, interaction, media), d.sign)
        except ErasedError:
            continue
    raise ContentErasedError("this content is being erased")


def _dossier(d: Deployment, interaction: str, media: bool) -> Dossier:
    """The rows first: the checkpoint that is read after them covers them."""
    rows = d.store.events(d.tenant, interaction)
    checkpoint = d.sequencer.checkpoint()
    opened = [journal.open_row(d, row) or (None, None) for row in rows]
    conversation = fold(interaction, (decode(payload) for _, payload in opened if payload is not None))
    recordings = _recordings(conversation) if media else []
    return Dossier(
        interaction=interaction,
        product=f"onrecord {version('onrecord')}",
        exported_at=d.clock.now_ns(),
        log_vkey=d.log_vkey,
        checkpoint=checkpoint,
        openings=tuple(
            Opening(row.index, row.seq, row.entry, salt, payload)
            for row, (salt, payload) in zip(rows, opened, strict=True)
        ),
        proofs={row.seq: d.sequencer.tlog_proof(row.index, checkpoint) for row in rows},
        policy=notes_of(packs_of(d, conversation)),
        missing=tuple(m for m in MISSING if m is not NO_SYSTEMS or not conversation.systems),
        sound={entry.artifact: wav(d, entry, length(conversation)) for entry in recordings},
    )
