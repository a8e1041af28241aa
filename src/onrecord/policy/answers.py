"""Consent, refusal and withdrawal: what a party's answers do to its records."""

from collections.abc import Mapping

from onrecord.policy.book import Book
from onrecord.policy.call import Call, Grant, Holding, Member, Record, Span, unused
from onrecord.policy.facts import UNKNOWN_PLACE
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import BASE, CONVERSATION, SEPARATE, Purpose, closed, opened
from onrecord.policy.situations import Situation
from onrecord.policy.standing import standing, valid_grants

Data = Mapping[str, object]
_NONE: frozenset[Kind] = frozenset()
_OWN = {kind: frozenset({base, *SEPARATE.get(kind, ())}) for kind, base in BASE.items()}


def in_force(call: Call, member: Member, book: Book) -> bool:
    """Whether a party's consent to the recording is enough here and now, and not taken back by an opt-out."""
    out = any(o.key == member.key for o in call.opt_outs.get(Kind.AUDIO_RECORDING, ()))
    return not out and standing(call, member, Purpose.RECORDING, book)[0] is Situation.IN_FORCE


def answer(call: Call, data: Data, span: Span, flags: list[str]) -> tuple[Call, frozenset[Kind], frozenset[Kind]]:
    """The state after a `consent`, the kinds for which a withdrawal is answered by it, and those that it opens."""
    result = data.get("result")
    if result == "declined":
        return _decline(call, data, span, flags), _NONE, _NONE
    indices = call.named(data.get("party"), data.get("party_id"))
    if result not in ("accepted", "implied") or len(indices) != 1:
        return call, _NONE, _NONE
    member = call.members[indices[0]]
    version, understood = _version(member, data, span)
    purposes = opened(data.get("scope"))
    if not understood or not purposes:
        return call, _NONE, _NONE
    proven = data.get("method") == "stored_profile" or any(
        heard == version and late <= span.early for heard, late in member.heard
    )
    if not proven:
        flags.append("NOTICE_NOT_PROVEN")
    records, renewed, given = dict(member.records), set(), set()
    for purpose in purposes:
        record = member.record(purpose)
        _contradiction(record, version, accepted=True, flags=flags)
        grant = Grant(version, explicit=result == "accepted", proven=proven)
        if _in_time(call, member, record, span, explicit=grant.explicit):
            given.add(purpose)
            if record.withdrawn is not None:
                renewed.add(purpose)
            record = Record((*(g for g in record.grants if g != grant), grant), ever_granted=True)
        records[purpose] = record._replace(decisions=_decided(member.record(purpose), version, accepted=True))
    after = _with(call, indices[0], member.answered(records))
    granted = [records[purpose] for purpose in given]
    if any(record.grants and not valid_grants(after, record) for record in granted):
        flags.append("STALE_CONSENT")
    return after, _touching(renewed), _touching(given)


def _touching(purposes: set[Purpose]) -> frozenset[Kind]:
    return frozenset(kind for kind, own in _OWN.items() if own & purposes)


def _version(member: Member, data: Data, span: Span) -> tuple[str | None, bool]:
    """The text that an answer is to: the one named, else the last that was read to the party."""
    told = data.get("prompt_version")
    if told is not None:
        return (told, True) if isinstance(told, str) else (None, False)
    heard = [version for version, late in member.heard if late <= span.early]
    return (heard[-1] if heard else None), True


def _in_time(call: Call, member: Member, record: Record, span: Span, *, explicit: bool) -> bool:
    """Whether an acceptance is known to come after all that it must answer. Staying on the line answers no refusal."""
    closings = [call.transferred, member.joined, record.lost, record.declined, record.withdrawn]
    if any(late is not None and late > span.early for late in closings):
        return False
    return explicit or (record.declined is None and record.withdrawn is None)


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


def _decline(call: Call, data: Data, span: Span, flags: list[str]) -> Call:
    call, indices = _heard_of(call, data, span)
    purposes = closed(data.get("scope"), CONVERSATION)
    for index in indices:
        member = call.members[index]
        version, _ = _version(member, data, span)
        records = dict(member.records)
        for purpose in purposes:
            record = member.record(purpose)
            _contradiction(record, version, accepted=False, flags=flags)
            late = span.late if record.declined is None else max(record.declined, span.late)
            decisions = _decided(record, version, accepted=False)
            records[purpose] = record._replace(grants=(), declined=late, decisions=decisions)
        call = _with(call, index, member.answered(records))
    return call


def withdraw(call: Call, data: Data, span: Span) -> Call:
    call, indices = _heard_of(call, data, span)
    purposes = closed(data.get("scope"), frozenset(Purpose))
    for index in indices:
        member = call.members[index]
        records = dict(member.records)
        for purpose in purposes:
            record = member.record(purpose)
            late = span.late if record.withdrawn is None else max(record.withdrawn, span.late)
            records[purpose] = record._replace(grants=(), withdrawn=late, decisions=())
        call = _with(call, index, member.answered(records))
    return call
