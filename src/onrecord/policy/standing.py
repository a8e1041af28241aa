"""What a party's answers come to, for one purpose."""

from onrecord.policy.book import Book
from onrecord.policy.call import NOWHERE, Call, Grant, Member, Record, Segment, prompt_of
from onrecord.policy.kinds import Kind
from onrecord.policy.notice import noticed
from onrecord.policy.options import CONSENT, INTERESTS
from onrecord.policy.purposes import ConsentState, Purpose
from onrecord.policy.situations import Situation

RECORDED = (Kind.AUDIO_RECORDING, Kind.VIDEO_RECORDING, Kind.TRANSCRIPT)


def valid_grants(call: Call, record: Record) -> tuple[Grant, ...]:
    """The grants that are to every text which may be the current one of their prompt. One that is to a prompt of which
    no version was made current stands."""
    if not call.versions:
        return record.grants
    current: dict[str, set[str | None]] = {}
    for holding in call.versions:
        if holding.value == NOWHERE:
            return ()
        current.setdefault(prompt_of(holding.value), set()).add(holding.value)
    return tuple([g for g in record.grants if current.get(prompt_of(g.version), {g.version}) == {g.version}])


Standing = tuple[Situation, bool]


def standing(call: Call, member: Member, purpose: Purpose, book: Book) -> Standing:
    """What holds for one party and purpose, and whether the consent is explicit."""
    record = member.record(purpose)
    if book.basis(purpose) != CONSENT:
        return _informed(call, member, purpose, book)
    if record.withdrawn is not None:
        return Situation.WITHDRAWN, False
    if record.declined is not None:
        return Situation.DECLINED, False
    if record.objected is not None:
        return Situation.OBJECTED, False
    if not record.grants:
        return _lacking(member, record), False
    valid = valid_grants(call, record)
    if not valid:
        return Situation.CONSENT_STALE, False
    proven = [g for g in valid if g.grade >= book.grade]
    if any(g.explicit for g in proven):
        return Situation.IN_FORCE, True
    if not proven:
        return Situation.NOTICE_NOT_PROVEN, False
    if book.explicit:
        return (Situation.JURISDICTION_UNKNOWN if book.unknown else Situation.IMPLIED_NOT_ENOUGH), False
    return Situation.IN_FORCE, False


def _lacking(member: Member, record: Record) -> Situation:
    if record.lost is not None:
        return Situation.CONSENT_NOT_CARRIED
    if record.expired:
        return Situation.CONSENT_EXPIRED
    return Situation.CONSENT_MISSING if member.joined is None else Situation.NEW_PARTY


def _informed(call: Call, member: Member, purpose: Purpose, book: Book) -> tuple[Situation, bool]:
    """Where no consent is needed, but a notice; under legitimate interests whoever refuses objects."""
    record = member.record(purpose)
    closings = (record.objected, record.declined, record.withdrawn)
    if book.basis(purpose) == INTERESTS and any(closing is not None for closing in closings):
        return Situation.OBJECTED, False
    granted = any(g.grade >= book.grade for g in valid_grants(call, record))
    if granted or noticed(call, member, purpose, book.grade):
        return Situation.IN_FORCE, False
    return Situation.NOTICE_MISSING, False


def pauses(segment: Segment, book: Book) -> bool:
    return book.pauses_always(segment.type) or segment.consent is not True


def consent_state(call: Call, member: Member, purpose: Purpose) -> ConsentState:
    """One party's answer in the words of consent states, whether it is enough or not."""
    record = member.record(purpose)
    if record.withdrawn is not None:
        return ConsentState.WITHDRAWN
    if record.declined is not None:
        return ConsentState.DECLINED
    if record.grants:
        valid = valid_grants(call, record)
        if not valid:
            return ConsentState.STALE
        return ConsentState.GRANTED if any(g.explicit for g in valid) else ConsentState.IMPLIED
    if record.lost is not None or record.expired:
        return ConsentState.EXPIRED
    return ConsentState.NOTIFIED if any(h.grade >= 0 for h in member.heard) else ConsentState.UNKNOWN
