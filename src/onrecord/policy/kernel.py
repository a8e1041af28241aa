"""Facts to decisions: the state of a call as a step function of time. Pure and total; no clock."""

import math
from collections.abc import Iterable, Iterator
from typing import Final

from onrecord.base.stretch import Stretch
from onrecord.policy.acks import missing_acks
from onrecord.policy.facts import Fact, Head
from onrecord.policy.fold import Step
from onrecord.policy.kinds import Kind
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import INDEX, ORDER, ConsentState, Purpose
from onrecord.policy.standing import consent_state
from onrecord.policy.trace import Trace, empty, extended
from onrecord.policy.verdict import Decision, Flag

KERNEL = "onrecord-policy-kernel/1"
Change = tuple[float, Kind, Decision]


class Timeline:
    """Immutable; `with_fact` gives another that shares all it can. Facts lie by the instant at which they set in, those
    of one instant as they were received; steps before a late fact are kept, those after it are folded anew."""

    __slots__ = ("head", "policy", "trace")

    def __init__(self, policy: Policy, head: Head, trace: Trace | None = None) -> None:
        self.policy: Final = policy
        self.head: Final = head
        self.trace: Final = empty(policy, head) if trace is None else trace

    @property
    def facts(self) -> tuple[Fact, ...]:
        """As received; duplicates too."""
        return self.trace.facts

    def with_fact(self, fact: Fact) -> "Timeline":
        return Timeline(self.policy, self.head, extended(self.trace, self.policy, self.head, fact))

    def at(self, t: float) -> dict[Kind, Decision]:
        """What holds at instant `t`, seconds, by the facts in this timeline."""
        return dict(zip(ORDER, self._step(t).decisions, strict=True))

    def decision(self, kind: Kind, t: float) -> Decision:
        return self._step(t).decisions[INDEX[kind]]

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        """The parts of [start, end) in which content of that kind may not be stored, sorted and disjoint."""
        return self.trace.closed(kind, start, end)

    def transitions(self) -> list[Change]:
        """Every change of verdict, state or reason, by time; none from what held before the first fact."""
        return [change for step in self.trace.instants(0) for change in _changes(step)]

    def changes_since(self, before: "Timeline") -> list[Change]:
        """The transitions here that were not in `before`, and where one fell away, what holds there now; by time."""
        shared = 0
        for mine, other in zip(self.trace.steps, before.trace.steps, strict=False):
            if mine is not other:
                break
            shared += 1
        first = max(shared - 1, 0)
        new = {change[:2]: change for step in self.trace.instants(first) for change in _changes(step)}
        old = {change[:2]: change for step in before.trace.instants(first) for change in _changes(step)}
        found = [c for place, c in new.items() if place not in old or not _alike(c[2], old[place][2])]
        found += [(t, kind, self.decision(kind, t)) for t, kind in old if (t, kind) not in new]
        return sorted(found, key=lambda change: (change[0], INDEX[change[1]]))

    def flags(self, as_of: float = math.inf) -> list[Flag]:
        """All that is raised by the facts in this timeline, and at `as_of` by the silence of those who should have
        acknowledged a stop; by `t`."""
        found = list(dict.fromkeys((*self.trace.heard, *self.trace.steps[-1].flags)))
        overlay = self.policy.overlay
        if overlay.acks_required:
            found += missing_acks(self.trace.steps, overlay.stop_ack_timeout_s, as_of)
        return sorted(found, key=lambda flag: flag.t)

    def consents(self, t: float) -> dict[str, dict[Purpose, ConsentState]]:
        """Per party that is asked, by its id or role, the state of its consent for each purpose at instant `t`."""
        call = self._step(t).call
        return {m.key: {purpose: consent_state(call, m, purpose) for purpose in Purpose} for m in call.asked()}

    def _step(self, t: float) -> Step:
        return self.trace.steps[self.trace.position(t)]


def _alike(one: Decision, other: Decision) -> bool:
    return (one.verdict, one.state, one.reason) == (other.verdict, other.state, other.reason)


def _changes(step: Step) -> Iterator[Change]:
    if step.cause is None:
        return
    for kind, old, new in zip(ORDER, step.before, step.decisions, strict=True):
        if not _alike(old, new):
            yield step.at, kind, new


def replay(policy: Policy, head: Head, facts: Iterable[Fact], as_of: float = math.inf) -> Timeline:
    """The timeline as known at `as_of`: of the facts received by then, in the order in which they were received."""
    timeline = Timeline(policy, head)
    for fact in sorted((fact for fact in facts if fact.received <= as_of), key=lambda fact: fact.received):
        timeline = timeline.with_fact(fact)
    return timeline
