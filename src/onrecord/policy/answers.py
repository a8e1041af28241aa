"""Consent, refusal and withdrawal: what a party's answers do to its records."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial

from onrecord.base.clock import parse_rfc3339
from onrecord.policy.book import Book
from onrecord.policy.call import BEFORE, Call, Grant, Holding, Member, Record, Span, unused
from onrecord.policy.facts import UNKNOWN_PLACE
from onrecord.policy.kinds import Kind
from onrecord.policy.notice import asked_for, grade_of
from onrecord.policy.options import GRADES, OBLIGATION
from onrecord.policy.purposes import BASE, CONVERSATION, SEPARATE, Purpose, closed, opened
from onrecord.policy.situations import Situation
from onrecord.policy.standing import standing, valid_grants

Data = Mapping[str, object]
OWN_PROOF = len(GRADES)
_NONE: frozenset[Kind] = frozenset()
_OWN = {kind: frozenset({base, *SEPARATE.get(kind, ())}) for kind, base in BASE.items()}


def changed(member: Member, purposes: Iterable[Purpose], change: Callable[[Record], Record]) -> dict[Purpose, Record]:
    """A party's records with those of some purposes changed; of what is one record of several, one is made."""
    records, made = dict(member.records), dict[int, Record]()
    for purpose in purposes:
        old = member.record(purpose)
        if id(old) not in made:
            made[id(old)] = change(old)
        records[purpose] = made[id(old)]
    return records


def in_force(call: Call, member: Member, book: Book) -> bool:
    """Whether a party's consent to the recording is enough here and now, and not taken back by an opt-out."""
    out = any(o.key == member.key for o in call.opt_outs.get(Kind.AUDIO_RECORDING, ()))
    return not out and standing(call, member, Purpose.RECORDING, book)[0] is Situation.IN_FORCE


def answer(
    call: Call, data: Data, span: Span, book: Book, flags: list[str]
) -> tuple[Call, frozenset[Kind], frozenset[Kind]]:
    """The state after a `consent`, the kinds for which a withdrawal is answered by it, and those that it opens."""
    result = data.get("result")
    if result == "declined":
        return _decline(call, data, span, book, flags), _NONE, _NONE
    indices = call.named(data.get("party"), data.get("party_id"))
    if result not in ("accepted", "implied") or len(indices) != 1:
        return call, _NONE, _NONE
    member = call.members[indices[0]]
    version, understood = _version(member, data, span)
    purposes = _granted(member, version, data)
    if not understood or not purposes:
        return call, _NONE, _NONE
    grade = OWN_PROOF if data.get("method") == "stored_profile" else grade_of(member, version, span.early)
    if grade < book.grade:
        flags.append("NOTICE_NOT_PROVEN")
    expires = expiry(data, call.started)
    grant = Grant(version, result == "accepted", grade, expires)

    def accepted(record: Record) -> Record:
        _contradiction(record, version, accepted=True, flags=flags)
        decisions = _decided(record, version, accepted=True)
        if not _in_time(call, member, record, span, explicit=grant.explicit):
            return record._replace(decisions=decisions)
        if span.late < expires:
            return Record((*_uncovered(record.grants, grant), grant), ever_granted=True, decisions=decisions)
        return record._replace(expired=not record.grants, decisions=decisions)

    records = changed(member, purposes, accepted)
    given = frozenset([purpose for purpose in purposes if grant in records[purpose].grants])
    renewed = frozenset([purpose for purpose in given if member.record(purpose).withdrawn is not None])
    after = _with(call, indices[0], member.answered(records))
    if given and expires < after.expires:
        after = after._replace(expires=expires)
    if after.versions and any(not valid_grants(after, records[purpose]) for purpose in given):
        flags.append("STALE_CONSENT")
    return after, _touching(renewed), _touching(given)


def _granted(member: Member, version: str | None, data: Data) -> frozenset[Purpose]:
    """What an acceptance covers: what it says, but no more than the registered text to which it is asks for."""
    asked = asked_for(data)
    if asked is None:
        asked = next((h.purposes for h in reversed(member.heard) if h.version == version), None)
    scope = data.get("scope")
    if asked is None:
        return opened(scope)
    return asked if scope is None else asked & opened(scope)


def _uncovered(grants: tuple[Grant, ...], new: Grant) -> tuple[Grant, ...]:
    """Those that may count where the new one does not."""
    return tuple(
        old
        for old in grants
        if old.version != new.version
        or old.explicit > new.explicit
        or old.grade > new.grade
        or old.expires > new.expires
    )


def expiry(data: Data, started: int | None) -> float:
    """When a consent runs out, on the clock of the call: seconds, or an instant (RFC 3339), or both, of which the
    instant counts once the clock has begun. What is not understood has run out at once."""
    told = data.get("expires")
    if started is not None:
        told = data.get("expires_at", told)
    if told is None:
        return math.inf
    if isinstance(told, int | float) and not isinstance(told, bool) and not math.isnan(told):
        return float(told)
    try:
        return BEFORE if started is None else (parse_rfc3339(str(told)) - started) / 1e9
    except ValueError:
        return BEFORE


def expire(call: Call, now: float) -> Call:
    """Without the grants that have run out."""
    members: list[Member] = []
    for member in call.members:
        records = changed(member, member.records, partial(_expired, now=now))
        members.append(member if records == member.records else member.answered(records))
    left = [g.expires for member in members for record in member.records.values() for g in record.grants]
    return call._replace(members=tuple(members), expires=min(left, default=math.inf))


def _expired(record: Record, now: float) -> Record:
    if all(g.expires > now for g in record.grants):
        return record
    kept = tuple(g for g in record.grants if g.expires > now)
    return record._replace(grants=kept, expired=not kept)


@lru_cache(maxsize=128)
def _touching(purposes: frozenset[Purpose]) -> frozenset[Kind]:
    return frozenset(kind for kind, own in _OWN.items() if own & purposes)


def _version(member: Member, data: Data, span: Span) -> tuple[str | None, bool]:
    """The text that an answer is to: the one named, else the last that was read to the party; none where it may have
    been another."""
    told = data.get("prompt_version")
    if told is not None:
        return (told, True) if isinstance(told, str) else (None, False)
    last = next((heard for heard in reversed(member.heard) if heard.span.late <= span.early), None)
    if last is None:
        return None, True
    doubtful = any(h.version != last.version and h.span.late > last.span.early for h in member.heard)
    return (None if doubtful else last.version), True


def _in_time(call: Call, member: Member, record: Record, span: Span, *, explicit: bool) -> bool:
    """Whether an acceptance is known to come after all that it must answer. Staying on the line answers no refusal."""
    closings = [call.transferred, member.joined, record.lost, record.declined, record.withdrawn, record.objected]
    if any(late is not None and late > span.early for late in closings):
        return False
    refused = record.declined is not None or record.withdrawn is not None or record.objected is not None
    return explicit or not refused


def _contradiction(record: Record, version: str | None, *, accepted: bool, flags: list[str]) -> None:
    if (version, not accepted) in record.decisions and "CONTRADICTORY_CONSENT" not in flags:
        flags.append("CONTRADICTORY_CONSENT")


def _decided(record: Record, version: str | None, *, accepted: bool) -> tuple[tuple[str | None, bool], ...]:
    """The last decision on each text."""
    return (*(d for d in record.decisions if d[0] != version), (version, accepted))


def _with(call: Call, index: int, member: Member) -> Call:
    return call._replace(members=(*call.members[:index], member, *call.members[index + 1 :]))


def _heard_of(call: Call, data: Data, span: Span) -> tuple[Call, tuple[int, ...]]:
    """The parties that a closing speaks of; one that nobody knew is in the call from now on."""
    indices = call.named(data.get("party"), data.get("party_id"))
    if indices:
        return call, indices
    name = data.get("party_id") or data.get("party")
    if not isinstance(name, str):
        return call, tuple(index for index, member in enumerate(call.members) if not member.staff)
    key = unused(name, list(call.members))
    stranger = Member(key, name, None, (Holding(UNKNOWN_PLACE, span),), joined=span.late)
    return call._replace(members=(*call.members, stranger)), (len(call.members),)


def _decline(call: Call, data: Data, span: Span, book: Book, flags: list[str]) -> Call:
    call, indices = _heard_of(call, data, span)
    purposes = closed(data.get("scope"), CONVERSATION)
    _unhonoured(purposes, book, flags)
    for index in indices:
        member = call.members[index]
        declined = partial(_declined, version=_version(member, data, span)[0], late=span.late, flags=flags)
        call = _with(call, index, member.answered(changed(member, purposes, declined)))
    return call


def withdraw(call: Call, data: Data, span: Span, book: Book, flags: list[str]) -> Call:
    call, indices = _heard_of(call, data, span)
    purposes = closed(data.get("scope"), frozenset(Purpose))
    _unhonoured(purposes, book, flags)
    for index in indices:
        member = call.members[index]
        call = _with(call, index, member.answered(changed(member, purposes, partial(_withdrawn, late=span.late))))
    return call


def object_to(call: Call, data: Data, span: Span, book: Book, flags: list[str]) -> Call:
    """An objection (GDPR art. 21); a later explicit consent answers it."""
    call, indices = _heard_of(call, data, span)
    purposes = closed(data.get("scope"), frozenset(Purpose))
    _unhonoured(purposes, book, flags)
    for index in indices:
        member = call.members[index]
        call = _with(call, index, member.answered(changed(member, purposes, partial(_objected, late=span.late))))
    return call


def _declined(record: Record, *, version: str | None, late: float, flags: list[str]) -> Record:
    _contradiction(record, version, accepted=False, flags=flags)
    decisions = _decided(record, version, accepted=False)
    return record._replace(grants=(), declined=_later(record.declined, late), decisions=decisions)


def _withdrawn(record: Record, *, late: float) -> Record:
    return record._replace(grants=(), withdrawn=_later(record.withdrawn, late), decisions=())


def _objected(record: Record, *, late: float) -> Record:
    return record._replace(grants=(), objected=_later(record.objected, late))


def _later(known: float | None, late: float) -> float:
    return late if known is None else max(known, late)


def _unhonoured(purposes: frozenset[Purpose], book: Book, flags: list[str]) -> None:
    if any(book.basis(purpose) == OBLIGATION for purpose in purposes):
        flags.append("OBJECTION_NOT_HONOURED")
