"""Facts to decisions: the state of a call as a step function of time. Pure and total; no clock."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onrecord.base.stretch import Stretch, normalise
from onrecord.policy.acks import missing_acks
from onrecord.policy.assertion import closes
from onrecord.policy.facts import Fact, Head
from onrecord.policy.fold import Effect, Step, data_of, effects, first_step, next_step
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import INDEX, ORDER, ConsentState, Purpose
from onrecord.policy.standing import consent_state
from onrecord.policy.verdict import Decision, Flag, Verdict

KERNEL = "onrecord-policy-kernel/1"
Change = tuple[float, Kind, Decision]
_LATE_CLOSINGS = {
    "opt_out": "CAPTURED_AFTER_OPT_OUT",
    "consent_withdrawn": "CAPTURED_AFTER_OPT_OUT",
    "segment_start": "CAPTURED_IN_SENSITIVE_SEGMENT",
}


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """What was heard, in that order, and what hearing it raised. `latest`: the greatest early edge so far."""

    facts: tuple[Fact, ...] = ()
    told: frozenset[str] = frozenset()
    flags: tuple[Flag, ...] = ()
    latest: float = -math.inf


class Timeline:
    """Immutable; `with_fact` gives another that shares all it can. Facts lie by the instant at which they set in, those
    of one instant as they were received; steps before a late fact are kept, those after it are folded anew."""

    __slots__ = ("_arrivals", "_at", "_steps", "_todo", "head", "policy")

    def __init__(self, policy: Policy, head: Head) -> None:
        first = first_step(policy, head)
        self.policy = policy
        self.head = head
        self._arrivals = _Arrivals()
        self._steps: list[Step] = [first]
        self._at: list[float] = [first.at]
        self._todo: list[Effect | None] = [None]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """As received; duplicates too."""
        return self._arrivals.facts

    def with_fact(self, fact: Fact) -> "Timeline":
        arrived = self._arrivals.facts
        if arrived and fact.received < arrived[-1].received:
            order = sorted((*arrived, fact), key=lambda f: f.received)
            return _all(Timeline(self.policy, self.head), order)
        fresh = fact.event_id not in self._arrivals.told
        new = self._bare()
        new._arrivals = self._heard(fact, fresh=fresh)
        if fresh or self._conflicts(fact):
            new._fold(effects(fact))
        return new

    def _bare(self) -> "Timeline":
        new = Timeline.__new__(Timeline)
        new.policy, new.head = self.policy, self.head
        new._steps, new._at, new._todo = self._steps.copy(), self._at.copy(), self._todo.copy()
        return new

    def _conflicts(self, fact: Fact) -> bool:
        """A closing under the id of another event: it still closes."""
        first = next(known for known in self._arrivals.facts if known.event_id == fact.event_id)
        return closes(fact.type, data_of(fact)) and (first.type, first.data) != (fact.type, fact.data)

    def _heard(self, fact: Fact, *, fresh: bool) -> _Arrivals:
        old = self._arrivals
        names: list[tuple[str, str]] = []
        early, latest = fact.t - abs(fact.uncertainty), old.latest
        if fact.type == "event_repeated":
            of = data_of(fact).get("of")
            names.append(("DUPLICATE_EVENT", of if isinstance(of, str) else fact.event_id))
        elif not fresh:
            names.append(("DUPLICATE_EVENT", fact.event_id))
        else:
            if not old.facts and self._place_unknown():
                names.append(("JURISDICTION_UNKNOWN", fact.event_id))
            late = fact.received - fact.t > self.policy.overlay.late_event_after_s
            if late:
                names.append(("LATE_EVENT", fact.event_id))
            if fact.t + abs(fact.uncertainty) < latest:
                names.append(("OUT_OF_ORDER", fact.event_id))
            if late and fact.type in _LATE_CLOSINGS and self._went_on(fact):
                names.append((_LATE_CLOSINGS[fact.type], fact.event_id))
            latest = max(latest, early) if math.isfinite(early) else latest
        flags = tuple(Flag(name, fact.t, event_id) for name, event_id in names)
        return _Arrivals((*old.facts, fact), old.told | {fact.event_id}, old.flags + flags, latest)

    def _place_unknown(self) -> bool:
        return any(self.policy.regime(place) == "unknown" for place in self._steps[0].call.places())

    def _went_on(self, fact: Fact) -> bool:
        """Whether, as known until now, content was captured between a late closing and its arrival."""
        listed = data_of(fact).get("kinds")
        named = [kind for kind in ORDER if isinstance(listed, list | tuple) and kind.value in listed]
        kinds = named or [kind for kind in ORDER if kind not in HANDLING_RECORDS]
        whole = [Stretch(fact.t, fact.received)]
        return any(self.closed(kind, fact.t, fact.received) != whole for kind in kinds)

    def _fold(self, found: tuple[Effect, ...]) -> None:
        if not found:
            return
        first = len(self._todo)
        for effect in found:
            place = bisect_right(self._at, effect.at)
            self._at.insert(place, effect.at)
            self._todo.insert(place, effect)
            first = min(first, place)
        del self._steps[first:]
        for effect in self._todo[first:]:
            if effect is not None:
                self._steps.append(next_step(self.policy, self._steps[-1], effect))

    def _step(self, t: float) -> Step:
        return self._steps[max(bisect_right(self._at, t) - 1, 0)]

    def at(self, t: float) -> dict[Kind, Decision]:
        """What holds at instant `t`, seconds, by the facts in this timeline."""
        return dict(zip(ORDER, self._step(t).decisions, strict=True))

    def decision(self, kind: Kind, t: float) -> Decision:
        return self._step(t).decisions[INDEX[kind]]

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        """The parts of [start, end) in which content of that kind may not be stored, sorted and disjoint."""
        found: list[Stretch] = []
        index, position = INDEX[kind], max(bisect_right(self._at, start) - 1, 0)
        while position < len(self._steps) and start < end:
            following = self._at[position + 1] if position + 1 < len(self._at) else math.inf
            upto = min(end, following)
            if upto > start and self._steps[position].decisions[index].verdict < Verdict.CAPTURE:
                found.append(Stretch(start, upto))
            start, position = max(start, upto), position + 1
        return normalise(found)

    def transitions(self) -> list[Change]:
        """Every change of verdict, state or reason, by time; none from what held before the first fact."""
        return [change for step in self._instants(0) for change in _changes(step)]

    def changes_since(self, before: "Timeline") -> list[Change]:
        """The transitions here that were not in `before`, and at the instant of a transition that fell away, what holds
        there now."""
        shared = 0
        for mine, other in zip(self._steps, before._steps, strict=False):
            if mine is not other:
                break
            shared += 1
        new = {c[:2]: c for step in self._instants(shared - 1) for c in _changes(step)}
        old = {c[:2]: c for step in before._instants(shared - 1) for c in _changes(step)}
        found = [c for place, c in new.items() if place not in old or not _alike(c[2], old[place][2])]
        found += [(t, kind, self.decision(kind, t)) for t, kind in old if (t, kind) not in new]
        return sorted(found, key=lambda change: (change[0], INDEX[change[1]]))

    def _instants(self, first: int) -> Iterable[Step]:
        """The last step of each instant, from that of step `first` on."""
        for number in range(first, len(self._steps)):
            if number + 1 == len(self._steps) or self._at[number + 1] > self._at[number]:
                yield self._steps[number]

    def flags(self, as_of: float = math.inf) -> list[Flag]:
        """All that is raised by the facts in this timeline, and at `as_of` by the silence of those who should have
        acknowledged a stop; by `t`."""
        found = list(dict.fromkeys((*self._arrivals.flags, *self._steps[-1].flags)))
        overlay = self.policy.overlay
        if overlay.acks_required:
            found += missing_acks(self._steps, overlay.stop_ack_timeout_s, as_of)
        return sorted(found, key=lambda flag: flag.t)

    def consents(self, t: float) -> dict[str, dict[Purpose, ConsentState]]:
        """Per party that is asked, by its id or role, the state of its consent for each purpose at instant `t`."""
        call = self._step(t).call
        return {m.key: {purpose: consent_state(call, m, purpose) for purpose in Purpose} for m in call.asked()}


def _alike(one: Decision, other: Decision) -> bool:
    return (one.verdict, one.state, one.reason) == (other.verdict, other.state, other.reason)


def _changes(step: Step) -> Iterable[Change]:
    if step.cause is None:
        return
    for kind, old, new in zip(ORDER, step.before, step.decisions, strict=True):
        if not _alike(old, new):
            yield step.at, kind, new


def _all(timeline: Timeline, facts: Sequence[Fact]) -> Timeline:
    for fact in facts:
        timeline = timeline.with_fact(fact)
    return timeline


def replay(policy: Policy, head: Head, facts: Iterable[Fact], as_of: float = math.inf) -> Timeline:
    """The timeline as known at `as_of`: of the facts received by then, in the order in which they were received."""
    known = sorted((fact for fact in facts if fact.received <= as_of), key=lambda fact: fact.received)
    return _all(Timeline(policy, head), known)
