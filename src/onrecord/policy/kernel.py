"""Facts to decisions: the state of a call as a step function of time. Pure and total; no clock."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from onrecord.base.stretch import Stretch
from onrecord.policy.acks import missing_acks
from onrecord.policy.facts import Fact, Head
from onrecord.policy.fold import Fold
from onrecord.policy.kinds import Kind
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import INDEX, ORDER, ConsentState, Purpose
from onrecord.policy.standing import consent_state
from onrecord.policy.trace import Trace, empty, extended
from onrecord.policy.verdict import Decision, Flag

KERNEL = "onrecord-policy-kernel/1"
Transition = tuple[float, Kind, Decision]


class Timeline:
    """Immutable; `with_facts` gives another that shares all it can. Facts lie by the instant at which they set in, and
    those of one instant as they were received; steps before a late fact are kept, and those after it from the first
    that comes out as it was."""

    __slots__ = ("head", "policy", "trace")

    def __init__(self, policy: Policy, head: Head, trace: Trace | None = None) -> None:
        self.policy: Final = policy
        self.head: Final = head
        self.trace: Final = empty(Fold(policy), head) if trace is None else trace

    @property
    def facts(self) -> tuple[Fact, ...]:
        """As received; duplicates too."""
        return self.trace.facts

    def with_fact(self, fact: Fact) -> "Timeline":
        return self.with_facts((fact,))

    def with_facts(self, facts: Sequence[Fact]) -> "Timeline":
        """The same as each `with_fact` after the other, folded once."""
        return Timeline(self.policy, self.head, extended(self.trace, self.head, facts))

    def at(self, t: float) -> dict[Kind, Decision]:
        """What holds at instant `t`, seconds, by the facts in this timeline."""
        return {kind: self.trace.folded.decision(kind, t) for kind in ORDER}

    def decision(self, kind: Kind, t: float) -> Decision:
        return self.trace.folded.decision(kind, t)

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        """The parts of [start, end) in which content of that kind may not be stored, sorted and disjoint."""
        return self.trace.folded.closed(kind, start, end)

    def transitions(self) -> list[Transition]:
        """Every change of verdict, state or reason, by time; none from what held before the first fact."""
        return self.trace.folded.transitions()

    def changes_since(self, before: "Timeline") -> list[Transition]:
        """The transitions here that were not in `before`, and where one fell away, what holds there now; by time."""
        mine, theirs = self.trace.folded.changes, before.trace.folded.changes
        found: list[Transition] = []
        for kind, listed, other in zip(ORDER, mine, theirs, strict=True):
            if listed is other:
                continue
            new = {change.at: change.ruling for change in listed[1:]}
            old = {change.at: change.ruling for change in other[1:]}
            places = [t for t, ruling in new.items() if t not in old or not ruling.alike(old[t])]
            places += [t for t in old if t not in new]
            found += [(t, kind, self.decision(kind, t)) for t in places]
        return sorted(found, key=lambda change: (change[0], INDEX[change[1]]))

    def flags(self, as_of: float = math.inf) -> list[Flag]:
        """All that is raised by the facts in this timeline, and at `as_of` by the silence of those who should have
        acknowledged a stop; by `t`."""
        raised = [flag for step in self.trace.folded.flagged for flag in step.raised]
        found = list(dict.fromkeys((*self.trace.heard, *raised)))
        overlay = self.policy.overlay
        if overlay.acks_required:
            found += missing_acks(self.trace.folded, overlay.stop_ack_timeout_s, as_of)
        return sorted(found, key=lambda flag: flag.t)

    def consents(self, t: float) -> dict[str, dict[Purpose, ConsentState]]:
        """Per party that is asked, by its id or role, the state of its consent for each purpose at instant `t`."""
        folded = self.trace.folded
        call = folded.steps[folded.position(t)].call
        return {m.key: {purpose: consent_state(call, m, purpose) for purpose in Purpose} for m in call.asked()}


def replay(policy: Policy, head: Head, facts: Iterable[Fact], as_of: float = math.inf) -> Timeline:
    """The timeline as known at `as_of`: of the facts received by then, in the order in which they were received."""
    known = sorted((fact for fact in facts if fact.received <= as_of), key=lambda fact: fact.received)
    return Timeline(policy, head).with_facts(known)
