"""Recordings that a platform makes itself: told of by a client, then brought to the verdict until they are read back.

What is on record is the telling and what came of it, not the orders: after a crash the verdict says again what a
platform is to do, and with gates that start shut that is a pause."""

import asyncio
import contextlib
import os
import time
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.capture.commanded import Following, Outcome, RecordingControl, Target, Wish
from onrecord.capture.errors import ControlError
from onrecord.interaction.events import Internal
from onrecord.interaction.record import CommandedEntry
from onrecord.policy.kinds import Kind
from onrecord.storage.ports import Record
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ContentErasedError, InvalidRequestError, PlatformUnknownError, SealedError
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.notices import notice
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind

MAX_RECORDINGS = 16
LEAVE_SECONDS = 6.0
LOOK_SECONDS = 1.0  # how often a verdict is looked at that changes by time alone
INSTANT = 0.02

log = structlog.get_logger("command")


async def command_recording(
    d: Deployment, live: Live, principal: Principal, platform: str, target: Target
) -> tuple[str, bool]:
    """(id, whether it is new). From now on the platform follows the verdict of this conversation. Told again: the same.

    Errors: ForbiddenError, PlatformUnknownError, SealedError, ContentErasedError, InvalidRequestError, StorageError."""
    principal.need(Scope.INTERACTIONS_WRITE)
    if platform not in d.commanding.controls:
        raise PlatformUnknownError("this server has no access to that platform")
    async with live.lock:
        c = live.conversation
        known = next(
            (k for k, e in c.commanded.items() if (e.platform, e.call, e.recording) == _key(platform, target)), ""
        )
        if known:
            return known, False
        if c.seal is not None:
            raise SealedError("the interaction is sealed")
        if c.erased or c.unreadable:
            raise ContentErasedError("of what was erased nothing more is taken but what closes")
        if len(c.commanded) >= MAX_RECORDINGS:
            raise InvalidRequestError("an interaction has at most 16 recordings of a platform")
        name = f"rec_{os.urandom(16).hex()}"
        data = {"recording": name, "platform": platform, "call": target.call, "platform_recording": target.recording}
        mark = Record(RecordKind.COMMANDED, name, c.interaction, b"")
        event = journal.internal(live, d, Internal.RECORDING_COMMANDED, data)
        await journal.append(d, live, [event], lambda _: [mark])
    _start(d, live.conversation.interaction, name)
    return name, True


def _key(platform: str, target: Target) -> tuple[str, str, str | None]:
    return platform, target.call, target.recording


def resume_commands(d: Deployment) -> None:
    """At a start: goes on with every recording that had not ended. Errors: StorageError."""
    for record in d.store.records(d.tenant, RecordKind.COMMANDED):
        _start(d, record.interaction, record.id)


async def leave_paused(d: Deployment) -> None:
    """For the end of the process: tells every platform to pause, and waits for that, at most LEAVE_SECONDS."""
    d.commanding.leaving.set()
    for live in tuple(d.live.values()):
        live.told()
    if d.commanding.tasks:
        _, late = await asyncio.wait(set(d.commanding.tasks), timeout=LEAVE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            log.error("left_recording", recordings=len(late))


def _start(d: Deployment, interaction: str, name: str) -> None:
    task = asyncio.get_running_loop().create_task(_Follower(d, interaction, name).run())
    d.commanding.tasks.add(task)
    task.add_done_callback(d.commanding.tasks.discard)


class _Follower:
    """Keeps one recording to the verdict, until the platform has ended it."""

    def __init__(self, d: Deployment, interaction: str, name: str) -> None:
        self._d = d
        self._interaction = interaction
        self._name = name
        self._woken = asyncio.Event()
        self._following: Following | None = None
        self._found: str | None = None
        self._entry: CommandedEntry | None = None  # outlives the erasure of its telling, to be stopped

    async def run(self) -> None:
        """Whatever a round meets."""
        pause: float | None = 0.0
        while pause is not None:
            self._woken.clear()
            try:
                pause = await self._round()
            except OnRecordError as error:
                pause = LOOK_SECONDS
                log.error("command_failed", code=error.code)
            except Exception as error:  # noqa: BLE001  a task that nobody awaits
                pause = LOOK_SECONDS
                log.error("command_failed", error=type(error).__name__)
            if pause:
                await self._wait(pause)

    async def _round(self) -> float | None:
        """Seconds until the next; None after the last."""
        live = await find(self._d, self._interaction)
        live.watchers.add(self._woken.set)
        entry = self._entry = live.conversation.commanded.get(self._name) or self._entry
        control = None if entry is None else self._d.commanding.controls.get(entry.platform)
        now = time.monotonic()
        wish = wish_of(self._d, live)
        following = self._following = self._following or Following(
            wish, now, deadline=self._d.commanding.deadline, paused=_paused(entry)
        )
        following.ask(wish, now)
        if entry is not None and control is None:
            self._tell(live, following.given_up("platform_unknown", now))
            return None
        if entry is None or control is None:
            self._tell(live, following.given_up("target_erased", now))
        elif following.due_in(now) == 0:
            target = Target(entry.call, entry.recording or self._found)
            await self._attempt(live, control, target, following)
        if following.done:
            live.watchers.discard(self._woken.set)
            await self._unmark()
            return None
        if following.followed and self._d.commanding.leaving.is_set():
            return None
        return min(LOOK_SECONDS, following.due_in(time.monotonic()))

    async def _attempt(self, live: Live, control: RecordingControl, target: Target, following: Following) -> None:
        """One order, where one is due, and its reading back."""
        try:
            if following.commands:
                target = Target(target.call, await control.command(target, following.wish))
            reading = await control.read(target)
        except ControlError as error:
            outcome = following.failed(error.code, time.monotonic())
        else:
            self._found = reading.recording
            outcome = following.seen(reading.status, time.monotonic())
        self._tell(live, outcome)

    def _tell(self, live: Live, outcome: Outcome | None) -> None:
        """Where the record takes nothing at present it is said later, once: a platform that defies is not forgotten."""
        if outcome is not None:
            now = live.now(self._d.clock.now_ns())
            notice(self._d, live, Internal.COMMAND_ANSWERED, _told(self._name, outcome), now)

    async def _unmark(self) -> None:
        d = self._d
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.COMMANDED, self._name)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()


def wish_of(d: Deployment, live: Live) -> Wish:
    """What a recording is to do at present: to stop where nothing can open it any more, to pause while it is closed."""
    c = live.conversation
    now = live.now(live.clock_ns(d.clock))
    if c.seal is not None or c.erased or c.unreadable or (c.ended_t is not None and c.ended_t <= now):
        return Wish.STOP
    if not live.closed(Kind.AUDIO_RECORDING, now, now + INSTANT):
        return Wish.PAUSE if d.commanding.leaving.is_set() else Wish.RECORD
    made = live.timeline.decision(Kind.AUDIO_RECORDING, now)
    return Wish.PAUSE if made.can_end or live.is_shut else Wish.STOP


def _paused(entry: CommandedEntry | None) -> bool:
    return entry is not None and entry.answer is not None and entry.answer["wish"] == Wish.PAUSE


def _told(name: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "recording": name,
        "wish": outcome.wish.value,
        "followed": outcome.followed,
        "status": None if outcome.status is None else outcome.status.value,
        "code": outcome.code,
        "seconds": outcome.seconds,
        "attempts": outcome.attempts,
    }
