"""Stores what was made of a conversation (words, summaries, notes, copies), as far as every source allows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.base import canonical
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import ArtifactId, PersonId, new_artifact_id
from onrecord.base.stretch import Stretch, intersect, normalise, subtract
from onrecord.capture.words import Word, cut
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactState
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.storage.ports import Record
from onrecord.workflow.contents import store_text
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError, VerdictClosedError
from onrecord.workflow.journal import Records, append, internal
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.sweep import discard

CLASSIFICATIONS = frozenset({"public", "internal", "confidential", "restricted"})


@dataclass(frozen=True, slots=True)
class Source:
    artifact: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """`words` (seconds) can be cut; `content` cannot. Neither: a handling record without content."""

    kind: Kind
    sources: tuple[Source, ...] = ()
    start: float | None = None
    end: float | None = None
    content: str | Mapping[str, Any] | None = None
    words: tuple[Word, ...] | None = None
    classification: str = "confidential"


async def derive(d: Deployment, live: Live, principal: Principal, new: NewArtifact) -> dict[str, Any]:
    """Errors: ForbiddenError, InvalidRequestError, VerdictClosedError (logged, nothing kept), StorageError."""
    principal.need(Scope.ARTIFACTS_WRITE)
    span = _span(d, live, new)
    _check(live, new)
    while True:
        withheld, body = _judge(live, new, span)
        if body is None:
            await _refused(d, live, new, span)
            raise VerdictClosedError("the verdict closes all of this, or a part that cannot be cut out")
        data = await _keep(d, live, new, span, withheld, body)
        async with live.lock:
            if _judge(live, new, span)[0] != withheld:
                await discard(d, live, data)
                continue
            event = internal(live, d, Internal.ARTIFACT_STORED, data, t=span.start)
            try:
                await append(d, live, [event], _place(live, data["artifact"]))
            except OnRecordError:
                await discard(d, live, data)
                raise
        return {"id": data["artifact"], "state": data["state"], "withheld": [[s, e] for s, e in withheld]}


def _span(d: Deployment, live: Live, new: NewArtifact) -> Stretch:
    """The stretch that the artifact is about; without one of its own, what its sources, words or the call cover."""
    end_of_call = live.conversation.ended_t
    until = live.now(d.clock.now_ns()) if end_of_call is None else end_of_call
    starts = [s.start for s in new.sources] + [w.s for w in new.words or ()]
    ends = [s.end for s in new.sources] + [w.e for w in new.words or ()]
    start = new.start if new.start is not None else min(starts, default=0.0)
    end = new.end if new.end is not None else max(ends, default=max(until, start))
    if end < start:
        raise InvalidRequestError("`end` is before `start`")
    return Stretch(start, end)


def _check(live: Live, new: NewArtifact) -> None:
    if new.content is not None and new.words is not None:
        raise InvalidRequestError("an artifact has `content` or `words`, not both")
    if new.kind is Kind.AUDIO_RECORDING:
        raise InvalidRequestError("recordings come in by a media stream")
    if new.classification not in CLASSIFICATIONS:
        raise InvalidRequestError("`classification` is not one of the known")
    if new.content is None and new.words is None and new.kind not in HANDLING_RECORDS:
        raise InvalidRequestError("only a handling record may be without content")
    for source in new.sources:
        if source.artifact not in live.conversation.artifacts:
            raise InvalidRequestError("a source is not an artifact of this interaction")
        if source.end < source.start:
            raise InvalidRequestError("the `end` of a source is before its `start`")


def closed_over(live: Live, new: NewArtifact, span: Stretch) -> list[Stretch]:
    """Where the kind itself or any source may not be kept. An erased or quarantined source is closed throughout."""
    closed = [*live.closed(new.kind, span.start, span.end)]
    for source in new.sources:
        entry = live.conversation.artifacts[source.artifact]
        reach = [Stretch(source.start, source.end)]
        if entry.state is not ArtifactState.ACTIVE:
            closed += reach
        else:
            closed += live.closed(Kind(entry.kind), source.start, source.end)
            closed += intersect(normalise(entry.withheld), reach)
    return normalise(closed)


def _judge(live: Live, new: NewArtifact, span: Stretch) -> tuple[list[Stretch], bytes | None]:
    """(withheld stretches, what may be kept); None where nothing may be."""
    closed = closed_over(live, new, span)
    if new.words is not None:
        told = cut(new.words, closed)
        withheld = normalise([*told.withheld, *intersect(closed, [span])])
        if new.words and not told.kept:
            return withheld, None
        words = [{"w": w.w, "s": w.s, "e": w.e, "channel": w.channel} for w in told.kept]
        return withheld, canonical.dumps({"words": words})
    reach = normalise([span, *((s.start, s.end) for s in new.sources)])
    instant = span.end == span.start and not new.sources
    if instant and live.closed(new.kind, span.start, span.start + 1e-6):
        return [], None
    wholly = not instant and not subtract(reach, closed)
    uncuttable = closed and not new.sources
    if wholly or uncuttable:
        return closed, None
    return closed, canonical.dumps({"content": new.content})


async def _keep(
    d: Deployment, live: Live, new: NewArtifact, span: Stretch, withheld: Sequence[Stretch], body: bytes
) -> dict[str, Any]:
    persons = [PersonId(p) for p in live.conversation.person_of(None)]
    artifact = new_artifact_id()
    data: dict[str, Any] = {
        "artifact": artifact,
        "kind": new.kind.value,
        "media_type": "application/json",
        "persons": list(persons),
        "start": span.start,
        "end": span.end,
        "state": ArtifactState.ACTIVE.value,
        "classification": new.classification,
        "sources": [[s.artifact, s.start, s.end] for s in new.sources],
        "withheld": [[s, e] for s, e in withheld],
        "form": "words" if new.words is not None else "content",
        "supersedes": [],
    }
    stored = await store_text(d, ArtifactId(artifact), persons, body)
    return {**data, **stored}


async def _refused(d: Deployment, live: Live, new: NewArtifact, span: Stretch) -> None:
    data = {
        "kind": new.kind.value,
        "start": span.start,
        "end": span.end,
        "sources": [[s.artifact, s.start, s.end] for s in new.sources],
        "code": VerdictClosedError.code,
    }
    async with live.lock:
        await append(d, live, [internal(live, d, Internal.ARTIFACT_REFUSED, data, t=span.start)])


def _place(live: Live, artifact: str) -> Records:
    """Where the artifact belongs, to be found by its id alone."""
    return lambda _: [Record(RecordKind.ARTIFACT, artifact, live.conversation.interaction, b"")]
