"""What each fact does to a call's state. Nothing here raises: of what is malformed an opening does nothing, and a
closing closes all that it could have meant."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from enum import Enum

from onrecord.policy.answers import answer, changed, in_force, object_to, withdraw
from onrecord.policy.assertion import opens
from onrecord.policy.book import Book
from onrecord.policy.call import (
    BEFORE,
    NOWHERE,
    Call,
    Holding,
    Member,
    OptOut,
    Record,
    Span,
    beside,
    marked,
    prompt_of,
    settled,
    unused,
)
from onrecord.policy.facts import UNKNOWN_PLACE, Fact
from onrecord.policy.kinds import Kind
from onrecord.policy.notice import deliver, expect, prove
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import CONTENT, ORDER, Purpose
from onrecord.policy.segments import agree, begin, end
from onrecord.policy.standing import valid_grants

Flags = list[str]
Data = Mapping[str, object]
_KINDS = {kind.value: kind for kind in Kind}


class Edge(Enum):
    """When an effect sets in: EARLY and LATE edge of the moment, or EXACT, where the moment itself counts."""

    EARLY = "early"
    LATE = "late"
    EXACT = "exact"


_BOTH = frozenset({"jurisdiction_update", "prompt_version_changed", "prompt_delivered"})
_REPORTS = frozenset({"capture_ack", "system_acknowledged", "capture_report", "bypass", "event_repeated", "call_start"})
_EVER = frozenset({"consent_withdrawn", "objection", "erasure_request"})
_AGREEING = frozenset({"consent", "segment_consent", "opt_in"})
_UNHEARD = {"not_heard": "PROMPT_NOT_HEARD", "partly_heard": "PROMPT_PARTLY_HEARD"}
_AFTER_END = _AGREEING | {
    "opt_out", "segment_start", "segment_end", "transfer", "party_join", "jurisdiction_update", "workflow",
    "prompt_version_changed",
}  # fmt: skip


def edges(fact_type: str, data: Data) -> tuple[Edge, ...]:
    if fact_type in _REPORTS:
        return (Edge.EXACT,)
    if fact_type in _BOTH:
        return (Edge.EARLY, Edge.LATE)
    return (Edge.LATE,) if fact_type == "prompt_heard" or opens(fact_type, data) else (Edge.EARLY,)


def apply(call: Call, fact: Fact, data: Data, span: Span, edge: Edge, policy: Policy, book: Book) -> tuple[Call, Flags]:
    """The state after one effect of a fact, and the flags that it raises. `book`: that of the call as it is before."""
    flags: Flags = []
    if call.ended is not None and fact.type not in _EVER:
        answered = fact.type != "consent" or data.get("result") in ("accepted", "implied", "declined")
        if fact.type in _AFTER_END and answered and edge is edges(fact.type, data)[0] and fact.t >= call.ended:
            flags.append("EVENT_AFTER_END")
        return call, flags
    effect = _EFFECTS.get(fact.type)
    if effect is None:
        return call, flags
    if fact.type == "consent_withdrawn" and call.ended is not None:
        flags.append("WITHDRAWN_AFTER_CALL")
    if fact.type in _AGREEING and opens(fact.type, data) and not call.named(data.get("party"), data.get("party_id")):
        flags.append("UNKNOWN_PARTY")
    after = effect(call, data, span, edge, book, flags)
    if fact.type in {"party_join", "jurisdiction_update"} and edge is Edge.EARLY:
        told = data.get("jurisdiction")
        if not isinstance(told, str) or policy.regime(told) == "unknown":
            flags.append("JURISDICTION_UNKNOWN")
    if fact.type == "call_end":
        after = after._replace(ended=fact.t)
    return after, flags


def _prompt(call: Call, data: Data, span: Span, edge: Edge, book: Book, flags: Flags) -> Call:
    version = data.get("prompt_version")
    if not isinstance(version, str) or (edge is Edge.EARLY and span.early == span.late):
        return call
    if edge is Edge.EARLY:
        return expect(call, data, span, version)
    for index in call.named(data.get("to"), data.get("party_id")):
        member = call.members[index]
        heard_before = any(h.version == version and h.grade >= 0 for h in member.heard)
        granted = any(g.version == version for g in valid_grants(call, member.record(Purpose.RECORDING)))
        if heard_before and granted and in_force(call, member, book):
            flags.append("REPEATED_PROMPT")
    return deliver(call, data, span, version)


def _heard(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, flags: Flags) -> Call:
    version = data.get("prompt_version")
    if data.get("grade") in _UNHEARD:
        flags.append(_UNHEARD[str(data["grade"])])
    return prove(call, data, span, version) if isinstance(version, str) else call


def _version(call: Call, data: Data, span: Span, edge: Edge, _book: Book, flags: Flags) -> Call:
    told = data.get("to")
    new = Holding(told if isinstance(told, str) else NOWHERE, span)
    others = tuple(old for old in call.versions if prompt_of(old.value) != prompt_of(new.value))
    own = tuple(old for old in call.versions if old not in others)
    if edge is Edge.LATE:
        return call._replace(versions=(*others, *settled(own, new)))
    changed = call._replace(versions=(*others, *beside(own, new)))
    after = call._replace(versions=(*others, new))
    for member in call.asked():
        for record in member.records.values():
            if record.grants and not valid_grants(after, record) and "STALE_CONSENT" not in flags:
                flags.append("STALE_CONSENT")
    return changed


def _transfer(call: Call, data: Data, span: Span, _edge: Edge, book: Book, flags: Flags) -> Call:
    if data.get("carries_consent") is True:
        return call._replace(marks=marked(call, "CONSENT_CARRIED"))
    if any(in_force(call, member, book) for member in call.asked()):
        flags.append("CONSENT_LOST_IN_TRANSFER")

    def lost(record: Record) -> Record:
        return record._replace(grants=(), lost=span.late) if record.grants else record

    members = [m.answered(changed(m, m.records, lost), renotice=span.late) for m in call.members]
    return call._replace(members=tuple(members), transferred=max(call.transferred, span.late))


def _join(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    """A role that is already there may be another person of that role, or the same: what was agreed to before counts no
    more, what was refused does, and both places do."""
    told, named, place = data.get("role"), data.get("party_id"), data.get("jurisdiction")
    role = told if isinstance(told, str) else ""
    party_id = named if isinstance(named, str) else None
    new = Holding(place if isinstance(place, str) and place else UNKNOWN_PLACE, span)
    members = list(call.members)
    for index, member in enumerate(members):
        if member.role == role and member.party_id == party_id:
            members[index] = member.rejoined(beside(member.places, new), span.late)
            return call._replace(members=tuple(members))
    members.append(Member(unused(party_id or role, members), role, party_id, (new,), joined=span.late))
    return call._replace(members=tuple(members))


def _jurisdiction(call: Call, data: Data, span: Span, edge: Edge, _book: Book, _flags: Flags) -> Call:
    """Where the event may speak of several parties, the place counts beside what was known of each."""
    told = data.get("jurisdiction")
    new = Holding(told if isinstance(told, str) and told else UNKNOWN_PLACE, span)
    members = list(call.members)
    indices = call.named(data.get("party"), data.get("party_id"))
    for index in indices:
        member = members[index]
        if edge is Edge.EARLY:
            places = beside(member.places, new)
        else:
            places = settled(member.places, new) if len(indices) == 1 else member.places
        members[index] = member.moved(places)
    return call._replace(members=tuple(members))


def _opt_out(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    named, listed = _kinds(data.get("kinds")), _items(data.get("kinds"))
    scoped = bool(listed) and all(isinstance(kind, str) and kind in _KINDS for kind in listed)
    new = [OptOut(key, span.late, scoped) for key in _keys(call, data)]
    opt_outs, made = dict(call.opt_outs), dict[int, tuple[OptOut, ...]]()
    for kind in named if scoped else CONTENT:
        known = call.opt_outs.get(kind, ())
        if id(known) not in made:
            made[id(known)] = _latest(known, new)
        opt_outs[kind] = made[id(known)]
    return call._replace(opt_outs=opt_outs)


def _latest(known: tuple[OptOut, ...], new: list[OptOut]) -> tuple[OptOut, ...]:
    """Of each party's opt-outs of one kind and scope the latest: it goes last. Sorted by party and scope."""
    for one in new:
        place = bisect_left(known, (one.key, one.scoped), key=lambda old: (old.key, old.scoped))
        same = [old for old in known[place : place + 1] if (old.key, old.scoped) == (one.key, one.scoped)]
        latest = max([one, *same], key=lambda opt_out: opt_out.late)
        known = (*known[:place], latest, *known[place + len(same) :])
    return known


def _items(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _kinds(value: object) -> frozenset[Kind]:
    return frozenset(_KINDS[k] for k in _items(value) if isinstance(k, str) and k in _KINDS)


def _keys(call: Call, data: Data) -> tuple[str, ...]:
    indices = call.named(data.get("party"), data.get("party_id"))
    if indices:
        return tuple(call.members[index].key for index in indices)
    named = data.get("party_id") or data.get("party")
    return (f"?{named}" if isinstance(named, str) else "?",)


def _opt_in(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    listed = data.get("kinds")
    keys = _keys(call, data)
    if len(keys) != 1:
        return call
    opt_outs, lifted = dict(call.opt_outs), set()
    for kind in ORDER if listed is None else _kinds(listed):
        old = opt_outs.get(kind, ())
        kept = tuple(o for o in old if o.key != keys[0] or o.late > span.early)
        if kept != old:
            lifted.add(kind)
            if kept:
                opt_outs[kind] = kept
            else:
                del opt_outs[kind]
    return call._replace(opt_outs=opt_outs, marks=marked(call, "CONSENT_RENEWED", frozenset(lifted) & CONTENT))


def _erase(call: Call, _data: Data, _span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    return call._replace(erased=True)


def _bar(call: Call, data: Data, _span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    """Of the product's own: which kinds only vendors without a contract for this call would make, as of now."""
    return call._replace(barred=_kinds(data.get("kinds")))


def _workflow(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    if data.get("recorded") is not True:
        return call._replace(unrecorded=max(span.late, BEFORE if call.unrecorded is None else call.unrecorded))
    if call.unrecorded is not None and call.unrecorded <= span.early:
        return call._replace(unrecorded=None)
    return call


def _end(call: Call, _data: Data, _span: Span, _edge: Edge, _book: Book, flags: Flags) -> Call:
    if call.segments:
        flags.append("SEGMENT_NOT_CLOSED")
    return call


def _consent(call: Call, data: Data, span: Span, _edge: Edge, book: Book, flags: Flags) -> Call:
    after, renewed, given = answer(call, data, span, book, flags)
    if given:
        after = after._replace(marks=marked(after, "", given))
    return after._replace(marks=marked(after, "CONSENT_RENEWED", renewed)) if renewed else after


def _withdrawn(call: Call, data: Data, span: Span, _edge: Edge, book: Book, flags: Flags) -> Call:
    return withdraw(call, data, span, book, flags)


def _objection(call: Call, data: Data, span: Span, _edge: Edge, book: Book, flags: Flags) -> Call:
    return object_to(call, data, span, book, flags)


def _segment_start(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    return begin(call, data, span)


def _segment_end(call: Call, data: Data, span: Span, _edge: Edge, book: Book, _flags: Flags) -> Call:
    return end(call, data, span, book)


def _segment_consent(call: Call, data: Data, span: Span, _edge: Edge, _book: Book, _flags: Flags) -> Call:
    return agree(call, data, span)


_EFFECTS: Mapping[str, Callable[[Call, Data, Span, Edge, Book, Flags], Call]] = {
    "prompt_delivered": _prompt,
    "prompt_heard": _heard,
    "objection": _objection,
    "consent": _consent,
    "consent_withdrawn": _withdrawn,
    "prompt_version_changed": _version,
    "transfer": _transfer,
    "party_join": _join,
    "jurisdiction_update": _jurisdiction,
    "segment_start": _segment_start,
    "segment_end": _segment_end,
    "segment_consent": _segment_consent,
    "opt_out": _opt_out,
    "opt_in": _opt_in,
    "erasure_request": _erase,
    "system_barred": _bar,
    "workflow": _workflow,
    "call_end": _end,
}
