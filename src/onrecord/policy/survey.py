"""From a call's state to the situations that hold for each kind, and what the rules make of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onrecord.policy.book import Book, Judgment
from onrecord.policy.call import Call, Member, OptOut, Views
from onrecord.policy.emotion import barred
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import Kind
from onrecord.policy.options import CONSENT
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import BASE, INDEX, ORDER, SEPARATE, Purpose
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.standing import RECORDED, Standing, pauses, standing
from onrecord.policy.verdict import Verdict

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


def _separate_bits(kind: Kind, standings: Mapping[Purpose, Standing], member: Member) -> tuple[int, bool]:
    """What a kind's own consent lacks. Of a party that has joined and said nothing yet, the conversation's says it, as
    long as that is closed."""
    bits, explicit = 0, True
    training = kind is Kind.TRAINING_DATA
    if member.joined is not None and not member.records and standings[BASE[kind]][0] is not Situation.IN_FORCE:
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
    key = (call.versions, book, member.heard, member.renotice) if book.informed else (call.versions, book)
    found = member.views.get(key)
    if found is None:
        standings = _standings(call, book, member)
        trained = member.record(Purpose.TRAINING).ever_granted
        silent = member.joined is not None and not member.records
        alike = (trained, silent, *[situation * 2 + said for situation, said in standings.values()])
        found = _ALIKE.get(alike)
        if found is None:
            base = [(0 if s is Situation.IN_FORCE else s.bit, said) for s, said in [standings[p] for p in _PURPOSES]]
            found = _ALIKE.keep(alike, (*base, *[_separate_bits(kind, standings, member) for kind in _SEPARATE]))
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
        asked = call.asked()
        views = [_views(call, book, member) for member in asked]
        merged = views[0] if len(views) == 1 else tuple(map(_merged, zip(_NOBODY, *views, strict=True)))
        opted = _opted(call.opt_outs) if call.opt_outs else _NO_OPT_OUT
        segments = frozenset([segment.type for segment in call.segments])
        common, ended, consented = _of_all(book, call)
        feelings = Situation.EMOTION_PROHIBITED.bit if barred(call.sector, asked, book) else 0
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


_ALIKE: Kept[object, Views] = Kept()
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
    if not call.segments:
        return common, ended, False
    paused = [segment for segment in call.segments if pauses(segment, book)]
    if any(segment.consent is not False or book.pauses_always(segment.type) for segment in paused):
        common |= Situation.SEGMENT_SENSITIVE.bit
    elif paused:
        common |= Situation.SEGMENT_DECLINED.bit
    return common, ended, not paused


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
