"""The facts of a timeline in the order in which they were received, and what hearing them raises."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from onrecord.policy.assertion import closes
from onrecord.policy.call import Span
from onrecord.policy.facts import Fact, Head
from onrecord.policy.fold import Effect, Fold, data_of, effects, instant_of, span_of
from onrecord.policy.folded import Folded, unfolded
from onrecord.policy.kinds import HANDLING_RECORDS
from onrecord.policy.policy import Policy
from onrecord.policy.purposes import ORDER
from onrecord.policy.series import Series
from onrecord.policy.stepwise import Steps
from onrecord.policy.verdict import Flag

_LATE_CLOSINGS = {
    "opt_out": "CAPTURED_AFTER_OPT_OUT",
    "consent_withdrawn": "CAPTURED_AFTER_OPT_OUT",
    "segment_start": "CAPTURED_IN_SENSITIVE_SEGMENT",
}
_OWN = frozenset({"system_barred", "system_acknowledged", "prompt_heard"})
"""What the product says of itself is neither late nor out of order, and makes nothing else so."""
_UNUSUAL = _OWN | {"event_repeated"}
# Facts by id, the first of each; every mapping at least twice as large as the next, so that adding one is cheap.
Told = tuple[Mapping[str, Fact], ...]


class Trace(NamedTuple):
    """`facts` as received, `told` the same by id, `heard` what hearing them raised, `latest` the greatest early edge
    among them, `delay` how long, in seconds, the slowest took to be heard of; `known` is what the facts received before
    the last one's instant fold to, `folded` all of them."""

    fold: Fold
    facts: Series[Fact]
    told: Told
    heard: Series[Flag]
    latest: float
    delay: float
    known: Folded
    folded: Folded

    def first(self, event_id: str) -> Fact | None:
        for part in self.told:
            if event_id in part:
                return part[event_id]
        return None


def empty(fold: Fold, head: Head) -> Trace:
    folded = unfolded(fold, head)
    return Trace(fold, Series(), (), Series(), -math.inf, 0.0, folded, folded)


def followed(trace: Trace, head: Head, fact: Fact) -> Trace | None:
    """`extended` by a new fact that is heard of after all others, in time, and sets in after all others; else None."""
    if not trace.told or fact.received <= trace.facts.last.received or fact.type in _UNUSUAL:
        return None
    made = effects(fact, head.started)
    if len(made) != 1 or made[0].at <= trace.folded.steps.last.at or trace.first(fact.event_id) is not None:
        return None
    early, late = made[0].span
    if late < trace.latest or fact.received - instant_of(fact) > trace.fold.policy.overlay.late_event_after_s:
        return None
    return Trace(
        trace.fold,
        trace.facts.followed(fact),
        _joined(trace.told, {fact.event_id: fact}),
        trace.heard,
        max(trace.latest, early),
        max(trace.delay, fact.received - early),
        trace.folded,
        trace.folded.followed_by(trace.fold.next(trace.folded.steps.last, made[0]), fact.event_id),
    )


def extended(trace: Trace, head: Head, facts: Sequence[Fact]) -> Steps[Trace]:
    """With more facts, one after the other. One that was received before others takes its place among them."""
    last = trace.facts.last.received if trace.facts else -math.inf
    for fact in facts:
        if fact.received < last:
            trace, facts = empty(trace.fold, head), sorted((*trace.facts, *facts), key=lambda known: known.received)
            break
        last = fact.received
    hearing = _Hearing(trace, head)
    for fact in facts:
        yield from hearing.hear(fact)
        yield
    return (yield from hearing.heard_all(trace, facts))


class _Hearing:
    """Facts one after the other, folded only where what was known until then must be asked."""

    def __init__(self, trace: Trace, head: Head) -> None:
        self._started = head.started
        self._fold = trace.fold
        self._told, self._new = trace.told, dict[str, Fact]()
        self._latest, self._delay = trace.latest, trace.delay
        self._known, self._folded = trace.known, trace.folded
        self._received = trace.facts.last.received if trace.facts else None
        self._waiting: list[Effect] = []
        self._older: int | None = None  # how many of those waiting were received before this instant, if any may be
        self._flags: list[Flag] = []

    def hear(self, fact: Fact) -> Steps[None]:
        if fact.received != self._received:
            self._received, self._older = fact.received, len(self._waiting)
        first, span = self._first(fact.event_id), span_of(fact)
        self._flags += yield from self._raised(fact, span, fresh=first is None)
        if first is None:
            self._new[fact.event_id] = fact
            if fact.type != "event_repeated" and fact.type not in _OWN:
                self._latest = max(self._latest, span.early)
        if first is None or _conflicts(first, fact):
            self._delay = max(self._delay, fact.received - span.early)
            self._waiting += effects(fact, self._started)

    def heard_all(self, trace: Trace, facts: Sequence[Fact]) -> Steps[Trace]:
        known = yield from self._before()
        folded = yield from self._folded.with_effects(self._fold, self._waiting)
        return Trace(
            trace.fold,
            trace.facts.grown(facts),
            _joined(self._told, self._new),
            trace.heard.grown(self._flags),
            self._latest,
            self._delay,
            known,
            folded,
        )

    def _first(self, event_id: str) -> Fact | None:
        for part in (self._new, *self._told):
            if event_id in part:
                return part[event_id]
        return None

    def _before(self) -> Steps[Folded]:
        """What all that was received before the present instant folds to."""
        if self._older is not None:
            self._folded = yield from self._folded.with_effects(self._fold, self._waiting[: self._older])
            del self._waiting[: self._older]
            self._known, self._older = self._folded, None
        return self._known

    def _raised(self, fact: Fact, span: Span, *, fresh: bool) -> Steps[list[Flag]]:
        """What follows from when and how often a fact was received."""
        t = instant_of(fact)
        if fact.type == "event_repeated":
            of = data_of(fact).get("of")
            return [Flag("DUPLICATE_EVENT", t, of if isinstance(of, str) else fact.event_id)]
        if not fresh:
            return [Flag("DUPLICATE_EVENT", t, fact.event_id)]
        names: list[str] = []
        if not self._told and not self._new and _somewhere_unknown(self._fold.policy, self._folded):
            names.append("JURISDICTION_UNKNOWN")
        if fact.type in _OWN:
            return [Flag(name, t, fact.event_id) for name in names]
        late = fact.received - t > self._fold.policy.overlay.late_event_after_s
        if late:
            names.append("LATE_EVENT")
        if span.late < self._latest:
            names.append("OUT_OF_ORDER")
        if late and fact.type in _LATE_CLOSINGS and (yield from self._went_on(fact, t)):
            names.append(_LATE_CLOSINGS[fact.type])
        return [Flag(name, t, fact.event_id) for name in names]

    def _went_on(self, fact: Fact, t: float) -> Steps[bool]:
        """Whether, as known before a late closing arrived, content was captured between the two."""
        listed = data_of(fact).get("kinds")
        named = [kind for kind in ORDER if isinstance(listed, list | tuple) and kind.value in listed]
        kinds = named or [kind for kind in ORDER if kind not in HANDLING_RECORDS]
        known = yield from self._before()
        return any(known.captured(kind, t, fact.received) for kind in kinds)


def _conflicts(first: Fact, fact: Fact) -> bool:
    """A closing under the id of another event: it still closes."""
    return closes(fact.type, data_of(fact)) and (first.type, first.data) != (fact.type, fact.data)


def _somewhere_unknown(policy: Policy, folded: Folded) -> bool:
    return any(policy.regime(place) == "unknown" for place in folded.steps[0].call.places())


def _joined(told: Told, new: dict[str, Fact]) -> Told:
    if not new:
        return told
    parts = list(told)
    while parts and len(parts[-1]) < 2 * len(new):
        new = {**parts.pop(), **new}
    return (*parts, new)
