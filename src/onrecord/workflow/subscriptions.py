"""The register of subscriptions, and one loop for each: what is on record goes out, of each conversation in order,
again and again until it is taken."""

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import ControlError
from onrecord.capture.orders import Message
from onrecord.governance.systems import refuse_inside, secret_key, secret_of
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError, NotFoundError, PlatformUnknownError, RegisterFullError
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened, sealed
from onrecord.workflow.subscribers import DROPPED, KEPT, WORDS, Subscriber, Waiting

MAX_SUBSCRIPTIONS = 100
SECRET_BYTES = 32
CALL_SECONDS = 10.0
AT_ONCE = 16  # conversations of which a message is under way to one subscriber
AGAIN_S = 1.0
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 60.0
TAKEN = "taken"
RESULTS = (TAKEN, *ControlError.CODES, DROPPED)

log = structlog.get_logger("subscriptions")


def load(d: Deployment) -> None:
    """Errors: StorageError, VaultError, OriginError."""
    if d.outbox.make is None:
        return
    for record in d.store.records(d.tenant, RecordKind.SUBSCRIPTION):
        body = opened(d.vault, d.tenant, record)
        subscriber = _made(d, record.id, body["url"], frozenset(body["events"]), bytes.fromhex(body["key"]))
        d.subscribers.known[record.id] = subscriber
        subscriber.more = True


def _made(d: Deployment, identifier: str, url: str, events: frozenset[str], key: bytes) -> Subscriber:
    """Errors: OriginError, PlatformUnknownError."""
    if d.outbox.make is None:
        raise PlatformUnknownError("this server sends nothing")
    return Subscriber(identifier, url, events, key, d.outbox.make((url,), key, CALL_SECONDS))


def begin(d: Deployment) -> None:
    """Once what the last end left is taken up."""
    for subscriber in d.subscribers.known.values():
        _start(d, subscriber)


def _start(d: Deployment, subscriber: Subscriber) -> None:
    subscriber.task = asyncio.get_running_loop().create_task(_run(d, subscriber))


async def leave(d: Deployment) -> None:
    """What has not gone out is on record for the next start. Errors: StorageError."""
    for subscriber in tuple(d.subscribers.known.values()):
        await _stop(subscriber)
        await _remove_taken(d, subscriber)


async def _stop(subscriber: Subscriber) -> None:
    under_way = [task for task in (subscriber.task, *subscriber.under_way) if task is not None]
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    await subscriber.outside.close()


async def subscribe(
    d: Deployment, principal: Principal, url: str, events: Sequence[str], secret: str | None
) -> tuple[str, str]:
    """(id, secret). Errors: ForbiddenError, InvalidRequestError, InvalidSystemError, OriginError, RegisterFullError,
    StorageError."""
    principal.need(Scope.SYSTEMS_ADMIN)
    if not events or not set(events) <= set(WORDS):
        raise InvalidRequestError("`events` names one or more of decision, directive and alert")
    refuse_inside(url)
    key = os.urandom(SECRET_BYTES) if secret is None else secret_key(secret)
    identifier = f"whk_{os.urandom(16).hex()}"
    body = {"url": url, "events": sorted(set(events)), "key": key.hex()}
    async with d.subscribers.lock:
        if len(d.subscribers.known) >= MAX_SUBSCRIPTIONS:
            raise RegisterFullError("the register holds as many subscriptions as it may")
        subscriber = _made(d, identifier, url, frozenset(events), key)
        record = sealed(d.vault, d.tenant, RecordKind.SUBSCRIPTION, identifier, body)
        try:
            await asyncio.get_running_loop().run_in_executor(d.writers, d.store.put, d.tenant, [record])
        except BaseException:
            await subscriber.outside.close()
            raise
        d.subscribers.known[identifier] = subscriber
        _start(d, subscriber)
    return identifier, secret_of(key)


def listed(d: Deployment) -> list[dict[str, Any]]:
    return [
        {"id": each.id, "url": each.url, "events": sorted(each.events), "waiting": each.on_record}
        for each in d.subscribers.known.values()
    ]


async def unsubscribe(d: Deployment, principal: Principal, identifier: str) -> None:
    """What is on its way to it goes nowhere. Errors: ForbiddenError, NotFoundError, StorageError."""
    principal.need(Scope.SYSTEMS_ADMIN)
    loop = asyncio.get_running_loop()
    async with d.subscribers.lock:
        if identifier not in d.subscribers.known:
            raise NotFoundError("there is no such subscription")
        await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.SUBSCRIPTION, identifier)
        await _stop(d.subscribers.known.pop(identifier))
    await loop.run_in_executor(d.writers, _discard, d, identifier)


def _discard(d: Deployment, identifier: str) -> None:
    _delete(d, _on_record(d, identifier))


def _on_record(d: Deployment, identifier: str) -> list[str]:
    """Oldest first."""
    records = d.store.records(d.tenant, RecordKind.MESSAGE)
    return sorted(record.id for record in records if record.id.startswith(f"{identifier}/"))


async def _run(d: Deployment, subscriber: Subscriber) -> None:
    """Whatever a turn meets. Of one conversation one message after the other, of several side by side."""
    while True:
        subscriber.wake.clear()
        pause: float | None = AGAIN_S
        try:
            await _remove_taken(d, subscriber)
            if subscriber.more and not (subscriber.kept or subscriber.taken):
                await _read_more(d, subscriber)
            pause = _begin(d, subscriber, time.monotonic())
        except OnRecordError as error:
            log.error("message_put_off", code=error.code)
        except Exception as error:  # noqa: BLE001  a task that nobody awaits
            log.error("message_put_off", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await subscriber.wake.wait()


def _begin(d: Deployment, subscriber: Subscriber, now: float) -> float | None:
    """Sends what may go now; seconds until more may, None: until it is woken."""
    most = 1 if subscriber.failures else AT_ONCE
    if now < subscriber.again:
        return subscriber.again - now
    while subscriber.ready and len(subscriber.under_way) < most:
        task = asyncio.get_running_loop().create_task(_send(d, subscriber, subscriber.ready.popleft()))
        subscriber.under_way.add(task)
        task.add_done_callback(lambda done: _sent(subscriber, done))
    return None


def _sent(subscriber: Subscriber, task: asyncio.Task[None]) -> None:
    subscriber.under_way.discard(task)
    subscriber.wake.set()


async def _send(d: Deployment, subscriber: Subscriber, interaction: str) -> None:
    """Crash after it was taken: it goes out once more, under the same id."""
    code = ControlError.code
    try:
        await subscriber.outside.post(subscriber.url, subscriber.queues[interaction][0].message)
    except ControlError as error:
        code = error.code
    except Exception as error:  # noqa: BLE001  a task that nobody awaits
        log.error("message_put_off", error=type(error).__name__)
    else:
        d.subscribers.results[TAKEN] += 1
        subscriber.failures, subscriber.again = 0, 0.0
        subscriber.took(interaction)
        return
    d.subscribers.results[code] += 1
    subscriber.ready.append(interaction)  # behind the others: what is never taken holds up its own conversation alone
    subscriber.failures += 1
    pause = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(subscriber.failures - 1, 10))
    subscriber.again = time.monotonic() + pause


async def _remove_taken(d: Deployment, subscriber: Subscriber) -> None:
    """Errors: StorageError; then they go out once more after the next start."""
    taken, subscriber.taken = subscriber.taken, []
    if taken:
        subscriber.on_record -= len(taken)
        await asyncio.get_running_loop().run_in_executor(d.writers, _delete, d, taken)


def _delete(d: Deployment, names: Sequence[str]) -> None:
    for name in names:
        d.store.delete(d.tenant, RecordKind.MESSAGE, name)


async def _read_more(d: Deployment, subscriber: Subscriber) -> None:
    subscriber.missed = False
    loop = asyncio.get_running_loop()
    subscriber.on_record, found = await loop.run_in_executor(d.executor, _oldest, d, subscriber.id)
    for interaction, waiting in found:
        subscriber.add(interaction, waiting)
    subscriber.more = subscriber.missed or len(found) >= KEPT


def _oldest(d: Deployment, identifier: str) -> tuple[int, list[tuple[str, Waiting]]]:
    """How many there are, and the first of them with their conversations."""
    names = _on_record(d, identifier)
    found: list[tuple[str, Waiting]] = []
    for name in names[:KEPT]:
        record = d.store.record(d.tenant, RecordKind.MESSAGE, name)
        if record is not None:
            body = opened(d.vault, d.tenant, record)
            found.append((record.interaction, Waiting(name, Message(body["id"], body["body"].encode()))))
    return len(names), found
