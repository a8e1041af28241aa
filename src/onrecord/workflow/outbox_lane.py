"""One loop for each capture system: tells, reads back, tells again, and puts on record what came of it."""

import asyncio
import contextlib
import time

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.capture import orders
from onrecord.capture.errors import ControlError
from onrecord.capture.orders import Command, State
from onrecord.capture.pursuit import Turn
from onrecord.interaction.events import Internal
from onrecord.workflow import outbox
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.notices import notice
from onrecord.workflow.outboxes import Lane, Pair
from onrecord.workflow.systems_wish import lacking, present

ACKNOWLEDGED, OTHER_COMMAND, OTHER_STATE, NOT_REACHED = "acknowledged", "other_command", "other_state", "not_reached"
UNREACHABLE = ControlError.code
RETIRED = "system_removed"
RESULTS = (ACKNOWLEDGED, OTHER_COMMAND, OTHER_STATE, *ControlError.CODES)
AGAIN_S = 1.0

log = structlog.get_logger("lane")


def start(d: Deployment, lane: Lane) -> None:
    lane.task = asyncio.get_running_loop().create_task(_run(d, lane))


async def stop(lane: Lane) -> None:
    """What is under way is given up."""
    under_way = [task for task in (lane.task, *lane.attempts) if task is not None]
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    await lane.outside.close()


async def _run(d: Deployment, lane: Lane) -> None:
    """Whatever a turn meets."""
    while True:
        lane.wake.clear()
        pause: float | None = AGAIN_S
        try:
            now = time.monotonic()
            for pair in lane.take(now):
                _begin(d, lane, pair)
            pause = lane.pause(now)
        except Exception as error:  # noqa: BLE001  a task that nobody awaits
            log.error("lane_failed", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await lane.wake.wait()


def _begin(d: Deployment, lane: Lane, pair: Pair) -> None:
    task = asyncio.get_running_loop().create_task(_attempt(d, lane, pair))
    pair.attempt = task
    lane.attempts.add(task)
    task.add_done_callback(lambda done: _ended(lane, pair, done))


def _ended(lane: Lane, pair: Pair, task: asyncio.Task[None]) -> None:
    lane.attempts.discard(task)
    pair.attempt, pair.reading = None, False
    now = time.monotonic()
    if lane.pairs.get(pair.interaction) is pair:
        lane.schedule(pair, now + pair.pursuit.due_in(now))


async def _attempt(d: Deployment, lane: Lane, pair: Pair) -> None:
    """In a task of its own, with whose end the conversation may leave memory again."""
    try:
        await _round(d, lane, pair)
    except NotFoundError:
        outbox.forget(d, lane, pair)
    except OnRecordError as error:
        log.error("delivery_put_off", code=error.code)
        pair.pursuit.missed(time.monotonic())
    except Exception as error:  # noqa: BLE001  a task that nobody awaits
        log.error("delivery_put_off", error=type(error).__name__)
        pair.pursuit.missed(time.monotonic())


async def _round(d: Deployment, lane: Lane, pair: Pair) -> None:
    live = await find(d, pair.interaction)
    outbox.changed(d, live)
    command = pair.command
    barred = lacking(d, live, lane.registered, present(d, live))
    entry = live.conversation.systems.get(lane.registered.system.id)
    if barred and pair.told is None and (entry is None or entry.command is None):
        outbox.forget(d, lane, pair)
        return
    state, code = await _tell_and_read(d, lane, pair, live, command)
    pair.code = code
    d.outbox.results[code] += 1
    now = time.monotonic()
    if code == UNREACHABLE:
        lane.missed(now)
    else:
        lane.reached()
    if pair.command is not command:
        return
    late = pair.pursuit.told
    resurrected = state is not None and pair.pursuit.followed and bool(orders.capturing(command, state))
    if state is None:
        turn = pair.pursuit.missed(now)
    else:
        if code == ACKNOWLEDGED:
            pair.on = len(command.closed) < len(command.verdicts)
        pair.seen = state.command if code == ACKNOWLEDGED or not pair.pursuit.followed else None
        turn = pair.pursuit.read(now, follows=code == ACKNOWLEDGED)
    if turn is not None:
        _put_on_record(d, lane, pair, live, turn, code, state, late=late, resurrected=resurrected)
    if _is_over(d, lane, pair, live):
        outbox.forget(d, lane, pair)


async def _tell_and_read(
    d: Deployment, lane: Lane, pair: Pair, live: Live, command: Command
) -> tuple[State | None, str]:
    """The state, where it could be read, and what came of the attempt. What it was told of and has not done in time it
    is told again."""
    system, pursuit = lane.registered.system, pair.pursuit
    if pair.told != command.id:
        pair.told = command.id
        pair.on = pair.on or len(command.closed) < len(command.verdicts)
        _say(d, live, Internal.SYSTEM_COMMANDED, {"system": system.id, **_about(command)})
    try:
        if not pursuit.followed and (pair.seen != command.id or pursuit.told):
            await lane.outside.post(system.control_url, outbox.message(pair.interaction, command))
        pair.reading = True
        answer = await lane.outside.get(system.state_url, {"interaction": pair.interaction})
        state = orders.read_state(answer, pair.interaction)
    except ControlError as error:
        return None, error.code
    finally:
        pair.reading = False
    if state.command != command.id:
        return state, OTHER_COMMAND
    return state, OTHER_STATE if orders.unlike(command, state) else ACKNOWLEDGED


def _about(command: Command) -> dict[str, object]:
    return {
        "command": command.id,
        "action": command.action.value,
        "kinds": list(command.kinds),
        "verdicts": dict(command.verdicts),
    }


def _put_on_record(
    d: Deployment,
    lane: Lane,
    pair: Pair,
    live: Live,
    turn: Turn,
    code: str,
    state: State | None,
    *,
    late: bool,
    resurrected: bool = False,
) -> None:
    """Also where the record takes nothing at present: it is said later, once."""
    command = pair.command
    wrong = orders.unlike(command, state) if state is not None else sorted(command.verdicts)
    closes = bool(set(wrong) & set(command.closed)) if state is not None and wrong else command.closes
    data = {
        "system": lane.registered.system.id,
        **_about(command),
        "acknowledged": turn.followed,
        "closes": closes,
        "resurrected": resurrected,
        "late": late and turn.followed,
        "code": None if turn.followed else code,
        "unlike": [] if turn.followed else wrong,
        "answered": _answered(d, lane, pair) if turn.followed else [],
        "seconds": turn.seconds,
        "attempts": turn.attempts,
    }
    _say(d, live, Internal.SYSTEM_ANSWERED, data)


def _answered(d: Deployment, lane: Lane, pair: Pair) -> list[str]:
    """Kinds that are closed with every system that makes them here."""
    found = set(pair.command.closed)
    for other in d.outbox.lanes.values():
        theirs = other.pairs.get(pair.interaction)
        if other is lane or theirs is None:
            continue
        done = theirs.command.closed if theirs.pursuit.followed else ()
        found -= set(theirs.command.verdicts) - set(done)
    return sorted(found)


def _say(d: Deployment, live: Live, kind: Internal, data: dict[str, object]) -> None:
    """To whoever stands for the conversation now: an answer takes its time."""
    live = d.live.get(live.conversation.interaction, live)
    notice(d, live, kind, data, live.now(live.clock_ns(d.clock)))


def _is_over(d: Deployment, lane: Lane, pair: Pair, live: Live) -> bool:
    """Stopped for good, acknowledged, and read once more; or the system is removed, and had its time."""
    c, pursuit = live.conversation, pair.pursuit
    if lane.registered.retired:
        return pursuit.followed or pursuit.told
    ended = c.seal is not None or c.erased or bool(c.unreadable)
    ended = ended or (c.ended_t is not None and c.ended_t <= live.now(live.clock_ns(d.clock)))
    return bool(ended and pair.command.final and pursuit.followed and pursuit.audits)


def overdue(d: Deployment, lane: Lane, pair: Pair, live: Live) -> None:
    """Puts on record, once, that it was not followed in time, where no attempt has come to say so."""
    turn = pair.pursuit.overdue(time.monotonic())
    if turn is not None:
        _put_on_record(d, lane, pair, live, turn, pair.code or NOT_REACHED, None, late=False)
