"""Facts to decisions: the state of a call as a step function of time. Pure and total; no clock."""

import math
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from onrecord.base.clock import day_of
from onrecord.base.stretch import Stretch
from onrecord.policy.acks import missing_acks
from onrecord.policy.facts import Fact, Head
from onrecord.policy.fold import Fold, Step
from onrecord.policy.folded import Change
from onrecord.policy.kinds import Kind
from onrecord.policy.owed import Directive
from onrecord.policy.pack import Pack
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import ORDER, ConsentState, Purpose
from onrecord.policy.series import Series
from onrecord.policy.standing import consent_state
from onrecord.policy.stepwise import Steps, finished
from onrecord.policy.trace import Trace, empty, extended, followed
from onrecord.policy.verdict import Decision, Flag

KERNEL = "onrecord-policy-kernel/1"
_MOST_NEXT = 8
_FEW = 8
_WORDS = tuple(kind.value for kind in ORDER)
Transition = tuple[float, Kind, Decision]
Directed = tuple[float, tuple[Directive, ...], str | None]
"""Since when, what from then on, and the id of the event that caused it."""


class Timeline:
    """Immutable; `with_facts` gives another that shares all it can. Facts lie by the instant at which they set in, and
    those of one instant as they were received; steps before a late fact are kept, and those after it from the first
    that comes out as it was."""

    __slots__ = ("_next", "head", "policy", "trace")

    def __init__(self, policy: Policy, head: Head, trace: Trace | None = None) -> None:
        self.policy: Final = policy
        self.head: Final = head
        self.trace: Final = empty(Fold(policy), head) if trace is None else trace
        self._next: tuple[tuple[tuple[Fact, ...], Timeline], ...] = ()

    @property
    def facts(self) -> Series[Fact]:
        """As received; duplicates too."""
        return self.trace.facts

    def with_fact(self, fact: Fact) -> "Timeline":
        return self.with_facts((fact,))

    def with_facts(self, facts: Sequence[Fact]) -> "Timeline":
        """The same as each `with_fact` after the other, folded once; also where the same is asked for again, as what
        closes is: before it is durable, and then."""
        return finished(self.telling(facts))

    def telling(self, facts: Sequence[Fact]) -> "Steps[Timeline]":
        """`with_facts` in steps, of which each folds one fact at most."""
        told = tuple(facts)
        for known, timeline in self._next:
            if known == told:
                return timeline
        trace = followed(self.trace, self.head, told[0]) if len(told) == 1 else None
        if trace is None:
            trace = yield from extended(self.trace, self.head, told)
        made = Timeline(self.policy, self.head, trace)
        self._next = (*self._next[-_MOST_NEXT + 1 :], (told, made))
        return made

    def at(self, t: float) -> dict[Kind, Decision]:
        """What holds at instant `t`, seconds, by the facts in this timeline."""
        folded = self.trace.folded
        rulings = folded.steps[folded.position(t)].decided.rulings
        found: dict[Kind, Decision] = {}
        for kind, ruling, listed in zip(ORDER, rulings, folded.changes, strict=True):
            change = listed.items[listed.length - 1]
            if change.at > t:
                change = listed[max(listed.upto(t) - 1, 0)]
            made = change.made
            found[kind] = change.decision(ruling) if made is None or change.ruling is not ruling else made
        return found

    def shown(self, t: float) -> dict[str, Any]:
        """The same as JSON, in the words of the contract."""
        folded = self.trace.folded
        rulings = folded.steps[folded.position(t)].decided.rulings
        found: dict[str, Any] = {}
        for word, ruling, listed in zip(_WORDS, rulings, folded.changes, strict=True):
            last = listed.last
            change = last if last.at <= t else listed[max(listed.upto(t) - 1, 0)]
            found[word] = {**ruling.words, "since": change.since}
        return found

    def written(self, t: float) -> str:
        """The same, as it is sent."""
        folded = self.trace.folded
        rulings = folded.steps[folded.position(t)].decided.rulings
        found: list[str] = []
        for ruling, listed in zip(rulings, folded.changes, strict=True):
            change = listed.items[listed.length - 1]
            if change.at > t:
                change = listed[max(listed.upto(t) - 1, 0)]
            found.append(change.text if change.ruling is ruling else ruling.written(change.since))
        return "{" + ",".join(found) + "}"

    def decision(self, kind: Kind, t: float) -> Decision:
        return self.trace.folded.decision(kind, t)

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        """The parts of [start, end) in which content of that kind may not be stored, sorted and disjoint."""
        return self.trace.folded.closed(kind, start, end)

    def transitions(self) -> list[Transition]:
        """Every change of verdict, state or reason, by time; none from what held before the first fact."""
        return self.trace.folded.transitions()

    def changes_since(self, before: "Timeline") -> Iterable[tuple[float, int, Change]]:
        """By time and kind, what changes here and did not in `before`, each with its instant and the kind's place in
        `ORDER`; and where a change fell away, what holds there now. After many facts made one after the other."""
        pairs = enumerate(zip(self.trace.folded.changes, before.trace.folded.changes, strict=True))
        parts = [_unlike(index, mine, theirs) for index, (mine, theirs) in pairs if mine is not theirs]
        if len(self.facts) - len(before.facts) <= _FEW:
            return sorted(chain.from_iterable(parts))
        return merge(*parts)

    def flags(self, as_of: float = math.inf) -> list[Flag]:
        """All that is raised by the facts in this timeline, and at `as_of` by the silence of those who should have
        acknowledged a stop; by `t`."""
        steps = self.trace.folded.flagged
        return _with_silence(self, [*self.trace.heard, *(flag for step in steps for flag in step.raised)], as_of)

    def flags_since(self, before: "Timeline", as_of: float, own: Container[str]) -> list[Flag]:
        """Of `flags` those that were not among the ones of `before`, and all that are about the events `own`."""
        mine, theirs = self.trace, before.trace
        left, right, until = mine.heard.unlike(theirs.heard)
        heard, unheard = mine.heard.part(left, right), theirs.heard.part(left, until)
        left, right, until = mine.folded.steps.unlike(theirs.folded.steps)
        steps, gone = mine.folded.steps.part(left, right), theirs.folded.steps.part(left, until)
        raised = [*heard, *(flag for step in steps for flag in step.raised)]
        if not raised and not self.policy.overlay.acks_required:
            return []
        instants = [step.at for step in (*steps, *gone)] or [math.inf]
        # A stop may be answered for so long, by what was not there before.
        start = min(instants) - max(mine.delay, theirs.delay) - self.policy.overlay.stop_ack_timeout_s
        end = max(instants)
        found = _with_silence(self, raised, as_of, start, end)
        old = set(_with_silence(before, [*unheard, *(f for step in gone for f in step.raised)], as_of, start, end))
        new = [flag for flag in found if flag not in old or flag.event_id in own]
        if any(flag.event_id not in own and _more_than_once(mine, flag) for flag in new):
            old.update(before.flags(as_of))
            new = [flag for flag in new if flag not in old or flag.event_id in own]
        return new

    def directives(self, t: float) -> tuple[Directive, ...]:
        """What agent and bot are to do at instant `t`, and since when; nothing once the call has ended."""
        folded = self.trace.folded
        return folded.steps[folded.position(t)].directed

    def directed_since(self, before: "Timeline") -> list[Directed]:
        """By time, where what agent and bot are to do changes here, and did not so in `before`."""
        mine, theirs = self.trace.folded.steps, before.trace.folded.steps
        left, right, until = mine.unlike(theirs)
        old = {change[:2] for change in _directed(theirs, left, until)}
        return [change for change in _directed(mine, left, right) if change[:2] not in old]

    def packs(self, t: float) -> Sequence[Pack]:
        """Those that apply at instant `t`, each with what of it binds on the day of the call."""
        folded = self.trace.folded
        return folded.steps[folded.position(t)].book.packs

    def begun(self, started: int) -> "Timeline":
        """The same facts of a call of which it is known now when its clock began: nanoseconds since the epoch."""
        head = replace(self.head, date=day_of(started), started=started)
        fold = self.trace.fold.on(head.date)
        return Timeline(fold.policy, head, empty(fold, head)).with_facts(list(self.facts))

    def consents(self, t: float) -> dict[str, dict[Purpose, ConsentState]]:
        """Per party that is asked, by its id or role, the state of its consent for each purpose at instant `t`."""
        folded = self.trace.folded
        call = folded.steps[folded.position(t)].call
        return {m.key: {purpose: consent_state(call, m, purpose) for purpose in Purpose} for m in call.asked()}


def _more_than_once(trace: Trace, flag: Flag) -> bool:
    """Whether it may have been raised at another instant too: as one of several repetitions, or by an event of which it
    is not known when it happened."""
    fact = trace.first(flag.event_id)
    return fact is None or fact.uncertainty != 0 or flag.flag == "DUPLICATE_EVENT"


def _directed(steps: Series[Step], left: int, right: int) -> Iterator[Directed]:
    """From `left` on to before `right`; the first step of all is before every fact."""
    for at in range(max(left, 1), right):
        step = steps[at]
        if step.directed != steps[at - 1].directed:
            yield step.at, step.directed, None if step.effect is None else step.effect.fact.event_id


def _unlike(index: int, mine: Series[Change], theirs: Series[Change]) -> Iterator[tuple[float, int, Change]]:
    """The changes of one kind, by its place in `ORDER`, that are in `mine` and not so in `theirs`, by time."""
    left, right, until = mine.unlike(theirs)
    new = mine.part(max(left, 1), right)
    old = {change.at: change.ruling for change in theirs.part(max(left, 1), until)}
    if not old:
        return ((change.at, index, change) for change in new)
    found: list[tuple[float, int, Change]] = []
    for change in new:
        was = old.pop(change.at, None)
        if was is None or not change.ruling.alike(was):
            found.append((change.at, index, change))
    found += [(t, index, mine[max(mine.upto(t) - 1, 0)]) for t in old]
    return iter(sorted(found, key=itemgetter(0)))


def _with_silence(
    timeline: Timeline, raised: Sequence[Flag], as_of: float, start: float = -math.inf, end: float = math.inf
) -> list[Flag]:
    """What is raised, once, and what the silence after the stops from `start` to `end` raises; by `t`."""
    found = list(dict.fromkeys(raised))
    overlay = timeline.policy.overlay
    if overlay.acks_required:
        found += missing_acks(timeline.trace.folded, overlay.stop_ack_timeout_s, as_of, start, end)
    return sorted(found, key=lambda flag: flag.t)


def replay(policy: Policy, head: Head, facts: Iterable[Fact], as_of: float = math.inf) -> Timeline:
    """The timeline as known at `as_of`: of the facts received by then, in the order in which they were received."""
    known = sorted((fact for fact in facts if fact.received <= as_of), key=lambda fact: fact.received)
    return Timeline(policy, head).with_facts(known)
