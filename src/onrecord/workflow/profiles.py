"""Standing profiles: what a person has agreed to over conversations, kept under the person's own key, and read whenever
a conversation with them is admitted.

Withdrawals are records of their own that are only ever added, so that none is lost to another that comes at the same
time: one told in a conversation is durable with its event, in one transaction."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from onrecord.base.clock import rfc3339
from onrecord.base.ids import PersonId, TenantId
from onrecord.governance import profile as rules
from onrecord.governance.errors import InvalidProfileError
from onrecord.governance.profile import Given, Profile, Standing, Withdrawal, scope_of
from onrecord.interaction.events import PRODUCT, Event, Internal
from onrecord.interaction.record import PartyEntry
from onrecord.policy.assertion import entitled
from onrecord.policy.purposes import Purpose, closed
from onrecord.storage.ports import Record
from onrecord.vault.errors import ErasedError, SubjectError
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import (
    ContentErasedError,
    NotFoundError,
    PromptUnknownError,
    SourceNotEntitledError,
)
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live, facts_of
from onrecord.workflow.outbox import intend, issue
from onrecord.workflow.principal import ANY_SOURCE, Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened, sealed

STORED = "stored_profile"
_SPEAKER = "platform"
_FINE = frozenset({Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS})


async def person_of(d: Deployment, principal: Principal, external_id: str) -> str:
    """The person of an external id, made on first sight. Errors: ForbiddenError, StorageError, VaultError."""
    principal.need(Scope.PROFILES_WRITE)

    def find() -> str:
        person = d.vault.person_for(TenantId(d.tenant), external_id.encode())
        if not is_known(d, person):
            d.store.put(d.tenant, [_profile(d, person, ())])
        return person

    return await asyncio.get_running_loop().run_in_executor(d.writers, find)


def is_known(d: Deployment, person: str) -> bool:
    """Whether anything was ever kept of this person. Errors: StorageError."""
    kinds = (RecordKind.PERSON, RecordKind.PROFILE, RecordKind.WITHDRAWAL)
    return any(d.store.records(d.tenant, kind, person) for kind in kinds)


async def keep(d: Deployment, principal: Principal, person: str, raw: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The profile with these consents in place of those before; withdrawals stay, and are answered by what is said to
    be given after them, not by what is only told again. Errors: ForbiddenError, SourceNotEntitledError, NotFoundError,
    InvalidProfileError, PromptUnknownError, ContentErasedError, StorageError."""
    principal.need(Scope.PROFILES_WRITE)
    claim = {"result": "accepted", "method": STORED}
    if principal.source != ANY_SOURCE and not entitled(principal.source, "consent", claim):
        raise SourceNotEntitledError("this source keeps no profiles", "consent")
    told = rules.parse_consents(raw, d.clock.now_ns())
    given = tuple(replace(_registered(d, each), by=principal.id) for each in told)
    undated = frozenset[Purpose]().union(
        *(each.covers() for each, item in zip(told, raw, strict=True) if item.get("given_at") is None)
    )

    def write() -> Profile:
        if not is_known(d, person):
            raise NotFoundError("there is no such person")
        if undated & read(d, person).withdrawn():
            raise InvalidProfileError("a consent to what was withdrawn says when it was given")
        d.store.put(d.tenant, [_profile(d, person, given)])
        return read(d, person)

    return _shown(d, person, await _of_person(d, write))


def _registered(d: Deployment, given: Given) -> Given:
    name = given.prompt_version
    if name is None or "@" not in name:
        return given
    entry = d.prompts.named(name)
    if entry is None:
        raise PromptUnknownError("a consent names a version of a prompt that is not registered")
    return replace(given, registered=entry.prompt.registered())


async def show(d: Deployment, principal: Principal, person: str) -> dict[str, Any]:
    """Errors: ForbiddenError, NotFoundError, ContentErasedError, StorageError."""
    principal.need(Scope.PROFILES_READ)

    def look() -> Profile:
        if not is_known(d, person):
            raise NotFoundError("there is no such person")
        return read(d, person)

    return _shown(d, person, await _of_person(d, look))


async def _of_person(d: Deployment, work: Any) -> Profile:
    try:
        found: Profile = await asyncio.get_running_loop().run_in_executor(d.writers, work)
    except ErasedError as error:
        raise ContentErasedError("this person was erased") from error
    except SubjectError as error:
        raise NotFoundError("there is no such person") from error
    return found


def _shown(d: Deployment, person: str, profile: Profile) -> dict[str, Any]:
    now = d.clock.now_ns()
    return {
        "person": person,
        "purposes": profile.states(now),
        "consents": [rules.shown(profile, given, now) for given in profile.consents],
        "withdrawals": [
            {"at": rfc3339(w.at), "scope": None if w.scope is None else list(w.scope)} for w in profile.withdrawals
        ],
    }


def read(d: Deployment, person: str) -> Profile:
    """Of all ids of the person. Waits for the disk. Errors: StorageError, VaultError; ErasedError."""
    consents: list[Given] = []
    withdrawals: list[Withdrawal] = []
    for each in d.vault.persons_of(TenantId(d.tenant), PersonId(person)):
        for record in d.store.records(d.tenant, RecordKind.PROFILE, each):
            consents += map(rules.decoded, opened(d.vault, d.tenant, record)["consents"])
        for record in d.store.records(d.tenant, RecordKind.WITHDRAWAL, each):
            body = opened(d.vault, d.tenant, record)
            scope = None if body["scope"] is None else tuple(body["scope"])
            withdrawals.append(Withdrawal(int(body["at"]), scope))
        for record in d.store.records(d.tenant, RecordKind.UNPLACED, each):
            body = opened(d.vault, d.tenant, record)
            withdrawals.append(Withdrawal(int(body["at"]), tuple(body["scope"])))
    return Profile(tuple(consents), tuple(sorted(withdrawals, key=lambda w: w.at)))


def _profile(d: Deployment, person: str, given: Sequence[Given]) -> Record:
    body = {"consents": [rules.encoded(each) for each in given]}
    return sealed(d.vault, d.tenant, RecordKind.PROFILE, person, body, interaction=person, persons=[PersonId(person)])


def withdrawal(
    d: Deployment, person: str, at: int, data: Mapping[str, Any], interaction: str | None, number: str | None = None
) -> list[Record]:
    """A withdrawal, and the mark that it has yet to reach the person's conversations. `interaction`: where it was told;
    `number`: a random one. Errors: VaultError; ErasedError."""
    name = f"{person}/{number or os.urandom(16).hex()}"
    told = {field: data[field] for field in ("scope", "method") if data.get(field) is not None}
    body = {"scope": None, **told, "at": str(at), "interaction": interaction}
    persons = [PersonId(person)]
    record = sealed(d.vault, d.tenant, RecordKind.WITHDRAWAL, name, body, interaction=person, persons=persons)
    return [record, Record(RecordKind.REACHING, name, person, b"")]


def unplaced(d: Deployment, person: str, at: int, said: Mapping[str, Any]) -> Record:
    """A withdrawal of somebody of whom nothing is known, or no more: under the operator's key, so that no key is made
    for them, and without a word of theirs. Errors: VaultError."""
    body = {"scope": scope_of(closed(said.get("scope"), frozenset(Purpose))), "at": str(at)}
    return sealed(d.vault, d.tenant, RecordKind.UNPLACED, f"{person}/{os.urandom(16).hex()}", body, interaction=person)


def told_in(d: Deployment, live: Live, events: Sequence[Event]) -> list[Record]:
    """What the withdrawals among these events add to profiles: of those persons who have one id over conversations. A
    conversation's clock does not follow the machine's, by which consents are dated, where that is set."""
    found: list[Record] = []
    interaction = live.conversation.interaction
    for event in events:
        inner = event.type == Internal.EVENT_CONFLICTED
        kind, data = (event.data["type"], event.data["data"]) if inner else (event.type, event.data)
        if kind != "consent_withdrawn" or event.principal == PRODUCT:
            continue
        named = set(live.conversation.persons_in(data))
        for party in live.conversation.parties:
            if party.person in named and "external_id" in party.contact:
                found += withdrawal(d, party.person, max(event.at, d.clock.now_ns()), data, interaction)
    return found


async def stand_in(d: Deployment, live: Live) -> None:
    """Under the lock, before anything was said: what the parties' profiles say, as events of the conversation. What is
    withdrawn later reaches it as every other, for it is on record by now. Errors: StorageError, VaultError."""
    now = d.clock.now_ns()
    events: list[Event] = []
    for party in live.conversation.parties:
        if "external_id" in party.contact:
            found = await asyncio.get_running_loop().run_in_executor(d.executor, partial(read, d, party.person))
            events += _told(d, live, party, found, now)
    if events:
        commands = intend(d, live, live.timeline.with_facts(facts_of(events)), opens=True)
        await append(d, live, events, lambda _: [intent.record for intent in commands])
        issue(d, live, commands)


def _told(d: Deployment, live: Live, party: PartyEntry, profile: Profile, now: int) -> Iterator[Event]:
    """What was found, then what it gives, where the packs let the platform say so, then what it takes."""
    if not profile.consents and not profile.withdrawals:
        return
    who = {"party": party.role} if party.party_id is None else {"party_id": party.party_id}
    taken = profile.withdrawn()
    listed = [rules.shown(profile, given, now) for given in profile.consents]
    seen = {"person": party.person, **who, "consents": listed, "withdrawn": scope_of(taken)}
    yield internal(live, d, Internal.PROFILE_READ, seen, t=0.0)
    for given in profile.consents:
        scope = _exact(profile.left(given))
        said = {**who, **_consent(given, scope, now)}
        asserted = entitled(_SPEAKER, "consent", said, live.timeline.policy)
        if scope and asserted and profile.standing(given, now) is Standing.LIVE:
            yield _stated(live, d, "consent", said)
    if taken:
        covered = {} if taken == frozenset(Purpose) else {"scope": scope_of(taken)}
        yield _stated(live, d, "consent_withdrawn", {**who, "method": STORED, **covered})


def _exact(left: frozenset[Purpose]) -> list[str]:
    """The scope of an event that opens this and no more: `recording` alone would bring with it what was taken back."""
    return scope_of(left if left & _FINE else left - {Purpose.RECORDING})


def _consent(given: Given, scope: list[str], now: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "result": "accepted",
        "method": STORED,
        "scope": scope,
        "given_by": given.method,
        "given_at": rfc3339(given.given_at),
    }
    if given.expires is not None:
        data["expires"] = (given.expires - now) / 1e9
        data["expires_at"] = rfc3339(given.expires)
    if given.prompt_version is not None:
        data["prompt_version"] = given.prompt_version
    if given.registered is not None:
        data["registered"] = dict(given.registered)
    return data


def _stated(live: Live, d: Deployment, kind: str, data: Mapping[str, Any]) -> Event:
    """By the product itself, as the platform."""
    made = internal(live, d, Internal.PROFILE_READ, data, t=0.0)
    return Event(made.event_id, kind, made.t, made.received, made.at, _SPEAKER, made.principal, data)
