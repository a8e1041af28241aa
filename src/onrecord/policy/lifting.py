"""What would end each condition: the events that would, and who may tell them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onrecord.policy.assertion import Source, entitled
from onrecord.policy.book import Book
from onrecord.policy.call import Call, Member
from onrecord.policy.kinds import Kind
from onrecord.policy.options import GRADES
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import BASE, SEPARATE, Purpose
from onrecord.policy.situations import Situation
from onrecord.policy.standing import pauses, standing

PROMPT, PLACE = "PROMPT", "PLACE"
_BY_CONSENT = (
    Situation.WITHDRAWN,
    Situation.DECLINED,
    Situation.OBJECTED,
    Situation.CONSENT_MISSING,
    Situation.CONSENT_STALE,
    Situation.CONSENT_EXPIRED,
    Situation.CONSENT_NOT_CARRIED,
    Situation.NEW_PARTY,
    Situation.NOTICE_NOT_PROVEN,
    Situation.IMPLIED_NOT_ENOUGH,
)


@dataclass(frozen=True, slots=True)
class Remedy:
    """One event that is needed; `sources`: who may tell it; `covers`: what a prompt not known has to ask for."""

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        fields, sources, covers = dict(self.fields), list(self.sources), list(self.covers)
        return {"type": self.type, "fields": fields, "sources": sources, "covers": covers}


Events = list[tuple[str, dict[str, Any]]]
Find = Callable[[Policy, Book, Call, Kind], list[Events]]


def lifting(policy: Policy, book: Book, call: Call, kind: Kind, situation: Situation) -> tuple[tuple[Remedy, ...], ...]:
    """Each of several ways: the events, one after the other and later than all that made it hold, after which the
    condition no longer holds. None where the cause cannot end, or no event ends it. `PROMPT` and `PLACE` stand for what
    is not known."""
    find = _LIFTING.get(situation)
    ways = find(policy, book, call, kind) if find is not None else []
    return tuple(tuple(_remedy(policy, kind, *event) for event in way) for way in ways if way)


def _remedy(policy: Policy, kind: Kind, fact_type: str, data: Mapping[str, Any]) -> Remedy:
    sources = (source.value for source in Source if entitled(source.value, fact_type, data, policy))
    covers = [purpose.value for purpose in _purposes(kind)] if data.get("prompt_version") == PROMPT else []
    return Remedy(fact_type, data, tuple(sources), tuple(covers))


def _who(member: Member) -> dict[str, Any]:
    return {"party": member.role} if member.party_id is None else {"party_id": member.party_id}


def _read(book: Book, call: Call, kind: Kind, member: Member) -> tuple[str, dict[str, Any]]:
    """The current text; without one the last that was read to the party. Another where that is registered and does not
    ask for what the kind needs."""
    version = PROMPT
    if call.versions:
        version = call.versions[-1].value
    elif member.heard:
        version = member.heard[-1].version
    told = [h.purposes for each in call.members for h in each.heard if h.version == version and h.purposes is not None]
    if told and not told[-1].issuperset(_purposes(kind)):
        version = PROMPT
    to = {"to": member.role} if member.party_id is None else {"party_id": member.party_id}
    grade = {"grade": GRADES[book.grade]} if book.grade else {}
    return "prompt_delivered", {"prompt_version": version, **to, **grade}


def _consented(book: Book, call: Call, kind: Kind, member: Member, **scope: Any) -> Events:
    """The text is read, then accepted."""
    prompt = _read(book, call, kind, member)
    accepted = {"result": "accepted", "prompt_version": prompt[1]["prompt_version"], **_who(member), **scope}
    return [prompt, ("consent", accepted)]


def _purposes(kind: Kind) -> tuple[Purpose, ...]:
    return (*([BASE[kind]] if kind in BASE else []), *SEPARATE.get(kind, ()))


def _answered(situation: Situation) -> Find:
    """By whoever it is about."""

    def find(_policy: Policy, book: Book, call: Call, kind: Kind) -> list[Events]:
        named = _purposes(kind)
        scope = {"scope": [purpose.value for purpose in named]} if kind in SEPARATE else {}
        found: Events = []
        for member in call.asked():
            if any(standing(call, member, purpose, book)[0] is situation for purpose in named):
                found += _consented(book, call, kind, member, **scope)
        return [found]

    return find


def _noticed(_policy: Policy, book: Book, call: Call, kind: Kind) -> list[Events]:
    """Where no consent is needed: read to whoever was not told."""
    named = _purposes(kind)
    untold = [
        member
        for member in call.asked()
        if any(standing(call, member, purpose, book)[0] is Situation.NOTICE_MISSING for purpose in named)
    ]
    return [[_read(book, call, kind, member) for member in untold]]


def _separately(_policy: Policy, book: Book, call: Call, kind: Kind) -> list[Events]:
    if kind is Kind.TRAINING_DATA and not book.training_allowed:
        return []
    scope = [purpose.value for purpose in SEPARATE.get(kind, ())]
    return [[event for member in call.asked() for event in _consented(book, call, kind, member, scope=scope)]]


def _placed(policy: Policy, book: Book, call: Call, kind: Kind) -> list[Events]:
    unknown = [m for m in call.members if any(policy.regime(place.value) == "unknown" for place in m.places)]
    told: Events = [("jurisdiction_update", {"jurisdiction": PLACE, **_who(member)}) for member in unknown]
    return [*_answered(Situation.JURISDICTION_UNKNOWN)(policy, book, call, kind), told]


def _opted_in(_policy: Policy, _book: Book, call: Call, kind: Kind) -> list[Events]:
    keys = {opt_out.key for opt_out in call.opt_outs.get(kind, ())}
    return [[("opt_in", {"kinds": [kind.value], **_who(member)}) for member in call.members if member.key in keys]]


def _recorded(_policy: Policy, _book: Book, _call: Call, _kind: Kind) -> list[Events]:
    return [[("workflow", {"recorded": True})]]


def _ended(_policy: Policy, book: Book, call: Call, _kind: Kind) -> list[Events]:
    """Its end; or, where a consent to it is enough, that."""
    named = [{"segment": segment.type, "n": segment.n} for segment in call.segments if pauses(segment, book)]
    found: list[Events] = [[("segment_end", told) for told in named]]
    asked = call.asked()
    if len(asked) == 1 and not any(book.pauses_always(str(told["segment"])) for told in named):
        who = _who(asked[0])
        found.append([("segment_consent", {**told, "result": "accepted", **who}) for told in named])
    return found


def _closed(_policy: Policy, _book: Book, call: Call, _kind: Kind) -> list[Events]:
    return [[("segment_end", {"segment": segment.type, "n": segment.n}) for segment in call.segments]]


_LIFTING: Mapping[Situation, Find] = {
    **{situation: _answered(situation) for situation in _BY_CONSENT},
    Situation.NOTICE_MISSING: _noticed,
    Situation.JURISDICTION_UNKNOWN: _placed,
    Situation.TRAINING_MISSING: _separately,
    Situation.TRAINING_DECLINED: _separately,
    Situation.VIDEO_MISSING: _separately,
    Situation.NON_RECORDED: _recorded,
    Situation.OPTED_OUT: _opted_in,
    Situation.OPTED_OUT_SCOPED: _opted_in,
    Situation.SEGMENT_DECLINED: _ended,
    Situation.SEGMENT_SENSITIVE: _ended,
    Situation.SEGMENT_OPEN: _closed,
}
