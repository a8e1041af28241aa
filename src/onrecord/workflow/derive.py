"""Stores what was made of a conversation (words, summaries, notes, copies), as far as every source allows it."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.base import canonical
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import ArtifactId, PersonId, new_artifact_id
from onrecord.base.stretch import Stretch
from onrecord.capture.codes import is_codes
from onrecord.capture.lineage import CODES, CONTENT, WORDS, Claim, ancestors, closed, may_stand, reach, silent
from onrecord.capture.words import Word, cut, place
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactState
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.storage.ports import Record
from onrecord.workflow.contents import store_text
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError, VerdictClosedError
from onrecord.workflow.feelings import of_others
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live
from onrecord.workflow.opt_out import overheard
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.sweep import discard
from onrecord.workflow.systems_key import artifact_after_stop, check_kind

Judged = tuple[list[Stretch], list[Stretch]]
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


@dataclass(frozen=True, slots=True)
class Kept:
    """`body` is the text to store, `channels` those of the words in it."""

    withheld: tuple[Stretch, ...]
    body: bytes
    channels: tuple[str, ...] = ()


async def derive(d: Deployment, live: Live, principal: Principal, new: NewArtifact) -> dict[str, Any]:
    """What is slow in the length of a text is done beside the event loop; what is closed is asked again before the
    event that names the text, and where that changed all is judged anew.

    Crash: an object that no event names, swept at the next start. Errors: ForbiddenError, InvalidRequestError,
    VerdictClosedError (logged, nothing kept), StorageError, VaultError."""
    principal.need(Scope.ARTIFACTS_WRITE)
    check_kind(live, principal, new.kind)
    artifact_after_stop(d, live, principal, new.kind, _stated(new))
    _check(live, new)
    if new.words:
        await overheard(d, live, new.words)
    ended = live.conversation.ended_t
    until = live.now(live.clock_ns(d.clock)) if ended is None else ended
    loop = asyncio.get_running_loop()
    claim = await loop.run_in_executor(d.executor, _claim, new, until)
    if new.kind is Kind.SENTIMENT and of_others(live.conversation, *_told_by(new)):
        await _refused(d, live, claim)
        raise VerdictClosedError("feelings of staff and of candidates are not inferred")
    while True:
        judged = _judge(live, claim)
        kept = await loop.run_in_executor(d.executor, _keep, new, claim, *judged)
        if kept is None:
            await _refused(d, live, claim)
            raise _refusal(live, claim)
        data = await _store(d, live, claim, kept, new.classification)
        if await _name(d, live, claim, judged, data):
            return {"id": data["artifact"], "state": data["state"], "withheld": data["withheld"]}


def _told_by(new: NewArtifact) -> tuple[list[str], list[str]]:
    """(artifacts it is made of, channels of its words)."""
    return [source.artifact for source in new.sources], [word.channel for word in new.words or ()]


def _stated(new: NewArtifact) -> list[tuple[float, float]]:
    """The stretches that it says it is about."""
    if new.words:
        return [place(word) for word in new.words]
    if new.start is not None and new.end is not None:
        return [(new.start, new.end)]
    return [(source.start, source.end) for source in new.sources]


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
        if not 0 <= source.start <= source.end < math.inf:
            raise InvalidRequestError("the `end` of a source is before its `start`")


def _claim(new: NewArtifact, until: float) -> Claim:
    """What the artifact is about; where it does not say, what its sources and words cover, or all of the call."""
    words = [place(word) for word in new.words or ()]
    named = [*words, *((source.start, source.end) for source in new.sources)]
    start = new.start if new.start is not None else min((s for s, _ in named), default=0.0)
    end = new.end if new.end is not None else max((e for _, e in named), default=max(until, start))
    if not 0 <= start <= end < math.inf:
        raise InvalidRequestError("`end` is before `start`")
    low, high = (new.start if new.start is not None else 0.0), (new.end if new.end is not None else math.inf)
    if any(word.s < low or word.e > high for word in new.words or ()):
        raise InvalidRequestError("a word lies outside `start` and `end`")
    return Claim(
        kind=new.kind.value,
        form=_form(new),
        start=start,
        end=end,
        stated=new.start is not None or new.end is not None,
        sources=tuple((s.artifact, s.start, s.end) for s in new.sources),
    )


def _form(new: NewArtifact) -> str:
    if new.words is not None:
        return WORDS
    return CODES if new.kind in HANDLING_RECORDS and not new.sources and is_codes(new.content) else CONTENT


def _judge(live: Live, claim: Claim) -> Judged:
    """(what is closed to it, where its sources are silent)."""

    def verdicts(kind: str, start: float, end: float) -> Sequence[Stretch]:
        return live.closed(Kind(kind), start, end)

    known = live.conversation.artifacts
    return closed(claim, known, verdicts), silent(claim, known, verdicts)


def _keep(new: NewArtifact, claim: Claim, shut: Sequence[Stretch], unheard: Sequence[Stretch]) -> Kept | None:
    """What of it may be kept; None where nothing may be."""
    if new.words is None:
        body = canonical.dumps({"content": new.content})
        return Kept(tuple(shut), body) if may_stand(claim, shut, unheard) else None
    told = cut(claim, new.words, shut)
    if not told.kept and (new.words or list(shut) == reach(claim)):
        return None
    body = canonical.dumps({"words": [{"w": w.w, "s": w.s, "e": w.e, "channel": w.channel} for w in told.kept]})
    return Kept(told.withheld, body, tuple(sorted({word.channel for word in told.kept})))


def _refusal(live: Live, claim: Claim) -> VerdictClosedError:
    if live.is_shut:
        return VerdictClosedError("gates are shut until an event is accepted")
    if claim.kind in HANDLING_RECORDS and claim.form != CODES and not claim.sources:
        return VerdictClosedError("free text names its sources: without them it is about a stretch closed in part")
    return VerdictClosedError("the verdict closes all of this, or a part that cannot be cut out")


def _persons(live: Live, claim: Claim, channels: Sequence[str]) -> list[PersonId]:
    """Whose keys it takes to read it: everybody's who has a part in a source, or speaks in the words; without sources
    those of all parties."""
    c = live.conversation
    found = [person for each in ancestors(claim, c.artifacts).values() for person in each.persons]
    found += [person for channel in channels for person in c.person_of(channel)]
    if not claim.sources or not found:
        found += c.everybody()
    return [PersonId(person) for person in dict.fromkeys(found)]


async def _store(d: Deployment, live: Live, claim: Claim, kept: Kept, classification: str) -> dict[str, Any]:
    persons = _persons(live, claim, kept.channels)
    artifact = new_artifact_id()
    data: dict[str, Any] = {
        "artifact": artifact,
        "kind": claim.kind,
        "media_type": "application/json",
        "persons": list(persons),
        "start": claim.start,
        "end": claim.end,
        "stated": claim.stated,
        "state": ArtifactState.ACTIVE.value,
        "classification": classification,
        "sources": [list(source) for source in claim.sources],
        "withheld": [list(stretch) for stretch in kept.withheld],
        "form": claim.form,
        "supersedes": [],
    }
    return {**data, **await store_text(d, ArtifactId(artifact), persons, kept.body)}


async def _name(d: Deployment, live: Live, claim: Claim, judged: Judged, data: Mapping[str, Any]) -> bool:
    """The event that names what was stored; False where it is not allowed any more, and taken back."""
    place_of = Record(RecordKind.ARTIFACT, data["artifact"], live.conversation.interaction, b"")
    try:
        async with live.lock:
            if _judge(live, claim) == judged:
                event = internal(live, d, Internal.ARTIFACT_STORED, data, t=claim.start)
                await append(d, live, [event], lambda _: [place_of])
                return True
    except OnRecordError:
        await discard(d, live, data)
        raise
    except BaseException:
        d.loose[data["object"]] = live.conversation.interaction
        raise
    await discard(d, live, data)
    return False


async def _refused(d: Deployment, live: Live, claim: Claim) -> None:
    data = {
        "kind": claim.kind,
        "start": claim.start,
        "end": claim.end,
        "sources": [list(source) for source in claim.sources],
        "code": VerdictClosedError.code,
    }
    async with live.lock:
        await append(d, live, [internal(live, d, Internal.ARTIFACT_REFUSED, data, t=claim.start)])
