"""Starts, keeps and ends the loops of capture systems, and looks after what time alone changes."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.workflow import outbox, outbox_lane
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.outboxes import Lane, Pair, Registered
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.systems_review import review
from onrecord.workflow.turns import turn

LOOK_SECONDS = 0.25
AGAIN_SECONDS = 1.0
LEAVE_SECONDS = 6.0
POLL_SECONDS = 0.02
CALL_SECONDS = 4.0
MIN_CALL_SECONDS = 0.5
LOOKS_AT_ONCE = 50
MOST_LOOKS = 500
MAX_KEPT = 20_000  # conversations that one system has been stopped in and has not confirmed, in memory

log = structlog.get_logger("outbox")


def open_lane(d: Deployment, registered: Registered) -> Lane:
    """Errors: OriginError."""
    system = registered.system
    seconds = min(CALL_SECONDS, max(MIN_CALL_SECONDS, system.deadline))
    if d.outbox.make is None:
        raise OnRecordError("this server sends nothing", code="platform_unknown")
    outside = d.outbox.make((system.control_url, system.state_url), registered.key, seconds)
    lane = d.outbox.lanes[system.id] = Lane(registered, outside)
    return lane


def begin(d: Deployment) -> None:
    """Once what the last end left is taken up."""
    for lane in d.outbox.lanes.values():
        outbox_lane.start(d, lane)


async def keep_outbox(d: Deployment) -> None:
    """Until cancelled, whatever a look meets."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await look_round(d)
        except Exception as error:  # noqa: BLE001  the outermost loop of a task that nobody awaits
            log.error("outbox_failed", error=type(error).__name__)


async def look_round(d: Deployment) -> None:
    """What changes by time: verdicts, contracts that expire, deadlines that pass."""
    _expire(d)
    now = time.monotonic()
    due = [name for name, at in d.outbox.due.items() if at <= now]
    await _close_at_once(d, due)
    for start in range(0, min(len(due), MOST_LOOKS), LOOKS_AT_ONCE):
        some = due[start : start + LOOKS_AT_ONCE]
        await asyncio.gather(*(asyncio.create_task(_look(d, name)) for name in some))
    for lane in tuple(d.outbox.lanes.values()):
        for pair in [pair for pair in lane.pairs.values() if _is_overdue(lane, pair, now)][:LOOKS_AT_ONCE]:
            await asyncio.create_task(_overdue(d, lane, pair))
        _make_room(lane)
    await _sweep_retired(d)


async def _close_at_once(d: Deployment, names: Sequence[str]) -> None:
    """What closes goes out before anything waits for the disk; after a start, of all calls."""
    for count, name in enumerate(names):
        live = d.live.get(name)
        if live is not None:
            _recall(d, live)
            outbox.changed(d, live)
            _schedule(d, name)
        if count % LOOKS_AT_ONCE == LOOKS_AT_ONCE - 1:
            await turn()


def _is_overdue(lane: Lane, pair: Pair, now: float) -> bool:
    pursuit = pair.pursuit
    late = pursuit.waited(now) >= lane.registered.system.deadline
    return late and pair.attempt is None and not pursuit.followed and not pursuit.told and pair.ticket > 0


async def _look(d: Deployment, name: str) -> None:
    """In a task of its own, with whose end the conversation may leave memory again."""
    d.outbox.due.pop(name, None)
    try:
        live = await find(d, name)
        _recall(d, live)
        await review(d, live)
        await outbox.look(d, live)
        _schedule(d, name)
    except NotFoundError:
        for lane in d.outbox.lanes.values():
            if name in lane.pairs:
                outbox.forget(d, lane, lane.pairs[name])
    except OnRecordError as error:
        log.error("look_put_off", code=error.code)
        d.outbox.due[name] = time.monotonic() + AGAIN_SECONDS
    except Exception as error:  # noqa: BLE001  what one conversation meets keeps no other from its look
        log.error("look_put_off", error=type(error).__name__)
        d.outbox.due[name] = time.monotonic() + AGAIN_SECONDS


def _recall(d: Deployment, live: Live) -> None:
    """Of a command of before the start: whether it was sent, and what came of it, as is on record."""
    for name, entry in live.conversation.systems.items():
        pair = d.outbox.pair(name, live.conversation.interaction)
        if pair is None or pair.ticket or entry.command is None:
            continue
        pair.told = entry.command["command"]
        pair.on = True
        if entry.answer is not None and entry.answer["command"] == pair.command.id:
            pair.pursuit.known(followed=entry.answer["acknowledged"])


def _schedule(d: Deployment, name: str) -> None:
    """A command of before the start goes out once its conversation was looked at."""
    now = time.monotonic()
    for lane in d.outbox.lanes.values():
        pair = lane.pairs.get(name)
        if pair is not None and pair.ticket == 0:
            lane.schedule(pair, now)


async def _overdue(d: Deployment, lane: Lane, pair: Pair) -> None:
    try:
        outbox_lane.overdue(d, lane, pair, await find(d, pair.interaction))
    except OnRecordError as error:
        log.error("look_put_off", code=error.code)


def standing(d: Deployment) -> tuple[int, float]:
    """How many commands have not been followed, and for how long, in seconds, the oldest."""
    now = time.monotonic()
    waiting = d.outbox.waiting()
    return len(waiting), max((pair.pursuit.waited(now) for pair in waiting), default=0.0)


def _expire(d: Deployment) -> None:
    """Every conversation of a vendor of which a contract has just ended is looked at."""
    now = d.clock.now_ns()
    for lane in d.outbox.lanes.values():
        if lane.expiry is not None and lane.expiry <= now:
            lane.expiry = lane.registered.system.next_expiry(now)
            for name, live in d.live.items():
                if lane.registered.system.id in live.conversation.systems:
                    d.outbox.due[name] = 0.0
            d.outbox.due.update(dict.fromkeys(lane.pairs, 0.0))


def _make_room(lane: Lane) -> None:
    """Of very many that a system does not confirm the oldest that are over leave memory; they are on record, and go out
    again after the next start."""
    surplus = len(lane.pairs) - MAX_KEPT
    if surplus > 0:
        over = [
            p for p in lane.pairs.values() if p.command.final and p.durable and p.attempt is None and p.pursuit.told
        ]
        for pair in over[:surplus]:
            del lane.pairs[pair.interaction]


async def _sweep_retired(d: Deployment) -> None:
    """Systems that were removed and have nothing under way."""
    loop = asyncio.get_running_loop()
    for name, registered in tuple(d.outbox.registered.items()):
        lane = d.outbox.lanes[name]
        if not registered.retired or lane.pairs:
            continue
        try:
            await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.CAPTURE_SYSTEM, name)
        except OnRecordError as error:
            log.error("look_put_off", code=error.code)
            continue
        del d.outbox.registered[name], d.outbox.lanes[name]
        await outbox_lane.stop(lane)


async def leave(d: Deployment) -> None:
    """For the end of the process: tells every system to pause what it captures, and waits for that, at most
    LEAVE_SECONDS: nobody can stop them while this process is away."""
    d.outbox.leaving = True
    for live in tuple(d.live.values()):
        if live.conversation.systems:
            outbox.changed(d, live)
    deadline = time.monotonic() + LEAVE_SECONDS
    late = _capturing(d)
    while late and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        late = _capturing(d)
    if late:
        log.error("left_capturing", recordings=len(late))
    for lane in d.outbox.lanes.values():
        await outbox_lane.stop(lane)


def _capturing(d: Deployment) -> list[Pair]:
    """Those that were told to capture, and have not confirmed since that they ceased."""
    return [pair for lane in d.outbox.lanes.values() for pair in lane.pairs.values() if pair.on]
