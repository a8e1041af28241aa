"""Hands out the content of one artifact. Every reading is an event, durable before the first byte leaves."""

from dataclasses import dataclass

from onrecord.base.digests import SALT_BYTES
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactEntry, ArtifactState
from onrecord.signal.encoding import Encoding
from onrecord.signal.wav import HEADER_BYTES, pcm16, wav_header
from onrecord.vault.errors import ErasedError
from onrecord.workflow import journal
from onrecord.workflow.contents import read_object, read_text
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ContentErasedError, NotFoundError, QuarantinedError
from onrecord.workflow.live import Live
from onrecord.workflow.manifest import manifest_of
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.views import length_of


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes [start, end) of `total`."""

    media_type: str
    total: int
    start: int
    end: int
    data: bytes


async def disclose(
    d: Deployment, live: Live, principal: Principal, artifact: str, start: int, end: int | None
) -> Content:
    """Bytes from `start` to before `end` (None: to the last). Errors: ForbiddenError, NotFoundError,
    ContentErasedError, QuarantinedError, StorageError."""
    principal.need(Scope.CONTENT_READ)
    entry = live.conversation.artifacts.get(artifact)
    if entry is None:
        raise NotFoundError("there is no such artifact")
    if entry.state is ArtifactState.ERASED:
        raise ContentErasedError("this content has been erased")
    if entry.state is ArtifactState.QUARANTINED:
        raise QuarantinedError("this content is quarantined")
    total = _total(live, entry)
    upto = total if end is None else min(end, total)
    first = min(start, upto)
    data = {"artifact": artifact, "principal": principal.id, "source": principal.source, "bytes": [first, upto]}
    async with live.lock:
        await journal.append(d, live, [journal.internal(live, d, Internal.CONTENT_DISCLOSED, data)])
    try:
        if entry.track is not None:
            body = await _wav_bytes(d, live, entry, first, upto)
        else:
            (segment,) = entry.segments.values()
            body = (await read_text(d, artifact, segment))[first:upto]
    except ErasedError as error:
        raise ContentErasedError("this content has been erased") from error
    return Content(entry.media_type, total, first, upto, body)


def _total(live: Live, entry: ArtifactEntry) -> int:
    if entry.track is None:
        return sum(segment.size - SALT_BYTES for segment in entry.segments.values())
    return HEADER_BYTES + 2 * round(length_of(live) * entry.rate)


async def wav(d: Deployment, live: Live, entry: ArtifactEntry) -> bytes:
    """The whole recording: PCM16 at the source's rate, from second 0 to the end of the call."""
    return await _wav_bytes(d, live, entry, 0, _total(live, entry))


async def _wav_bytes(d: Deployment, live: Live, entry: ArtifactEntry, start: int, end: int) -> bytes:
    samples = (_total(live, entry) - HEADER_BYTES) // 2
    head = wav_header(entry.rate, samples)
    if end <= HEADER_BYTES:
        return head[start:end]
    first = max(0, start - HEADER_BYTES) // 2
    last = (end - HEADER_BYTES + 1) // 2
    encoding = Encoding(entry.encoding)
    parts: list[bytes] = []
    for span in manifest_of(entry).plan(first, last):
        if span.segment is None:
            parts.append(bytes(2 * span.samples))
        else:
            low, high = span.offset * encoding.width, (span.offset + span.samples) * encoding.width
            kept = entry.segments[span.segment.id]
            parts.append(pcm16(await read_object(d, entry.artifact, kept, low, high), encoding))
    body = b"".join(parts)
    skip = max(0, start - HEADER_BYTES) - 2 * first
    length = end - max(start, HEADER_BYTES)
    return head[start:] + body[skip : skip + length]
