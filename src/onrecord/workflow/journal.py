"""Appends events to the record: sealed per person, committed to, sequenced; and reads them back."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, cast

from onrecord.base.digests import SALT_BYTES, Domain, commit, new_salt
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import PersonId, TenantId, new_uid
from onrecord.interaction.events import ABOUT_NOBODY, PRODUCT, Event, Internal, decode, encode
from onrecord.interaction.record import Conversation
from onrecord.ledger import leaf
from onrecord.ledger.sequencer import Draft, Sequenced
from onrecord.ledger.tree import leaf_hash
from onrecord.storage.ports import EventRow, Mark, NotStoredError, Record, StorageUnknownError
from onrecord.vault.errors import ErasedError
from onrecord.vault.keystore import KeyClass
from onrecord.vault.vault import Vault
from onrecord.workflow.announce import News, announce, publish_news
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import LogInconsistentError
from onrecord.workflow.health import report_error
from onrecord.workflow.live import Live

Records = Callable[[Sequence[Sequenced]], Sequence[Record]]

_SEALED_TOGETHER = 32
_EVENT = Domain.EVENT
_CONFLICTED = Internal.EVENT_CONFLICTED
_OF_ONE = frozenset({Internal.PARTY_ADDED, Internal.PARTY_JOINED, Internal.PROFILE_READ})
_OF_SEVERAL = frozenset({Internal.SEGMENT_SEALED, Internal.ARTIFACT_STORED})


def about(conversation: Conversation, event: Event) -> tuple[PersonId, ...]:
    """The persons under whose keys a payload is sealed; nobody where it holds only ids, counters and times."""
    if event.type in ABOUT_NOBODY:
        return ()
    if event.type in _OF_ONE:
        return (PersonId(event.data["person"]),)
    if event.type in _OF_SEVERAL:
        return tuple(PersonId(person) for person in event.data["persons"])
    data = event.data["data"] if event.type == _CONFLICTED else event.data
    return cast("tuple[PersonId, ...]", conversation.persons_in(data) or conversation.everybody())


def _bound(tenant: str, interaction: str, uid: bytes) -> bytes:
    return f"onrecord/events/v1\0{tenant}\0{interaction}\0".encode() + uid


def drafts(vault: Vault, tenant: TenantId, conversation: Conversation, events: Sequence[Event]) -> list[Draft]:
    """In order. Consecutive events about the same persons are sealed as one, up to 32. Errors: VaultError."""
    if len(events) == 1:
        return [_draft(vault, tenant, conversation.interaction, about(conversation, events[0]), events)]
    made: list[Draft] = []
    for persons, run in groupby(events, partial(about, conversation)):
        several = list(run)
        for at in range(0, len(several), _SEALED_TOGETHER):
            part = several[at : at + _SEALED_TOGETHER]
            made.append(_draft(vault, tenant, conversation.interaction, persons, part))
    return made


def _draft(
    vault: Vault, tenant: TenantId, interaction: str, persons: Sequence[PersonId], events: Sequence[Event]
) -> Draft:
    """What is sealed: for each event the length of its payload (u32, big-endian), its salt, its payload."""
    plain: list[bytes] = []
    marks: list[Mark] = []
    commitments: list[bytes] = []
    for event in events:
        payload, salt = encode(event), new_salt()
        plain += (len(payload).to_bytes(4), salt, payload)
        marks.append(Mark(str(event.type), event.t, event.received, event.at))
        commitments.append(commit(_EVENT, salt, payload))
    uid = new_uid()
    sealed = vault.seal(tenant, persons, KeyClass.EVENT, _bound(tenant, interaction, uid), b"".join(plain))
    return Draft(interaction, uid, sealed.keys, sealed.blob, marks, commitments)


async def append(
    d: Deployment, live: Live, events: Sequence[Event], records: Records | None = None
) -> tuple[Sequenced, ...]:
    """Durable and in the log when it returns, and then applied to `live`. The caller holds `live.lock`.

    Errors: StorageError, VaultError, LedgerError (nothing stored, nothing applied). StorageUnknownError and everything
    that is no OnRecordError (memory ran out, whoever waited was cancelled) halt `live`: it is taken up again from what
    is stored, and until then takes nothing."""
    if live.halted:
        raise NotStoredError("what is on record of this conversation is being looked up")
    try:
        made = drafts(d.vault, TenantId(d.tenant), live.conversation, events)
        news = announce(d, live, events)
        done = await d.acks.submit(d.sequencer, made, _with_news(records, news) if news else records)
        flagged = len(live.flags)
        live.apply(events)
    except OnRecordError as error:
        report_error(d, error)
        if isinstance(error, StorageUnknownError):
            live.halt()
        raise
    except BaseException:
        live.halt()
        raise
    d.measures.recorded(events, live.flags[flagged:])
    publish_news(d, news)
    return done


def _with_news(records: Records | None, news: Sequence[News]) -> Records:
    """What the subscribers are to be told is stored with the events."""
    told = [each.record for each in news]
    return lambda places: [*told, *(records(places) if records else ())]


def internal(live: Live, d: Deployment, kind: Internal, data: Mapping[str, Any], t: float | None = None) -> Event:
    """An event of the product's own, at `t` seconds (default: now)."""
    now_ns = live.clock_ns(d.clock)
    started = live.conversation.started_at
    received = max(0.0, (now_ns - started) / 1e9) if started is not None else 0.0
    moment = live.now(now_ns) if t is None else t
    return Event(f"sys-{os.urandom(12).hex()}", kind, moment, received, now_ns, "onrecord", PRODUCT, data)


def open_row(d: Deployment, row: EventRow) -> tuple[bytes, bytes] | None:
    """(salt, payload) of a stored event, or None where its keys were destroyed. Errors: LogInconsistentError."""
    try:
        plain = d.vault.open(TenantId(d.tenant), row.keys, _bound(d.tenant, row.interaction, row.uid), row.sealed)
    except ErasedError:
        return None
    start = 0
    for _ in range(row.part):
        start += 4 + SALT_BYTES + int.from_bytes(plain[start : start + 4])
    middle = start + 4 + SALT_BYTES
    salt, payload = plain[start + 4 : middle], plain[middle : middle + int.from_bytes(plain[start : start + 4])]
    if len(salt) != SALT_BYTES or commit(Domain.EVENT, salt, payload) != leaf.parse(row.entry).commitment:
        raise LogInconsistentError("a stored event does not open its own commitment")
    return salt, payload


def digest(row: EventRow) -> bytes:
    """The leaf hash of a stored event (RFC 6962)."""
    return leaf_hash(row.entry)


def read(d: Deployment, row: EventRow) -> Event | None:
    """The event as it was sealed; None as by `open_row`. Errors: LogInconsistentError, UnreadableEventError."""
    opened = open_row(d, row)
    if opened is None:
        return None
    event = decode(opened[1])
    if event.type != row.type:
        raise LogInconsistentError("a stored event is of another type than its row says")
    return event
