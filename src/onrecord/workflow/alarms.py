"""Alarms in both directions: what should be recorded and does not come, and what comes and should not
(docs/design/operations.md). Looked for once a second over what the gates count; nothing is asked per frame."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import structlog

from onrecord.interaction.events import Internal
from onrecord.interaction.record import Conversation
from onrecord.policy.kinds import Kind
from onrecord.policy.verdict import State
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live, Track
from onrecord.workflow.notices import notice

INTERVAL_SECONDS = 1.0
BATCH = 8
INSTANT = 0.02
STILL_COMING_SECONDS = 2.0
ABANDONED_SECONDS = 3600.0
ELSEWHERE = frozenset({"capture_report", "capture_ack"})
"""Who reports or acknowledges that it captures records by itself: no stream is awaited here."""
PAUSABLE = frozenset({"audiohook"})
"""Doors whose protocol lets this side pause the sender."""

log = structlog.get_logger("alarms")


class Alarm(StrEnum):
    """The first two are events and flags of the interaction; the third has both from what commands the platform."""

    RECORDING_GAP = "RECORDING_GAP"
    MEDIA_UNWANTED = "MEDIA_UNWANTED"
    COMMAND_NOT_FOLLOWED = "COMMAND_NOT_FOLLOWED"


class Why(StrEnum):
    NO_MEDIA = "no_media"
    NO_STREAM = "no_stream"
    NOT_PAUSED = "not_paused"
    ENDED = "ended"
    CLOSED = "closed"
    NOT_FOLLOWED = "not_followed"
    NOT_ACKNOWLEDGED = "not_acknowledged"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a cause stands before it is an alarm, in seconds; 0: it never is. `gap`: nothing comes that may be
    recorded. `unwanted`: media comes from a sender that was told to pause, or after the end of the call. `closed`: it
    comes from one that cannot be told, and nothing permits a recording."""

    gap: float = 10.0
    unwanted: float = 10.0
    closed: float = 300.0

    def off(self) -> list[str]:
        """Which of these are never an alarm."""
        return [name for name in ("gap", "unwanted", "closed") if not getattr(self, name)]

    def of(self, why: Why) -> float:
        match why:
            case Why.NO_MEDIA | Why.NO_STREAM:
                return self.gap
            case Why.NOT_PAUSED | Why.ENDED:
                return self.unwanted
            case Why.CLOSED:
                return self.closed
            case Why.NOT_FOLLOWED | Why.NOT_ACKNOWLEDGED:
                return INTERVAL_SECONDS


class Cause(NamedTuple):
    """At one stream or, where that is empty, of the conversation as a whole."""

    alarm: Alarm
    interaction: str
    stream: str
    why: Why


@dataclass(slots=True)
class _Heard:
    """What was last seen, and when it was last another."""

    mark: object
    moved: float


class Watch:
    """An alarm is raised once a stretch, and ends by itself with what caused it."""

    def __init__(self, d: Deployment, limits: Limits) -> None:
        self._d = d
        self._limits = limits
        self._heard: dict[tuple[str, str], _Heard] = {}
        self._since: dict[Cause, float] = {}
        self._elsewhere: set[str] = set()
        self._raised: dict[Cause, bool] = {}

    async def look(self, now: float) -> None:
        """`now` in seconds that only go on: a clock that is set raises nothing."""
        causes: set[Cause] = set()
        lives = list(self._d.live.items())
        for start in range(0, len(lives), BATCH):
            for name, live in lives[start : start + BATCH]:
                if live.conversation.seal is None and not live.halted:
                    causes.update(cause for cause in self._causes(name, live, now) if self._limits.of(cause.why))
            await asyncio.sleep(0)  # media and control come in between
        for cause in self._since.keys() - causes:
            del self._since[cause]
            if cause in self._raised:
                self._end(cause)
        for cause in causes:
            since = self._since.setdefault(cause, now)
            if cause not in self._raised and now - since >= self._limits.of(cause.why):
                self._raise(cause)
        self._heard = {key: heard for key, heard in self._heard.items() if key[0] in self._d.live}
        self._elsewhere &= self._d.live.keys()

    def _causes(self, name: str, live: Live, now: float) -> Iterator[Cause]:
        """What is not as it should be."""
        c = live.conversation
        if any(entry.answer is not None and not entry.answer["followed"] for entry in c.commanded.values()):
            yield Cause(Alarm.COMMAND_NOT_FOLLOWED, name, "", Why.NOT_FOLLOWED)
        if any(entry.answer is not None and not entry.answer["acknowledged"] for entry in c.systems.values()):
            yield Cause(Alarm.COMMAND_NOT_FOLLOWED, name, "", Why.NOT_ACKNOWLEDGED)
        streams = _streams(live)
        marks = {stream: sum(t.gate.head for t in tracks) for stream, tracks in streams.items()}
        still = now - self._moved((name, ""), (len(live.said), marks), now)
        for stream, tracks in streams.items():
            quiet = now - self._moved((name, stream), marks[stream], now)
            if quiet < STILL_COMING_SECONDS:
                yield from self._unwanted(name, live, stream, tracks)
            if quiet > 0 and still < ABANDONED_SECONDS and self._wanted(live, _head(tracks)):
                yield Cause(Alarm.RECORDING_GAP, name, stream, Why.NO_MEDIA)
        if not streams and not _recorded_by_others(c) and still < ABANDONED_SECONDS and self._wanted(live, None):
            if still == 0 and _captured_elsewhere(live):
                self._elsewhere.add(name)
            if name not in self._elsewhere:
                yield Cause(Alarm.RECORDING_GAP, name, "", Why.NO_STREAM)

    def _moved(self, key: tuple[str, str], mark: object, now: float) -> float:
        """When `mark` was last another."""
        heard = self._heard.get(key)
        if heard is None or heard.mark != mark:
            heard = self._heard[key] = _Heard(mark, now)
        return heard.moved

    def _wanted(self, live: Live, head: float | None) -> bool:
        """Whether a call that goes on may be recorded, both now and where its media stands."""
        c = live.conversation
        if c.started_at is None:
            return False
        now = live.now(live.clock_ns(self._d.clock))
        ended = c.ended_t is not None and now >= c.ended_t
        return not ended and not _closed(live, now) and (head is None or not _closed(live, head))

    def _unwanted(self, name: str, live: Live, stream: str, tracks: list[Track]) -> Iterator[Cause]:
        """What this process shuts because it cannot keep up is told of as that."""
        if stream in live.overloads:
            return
        c, head = live.conversation, _head(tracks)
        if c.ended_t is not None and head > c.ended_t:
            yield Cause(Alarm.MEDIA_UNWANTED, name, stream, Why.ENDED)
            return
        now = live.now(live.clock_ns(self._d.clock))
        if not _closed(live, head) or not _closed(live, now):
            return
        if _door(live, stream) in PAUSABLE:
            yield Cause(Alarm.MEDIA_UNWANTED, name, stream, Why.NOT_PAUSED)
        elif live.is_shut or live.timeline.decision(Kind.AUDIO_RECORDING, now).state is not State.PAUSED:
            yield Cause(Alarm.MEDIA_UNWANTED, name, stream, Why.CLOSED)

    def _raise(self, cause: Cause) -> None:
        self._d.measures.alarms[cause.alarm] += 1
        self._d.measures.alarms_active[cause.alarm] += 1
        log.warning("alarm", alarm=cause.alarm.value, why=cause.why.value, interaction=cause.interaction)
        self._raised[cause] = self._told(Internal.ALARM_RAISED, cause)

    def _end(self, cause: Cause) -> None:
        self._d.measures.alarms_active[cause.alarm] -= 1
        log.info("alarm_over", alarm=cause.alarm.value, why=cause.why.value, interaction=cause.interaction)
        if self._raised.pop(cause):
            self._told(Internal.ALARM_CLEARED, cause)

    def _told(self, kind: Internal, cause: Cause) -> bool:
        """Whether the interaction is told of it."""
        live = self._d.live.get(cause.interaction)
        if live is None or live.conversation.seal is not None or cause.alarm is Alarm.COMMAND_NOT_FOLLOWED:
            return False
        data = {"alarm": cause.alarm.value, "why": cause.why.value, "stream": cause.stream}
        notice(self._d, live, kind, data, live.now(live.clock_ns(self._d.clock)))
        return True


def _recorded_by_others(c: Conversation) -> bool:
    """By a platform, or by a capture system that is commanded: no stream is awaited here."""
    return bool(c.commanded) or any(
        Kind.AUDIO_RECORDING in entry.kinds and not entry.lacking for entry in c.systems.values()
    )


def _captured_elsewhere(live: Live) -> bool:
    told = (said.event for said in live.said.values() if said.event.type in ELSEWHERE)
    return any(Kind.AUDIO_RECORDING in event.data.get("kinds", ()) for event in told)


def _streams(live: Live) -> dict[str, list[Track]]:
    """The tracks of each stream that is open."""
    found: dict[str, list[Track]] = {}
    for track in live.tracks.values():
        if track.stream is not None:
            found.setdefault(track.stream, []).append(track)
    return found


def _head(tracks: list[Track]) -> float:
    """Seconds of media heard."""
    return max(track.gate.head / track.rate for track in tracks)


def _closed(live: Live, at: float) -> bool:
    return bool(live.permission().closed(at, at + INSTANT))


def _door(live: Live, stream: str) -> str:
    opened = live.conversation.streams.get(stream)
    return "" if opened is None else str(opened["door"])


async def keep_watch(d: Deployment, limits: Limits) -> None:
    """Until cancelled, whatever a look meets."""
    watch = Watch(d, limits)
    pause = min([INTERVAL_SECONDS, *(each / 4 for each in (limits.gap, limits.unwanted, limits.closed) if each)])
    while True:
        await asyncio.sleep(pause)
        try:
            await watch.look(time.monotonic())
        except Exception as error:  # noqa: BLE001  the outermost loop of a task that nobody awaits
            log.error("watch_failed", error=type(error).__name__)
