"""A withdrawal reaches every conversation of the person: those that go on at once, then what exists already, sealed or
not.

Order: the gates of what goes on close; the withdrawal is durable, then told to each conversation, then its mark is
removed. A restart goes on where a mark stands; a conversation that was told is not told again. Whoever is admitted
meanwhile is on record before their profile is read, so that either sees the other."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import PersonId, TenantId
from onrecord.interaction.events import PRODUCT
from onrecord.interaction.record import Stage
from onrecord.storage.ports import Record, StorageError
from onrecord.vault.errors import ErasedError
from onrecord.workflow import profiles
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import find
from onrecord.workflow.health import report_error
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened

Tell = Callable[[Deployment, Live, Principal, Sequence[Mapping[str, Any]], str | None], Awaitable[object]]
AGAIN_SECONDS = 1.0
_SPEAKER = Principal(PRODUCT, "platform", frozenset({Scope.EVENTS_WRITE}))
log = structlog.get_logger("withdraw")


class _Reach(NamedTuple):
    """All ids of the person, what was said, and their conversations but the one in which it was said."""

    persons: set[str]
    said: Mapping[str, Any]
    interactions: set[str]


async def withdraw(
    d: Deployment, principal: Principal, person: str, said: Mapping[str, Any], tell: Tell
) -> dict[str, Any]:
    """Of a person by the random id, of whom nothing need be known. `said`: `scope`, `method`. Who was erased is
    answered as who was never there. Errors: ForbiddenError; StorageError: then what goes on is shut all the same, and
    where the withdrawal is stored already it reaches the rest later."""
    principal.need(Scope.PROFILES_WRITE)
    loop = asyncio.get_running_loop()
    number = os.urandom(16).hex()

    def make() -> list[Record]:
        now = d.clock.now_ns()
        if profiles.is_known(d, person):
            with suppress(ErasedError):
                return profiles.withdrawal(d, person, now, said, None, number)
        d.store.put(d.tenant, [profiles.unplaced(d, person, now, said)])
        return []

    closing = loop.create_task(_close(d, person, said, number, tell))
    records = await loop.run_in_executor(d.writers, make)
    if not records:
        return {"person": person, "interactions": 0}
    name = records[0].id
    try:
        await loop.run_in_executor(d.writers, d.store.put, d.tenant, records)
        await closing
        reached = await _reach(d, name, tell)
    except BaseException as error:
        d.reaching.add(name)  # perhaps it is stored
        if isinstance(error, StorageError):
            await closing
        raise
    return {"person": person, "interactions": reached}


async def _close(d: Deployment, person: str, said: Mapping[str, Any], number: str, tell: Tell) -> None:
    """What goes on of the person, at once: none waits for the disk, nor for another. What could not be stored holds as
    long as this process does."""
    going_on = [live for name, live in d.live.items() if _goes_on(d, name)]
    places = [live for live in going_on if any(party.person == person for party in live.conversation.parties)]
    told = [(live, events) for live in places if (events := _told(d, live, {person}, said, number))]
    done = await asyncio.gather(
        *(tell(d, live, _SPEAKER, events, None) for live, events in told), return_exceptions=True
    )
    for error in done:
        if isinstance(error, OnRecordError):
            report_error(d, error)


async def reach_live(d: Deployment, names: Iterable[str], tell: Tell) -> None:
    """The conversations that go on, of withdrawals that were told in one; the rest is for `keep_reaching`, as is what
    fails."""
    for name in names:
        d.reaching.add(name)
        try:
            found = await asyncio.get_running_loop().run_in_executor(d.executor, _find, d, name)
            if found is not None:
                await _tell_all(d, name, found, {each for each in found.interactions if _goes_on(d, each)}, tell)
        except OnRecordError as error:
            report_error(d, error)


async def resume(d: Deployment, tell: Tell) -> None:
    """At the start, once every conversation that is not sealed is in memory. Errors: StorageError."""
    marks = await asyncio.get_running_loop().run_in_executor(d.executor, d.store.records, d.tenant, RecordKind.REACHING)
    await reach_live(d, [record.id for record in marks], tell)


async def keep_reaching(d: Deployment, tell: Tell) -> None:
    """Runs until cancelled: what withdrawals have not reached yet. What fails is tried again."""
    while True:
        await d.reaching.wake.wait()
        names = d.reaching.take()
        for at, name in enumerate(names):
            try:
                await _reach(d, name, tell)
            except OnRecordError as error:
                report_error(d, error)
                await _put_off(d, names[at:])
                break
            except Exception as error:  # noqa: BLE001  the outermost loop of a task that nobody awaits
                log.error("withdrawal_put_off", error=type(error).__name__)
                await _put_off(d, names[at:])
                break


async def _put_off(d: Deployment, names: Iterable[str]) -> None:
    d.reaching.names.update(names)
    await asyncio.sleep(AGAIN_SECONDS)
    d.reaching.wake.set()


async def _reach(d: Deployment, name: str, tell: Tell) -> int:
    """How many conversations it holds in. Errors: the first of those that came, after all were tried; the mark stands
    then."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(d.executor, _find, d, name)
    if found is not None:
        live = {each for each in found.interactions if _goes_on(d, each)}
        failed = await _tell_all(d, name, found, live, tell)
        failed += await _tell_all(d, name, found, found.interactions - live, tell)
        if failed:
            raise failed[0]
    await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.REACHING, name)
    return 0 if found is None else len(found.interactions)


def _find(d: Deployment, name: str) -> _Reach | None:
    """None where the person was erased since."""
    record = d.store.record(d.tenant, RecordKind.WITHDRAWAL, name)
    if record is None:
        return None
    try:
        body = opened(d.vault, d.tenant, record)
    except ErasedError:
        return None
    persons = d.vault.persons_of(TenantId(d.tenant), PersonId(name.partition("/")[0]))
    places = [place.id for each in persons for place in d.store.records(d.tenant, RecordKind.PERSON, each)]
    return _Reach(set(persons), body, {place.rpartition("/")[2] for place in places} - {body["interaction"]})


def _goes_on(d: Deployment, interaction: str) -> bool:
    live = d.live.get(interaction)
    return live is not None and live.conversation.stage in {Stage.OPEN, Stage.INTERRUPTED}


async def _tell_all(
    d: Deployment, name: str, found: _Reach, interactions: Iterable[str], tell: Tell
) -> list[OnRecordError]:
    """What failed, after all were tried: one that could not store it is shut."""
    failed: list[OnRecordError] = []
    for interaction in sorted(interactions):
        try:
            live = await find(d, interaction)
            events = _told(d, live, found.persons, found.said, name.rpartition("/")[2])
            if events:
                await tell(d, live, _SPEAKER, events, None)
        except OnRecordError as error:
            failed.append(error)
    return failed


def _told(d: Deployment, live: Live, persons: set[str], said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The withdrawal, once for each party that is the person; those that were told are left out. Of a call that has
    ended it comes after the end, also where its clock has run faster than the wall."""
    fields: dict[str, Any] = {field: said[field] for field in ("scope", "method") if said.get(field) is not None}
    ended = live.conversation.ended_t
    if ended is not None and ended > live.present(live.clock_ns(d.clock), closing=True):
        fields["t"] = ended
    events: list[dict[str, Any]] = []
    for number, party in enumerate(live.conversation.parties):
        if party.person in persons:
            who = {"party": party.role} if party.party_id is None else {"party_id": party.party_id}
            events.append({"type": "consent_withdrawn", "event_id": f"withdrawal-{name}-{number}", **who, **fields})
    return [event for event in events if event["event_id"] not in live.said]
