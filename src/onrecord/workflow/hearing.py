"""Whether a prompt that is claimed to have been delivered was heard: its registered sound is looked for in the outbound
track, in memory, around the instant of the claim (docs/design/prompts.md).

A claim that this process forgets in a crash, with the sound, keeps the grade that it came with."""

import asyncio
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.interaction.events import Event, Internal
from onrecord.signal.alignment import Hearing
from onrecord.signal.encoding import silence
from onrecord.signal.errors import SignalError
from onrecord.signal.listener import Ring, Search, samples_of
from onrecord.signal.reference import Reference, reference
from onrecord.workflow import journal
from onrecord.workflow.changes import messages, publish
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.listening import LOOK_SECONDS, MAX_CLAIMS, Claim, Listening, is_outbound
from onrecord.workflow.live import Live
from onrecord.workflow.notices import notice
from onrecord.workflow.prompt_register import REGISTERED, Entry
from onrecord.workflow.prompts import sound_of
from onrecord.workflow.stream import recheck

BEFORE_S = 5.0
AFTER_S = 3.0
"""A claim may name the beginning or the end of a delivery: so much before the one and after the other is looked at."""
WHOLE = 0.95
RIVALS = 32
_COVERED = 0.8
_KEPT_SECONDS = 1800.0
log = structlog.get_logger("hearing")


class Grade(StrEnum):
    HEARD = "heard"
    PARTLY_HEARD = "partly_heard"
    NOT_HEARD = "not_heard"
    NOT_DETERMINABLE = "not_determinable"


class Why(StrEnum):
    """Why it is not determinable; and of what was not heard where it is claimed, that it was played elsewhere."""

    NO_TRACK = "no_outbound_track"
    NO_SOUND = "sound_not_held"
    NO_PROMPT = "prompt_not_usable"
    OUTSIDE = "outside_window"


class Found(NamedTuple):
    grade: Grade
    track: str | None = None
    hearing: Hearing | None = None
    why: Why | None = None


def claimed(d: Deployment, live: Live, events: Sequence[Event]) -> None:
    """Accepted events: of those that claim the delivery of a version with sound a grade follows, as an event."""
    listening = live.listening
    for event in events:
        if event.type != "prompt_delivered" or REGISTERED not in event.data:
            continue
        entry = d.prompts.named(event.data["prompt_version"])
        if entry is None or entry.audio is None:
            continue
        if listening is None:
            listening = live.listening = Listening()
        if len(listening.claims) < MAX_CLAIMS:
            listening.claims.append(Claim(event, entry.prompt.name, entry.audio.seconds))
    if listening is None:
        return
    listening.wake()
    if listening.claims and (listening.task is None or listening.task.done()):
        listening.task = asyncio.get_running_loop().create_task(_listen(d, live, listening))


async def _listen(d: Deployment, live: Live, listening: Listening) -> None:
    """Until every claim is judged. What fails leaves the claims as they are."""
    live.watchers.add(listening.wake)
    try:
        while listening.claims and not live.halted and live.conversation.seal is None:
            listening.woken.clear()
            await _look(d, live, listening)
            if listening.claims:
                await listening.woken.wait()
    except OnRecordError as error:
        log.error("hearing_failed", code=error.code)
    except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
        log.error("hearing_failed", error=type(error).__name__)
    finally:
        listening.claims.clear()
        live.watchers.discard(listening.wake)


async def _look(d: Deployment, live: Live, listening: Listening) -> None:
    for claim in tuple(listening.claims):
        found = await _judge(d, live, listening, claim)
        if found is not None and claim in listening.claims:
            listening.claims.remove(claim)
            if found.hearing is not None and found.track is not None:
                listening.taken[claim.name].append((found.track, found.hearing.start))
            await _say(d, live, claim, found)
    _keep(listening)


def _keep(listening: Listening) -> None:
    """What is still to be looked through is not forgotten; the next look is when there is a second of it."""
    waiting: list[float] = []
    for track, ring in listening.rings.items():
        needed = min((_from(claim, ring, track) for claim in listening.claims), default=None)
        ring.keep_from = needed
        if needed is not None:
            waiting.append(max(needed, ring.start) / ring.rate + LOOK_SECONDS)
    listening.await_sound(min(waiting, default=math.inf))


def _from(claim: Claim, ring: Ring, track: str) -> int:
    search = claim.searches.get(track)
    return search.next if search is not None else _window(claim, ring)[0]


def _window(claim: Claim, ring: Ring) -> tuple[int, int]:
    """Where the prompt may be, in samples of the track."""
    start = max(0.0, claim.event.t - claim.event.uncertainty - claim.seconds - BEFORE_S)
    end = claim.event.t + claim.event.uncertainty + claim.seconds + AFTER_S
    return int(start * ring.rate), max(0, int(end * ring.rate))


async def _judge(d: Deployment, live: Live, listening: Listening, claim: Claim) -> Found | None:
    """None while more is to come that may tell. Errors: StorageError, VaultError."""
    coming = not listening.ended and _outbound_goes_on(live, listening)
    if not listening.rings:
        unheard = any(map(is_outbound, live.tracks))
        return None if coming else Found(Grade.NOT_DETERMINABLE, why=Why.NO_SOUND if unheard else Why.NO_TRACK)
    if claim.reference is None:
        try:
            claim.reference = await _reference(d, claim.name)
        except SignalError:
            return Found(Grade.NOT_DETERMINABLE, why=Why.NO_PROMPT)
    over = True
    for track, ring in listening.rings.items():
        over &= await _advance(d, claim, claim.reference, track, ring, coming=coming)
    found = sorted(listening.found(claim), key=lambda pair: (-min(pair[1].fraction, WHOLE), claim.off(pair[1])))
    if found and found[0][1].fraction >= WHOLE:
        return Found(Grade.HEARD, *found[0])
    if not over:
        return None
    if found and not await _is_another(d, listening, claim, *found[0]):
        return Found(Grade.PARTLY_HEARD, *found[0])
    if found or any(_covered(claim, ring, coming=coming) for ring in listening.rings.values()):
        outside = not found and await _is_elsewhere(d, listening, claim, claim.reference)
        return Found(Grade.NOT_HEARD, why=Why.OUTSIDE if outside else None)
    return Found(Grade.NOT_DETERMINABLE, why=Why.NO_SOUND)


def _outbound_goes_on(live: Live, listening: Listening) -> bool:
    """Whether sound may come that the caller hears: from a stream of such a track, or where no stream was there yet."""
    c = live.conversation
    if listening.rings:
        return any(live.tracks[name].stream is not None for name in listening.rings)
    return not c.streams and c.ended_t is None and not live.closing


async def _advance(d: Deployment, claim: Claim, wanted: Reference, track: str, ring: Ring, *, coming: bool) -> bool:
    """Looks through what came since; whether that was all."""
    first, last = _window(claim, ring)
    over = ring.end >= last or not coming
    if not ring.end:
        return over
    search = claim.searches.get(track)
    if search is None:
        begin = max(first, ring.start)
        search = claim.searches[track] = Search([wanted], ring.encoding, ring.rate, begin)
    lost = max(0, min(ring.start, last) - search.next)
    sound = silence(ring.encoding, lost) + ring.part(search.next, last)
    if over or len(sound) >= LOOK_SECONDS * ring.rate * ring.encoding.width:
        await asyncio.get_running_loop().run_in_executor(d.executor, _search, search, sound, over)
    return over


def _search(search: Search, sound: bytes, over: bool) -> None:
    search.take(sound)
    if over:
        search.finish()


def _covered(claim: Claim, ring: Ring, *, coming: bool) -> bool:
    """Whether there was sound of the track for as long as the prompt is, from the claimed instant on or up to it; as
    far as the call went on."""
    at, length = round(claim.event.t * ring.rate), round(claim.seconds * ring.rate)
    until = at + length if coming else min(at + length, max(ring.end, at + ring.rate))
    after = ring.there(at, until) >= _COVERED * (until - at)
    return after or ring.there(at - length, at) >= _COVERED * length


async def _is_another(d: Deployment, listening: Listening, claim: Claim, track: str, heard: Hearing) -> bool:
    """Whether more of another prompt, with the same beginning, is heard there. Errors: StorageError, VaultError."""
    ring = listening.rings[track]
    others = [entry for entry in d.prompts.all() if entry.audio is not None and entry.prompt.name != claim.name]
    others.sort(key=lambda entry: entry.prompt.prompt_id != claim.name.rpartition("@")[0])
    rivals = [made for entry in others[:RIVALS] if (made := await _usable(d, entry)) is not None]
    if not rivals:
        return False
    longest = max(rival.seconds for rival in rivals)
    begin = max(ring.start, int((heard.start - 1.0) * ring.rate))
    sound = ring.part(begin, int((heard.start + longest + 1.0) * ring.rate))
    search = Search(rivals, ring.encoding, ring.rate, begin)
    await asyncio.get_running_loop().run_in_executor(d.executor, _search, search, sound, True)
    together = [h for h in search.found() if h.start < heard.end and heard.start < h.end]
    return any(h.end - h.start > heard.end - heard.start + 0.1 for h in together)


async def _is_elsewhere(d: Deployment, listening: Listening, claim: Claim, wanted: Reference) -> bool:
    """Whether all of it was played at another time of which the sound is still held."""
    for track, ring in listening.rings.items():
        search = Search([wanted], ring.encoding, ring.rate, ring.start)
        sound = ring.part(ring.start, ring.end)
        await asyncio.get_running_loop().run_in_executor(d.executor, _search, search, sound, True)
        if any(h.fraction >= WHOLE and listening.free(claim, track, h) for h in search.found()):
            return True
    return False


async def _usable(d: Deployment, entry: Entry) -> Reference | None:
    try:
        return await _reference(d, entry.prompt.name)
    except SignalError:
        return None


async def _reference(d: Deployment, name: str) -> Reference:
    """Errors: SignalError where the sound is silent, or too short or too long; StorageError, VaultError."""
    known = d.references.get(name)
    if known is not None:
        return known
    prompt_id, _, version = name.rpartition("@")
    wave = await sound_of(d, prompt_id, version)
    if wave is None:
        raise SignalError("this prompt has no sound", code="prompt_silent")

    def make() -> Reference:
        return reference(name, samples_of(wave.samples, wave.encoding), wave.rate)

    made = await asyncio.get_running_loop().run_in_executor(d.executor, make)
    if sum(each.seconds for each in d.references.values()) + made.seconds > _KEPT_SECONDS:
        d.references.clear()
    d.references[name] = made
    return made


def _told(claim: Claim, found: Found) -> dict[str, Any]:
    data: dict[str, Any] = {
        "prompt_version": claim.event.data["prompt_version"],
        "claim": claim.event.event_id,
        "grade": found.grade.value,
        "fraction": 0.0,
    }
    if found.hearing is not None:
        h = found.hearing
        data |= {"fraction": round(h.fraction, 4), "score": round(h.score, 4), "track": found.track}
        data |= {"start": round(h.start, 4), "end": round(h.end, 4)}
        data |= {"ref_start": round(h.ref_start, 4), "ref_end": round(h.ref_end, 4)}
    if found.grade is Grade.NOT_DETERMINABLE:
        del data["fraction"]
    if found.why is not None:
        data["why"] = found.why.value
    return data | {name: claim.event.data[name] for name in ("to", "party_id", REGISTERED) if name in claim.event.data}


async def _say(d: Deployment, live: Live, claim: Claim, found: Found) -> None:
    """The fact takes effect at the end of what was heard, and not before the claim."""
    data = _told(claim, found)
    t = claim.event.t if found.hearing is None else max(claim.event.t, found.hearing.end)
    async with live.lock:
        if live.conversation.seal is not None or live.conversation.erased or live.halted:
            return
        event = journal.internal(live, d, Internal.PROMPT_HEARD, data, t=t)
        before = live.timeline
        try:
            (place,) = await journal.append(d, live, [event])
        except OnRecordError as error:
            log.error("hearing_put_off", code=error.code)
            notice(d, live, Internal.PROMPT_HEARD, data, t)
            return
        recheck(live)
        name = live.conversation.interaction
        await publish(d.feed, messages(name, before, live.timeline, {event.event_id: place.index}, place.index))
