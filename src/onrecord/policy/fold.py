"""One step of the fold: the state and what is decided after one effect."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import msgspec

from onrecord.policy.answers import expire, expiry
from onrecord.policy.book import Book
from onrecord.policy.call import BEFORE, Call, Span, opening
from onrecord.policy.effects import Edge, apply, edges
from onrecord.policy.facts import Fact, Head
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.options import CONSENT
from onrecord.policy.owed import NOTHING, Directive, Owed, owed, raised, since
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import ORDER
from onrecord.policy.situations import Situation
from onrecord.policy.survey import Survey, Surveyor
from onrecord.policy.verdict import Flag, Ruling, State, Verdict, state_of

_OPTED = Situation.OPTED_OUT.bit | Situation.OPTED_OUT_SCOPED.bit | Situation.WITHDRAWN.bit | Situation.OBJECTED.bit
# A consent that outlives this ends with the first fact after it, and makes no step of its own: seconds.
_LONGEST = 7 * 86400.0
_SEGMENT = Situation.SEGMENT_SENSITIVE.bit | Situation.SEGMENT_DECLINED.bit


class Effect(msgspec.Struct, frozen=True, gc=False):
    """One effect of a fact: when it sets in, seconds."""

    at: float
    fact: Fact
    span: Span
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """`rulings` in the order of `ORDER`; `on`: bits of the kinds that capture."""

    rulings: tuple[Ruling, ...]
    on: int
    _unlike: Kept["Decided", frozenset[int]] = field(default_factory=Kept, repr=False)

    def unlike(self, other: "Decided") -> frozenset[int]:
        """The kinds of which the two do not say the same, by their place in `ORDER`."""
        found = self._unlike.get(other)
        if found is None:
            pairs = enumerate(zip(self.rulings, other.rulings, strict=True))
            found = self._unlike.keep(other, frozenset(index for index, (old, new) in pairs if not old.alike(new)))
        return found


class Step(msgspec.Struct, frozen=True, gc=False):
    """After one effect, None before all. `was_on`: bits of the kinds that captured at some time before this instant;
    `raised`: what this effect flags; `directed`: what agent and bot are to do."""

    at: float
    effect: Effect | None
    call: Call
    book: Book
    survey: Survey
    was_on: int
    decided: Decided
    raised: tuple[Flag, ...]
    owed: Owed = NOTHING
    directed: tuple[Directive, ...] = ()

    def like(self, other: "Step") -> bool:
        """Whether nothing that follows can tell the two apart."""
        return (
            self.decided is other.decided
            and self.survey is other.survey
            and self.was_on == other.was_on
            and self.raised == other.raised
            and self.directed == other.directed
            and self.call == other.call
        )


def data_of(fact: Fact) -> Mapping[str, object]:
    data: object = fact.data
    return data if type(data) is dict or isinstance(data, Mapping) else {}


def span_of(fact: Fact) -> Span:
    """Of what may have happened at any instant: from second 0 to never, so that it closes all and opens nothing."""
    margin = abs(fact.uncertainty)
    if math.isfinite(fact.t) and math.isfinite(margin):
        return Span(fact.t - margin, fact.t + margin)
    return Span(0.0, math.inf)


def instant_of(fact: Fact) -> float:
    return fact.t if math.isfinite(fact.t) else 0.0


def effects(fact: Fact, started: int | None = None) -> tuple[Effect, ...]:
    """`started`: second 0 of the clock, in nanoseconds since the epoch."""
    span, data = span_of(fact), data_of(fact)
    found = edges(fact.type, data)
    if span.early == span.late:
        made: tuple[Effect, ...] = (Effect(span.early, fact, span, found),)
    else:
        times = {Edge.EARLY: span.early, Edge.LATE: span.late, Edge.EXACT: instant_of(fact)}
        made = tuple(Effect(times[edge], fact, span, (edge,)) for edge in found if times[edge] < math.inf)
    if fact.type == "consent" and "expires" in data:
        end = expiry(data, started)
        if span.late < end < span.late + _LONGEST:
            return (*made, Effect(end, fact, span, ()))
    return made


class Fold:
    """Makes steps under one policy. What it keeps changes no answer; equal decisions are one object, and equal
    rulings."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._dated: Kept[date | None, Fold] = Kept()
        self._surveyor = Surveyor(policy)
        self._decided: Kept[tuple[Survey, tuple[str, ...], int], Decided] = Kept()
        self._equal: Kept[tuple[Ruling, ...], Decided] = Kept()
        self._known: Kept[Ruling, Ruling] = Kept()

    def on(self, day: date | None) -> "Fold":
        """Of the same packs and overlay, with what binds on that day."""
        if day == self.policy.day:
            return self
        return self._dated.get(day) or self._dated.keep(day, Fold(self.policy.on(day)))

    def first(self, head: Head) -> Step:
        call = opening(head)
        book = self.policy.book(call.sector, call.places())
        survey = self._surveyor.survey(book, call)
        return Step(BEFORE, None, call, book, survey, 0, self._decide(book, call, survey, 0), ())

    def next(self, last: Step, effect: Effect) -> Step:
        fact, call, book = effect.fact, last.call, last.book
        flags: list[str] = []
        if call.expires <= effect.at and call.ended is None:
            call = expire(call, effect.at)
        for edge in effect.edges:
            members = call.members
            call, own = apply(call, fact, data_of(fact), effect.span, edge, self.policy, book)
            flags += own
            if call.members is not members:
                book = self.policy.book(call.sector, call.places())
        was_on = last.was_on | last.decided.on if effect.at > last.at else last.was_on
        if call is last.call:
            survey, decided = last.survey, last.decided
        else:
            survey = self._surveyor.survey(book, call)
            decided = self._decide(book, call, survey, was_on)
        due, directed = last.owed, last.directed
        if call is not last.call or last.effect is None:
            due = owed(book, call, survey, decided.rulings, decided.on, was_on)
            directed = since(due, last.directed, effect.at) if due.told else ()
        flags += _reported(fact, survey, decided)
        if due is not last.owed:
            flags += raised(due, last.owed)
        new = tuple([Flag(name, instant_of(fact), fact.event_id) for name in flags]) if flags else ()
        return Step(effect.at, effect, call, book, survey, was_on, decided, new, due, directed)

    def _decide(self, book: Book, call: Call, survey: Survey, was_on: int) -> Decided:
        key = (survey, call.marks, was_on)
        found = self._decided.get(key)
        if found is None:
            made = [_ruling(book, call, survey, was_on, index) for index in range(len(ORDER))]
            rulings = tuple([self._known.get(ruling) or self._known.keep(ruling, ruling) for ruling in made])
            on = sum(1 << i for i, ruling in enumerate(rulings) if ruling.state is State.CAPTURING)
            found = self._equal.get(rulings) or self._equal.keep(rulings, Decided(rulings, on))
            self._decided.keep(key, found)
        return found


def _ruling(book: Book, call: Call, survey: Survey, was_on: int, index: int) -> Ruling:
    kind, judged = ORDER[index], survey.judged[index]
    on = bool(was_on >> index & 1)
    verdict = judged.verdict
    if Verdict.STOP < verdict < Verdict.REDACT and not on:
        verdict = Verdict.STOP
    reason = judged.reason or _capturing_reason(book, kind, index, call, survey)
    state = state_of(verdict, was_on=on)
    told = book.treatment(kind)
    return Ruling(
        kind, verdict, state, reason, judged.rules, told.purpose, told.legal_basis, told.retention, judged.can_end
    )


def _capturing_reason(book: Book, kind: Kind, index: int, call: Call, survey: Survey) -> str:
    if kind in HANDLING_RECORDS:
        return "BUSINESS_RECORD"
    if kind is Kind.TRAINING_DATA:
        return "TRAINING_CONSENT"
    informed = book.basis_of(kind) != CONSENT
    if survey.consented_segment:
        return "SEGMENT_CONSENT"
    if informed:
        return call.marks[index] if call.marks[index] == "SEGMENT_ENDED" else "NOTICE_GIVEN"
    return call.marks[index] or ("CONSENT_GIVEN" if survey.explicit[index] else "CONSENT_IMPLIED")


def _reported(fact: Fact, survey: Survey, decided: Decided) -> list[str]:
    """The flags of a bypass and of a report that a system captures."""
    if fact.type == "bypass":
        return ["POLICY_BYPASS"]
    if fact.type != "capture_report":
        return []
    data = data_of(fact)
    listed = data.get("kinds")
    if data.get("state") != "capturing" or not isinstance(listed, list | tuple):
        return []
    raised: list[str] = []
    for index, kind in enumerate(ORDER):
        if kind.value not in listed or decided.rulings[index].verdict >= Verdict.CAPTURE:
            continue
        own = []
        if decided.rulings[index].state is State.NEVER:
            own.append("CAPTURED_WITHOUT_CONSENT")
        if survey.bits[index] & _OPTED:
            own.append("CAPTURED_AFTER_OPT_OUT")
        if survey.bits[index] & _SEGMENT:
            own.append("CAPTURED_IN_SENSITIVE_SEGMENT")
        raised += [name for name in own or ["CAPTURED_WHILE_CLOSED"] if name not in raised]
    return raised
