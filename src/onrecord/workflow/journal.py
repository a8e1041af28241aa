"""Appends events to the record: sealed per person, committed to, sequenced; and reads them back."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onrecord.base.digests import SALT_BYTES, Domain, commit, new_salt
from onrecord.base.ids import PersonId, TenantId, new_uid
from onrecord.interaction.events import ABOUT_NOBODY, Event, Internal, decode, encode
from onrecord.interaction.record import Conversation
from onrecord.ledger import leaf
from onrecord.ledger.sequencer import Draft, Sequenced
from onrecord.ledger.tree import leaf_hash
from onrecord.storage.ports import EventRow, NotStoredError, Record, StorageUnknownError
from onrecord.vault.errors import ErasedError
from onrecord.vault.keystore import KeyClass
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import LogInconsistentError
from onrecord.workflow.live import Live

Records = Callable[[Sequence[Sequenced]], Sequence[Record]]


def about(conversation: Conversation, event: Event) -> tuple[PersonId, ...]:
    """The persons under whose keys a payload is sealed; nobody where it holds only ids, counters and times."""
    if event.type in ABOUT_NOBODY:
        return ()
    if event.type in {Internal.PARTY_ADDED, Internal.PARTY_JOINED}:
        return (PersonId(event.data["person"]),)
    if event.type in {Internal.SEGMENT_SEALED, Internal.ARTIFACT_STORED}:
        return tuple(PersonId(person) for person in event.data["persons"])
    data = event.data["data"] if event.type == Internal.EVENT_CONFLICTED else event.data
    return tuple(PersonId(p) for p in conversation.persons_in(data) or conversation.everybody())


def _bound(d: Deployment, interaction: str, uid: bytes, kind: str) -> bytes:
    return b"\0".join([b"onrecord/event/v1", d.tenant.encode(), interaction.encode(), kind.encode(), uid])


def draft(d: Deployment, conversation: Conversation, event: Event) -> Draft:
    payload = encode(event)
    salt = new_salt()
    uid = new_uid()
    bound = _bound(d, conversation.interaction, uid, event.type)
    persons = about(conversation, event)
    sealed = d.vault.seal(TenantId(d.tenant), persons, KeyClass.EVENT, bound, salt + payload)
    return Draft(
        interaction=conversation.interaction,
        uid=uid,
        type=str(event.type),
        t=event.t,
        received=event.received,
        recorded_at=event.at,
        keys=sealed.keys,
        sealed=sealed.blob,
        commitment=commit(Domain.EVENT, salt, payload),
    )


async def append(
    d: Deployment, live: Live, events: Sequence[Event], records: Records | None = None
) -> tuple[Sequenced, ...]:
    """Durable and in the log when it returns, and then applied to `live`. The caller holds `live.lock`.

    Errors: StorageError, VaultError, LedgerError (nothing stored, nothing applied); StorageUnknownError, which halts
    `live`: it is taken up again from what is stored, and until then takes nothing."""
    if live.halted:
        raise NotStoredError("what is on record of this conversation is being looked up")
    drafts = [draft(d, live.conversation, event) for event in events]
    try:
        done = await asyncio.wrap_future(d.sequencer.submit(drafts, records))
    except (StorageUnknownError, asyncio.CancelledError):
        live.halt()
        raise
    flagged = len(live.flags)
    live.apply(events)
    d.measures.recorded(events, live.flags[flagged:])
    return done


def internal(live: Live, d: Deployment, kind: Internal, data: Mapping[str, Any], t: float | None = None) -> Event:
    """An event of the product's own, at `t` seconds (default: now)."""
    now_ns = d.clock.now_ns()
    started = live.conversation.started_at
    received = max(0.0, (now_ns - started) / 1e9) if started is not None else 0.0
    moment = live.now(now_ns) if t is None else t
    return Event(f"sys-{os.urandom(12).hex()}", kind, moment, received, now_ns, "onrecord", "onrecord", data)


def open_row(d: Deployment, row: EventRow) -> tuple[bytes, bytes] | None:
    """(salt, payload) of a stored event, or None where its keys were destroyed. Errors: LogInconsistentError."""
    bound = _bound(d, row.interaction, row.uid, row.type)
    try:
        plain = d.vault.open(TenantId(d.tenant), row.keys, bound, row.sealed)
    except ErasedError:
        return None
    salt, payload = plain[:SALT_BYTES], plain[SALT_BYTES:]
    if commit(Domain.EVENT, salt, payload) != leaf.parse(row.entry).commitment:
        raise LogInconsistentError("a stored event does not open its own commitment")
    return salt, payload


def digest(row: EventRow) -> bytes:
    """The leaf hash of a stored event (RFC 6962)."""
    return leaf_hash(row.entry)


def read(d: Deployment, row: EventRow) -> Event | None:
    opened = open_row(d, row)
    return None if opened is None else decode(opened[1])
