"""Media enters: a token opens a stream, frames pass the gates of this process, segments are sealed behind them."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import new_artifact_id, new_person_id
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.segment import Segment
from onrecord.capture.track import TrackGate
from onrecord.interaction.events import Internal
from onrecord.policy.call import STAFF
from onrecord.signal.encoding import Encoding
from onrecord.storage.ports import NotStoredError, Record
from onrecord.workflow import journal
from onrecord.workflow.admit import token_id
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import BadTokenError, SealedError, StreamConflictError
from onrecord.workflow.find import find
from onrecord.workflow.listening import attach
from onrecord.workflow.live import Live, Track
from onrecord.workflow.segments import give_up, hand_over, is_full, seal_rest, stands_still
from onrecord.workflow.side_records import RecordKind, opened, places, sealed

RECONNECT_UNCERTAINTY = 0.5
AHEAD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class NewTrack:
    name: str
    rate: int
    encoding: Encoding


@dataclass(slots=True)
class Stream:
    """One open socket's media. `timestamp`s of `offer` are samples of the stream, from its own second 0, which was
    `since` on the event loop's clock where the stream comes at its own pace, and is `start` on the interaction's."""

    id: str
    live: Live
    tracks: dict[str, Track]
    clocks: dict[str, ClockMap]
    start: float
    since: float

    @property
    def head(self) -> float:
        """Where its media has come to, in seconds on the interaction's clock."""
        return max(self.start, *(track.gate.head / track.rate for track in self.tracks.values()))


@dataclass(frozen=True, slots=True)
class Session:
    """A platform's own id of its connection. With a token that one which it `continues` used up it comes in, once."""

    id: str
    continues: frozenset[str] = frozenset()


async def open_stream(
    d: Deployment,
    token: str,
    tracks: Sequence[NewTrack],
    offset: float | None,
    door: str,
    session: Session | None = None,
) -> Stream:
    """The token is used up only where this succeeds; nothing is accounted for before. `offset` in seconds; without
    one 0 for the first stream and the moment of connection for a later one.

    Errors: BadTokenError, StreamConflictError, SealedError, CaptureError (bad_clock), StorageError."""
    record = await asyncio.get_running_loop().run_in_executor(d.executor, _unused, d, token, session)
    live = await find(d, record.interaction)
    async with live.lock:
        if live.conversation.seal is not None or live.closing:
            raise SealedError("the interaction is sealed, or being sealed")
        if record.id in live.tokens_used:
            record = await asyncio.get_running_loop().run_in_executor(d.executor, _unused, d, token, session)
        _refuse_conflict(live, tracks)
        start, uncertainty = _origin(d, live, offset)
        clocks = {t.name: ClockMap(t.rate, start, uncertainty, live.epochs) for t in tracks}
        identifier = f"str_{os.urandom(16).hex()}"
        persons = {t.name: _persons_of(live, t.name) for t in tracks}
        data = {
            "stream": identifier,
            "door": door,
            "epoch": live.epochs,
            "offset": start,
            "uncertainty": uncertainty,
            "tracks": [
                {"name": t.name, "rate": t.rate, "encoding": t.encoding.value, "persons": list(persons[t.name])}
                for t in tracks
            ],
        }
        used = await asyncio.get_running_loop().run_in_executor(d.writers, _used, d, record, session)
        event = journal.internal(live, d, Internal.STREAM_OPENED, data, t=start)
        heard = dict.fromkeys(person for named in persons.values() for person in named)
        await journal.append(d, live, [event], lambda _: [used, *places(record.interaction, heard)])
        live.tokens_used.add(record.id)
        live.epochs += 1
        for track in tracks:
            _attach(live, track, clocks[track.name], persons[track.name], identifier)
            live.listening = attach(live.listening, d.prompts, track.name, track.encoding, track.rate)
    named = {t.name: live.tracks[t.name] for t in tracks}
    return Stream(identifier, live, named, clocks, start, asyncio.get_running_loop().time())


def _unused(d: Deployment, token: str, session: Session | None) -> Record:
    """Errors: BadTokenError, StorageError."""
    record = d.store.record(d.tenant, RecordKind.STREAM_TOKEN, token_id(token))
    if record is not None:
        body = opened(d.vault, d.tenant, record)
        if not body["used"] or (session is not None and body.get("session") in session.continues):
            return record
    raise BadTokenError("this stream token is not valid, or was used")


def _used(d: Deployment, record: Record, session: Session | None) -> Record:
    body = {"interaction": record.interaction, "used": True, "session": None if session is None else session.id}
    return sealed(d.vault, d.tenant, RecordKind.STREAM_TOKEN, record.id, body, interaction=record.interaction)


def _refuse_conflict(live: Live, tracks: Sequence[NewTrack]) -> None:
    for track in tracks:
        known = live.tracks.get(track.name)
        if known is None:
            continue
        if known.stream is not None:
            raise StreamConflictError("a stream for this track is live")
        if known.rate != track.rate or known.encoding != track.encoding.value:
            raise StreamConflictError("the track was begun in another format")


def _origin(d: Deployment, live: Live, offset: float | None) -> tuple[float, float]:
    if offset is not None:
        return offset, 0.0
    if not live.conversation.streams:
        return 0.0, 0.0
    return live.now(live.clock_ns(d.clock)), RECONNECT_UNCERTAINTY


def _persons_of(live: Live, track: str) -> tuple[str, ...]:
    """Who is heard on a track: the parties of that role. On one that is named for nobody all who take part may be
    heard; on one of staff that nobody told of, a provisional person."""
    known = live.tracks.get(track)
    if known is not None:
        return known.persons
    named = live.conversation.person_of(track)
    everybody = () if track in STAFF else live.conversation.everybody()
    return named or everybody or (new_person_id(),)


def _attach(live: Live, new: NewTrack, clock: ClockMap, persons: tuple[str, ...], stream: str) -> None:
    known = live.tracks.get(new.name)
    if known is None:
        gate = TrackGate(new.encoding, clock, live.permission(), live.conversation.hold_back)
        live.tracks[new.name] = Track(new.name, gate, new_artifact_id(), persons, new.rate, new.encoding.value, stream)
    else:
        known.gate.begin(clock)
        known.stream = stream


def offer(d: Deployment, stream: Stream, track: str, timestamp: int, payload: bytes) -> bool:
    """One wire frame, judged in memory at once; whether the stream had better wait for the disk now (`room`). Where
    the disk has no room and the stream cannot wait, what would be handed over is lost.

    Errors: FrameError (counted as invalid, nothing else touched), SealedError once the interaction is being sealed,
    NotStoredError once it is halted, as it is by whatever else happens here: the frame's account is not known."""
    held = stream.tracks[track]
    if held.stream != stream.id:
        if stream.live.halted:
            raise NotStoredError("what is on record of this conversation is being looked up")
        raise SealedError("the interaction is sealed")
    try:
        position = stream.clocks[track].position(timestamp)
        segments = held.gate.offer(position, payload)
        if stream.live.listening is not None:
            stream.live.listening.write(track, position, payload)
        return bool(segments) and _handed_over(d, stream, held, segments)
    except OnRecordError:
        raise
    except BaseException:
        stream.live.halt()
        raise


def _handed_over(d: Deployment, stream: Stream, track: Track, segments: Sequence[Segment]) -> bool:
    """Whether the stream had better wait for the disk now."""
    live = stream.live
    waits = may_wait(stream)
    if live.giving_up or (is_full(live) and not waits):
        give_up(d, live, track, segments)
    else:
        hand_over(d, live, track, segments)
    return is_full(live) and waits


def may_wait(stream: Stream) -> bool:
    """Whether the stream is ahead of the clock, and the disk goes on: then it loses nothing by not being read."""
    passed = asyncio.get_running_loop().time() - stream.since
    return stream.head - stream.start - passed > AHEAD_SECONDS and not stands_still(stream.live)


async def room(stream: Stream) -> None:
    """Returns when there is room for what the stream hands over, or when it cannot wait any longer."""
    while is_full(stream.live) and may_wait(stream):
        await asyncio.wait(set(stream.live.sealing), timeout=AHEAD_SECONDS, return_when=asyncio.FIRST_COMPLETED)


def refuse(stream: Stream) -> None:
    """Media that does not decode: counted as one frame of 20 ms on the stream's first track."""
    track = next(iter(stream.tracks.values()))
    track.gate.accounting.refuse(track.rate // 50)


async def close_stream(d: Deployment, stream: Stream, reason: str, refused: dict[str, int]) -> None:
    """The socket is gone; what is held waits for the call to go on or to end. `reason` is a code of this side,
    `refused` counts by code what was not taken."""
    attached = [track for track in stream.tracks.values() if track.stream == stream.id]
    if not attached:
        return
    for track in attached:
        track.stream = None
    live = stream.live
    async with live.lock:
        data = {"stream": stream.id, "reason": reason, "refused": refused}
        await journal.append(d, live, [journal.internal(live, d, Internal.STREAM_CLOSED, data)])
    if live.listening is not None:
        live.listening.wake()
    await drain_if_ended(d, live)


async def drain_if_ended(d: Deployment, live: Live) -> None:
    """After the end of the call and of its sockets nothing more is to come: what is held is decided, and what was kept
    to listen for prompts is let go."""
    if live.conversation.ended_t is not None and all(track.stream is None for track in live.tracks.values()):
        await drain(d, live)
        live.forget_sound()


async def drain(d: Deployment, live: Live) -> None:
    """Decides all that is held, by the verdicts known now, and waits until what may be kept is durable. First what was
    heard is: it may open."""
    if live.listening is not None:
        await live.listening.conclude()
    for track in live.tracks.values():
        segments = track.gate.flush()
        if segments:
            hand_over(d, live, track, segments)
    await seal_rest(d, live)


def recheck(live: Live) -> None:
    """Gives every gate the permission as it is now; what it closes is silenced before this returns. Then tells those
    who watch. Where that fails (memory ran out) the conversation halts, which needs nothing."""
    try:
        if live.tracks:
            permission = live.permission()
            for track in live.tracks.values():
                track.gate.permission = permission
    except BaseException:
        live.halt()
        raise
    live.told()
