"""Commands to capture systems: made with the change of a verdict, durable with its event, the newest alone kept.

Order: a command of the change that an event makes is in the event's transaction; one that only closes may be sent
before that, one that opens never. Crash: what is on record goes out again under the same id."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.capture import orders
from onrecord.capture.orders import Command, Message
from onrecord.capture.pursuit import LAST_RETRY_S, Pursuit
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import Conversation
from onrecord.policy.kernel import Timeline
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live
from onrecord.workflow.outboxes import Lane, Pair
from onrecord.workflow.side_records import RecordKind, opened, sealed
from onrecord.workflow.systems_wish import View, next_change, present, wishes

MIN_AUDIT_S = 0.5
AUDIT_DEADLINES = 3
RARER = 3
SLOWEST_S = 60.0
log = structlog.get_logger("outbox")


class Intent(NamedTuple):
    """A command that is to be on record, and its record."""

    system: str
    command: Command
    record: Record


def intend(
    d: Deployment, live: Live, after: Timeline | None = None, *, latest: float = 0.0, opens: bool = False
) -> list[Intent]:
    """What is to be told once `after` (default: what is known now) is on record; `latest`: the last instant, in
    seconds, of the events that make it so; `opens`: they end what was shut."""
    if not live.conversation.systems:
        return []
    view = present(d, live)
    if after is not None:
        moment = view.now if live.conversation.streams else max(view.now, latest)
        view = View((after, *live.closings.over(after)), view.shut and not opens, moment)
    found: list[Intent] = []
    for system, verdicts in wishes(d, live, view).items():
        pair = d.outbox.pair(system, live.conversation.interaction)
        if pair is None or pair.command.verdicts != verdicts:
            command = _command(d, pair, verdicts, view.now)
        elif not pair.durable:
            command = pair.command
        else:
            continue
        found.append(Intent(system, command, _record(d, system, live.conversation.interaction, command)))
    return found


def first_commands(d: Deployment, live: Live, events: Sequence[Event]) -> list[Intent]:
    """Of a conversation that is to be opened with these events."""
    if not any(event.type == Internal.SYSTEM_ATTACHED for event in events):
        return []
    draft = Live(Conversation(live.conversation.interaction), live.timeline)
    draft.apply(events)
    return intend(d, draft)


def _command(d: Deployment, pair: Pair | None, verdicts: orders.Verdicts, t: float) -> Command:
    action, kinds = orders.what_changed(None if pair is None else pair.command.verdicts, verdicts)
    return Command(f"cmd_{os.urandom(16).hex()}", action, kinds, dict(verdicts), t, d.clock.now_ns())


def _record(d: Deployment, system: str, interaction: str, command: Command) -> Record:
    body = {"system": system, **orders.as_json(command)}
    name = f"{system}/{interaction}"
    return sealed(d.vault, d.tenant, RecordKind.COMMAND, name, body, interaction=interaction)


def issue(d: Deployment, live: Live, intents: Sequence[Intent]) -> None:
    """What is on record now goes out, but where another closing has been accepted meanwhile: its own post makes the
    record of that."""
    if not live.conversation.systems:
        return
    interaction = live.conversation.interaction
    wished = wishes(d, live, present(d, live)) if intents else {}
    for system, command, _ in intents:
        low = orders.lowered(command.verdicts, wished.get(system, {}))
        if low == command.verdicts or d.outbox.pair(system, interaction) is None:
            _put(d, system, interaction, command, durable=True)
        if low != command.verdicts:
            changed(d, live)
    plan(d, live)


def plan(d: Deployment, live: Live) -> None:
    """Looks again when time alone changes a verdict."""
    if not live.conversation.systems:
        return
    view = present(d, live)
    change = next_change(live, view)
    if change < float("inf"):
        d.outbox.due[live.conversation.interaction] = time.monotonic() + max(0.0, change - view.now)
    else:
        d.outbox.due.pop(live.conversation.interaction, None)


def _put(d: Deployment, system: str, interaction: str, command: Command, *, durable: bool) -> None:
    lane = d.outbox.lanes.get(system)
    if lane is None:
        return
    now = time.monotonic()
    pair = lane.pairs.get(interaction)
    if pair is None:
        pair = lane.pairs[interaction] = Pair(interaction, command, pursuit(lane, command, now), durable)
    elif pair.command.id == command.id:
        pair.durable = pair.durable or durable
        return
    else:
        pair.command, pair.durable = command, durable
        pair.pursuit.ask(command.id, now)
        pair.pursuit.slowest = _slowest(command)
        if pair.attempt is not None and pair.reading:
            pair.attempt.cancel()
    lane.schedule(pair, now)


def pursuit(lane: Lane, command: Command, now: float) -> Pursuit[str]:
    deadline = lane.registered.system.deadline
    audit = max(MIN_AUDIT_S, AUDIT_DEADLINES * deadline)
    made = Pursuit(command.id, now, deadline=deadline, audit=audit, rarer=RARER)
    made.slowest = _slowest(command)
    return made


def _slowest(command: Command) -> float:
    """A call that is over is not pursued as one that goes on."""
    return SLOWEST_S if command.final else LAST_RETRY_S


def changed(d: Deployment, live: Live) -> None:
    """Whatever may have changed the gates: what closes is told at once, before it is durable. Does not raise."""
    try:
        _close(d, live)
    except Exception as error:  # noqa: BLE001  whoever closes gates must not be kept from it; the next look does it
        log.error("command_put_off", error=type(error).__name__)
        d.outbox.due[live.conversation.interaction] = 0.0


def _close(d: Deployment, live: Live) -> None:
    interaction = live.conversation.interaction
    if not live.conversation.systems:
        return
    view = present(d, live)
    for system, verdicts in wishes(d, live, view).items():
        pair = d.outbox.pair(system, interaction)
        if pair is None:
            continue
        low = orders.lowered(pair.command.verdicts, verdicts)
        if low != pair.command.verdicts:
            _put(d, system, interaction, _command(d, pair, low, view.now), durable=False)
            d.outbox.due[interaction] = 0.0


async def look(d: Deployment, live: Live) -> None:
    """Brings what is commanded under the verdicts of now. Errors: StorageError."""
    changed(d, live)
    async with live.lock:
        intents = intend(d, live)
        if intents:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(d.writers, d.store.put, d.tenant, [intent.record for intent in intents])
        issue(d, live, intents)


def message(interaction: str, command: Command) -> Message:
    """The same bytes however often it is sent."""
    data: dict[str, Any] = {
        "command": command.id,
        "interaction": interaction,
        "action": command.action.value,
        "kinds": list(command.kinds),
        "verdicts": dict(command.verdicts),
        "t": command.t,
    }
    return Message(command.id, orders.envelope("capture.command", command.issued, data))


def forget(d: Deployment, lane: Lane, pair: Pair) -> None:
    """Nothing more will come of it. Crash before its record is gone: the next start finds it, and tells once more."""
    lane.pairs.pop(pair.interaction, None)
    pair.ticket = 0
    name = f"{lane.registered.system.id}/{pair.interaction}"
    task = asyncio.get_running_loop().create_task(_delete(d, name))
    d.outbox.tasks.add(task)
    task.add_done_callback(d.outbox.tasks.discard)


async def _delete(d: Deployment, name: str) -> None:
    loop = asyncio.get_running_loop()
    try:
        await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.COMMAND, name)
    except OnRecordError as error:
        log.error("command_not_forgotten", code=error.code)


def load(d: Deployment) -> None:
    """Commands of before that were not seen through; they wait for a look at their conversation. Errors: StorageError,
    VaultError."""
    now, wall = time.monotonic(), d.clock.now_ns()
    for record in d.store.records(d.tenant, RecordKind.COMMAND):
        body = opened(d.vault, d.tenant, record)
        lane = d.outbox.lanes.get(body["system"])
        if lane is not None:
            command = orders.from_json(body)
            asked = now - max(0, wall - command.issued) / 1e9
            lane.pairs[record.interaction] = Pair(
                record.interaction, command, pursuit(lane, command, asked), durable=True
            )
            d.outbox.due[record.interaction] = 0.0
