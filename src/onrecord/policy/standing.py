"""From a call's state to the situations that hold for each kind."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onrecord.policy.book import Book, Judgment
from onrecord.policy.call import NOWHERE, Call, Grant, Member, OptOut, Record, Segment, Views, prompt_of
from onrecord.policy.emotion import barred
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import Kind
from onrecord.policy.notice import noticed
from onrecord.policy.options import CONSENT, INTERESTS
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import BASE, INDEX, ORDER, SEPARATE, ConsentState, Purpose
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.verdict import Verdict

RECORDED = (Kind.AUDIO_RECORDING, Kind.VIDEO_RECORDING, Kind.TRANSCRIPT)
_ASK = tuple(
    MEANING[situation].reason
    for situation in (
        Situation.CONSENT_MISSING,
        Situation.NOTICE_MISSING,
        Situation.CONSENT_STALE,
        Situation.CONSENT_EXPIRED,
        Situation.CONSENT_NOT_CARRIED,
        Situation.NEW_PARTY,
        Situation.NOTICE_NOT_PROVEN,
        Situation.JURISDICTION_UNKNOWN,
        Situation.IMPLIED_NOT_ENOUGH,
    )
)
_MISSING = Situation.CONSENT_MISSING.bit | Situation.NEW_PARTY.bit | Situation.IMPLIED_NOT_ENOUGH.bit


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Per kind, in the order of `ORDER`: bits of situations, whether consent is explicit, what its sources allow, what
    the rules make of it."""

    bits: Sequence[int]
    explicit: Sequence[bool]
    sources: Sequence[Verdict]
    judged: Sequence[Judgment]
    consented_segment: bool
    asking: tuple[str, ...]


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
    return ConsentState.NOTIFIED if member.heard else ConsentState.UNKNOWN


def _separate_bits(kind: Kind, standings: Mapping[Purpose, Standing], member: Member) -> tuple[int, bool]:
    """What a kind's own consent lacks. Of a party that has joined and said nothing yet, the conversation's says it."""
    bits, explicit = 0, True
    training = kind is Kind.TRAINING_DATA
    if member.joined is not None and not member.records:
        return bits, explicit
    for purpose in SEPARATE[kind]:
        situation, said = standings[purpose]
        explicit = explicit and said
        vague = situation is Situation.IN_FORCE and not said and (training or purpose is Purpose.VIDEO_ANALYSIS)
        if situation is Situation.WITHDRAWN:
            given = member.record(purpose).ever_granted
            bits |= situation.bit if given or not training else Situation.TRAINING_MISSING.bit
        elif situation is Situation.DECLINED:
            bits |= Situation.TRAINING_DECLINED.bit if training else Situation.VIDEO_MISSING.bit
        elif vague or situation.bit & _MISSING or (training and situation is Situation.JURISDICTION_UNKNOWN):
            bits |= Situation.TRAINING_MISSING.bit if training else Situation.VIDEO_MISSING.bit
        elif situation is not Situation.IN_FORCE:
            bits |= situation.bit
    return bits, explicit


_PURPOSES = tuple(dict.fromkeys(BASE.values()))
_SEPARATE = tuple(SEPARATE)
_ASKED = (*_PURPOSES, *dict.fromkeys(purpose for own in SEPARATE.values() for purpose in own))
_PURPOSE_AT = {purpose: place for place, purpose in enumerate(_PURPOSES)}
_SEPARATE_AT = {kind: place for place, kind in enumerate(_SEPARATE, len(_PURPOSES))}
# Per kind the places of those of a party's views that count for it.
_COUNTING = tuple(
    (*([_PURPOSE_AT[BASE[kind]]] if kind in BASE else []), *([_SEPARATE_AT[kind]] if kind in SEPARATE else []))
    for kind in ORDER
)


def _views(call: Call, book: Book, member: Member) -> Views:
    """Bits and explicitness of one party: per purpose of `_PURPOSES`, then per kind of `_SEPARATE`."""
    found = member.views.get(key := (call.versions, book))
    if found is None:
        standings = _standings(call, book, member)
        base = [(0 if s is Situation.IN_FORCE else s.bit, said) for s, said in map(standings.__getitem__, _PURPOSES)]
        found = (*base, *[_separate_bits(kind, standings, member) for kind in _SEPARATE])
        member.views[key] = found
    return found


def _standings(call: Call, book: Book, member: Member) -> dict[Purpose, Standing]:
    """By purpose. Where consent is the basis, purposes with one record have one."""
    made: dict[int, Standing] = {}
    found: dict[Purpose, Standing] = {}
    for purpose in _ASKED:
        if book.basis(purpose) != CONSENT:
            found[purpose] = standing(call, member, purpose, book)
            continue
        record = id(member.record(purpose))
        if record not in made:
            made[record] = standing(call, member, purpose, book)
        found[purpose] = made[record]
    return found


class Surveyor:
    """Surveys calls under one policy. Two calls of which all says the same have one survey."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._made: Kept[object, Survey] = Kept()

    def survey(self, book: Book, call: Call) -> Survey:
        views = [_views(call, book, member) for member in call.asked()]
        merged = views[0] if len(views) == 1 else tuple(map(_merged, zip(_NOBODY, *views, strict=True)))
        opted = _opted(call.opt_outs) if call.opt_outs else _NO_OPT_OUT
        segments = frozenset([segment.type for segment in call.segments])
        common, ended, consented = _of_all(book, call)
        feelings = Situation.EMOTION_PROHIBITED.bit if barred(call, book) else 0
        key = (book, merged, opted, segments, common, ended, consented, feelings, call.enabled, call.barred)
        found = self._made.get(key)
        if found is None:
            bits, explicit = _per_kind(book, call, merged, opted, common, ended)
            bits[INDEX[Kind.SENTIMENT]] |= feelings
            sources = _sources(self._policy, book, bits)
            judged = [book.judge(k, bits[i], segments, sources[i]) for i, k in enumerate(ORDER)]
            reasons = {judgment.reason for judgment in judged}
            asking = tuple(reason for reason in _ASK if reason in reasons)
            found = self._made.keep(key, Survey(bits, explicit, sources, judged, consented, asking))
        return found


_NO_OPT_OUT = (0,) * len(ORDER)
_NOBODY: Views = ((0, True),) * (len(_PURPOSES) + len(_SEPARATE))


def _merged(column: Iterable[tuple[int, bool]]) -> tuple[int, bool]:
    bits, explicit = 0, True
    for own, said in column:
        bits, explicit = bits | own, explicit and said
    return bits, explicit


def _opted(opt_outs: Mapping[Kind, Sequence[OptOut]]) -> tuple[int, ...]:
    """Bits per kind. Kinds named together have one and the same sequence, which is read once."""
    made: dict[int, int] = {}
    for known in opt_outs.values():
        if id(known) not in made:
            scopes = {opt_out.scoped for opt_out in known}
            bits = Situation.OPTED_OUT_SCOPED.bit if True in scopes else 0
            made[id(known)] = bits | (Situation.OPTED_OUT.bit if False in scopes else 0)
    return tuple([made[id(opt_outs[kind])] if kind in opt_outs else 0 for kind in ORDER])


def _of_all(book: Book, call: Call) -> tuple[int, int, bool]:
    """Bits for all content, bits for every kind, and whether all open segments are agreed to."""
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
    return common, ended, bool(call.segments) and not paused


def _per_kind(
    book: Book, call: Call, views: Views, opted: Sequence[int], common: int, ended: int
) -> tuple[list[int], list[bool]]:
    bits, explicit = [], []
    for index, kind in enumerate(ORDER):
        found, said = ended | opted[index], True
        if kind not in call.enabled:
            found |= Situation.NOT_ENABLED.bit
        if kind in call.barred:
            found |= Situation.VENDOR_BARRED.bit
        if kind in BASE:
            found |= common
        for column in _COUNTING[index]:
            own, also = views[column]
            found, said = found | own, said and also
        if kind is Kind.TRAINING_DATA and not book.training_allowed:
            found |= Situation.TRAINING_MISSING.bit
        bits.append(found)
        explicit.append(said)
    return bits, explicit


def _sources(policy: Policy, book: Book, bits: list[int]) -> list[Verdict]:
    """What the sources of each kind allow; sets the bit of those whose sources allow less than capture."""
    sources = [Verdict.CAPTURE] * len(ORDER)

    def allowed(kind: Kind) -> Verdict:
        index = INDEX[kind]
        return book.open_to_derivation(kind, bits[index], sources[index])

    for kind in policy.derivation:
        named = book.sources.get(kind)
        if named:
            found = min(allowed(source) for source in named)
        elif kind is Kind.TRAINING_DATA:
            found = max(allowed(source) for source in RECORDED)
        else:
            continue
        index = INDEX[kind]
        sources[index] = found
        if found < Verdict.CAPTURE:
            bits[index] |= Situation.SOURCE_STOPPED.bit
    return sources
