"""Hands out the content of one artifact. Every reading is an event, durable before the first byte leaves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from onrecord.base.digests import SALT_BYTES
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactEntry, ArtifactState
from onrecord.signal.wav import HEADER_BYTES, wav_header
from onrecord.vault.errors import ErasedError
from onrecord.workflow import journal
from onrecord.workflow.contents import read_text
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ContentErasedError, NotFoundError, QuarantinedError
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.sound import plan, render
from onrecord.workflow.views import length_of

PART_SAMPLES = 1 << 18
_SILENCE = bytes(2 * PART_SAMPLES)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes [start, end) of `total`, in order. A part raises what `disclose` raises where the content is erased or
    quarantined while it is read."""

    media_type: str
    total: int
    start: int
    end: int
    parts: AsyncIterator[bytes]


async def disclose(
    d: Deployment, live: Live, principal: Principal, artifact: str, start: int, end: int | None
) -> Content:
    """Bytes from `start` to before `end` (None: to the last). Errors: ForbiddenError, NotFoundError,
    ContentErasedError, QuarantinedError, SignalError (wav_too_long), StorageError."""
    principal.need(Scope.CONTENT_READ)
    entry = live.conversation.artifacts.get(artifact)
    if entry is None and live.conversation.unreadable:  # the events that named it are among those
        raise ContentErasedError("this content has been erased")
    if entry is None:
        raise NotFoundError("there is no such artifact")
    _check(entry)
    samples = round(length_of(live) * entry.rate)
    head = b"" if entry.track is None else wav_header(entry.rate, samples)
    total = _text_bytes(entry) if entry.track is None else HEADER_BYTES + 2 * samples
    upto = total if end is None else min(end, total)
    first = min(start, upto)
    data = {"artifact": artifact, "principal": principal.id, "source": principal.source, "bytes": [first, upto]}
    async with live.lock:
        await journal.append(d, live, [journal.internal(live, d, Internal.CONTENT_DISCLOSED, data)])
    parts = _text(d, entry, first, upto) if entry.track is None else _sound(d, entry, head, first, upto)
    return Content(entry.media_type, total, first, upto, _after(await anext(parts, b""), parts))


def _check(entry: ArtifactEntry) -> None:
    if entry.state is ArtifactState.ERASED:
        raise ContentErasedError("this content has been erased")
    if entry.state is ArtifactState.QUARANTINED:
        raise QuarantinedError("this content is quarantined")


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The first part was read ahead: what is wrong is known before an answer begins."""
    yield first
    async for part in rest:
        yield part


def _text_bytes(entry: ArtifactEntry) -> int:
    return sum(segment.size - SALT_BYTES for segment in entry.segments.values())


async def _text(d: Deployment, entry: ArtifactEntry, start: int, end: int) -> AsyncIterator[bytes]:
    (segment,) = entry.segments.values()
    try:
        yield (await read_text(d, entry.artifact, segment))[start:end]
    except ErasedError as error:
        raise ContentErasedError("this content has been erased") from error


async def _sound(d: Deployment, entry: ArtifactEntry, head: bytes, start: int, end: int) -> AsyncIterator[bytes]:
    """WAV, PCM16 at the source's rate. Each part is planned when its turn comes, as the record then is."""
    prefix = head[start:end]
    position = max(start, HEADER_BYTES)
    while position < end:
        upto = min(end, position + 2 * PART_SAMPLES - 2)
        first = (position - HEADER_BYTES) // 2
        body = await _samples(d, entry, first, (upto - HEADER_BYTES + 1) // 2)
        skip = position - HEADER_BYTES - 2 * first
        yield prefix + body[skip : skip + upto - position]
        prefix, position = b"", upto
    if prefix:
        yield prefix


async def _samples(d: Deployment, entry: ArtifactEntry, first: int, last: int) -> bytes:
    """PCM16 of samples [first, last), at most PART_SAMPLES."""
    _check(entry)
    pieces = plan(entry, first, last)
    if all(piece.entry is None for piece in pieces):
        return _SILENCE[: 2 * (last - first)]
    try:
        return await asyncio.get_running_loop().run_in_executor(d.executor, render, d, entry, pieces)
    except ErasedError as error:
        raise ContentErasedError("this content has been erased") from error
