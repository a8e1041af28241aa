"""From a call's state to the situations that hold for each kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from onrecord.policy.call import Call, Grant, Member, Record, Segment
from onrecord.policy.kinds import Kind
from onrecord.policy.policy import Book, Policy
from onrecord.policy.purposes import BASE, INDEX, ORDER, SEPARATE, ConsentState, Purpose
from onrecord.policy.situations import Situation
from onrecord.policy.verdict import Verdict

_RECORDED = (Kind.AUDIO_RECORDING, Kind.VIDEO_RECORDING, Kind.TRANSCRIPT)
_MISSING = Situation.CONSENT_MISSING.bit | Situation.NEW_PARTY.bit | Situation.IMPLIED_NOT_ENOUGH.bit


@dataclass(frozen=True, slots=True)
class Survey:
    """Per kind, in the order of `ORDER`: bits of situations, what its sources allow, whether consent is explicit."""

    bits: Sequence[int]
    sources: Sequence[Verdict]
    explicit: Sequence[bool]
    segments: frozenset[str]
    consented_segment: bool


def valid_grants(call: Call, record: Record) -> tuple[Grant, ...]:
    """The grants that are to every text which may be the current one."""
    return tuple(g for g in record.grants if all(g.version == v.value for v in call.versions))


def standing(call: Call, member: Member, purpose: Purpose, book: Book) -> tuple[Situation, bool]:
    """What holds for one party and purpose, and whether the consent is explicit."""
    record = member.record(purpose)
    if record.withdrawn is not None:
        return Situation.WITHDRAWN, False
    if record.declined is not None:
        return Situation.DECLINED, False
    if not record.grants:
        if record.lost is not None:
            return Situation.CONSENT_NOT_CARRIED, False
        return (Situation.CONSENT_MISSING if member.joined is None else Situation.NEW_PARTY), False
    valid = valid_grants(call, record)
    if not valid:
        return Situation.CONSENT_STALE, False
    if any(g.proven and g.explicit for g in valid):
        return Situation.IN_FORCE, True
    if not any(g.proven for g in valid):
        return Situation.NOTICE_NOT_PROVEN, False
    if book.explicit:
        return (Situation.JURISDICTION_UNKNOWN if book.unknown else Situation.IMPLIED_NOT_ENOUGH), False
    return Situation.IN_FORCE, False


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
    if record.lost is not None:
        return ConsentState.EXPIRED
    return ConsentState.NOTIFIED if member.heard else ConsentState.UNKNOWN


def _purpose_bits(call: Call, book: Book, asked: Sequence[Member], purpose: Purpose) -> tuple[int, bool]:
    bits, explicit = 0, True
    for member in asked:
        situation, said = standing(call, member, purpose, book)
        explicit = explicit and said
        if situation is not Situation.IN_FORCE:
            bits |= situation.bit
    return bits, explicit


def _separate_bits(kind: Kind, call: Call, book: Book, asked: Sequence[Member]) -> tuple[int, bool]:
    """What a kind's own consent lacks. Of a party that has joined and said nothing yet, the conversation's says it."""
    bits, explicit = 0, True
    training = kind is Kind.TRAINING_DATA
    for member in asked:
        if member.joined is not None and not member.records:
            continue
        for purpose in SEPARATE[kind]:
            situation, said = standing(call, member, purpose, book)
            explicit = explicit and said
            if situation is Situation.WITHDRAWN:
                given = member.record(purpose).ever_granted
                bits |= situation.bit if given or not training else Situation.TRAINING_MISSING.bit
            elif situation is Situation.DECLINED:
                bits |= Situation.TRAINING_DECLINED.bit if training else Situation.VIDEO_MISSING.bit
            elif situation.bit & _MISSING or (training and situation is Situation.JURISDICTION_UNKNOWN):
                bits |= Situation.TRAINING_MISSING.bit if training else Situation.VIDEO_MISSING.bit
            elif situation is Situation.IN_FORCE and training and not said:
                bits |= Situation.TRAINING_MISSING.bit
            elif situation is not Situation.IN_FORCE:
                bits |= situation.bit
    return bits, explicit


def survey(policy: Policy, book: Book, call: Call) -> Survey:
    asked = call.asked()
    common = 0
    if call.erased:
        common |= Situation.ERASED.bit
    if call.unrecorded is not None:
        common |= Situation.NON_RECORDED.bit
    ended = Situation.CALL_ENDED.bit if call.ended is not None else 0
    paused = [segment for segment in call.segments if pauses(segment, book)]
    if any(segment.consent is not False or book.pauses_always(segment.type) for segment in paused):
        common |= Situation.SEGMENT_SENSITIVE.bit
    elif paused:
        common |= Situation.SEGMENT_DECLINED.bit
    purposes = {purpose: _purpose_bits(call, book, asked, purpose) for purpose in set(BASE.values())}
    bits, explicit = [], []
    for kind in ORDER:
        found, said = ended, True
        if kind not in call.enabled:
            found |= Situation.NOT_ENABLED.bit
        base = BASE.get(kind)
        if base is not None:
            own, said = purposes[base]
            found |= common | own
            if kind in SEPARATE:
                extra, also = _separate_bits(kind, call, book, asked)
                found, said = found | extra, said and also
            if kind is Kind.TRAINING_DATA and not book.training_allowed:
                found |= Situation.TRAINING_MISSING.bit
        for opt_out in call.opt_outs.get(kind, ()):
            found |= (Situation.OPTED_OUT_SCOPED if opt_out.scoped else Situation.OPTED_OUT).bit
        bits.append(found)
        explicit.append(said)
    segments = frozenset(segment.type for segment in call.segments)
    sources = _sources(policy, book, bits)
    return Survey(bits, sources, explicit, segments, consented_segment=bool(call.segments) and not paused)


def _sources(policy: Policy, book: Book, bits: list[int]) -> list[Verdict]:
    """What the sources of each kind allow; sets the bit of those whose sources allow less than capture."""
    sources = [Verdict.CAPTURE] * len(ORDER)

    def allowed(kind: Kind) -> Verdict:
        index = INDEX[kind]
        return book.open_to_derivation(kind, bits[index], sources[index])

    for kind in policy.derivation:
        named = policy.overlay.derived_from.get(kind)
        if named:
            found = min(allowed(source) for source in named)
        elif kind is Kind.TRAINING_DATA:
            found = max(allowed(source) for source in _RECORDED)
        else:
            continue
        index = INDEX[kind]
        sources[index] = found
        if found < Verdict.CAPTURE:
            bits[index] |= Situation.SOURCE_STOPPED.bit
    return sources
