"""Makes segments durable: object first, then the event that names it, each time asking whether it is still allowed."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import ArtifactId, PersonId
from onrecord.capture.errors import CaptureError
from onrecord.capture.runs import Run
from onrecord.capture.segment import Segment
from onrecord.interaction.events import Internal
from onrecord.storage.ports import Record
from onrecord.workflow import journal
from onrecord.workflow.contents import store_sound
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live, Track
from onrecord.workflow.notices import notice
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.sweep import discard

AUDIO_CLASSIFICATION = "restricted"
MAX_UNSEALED = 32  # segments of a call that wait for the disk
RESUME_UNSEALED = 16  # so few of them again that what comes next is not given up any more
PATIENCE_SECONDS = 10.0
log = structlog.get_logger("segments")


def is_full(live: Live) -> bool:
    return live.unsealed >= MAX_UNSEALED


def stands_still(live: Live) -> bool:
    """Whether nothing that waits for the disk was settled for so long that more should not wait for it."""
    return live.unsealed > 0 and asyncio.get_running_loop().time() - live.settled > PATIENCE_SECONDS


def give_up(d: Deployment, live: Live, track: Track, segments: Sequence[Segment]) -> None:
    """Lost at once, and so until few wait again: the disk does not keep up with the media."""
    live.giving_up = True
    for segment in segments:
        if not live.losing:
            log.error("disk_behind")
        _lost(d, live, track, segment)


def hand_over(d: Deployment, live: Live, track: Track, segments: Sequence[Segment]) -> None:
    """Segments of a track become durable in order. Those that wait are no task of their own, however many they are."""
    if not live.unsealed:
        live.settled = asyncio.get_running_loop().time()
    live.unsealed += len(segments)
    track.unsealed.extend(segments)
    if track.sealing is None:
        _seal_next(d, live, track)


def _seal_next(d: Deployment, live: Live, track: Track) -> None:
    track.sealing = asyncio.get_running_loop().create_task(_seal(d, live, track, track.unsealed.popleft()))
    live.sealing.add(track.sealing)
    track.sealing.add_done_callback(live.sealing.discard)


async def _seal(d: Deployment, live: Live, track: Track, segment: Segment) -> None:
    """One segment, and sees to the next. Where one waits already, it is not gathered with those of other calls."""
    async with d.sealing:
        if track.unsealed:
            with d.writing.at_once():
                await _seal_one(d, live, track, segment)
        else:
            await _seal_one(d, live, track, segment)
    live.unsealed -= 1
    live.settled = asyncio.get_running_loop().time()
    if live.unsealed <= RESUME_UNSEALED:
        live.giving_up = False
    track.sealing = None
    if track.unsealed:
        _seal_next(d, live, track)


async def _seal_one(d: Deployment, live: Live, track: Track, segment: Segment) -> None:
    """Crash: an object that no event names (swept), or a durable segment. A failed write loses the segment, says so in
    the accounting, and shuts nothing that is not shut."""
    current: Segment | None = segment
    try:
        current = track.gate.rejudge(segment)
        while current is not None:
            artifact = track.artifact
            persons = [PersonId(p) for p in track.persons]
            stored = await store_sound(d, ArtifactId(artifact), persons, current.payload, current.encoding)
            async with live.lock:
                judged = track.gate.rejudge(current)
                if judged is current and artifact == track.artifact:
                    await _name(d, live, track, current, stored)
                    return
            await discard(d, live, stored)
            current = judged
    except OnRecordError as error:
        if not live.losing:
            log.error("segment_lost", code=error.code)
        _lost(d, live, track, current)
    except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
        log.error("segment_lost", error=type(error).__name__)
        _lost(d, live, track, current)


def _lost(d: Deployment, live: Live, track: Track, segment: Segment | None) -> None:
    """Held for ever it would be neither stored nor told of. The interaction is told where losses begin."""
    if segment is None:
        return
    with contextlib.suppress(CaptureError):
        track.gate.discarded(segment)
    d.measures.segments_lost += 1
    segment.payload[:] = bytes(len(segment.payload))
    if not live.losing:
        live.losing = True
        notice(d, live, Internal.MEDIA_LOST, {"track": track.name}, segment.start / segment.rate)


async def _name(d: Deployment, live: Live, track: Track, segment: Segment, stored: dict[str, Any]) -> None:
    """Under the lock. The event carries the track's account as of its own durability, and the fates up to there, which
    leave the gate's memory with it. An unexpected failure leaves unknown what is on record: the conversation halts."""
    data: dict[str, Any] = {
        "artifact": track.artifact,
        "track": track.name,
        "persons": list(track.persons),
        "classification": AUDIO_CLASSIFICATION,
        "epoch": segment.epoch,
        "uncertainty": segment.uncertainty,
        "rate": segment.rate,
        "encoding": segment.encoding.value,
        "start": segment.start,
        "samples": segment.samples,
        "gaps": [[gap.start, gap.end, gap.why.value] for gap in segment.gaps],
        "supersedes": [],
        "runs": _told(track.gate.peek_runs(segment.end)),
        "accounting": track.gate.snapshot(segment),
        **stored,
    }
    event = journal.internal(live, d, Internal.SEGMENT_SEALED, data, t=segment.start / segment.rate)
    try:
        known = track.artifact in live.conversation.artifacts
        place = Record(RecordKind.ARTIFACT, track.artifact, live.conversation.interaction, b"")
        await journal.append(d, live, [event], None if known else lambda _: [place])
    except OnRecordError:
        await discard(d, live, stored)
        raise
    except Exception:
        d.loose[stored["object"]] = live.conversation.interaction
        live.halt()
        raise
    try:
        track.gate.sealed(segment)
        track.gate.taken(segment.end)
    except BaseException:
        live.halt()
        raise
    live.losing = live.giving_up


def _told(runs: Sequence[Run]) -> list[list[Any]]:
    return [[run.start, run.end, run.fate.value] for run in runs]


async def sealed_or_lost(d: Deployment, live: Live) -> None:
    """Waits until nothing of it is on its way to the disk any more."""
    with d.writing.at_once():
        while live.sealing:
            await asyncio.wait(set(live.sealing))


async def seal_rest(d: Deployment, live: Live) -> None:
    """Waits for what is being sealed, then puts the account of every track on record."""
    await sealed_or_lost(d, live)
    async with live.lock:
        for track in live.tracks.values():
            runs = track.gate.peek_runs()
            data = {"track": track.name, "runs": _told(runs), "accounting": track.gate.snapshot()}
            known = live.conversation.tracks[track.name].accounting
            if runs or known != data["accounting"]:
                await journal.append(d, live, [journal.internal(live, d, Internal.TRACK_ACCOUNTED, data)])
            if runs:
                track.gate.taken(runs[-1].end)
