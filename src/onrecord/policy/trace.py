"""The folded facts of a timeline. A list is shared between timelines and never changed once it is in a trace."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from onrecord.base.stretch import Stretch, normalise
from onrecord.policy.assertion import closes
from onrecord.policy.facts import Fact, Head
from onrecord.policy.fold import Effect, Step, data_of, effects, first_step, instant_of, next_step, span_of
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import INDEX, ORDER
from onrecord.policy.verdict import Flag, Verdict

_LATE_CLOSINGS = {
    "opt_out": "CAPTURED_AFTER_OPT_OUT",
    "consent_withdrawn": "CAPTURED_AFTER_OPT_OUT",
    "segment_start": "CAPTURED_IN_SENSITIVE_SEGMENT",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """`facts` as received, `told` their ids, `heard` what hearing them raised, `latest` the greatest early edge among
    them. `steps` by the instant `at` which each sets in, one per effect after the first; `at[0]` is before all time."""

    facts: tuple[Fact, ...]
    told: frozenset[str]
    heard: tuple[Flag, ...]
    latest: float
    effects: list[Effect | None]
    at: list[float]
    steps: list[Step]

    def position(self, t: float) -> int:
        return max(bisect_right(self.at, t) - 1, 0)

    def instants(self, first: int) -> Iterator[Step]:
        """The last step of each instant, from that of step `first` on."""
        for number in range(first, len(self.steps)):
            if number + 1 == len(self.steps) or self.at[number + 1] > self.at[number]:
                yield self.steps[number]

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        found: list[Stretch] = []
        index, position = INDEX[kind], self.position(start)
        while position < len(self.steps) and start < end:
            following = self.at[position + 1] if position + 1 < len(self.at) else math.inf
            upto = min(end, following)
            if upto > start and self.steps[position].decisions[index].verdict < Verdict.CAPTURE:
                found.append(Stretch(start, upto))
            start, position = max(start, upto), position + 1
        return normalise(found)


def empty(policy: Policy, head: Head) -> Trace:
    first = first_step(policy, head)
    return Trace((), frozenset(), (), -math.inf, [None], [first.at], [first])


def extended(trace: Trace, policy: Policy, head: Head, fact: Fact) -> Trace:
    """With one more fact. One that was received before others takes its place among them."""
    if trace.facts and fact.received < trace.facts[-1].received:
        again = empty(policy, head)
        for known in sorted((*trace.facts, fact), key=lambda f: f.received):
            again = _appended(again, policy, known)
        return again
    return _appended(trace, policy, fact)


def _appended(trace: Trace, policy: Policy, fact: Fact) -> Trace:
    fresh = fact.event_id not in trace.told
    counts = fresh and fact.type != "event_repeated"
    new = replace(
        trace,
        facts=(*trace.facts, fact),
        told=trace.told | {fact.event_id},
        heard=trace.heard + _heard(trace, policy, fact, fresh=fresh),
        latest=max(trace.latest, span_of(fact).early) if counts else trace.latest,
    )
    return _folded(new, policy, effects(fact)) if fresh or _conflicts(trace, fact) else new


def _conflicts(trace: Trace, fact: Fact) -> bool:
    """A closing under the id of another event: it still closes."""
    first = next(known for known in trace.facts if known.event_id == fact.event_id)
    return closes(fact.type, data_of(fact)) and (first.type, first.data) != (fact.type, fact.data)


def _folded(trace: Trace, policy: Policy, found: tuple[Effect, ...]) -> Trace:
    if not found:
        return trace
    at, waiting, first = trace.at.copy(), trace.effects.copy(), len(trace.at)
    for effect in found:
        place = bisect_right(at, effect.at)
        at.insert(place, effect.at)
        waiting.insert(place, effect)
        first = min(first, place)
    steps = trace.steps[:first]
    for waited in waiting[first:]:
        if waited is not None:
            steps.append(next_step(policy, steps[-1], waited))
    return replace(trace, effects=waiting, at=at, steps=steps)


def _heard(trace: Trace, policy: Policy, fact: Fact, *, fresh: bool) -> tuple[Flag, ...]:
    """What follows from when and how often a fact was received."""
    t = instant_of(fact)
    if fact.type == "event_repeated":
        of = data_of(fact).get("of")
        return (Flag("DUPLICATE_EVENT", t, of if isinstance(of, str) else fact.event_id),)
    if not fresh:
        return (Flag("DUPLICATE_EVENT", t, fact.event_id),)
    names: list[str] = []
    if not trace.facts and any(policy.regime(place) == "unknown" for place in trace.steps[0].call.places()):
        names.append("JURISDICTION_UNKNOWN")
    late = fact.received - t > policy.overlay.late_event_after_s
    if late:
        names.append("LATE_EVENT")
    if span_of(fact).late < trace.latest:
        names.append("OUT_OF_ORDER")
    if late and fact.type in _LATE_CLOSINGS and _went_on(trace, fact, t):
        names.append(_LATE_CLOSINGS[fact.type])
    return tuple(Flag(name, t, fact.event_id) for name in names)


def _went_on(trace: Trace, fact: Fact, t: float) -> bool:
    """Whether, as known until now, content was captured between a late closing and its arrival."""
    listed = data_of(fact).get("kinds")
    named = [kind for kind in ORDER if isinstance(listed, list | tuple) and kind.value in listed]
    kinds = named or [kind for kind in ORDER if kind not in HANDLING_RECORDS]
    return any(trace.closed(kind, t, fact.received) != [Stretch(t, fact.received)] for kind in kinds)
