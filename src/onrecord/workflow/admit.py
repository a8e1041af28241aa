"""Admits an interaction, and hands out the single-use tokens with which its media may enter."""

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from onrecord.base.ids import InteractionId, PersonId, TenantId, new_interaction_id, new_person_id
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import Conversation
from onrecord.policy.call import STAFF
from onrecord.policy.facts import Head, Party
from onrecord.policy.kernel import KERNEL
from onrecord.policy.kinds import Kind
from onrecord.storage.ports import Record
from onrecord.vault.keystore import KeyClass
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError, SealedError
from onrecord.workflow.journal import append, internal
from onrecord.workflow.legal_bases import relied_on
from onrecord.workflow.live import Live
from onrecord.workflow.outbox import changed, first_commands, issue
from onrecord.workflow.packs import begun
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.profiles import stand_in
from onrecord.workflow.side_records import RecordKind, opened, places, sealed
from onrecord.workflow.systems_attach import attached

DEFAULT_KINDS = (
    Kind.AUDIO_RECORDING,
    Kind.TRANSCRIPT,
    Kind.AI_SUMMARY,
    Kind.QA_SCORE,
    Kind.AGENT_NOTES,
    Kind.DISPOSITION,
    Kind.ANALYTICS_TAGS,
    Kind.ESCALATION_NOTES,
    Kind.WORKFLOW_ACTION,
    Kind.CRM_SYNC,
    Kind.AGENT_ASSIST,
)


@dataclass(frozen=True, slots=True)
class NewParty:
    role: str
    jurisdiction: str = "unknown"
    party_id: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewInteraction:
    sector: str = "unknown"
    parties: tuple[NewParty, ...] = ()
    artifacts_enabled: tuple[str, ...] | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)


def _person(d: Deployment, party: NewParty) -> PersonId:
    """A person known by an external id keeps the same keys over interactions; anybody else is provisional."""
    if party.external_id is None:
        return new_person_id()
    return d.vault.person_for(TenantId(d.tenant), party.external_id.encode())


def _party_data(d: Deployment, party: NewParty) -> dict[str, Any]:
    data: dict[str, Any] = {
        "role": party.role,
        "jurisdiction": party.jurisdiction,
        "person": _person(d, party),
    }
    for name in ("party_id", "name", "phone", "email", "external_id"):
        value = getattr(party, name)
        if value is not None:
            data[name] = value
    return data


def _opened(d: Deployment, new: NewInteraction, kinds: Sequence[Kind]) -> dict[str, Any]:
    return {
        "sector": new.sector,
        "artifacts_enabled": sorted(kinds),
        "overlay": dict(new.policy),
        "packs": [loaded.named for loaded in d.packs],
        "prompts": d.prompts.current_names(),
        "legal_bases": relied_on(d, new.policy),
        "kernel": KERNEL,
        "hold_back": d.hold_back,
    }


async def admit(d: Deployment, principal: Principal, new: NewInteraction) -> tuple[InteractionId, str]:
    """The new interaction's id and a stream token. Errors: ForbiddenError (overlay without its scope),
    InvalidRequestError, PolicyError (overlay), BalancingUnknownError, StorageError."""
    principal.need(Scope.INTERACTIONS_WRITE)
    if new.policy:
        principal.need(Scope.POLICY_SET)
    try:
        kinds = DEFAULT_KINDS if new.artifacts_enabled is None else tuple(Kind(k) for k in new.artifacts_enabled)
    except ValueError as error:
        raise InvalidRequestError("`artifacts_enabled` names a kind that is not known") from error
    parties = new.parties
    if all(party.role in STAFF for party in parties):
        parties = (NewParty("customer"), *parties)
    identifier = new_interaction_id()
    conversation = Conversation(identifier)
    draft_head = Head(
        new.sector,
        tuple(Party(p.role, p.jurisdiction, p.party_id) for p in parties),
        frozenset(kinds),
        new.policy,
        tuple(d.prompts.current_names()),
    )
    live = Live(conversation, begun(d, d.packs, draft_head))
    events = [_system(live, d, Internal.INTERACTION_OPENED, _opened(d, new, kinds))]
    events += [_system(live, d, Internal.PARTY_ADDED, _party_data(d, party)) for party in parties]
    token, record = _token(d, identifier)
    persons = [event.data["person"] for event in events[1:]]
    await _make_keys(d, [PersonId(person) for person in persons])
    events += attached(d, live, new.sector, kinds, [p.jurisdiction for p in parties])
    first = first_commands(d, live, events)
    mark = Record(RecordKind.UNSEALED, identifier, identifier, b"")
    beside = [record, mark, *places(identifier, persons), *(intent.record for intent in first)]
    d.live[identifier] = live  # before it is on record, so that nobody who finds it there reads it a second time
    try:
        async with live.lock:
            await append(d, live, events, lambda _: beside)
            issue(d, live, first)
            await stand_in(d, live)
    except BaseException:
        d.live.pop(identifier, None)
        raise
    if live.conversation.systems:
        live.watchers.add(partial(changed, d, live))
    return identifier, token


async def _make_keys(d: Deployment, persons: Sequence[PersonId]) -> None:
    """A person's keys are made with the first thing sealed under them, which waits for the disk: not on the loop."""

    def make() -> None:
        for person in persons:
            d.vault.seal(TenantId(d.tenant), [person], KeyClass.EVENT, b"", b"")

    await asyncio.get_running_loop().run_in_executor(d.writers, make)


def _system(live: Live, d: Deployment, kind: Internal, data: dict[str, Any]) -> Event:
    return internal(live, d, kind, data, t=0.0)


def _token(d: Deployment, interaction: str) -> tuple[str, Record]:
    """A secret of 256 bits; only its digest names the record that holds it."""
    token = os.urandom(32).hex()
    body = {"interaction": interaction, "used": False}
    return token, sealed(d.vault, d.tenant, RecordKind.STREAM_TOKEN, token_id(token), body, interaction=interaction)


def token_id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def issue_token(d: Deployment, principal: Principal, live: Live, name: tuple[str, str] | None = None) -> str:
    """`name`: a door, and a platform's id of a call, in whose place the token may stay at home: the last one that was
    made for it. Errors: ForbiddenError, SealedError, StorageError."""
    principal.need(Scope.INTERACTIONS_WRITE)
    if live.conversation.seal is not None:
        raise SealedError("the interaction is sealed")
    interaction = live.conversation.interaction
    token, record = _token(d, interaction)
    records = [record]
    if name is not None:
        records.append(sealed(d.vault, d.tenant, RecordKind.NAMED_TOKEN, _name_id(*name), {"token": token}))
    await asyncio.get_running_loop().run_in_executor(d.writers, d.store.put, d.tenant, records)
    return token


async def token_for(d: Deployment, door: str, call: str) -> str:
    """The token that was last made for a platform's call, which the platform must have shown to be its own; none: the
    empty text, which is no token. Errors: StorageError."""

    def read() -> str:
        record = d.store.record(d.tenant, RecordKind.NAMED_TOKEN, _name_id(door, call))
        return "" if record is None else str(opened(d.vault, d.tenant, record)["token"])

    return await asyncio.get_running_loop().run_in_executor(d.executor, read)


def _name_id(door: str, call: str) -> str:
    return hashlib.sha256(f"{door}\n{call}".encode()).hexdigest()
