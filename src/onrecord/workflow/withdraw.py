"""A withdrawal reaches every conversation of the person: those that go on first, then what exists already, sealed or
not.

Order: the withdrawal is durable, then told to each conversation, then its mark is removed. A restart goes on where a
mark stands; a conversation that was told is not told again. Whoever is admitted meanwhile is on record before their
profile is read, so that either sees the other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import PersonId, TenantId
from onrecord.interaction.events import PRODUCT
from onrecord.interaction.record import Stage
from onrecord.storage.ports import StorageError
from onrecord.vault.errors import ErasedError, SubjectError
from onrecord.workflow import profiles
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ContentErasedError, NotFoundError
from onrecord.workflow.find import find
from onrecord.workflow.health import report_error
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened

Tell = Callable[[Deployment, Live, Principal, Sequence[Mapping[str, Any]], str | None], Awaitable[object]]
_SPEAKER = Principal(PRODUCT, "platform", frozenset({Scope.EVENTS_WRITE}))


async def withdraw(
    d: Deployment, principal: Principal, person: str, said: Mapping[str, Any], tell: Tell
) -> dict[str, Any]:
    """Of a person by the random id, whom nothing else need be known of. `said`: `scope`, `method`. Errors:
    ForbiddenError, NotFoundError, ContentErasedError; StorageError: then what goes on is shut all the same, and where
    the withdrawal is stored already it reaches the rest later."""
    principal.need(Scope.PROFILES_WRITE)
    loop = asyncio.get_running_loop()

    def store() -> str:
        if not profiles.is_known(d, person):
            raise NotFoundError("there is no such person")
        records = profiles.withdrawal(d, person, d.clock.now_ns(), said, None)
        d.store.put(d.tenant, records)
        return records[0].id

    try:
        name = await loop.run_in_executor(d.writers, store)
    except ErasedError as error:
        raise ContentErasedError("this person was erased") from error
    except SubjectError as error:
        raise NotFoundError("there is no such person") from error
    except StorageError:
        await _shut(d, person, said, tell)
        raise
    d.reaching.add(name)
    reached = await _reach(d, name, tell)
    return {"person": person, "interactions": reached}


async def _shut(d: Deployment, person: str, said: Mapping[str, Any], tell: Tell) -> None:
    """What could not be stored holds in every conversation that goes on, as long as this process does."""
    for live in list(d.live.values()):
        if any(party.person == person for party in live.conversation.parties):
            try:
                await tell(d, live, _SPEAKER, _told(d, live, {person}, said, None), None)
            except OnRecordError as error:
                report_error(d, error)


async def reach(d: Deployment, tell: Tell) -> None:
    """Every withdrawal that has not reached all. What fails is tried again with the next one, and at the next start."""
    for name in tuple(d.reaching):
        try:
            await _reach(d, name, tell)
        except OnRecordError as error:
            report_error(d, error)


async def resume(d: Deployment, tell: Tell) -> None:
    """At the start. Errors: StorageError."""
    loop = asyncio.get_running_loop()
    marks = await loop.run_in_executor(d.executor, d.store.records, d.tenant, RecordKind.REACHING)
    d.reaching.update(record.id for record in marks)
    await reach(d, tell)


async def _reach(d: Deployment, name: str, tell: Tell) -> int:
    """How many conversations it holds in. Errors: the first of those that came, after all were tried; the mark stands
    then."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(d.executor, _places, d, name)
    failed: list[OnRecordError] = []
    if found is not None:
        persons, body, interactions = found
        for interaction in sorted(interactions, key=lambda each: not _goes_on(d, each)):
            if interaction == body["interaction"]:
                continue
            try:
                live = await find(d, interaction)
                events = _told(d, live, persons, body, name.rpartition("/")[2])
                if events:
                    await tell(d, live, _SPEAKER, events, None)
            except OnRecordError as error:
                failed.append(error)
    if failed:
        raise failed[0]
    await loop.run_in_executor(d.writers, d.store.delete, d.tenant, RecordKind.REACHING, name)
    d.reaching.discard(name)
    return 0 if found is None else len(found[2])


def _places(d: Deployment, name: str) -> tuple[set[str], Mapping[str, Any], set[str]] | None:
    """The person's ids, the withdrawal, their conversations; None where the person was erased since."""
    record = d.store.record(d.tenant, RecordKind.WITHDRAWAL, name)
    if record is None:
        return None
    try:
        body = opened(d.vault, d.tenant, record)
    except ErasedError:
        return None
    persons = d.vault.persons_of(TenantId(d.tenant), PersonId(name.partition("/")[0]))
    places = [place.id for each in persons for place in d.store.records(d.tenant, RecordKind.PERSON, each)]
    return set(persons), body, {place.rpartition("/")[2] for place in places}


def _goes_on(d: Deployment, interaction: str) -> bool:
    live = d.live.get(interaction)
    return live is not None and live.conversation.stage in {Stage.OPEN, Stage.INTERRUPTED}


def _told(
    d: Deployment, live: Live, persons: set[str], said: Mapping[str, Any], name: str | None
) -> list[dict[str, Any]]:
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
            event = {"type": "consent_withdrawn", **who, **fields}
            if name is not None:
                event["event_id"] = f"withdrawal-{name}-{number}"
            events.append(event)
    return [event for event in events if event.get("event_id") not in live.said]
