"""One step of the fold: the state and the decisions after one effect."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from onrecord.policy.call import BEFORE, Call, Span, opening
from onrecord.policy.effects import Edge, apply, edges
from onrecord.policy.facts import Fact, Head
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import ORDER
from onrecord.policy.situations import Situation
from onrecord.policy.standing import Survey, survey
from onrecord.policy.verdict import Decision, Flag, State, Verdict, state_of

_OPTED = Situation.OPTED_OUT.bit | Situation.OPTED_OUT_SCOPED.bit | Situation.WITHDRAWN.bit
_SEGMENT = Situation.SEGMENT_SENSITIVE.bit | Situation.SEGMENT_DECLINED.bit


class Effect(NamedTuple):
    """One effect of a fact: when it sets in, seconds."""

    at: float
    fact: Fact
    span: Span
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """After one effect. `decisions` in the order of `ORDER`; `before`: those of the instant before this one's;
    `was_on`: bits of the kinds that captured at some time before this instant; `flags`: all up to here."""

    at: float
    cause: Fact | None
    call: Call
    survey: Survey
    was_on: int
    before: tuple[Decision, ...]
    decisions: tuple[Decision, ...]
    flags: tuple[Flag, ...]


def data_of(fact: Fact) -> Mapping[str, object]:
    data: object = fact.data
    return data if isinstance(data, Mapping) else {}


def span_of(fact: Fact) -> Span:
    """Of what may have happened at any instant: from second 0 to never, so that it closes all and opens nothing."""
    margin = abs(fact.uncertainty)
    if math.isfinite(fact.t) and math.isfinite(margin):
        return Span(fact.t - margin, fact.t + margin)
    return Span(0.0, math.inf)


def instant_of(fact: Fact) -> float:
    return fact.t if math.isfinite(fact.t) else 0.0


def effects(fact: Fact) -> tuple[Effect, ...]:
    span = span_of(fact)
    found = edges(fact.type, data_of(fact))
    if span.early == span.late:
        return (Effect(span.early, fact, span, found),)
    times = {Edge.EARLY: span.early, Edge.LATE: span.late, Edge.EXACT: instant_of(fact)}
    return tuple(Effect(times[edge], fact, span, (edge,)) for edge in found if times[edge] < math.inf)


def first_step(policy: Policy, head: Head) -> Step:
    call = opening(head)
    found = survey(policy, policy.book(call.sector, call.places()), call)
    made = _decide(policy, call, found, 0, (), (), 0.0, None)
    return Step(BEFORE, None, call, found, 0, made, made, ())


def next_step(policy: Policy, last: Step, effect: Effect) -> Step:
    fact = effect.fact
    call, raised = last.call, []
    for edge in effect.edges:
        call, flags = apply(call, fact, data_of(fact), effect.span, edge, policy)
        raised += flags
    later = effect.at > last.at
    before = last.decisions if later else last.before
    was_on = last.was_on | _capturing(last.decisions) if later else last.was_on
    if call is last.call:
        found, decisions = last.survey, last.decisions
    else:
        found = survey(policy, policy.book(call.sector, call.places()), call)
        decisions = _decide(policy, call, found, was_on, last.decisions, before, effect.at, fact.event_id)
    raised += _reported(fact, found, decisions)
    new = tuple(Flag(name, instant_of(fact), fact.event_id) for name in raised)
    return Step(effect.at, fact, call, found, was_on, before, decisions, last.flags + new if new else last.flags)


def _capturing(decisions: tuple[Decision, ...]) -> int:
    bits = 0
    for index, decision in enumerate(decisions):
        if decision.state is State.CAPTURING:
            bits |= 1 << index
    return bits


def _decide(
    policy: Policy,
    call: Call,
    found: Survey,
    was_on: int,
    last: tuple[Decision, ...],
    before: tuple[Decision, ...],
    at: float,
    cause: str | None,
) -> tuple[Decision, ...]:
    """A decision that says the same as the last one, or as that of the instant before, is that one."""
    book = policy.book(call.sector, call.places())
    made: list[Decision] = []
    for index, kind in enumerate(ORDER):
        judged = book.judge(kind, found.bits[index], found.segments, found.sources[index])
        on = bool(was_on >> index & 1)
        verdict = judged.verdict
        if Verdict.STOP < verdict < Verdict.REDACT and not on:
            verdict = Verdict.STOP
        reason = judged.reason or _capturing_reason(kind, index, call, found)
        state = state_of(verdict, was_on=on)
        old = next(
            (d for d in (*last[index : index + 1], *before[index : index + 1]) if _same(d, verdict, state, reason)),
            None,
        )
        treatment = book.treatment(kind)
        if old is not None and old.rules == judged.rules and old.retention == treatment.retention:
            made.append(old)
            continue
        made.append(
            Decision(
                kind,
                verdict,
                state,
                reason,
                judged.rules,
                treatment.purpose,
                treatment.legal_basis,
                treatment.retention,
                judged.can_end,
                at if old is None else old.since,
                cause if old is None else old.cause,
            )
        )
    return tuple(made)


def _same(old: Decision, verdict: Verdict, state: State, reason: str) -> bool:
    return old.verdict is verdict and old.state is state and old.reason == reason


def _capturing_reason(kind: Kind, index: int, call: Call, found: Survey) -> str:
    if kind in HANDLING_RECORDS:
        return "BUSINESS_RECORD"
    if kind is Kind.TRAINING_DATA:
        return "TRAINING_CONSENT"
    if found.consented_segment:
        return "SEGMENT_CONSENT"
    return call.marks[index] or ("CONSENT_GIVEN" if found.explicit[index] else "CONSENT_IMPLIED")


def _reported(fact: Fact, found: Survey, decisions: tuple[Decision, ...]) -> list[str]:
    """The flags of a bypass and of a report that a system captures."""
    if fact.type == "bypass":
        return ["POLICY_BYPASS"]
    data = data_of(fact)
    listed = data.get("kinds")
    if fact.type != "capture_report" or data.get("state") != "capturing" or not isinstance(listed, list | tuple):
        return []
    raised: list[str] = []
    for index, kind in enumerate(ORDER):
        if kind.value not in listed or decisions[index].verdict >= Verdict.CAPTURE:
            continue
        own = []
        if decisions[index].state is State.NEVER:
            own.append("CAPTURED_WITHOUT_CONSENT")
        if found.bits[index] & _OPTED:
            own.append("CAPTURED_AFTER_OPT_OUT")
        if found.bits[index] & _SEGMENT:
            own.append("CAPTURED_IN_SENSITIVE_SEGMENT")
        raised += [name for name in own or ["CAPTURED_WHILE_CLOSED"] if name not in raised]
    return raised
