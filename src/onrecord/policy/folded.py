"""What facts fold to: a step per effect, and per kind the changes that they make."""

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec

from onrecord.base.stretch import Stretch, normalise
from onrecord.policy.facts import Head
from onrecord.policy.fold import Effect, Fold, Step
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import INDEX, ORDER
from onrecord.policy.series import Series
from onrecord.policy.stepwise import Steps
from onrecord.policy.verdict import Decision, Ruling, Verdict

_at = attrgetter("at")


class Change(msgspec.Struct, eq=False, gc=False):
    """From `at` on, by the event `cause`, a kind's verdict, state or reason is another. `written` and
    `made` keep what was worked out of it."""

    at: float
    cause: str | None
    ruling: Ruling
    written: str = ""
    made: Decision | None = None

    @property
    def text(self) -> str:
        """The ruling written. Worked out when it is asked for, once."""
        if not self.written:
            self.written = self.ruling.written(self.since)
        return self.written

    def decision(self, ruling: Ruling) -> Decision:
        """`ruling` says the same, but other rules may have determined it since."""
        if ruling is not self.ruling:
            return self._decision(ruling)
        if self.made is None:
            self.made = self._decision(ruling)
        return self.made

    def _decision(self, ruling: Ruling) -> Decision:
        return Decision(
            ruling.kind,
            ruling.verdict,
            ruling.state,
            ruling.reason,
            ruling.rules,
            ruling.purpose,
            ruling.legal_basis,
            ruling.retention,
            ruling.can_end,
            0.0 if self.cause is None else self.at,
            self.cause,
        )

    @property
    def since(self) -> float:
        return 0.0 if self.cause is None else self.at


class Folded(NamedTuple):
    """`steps` by the instant at which each sets in, the first before all time; `changes` per kind in the order of
    `ORDER`, the first what held before all facts; `flagged`: the steps that raised flags."""

    steps: Series[Step]
    changes: tuple[Series[Change], ...]
    flagged: Series[Step]

    def position(self, t: float) -> int:
        """Of the step that holds at instant `t`."""
        return max(self.steps.upto(t) - 1, 0)

    def decision(self, kind: Kind, t: float) -> Decision:
        index = INDEX[kind]
        ruling = self.steps[self.position(t)].decided.rulings[index]
        return self.change(index, t).decision(ruling)

    def change(self, index: int, t: float) -> Change:
        """The one that holds at instant `t`, of the kind at that place in `ORDER`."""
        listed = self.changes[index]
        return listed[max(listed.upto(t) - 1, 0)]

    def pieces(self, kind: Kind, start: float, end: float) -> Iterator[tuple[Stretch, Ruling]]:
        """What holds over [start, end), piece by piece."""
        listed = self.changes[INDEX[kind]]
        position = max(listed.upto(start) - 1, 0)
        while position < len(listed) and start < end:
            following = listed[position + 1].at if position + 1 < len(listed) else math.inf
            upto = min(end, following)
            if upto > start:
                yield Stretch(start, upto), listed[position].ruling
            start, position = max(start, upto), position + 1

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        return normalise(s for s, ruling in self.pieces(kind, start, end) if ruling.verdict < Verdict.CAPTURE)

    def captured(self, kind: Kind, start: float, end: float) -> bool:
        """Whether content of that kind could be stored at any instant of [start, end)."""
        return any(ruling.verdict >= Verdict.CAPTURE for _, ruling in self.pieces(kind, start, end))

    def transitions(self) -> list[tuple[float, Kind, Decision]]:
        found = [(c.at, index, c) for index, listed in enumerate(self.changes) for c in listed.part(1, len(listed))]
        found.sort(key=lambda place: place[:2])
        return [(at, ORDER[index], change.decision(change.ruling)) for at, index, change in found]

    def with_effects(self, fold: Fold, effects: Sequence[Effect]) -> "Steps[Folded]":
        """Effects of one instant set in as they were told of, those already here first. Steps before the first of them
        are kept; those after it are made anew until one is as it was."""
        if not effects:
            return self
        if len(effects) == 1 and effects[0].at > self.steps.last.at:
            return self.followed_by(fold.next(self.steps.last, effects[0]), effects[0].fact.event_id)
        ordered = sorted(effects, key=_at)
        first = place = self.steps.upto(ordered[0].at)
        new = [self.steps[first - 1]]
        for effect in ordered:
            upto = self.steps.upto(effect.at, place)
            kept = yield from self._refold(fold, new, place, upto)
            new += self.steps.part(kept, upto)
            place = upto
            new.append(fold.next(new[-1], effect))
            yield
        kept = yield from self._refold(fold, new, place, len(self.steps))
        return self._replaced(new[1:], first, kept)

    def followed_by(self, step: Step, cause: str) -> "Folded":
        """With a step that sets in after all others."""
        changes, before = self.changes, self.steps.last.decided
        if step.decided is not before:
            listed, at, rulings = list(changes), step.at, step.decided.rulings
            for index in before.unlike(step.decided):
                listed[index] = listed[index].followed(Change(at, cause, rulings[index]))
            changes = tuple(listed)
        flagged = self.flagged.followed(step) if step.raised else self.flagged
        return Folded(self.steps.followed(step), changes, flagged)

    def _refold(self, fold: Fold, new: list[Step], place: int, upto: int) -> Steps[int]:
        """Brings the effects of `self.steps[place:upto]` behind `new`; the place from which on all are as they were."""
        for number in range(place, upto):
            old = self.steps[number]
            if old.effect is None:
                continue
            step = fold.next(new[-1], old.effect)
            if step.like(old):
                return number
            new.append(step)
            yield
        return upto

    def _replaced(self, new: list[Step], first: int, kept: int) -> "Folded":
        """With `new` in place of the steps [first, kept); whole instants are looked at."""
        steps = self.steps.spliced(first, new, kept)
        upto = first + len(new)
        low = steps.before(steps[first].at, first)
        high = len(steps) if upto == len(steps) else steps.upto(steps[upto].at, upto)
        start, end = steps[low].at, steps[high - 1].at
        before = self.steps.before(start)
        after = len(self.steps) - (len(steps) - high)
        touched = _touched(steps, low, high) | _touched(self.steps, before, after)
        changes = list(self.changes)
        if touched:
            made = _changes(steps, max(low, 1), high, touched)
            for index in touched:
                changes[index] = _spliced(changes[index], made[index], start, end)
        flagged = self.flagged
        raised = [step for step in steps.part(low, high) if step.raised]
        if raised or any(step.raised for step in self.steps.part(before, after)):
            left, right = _bounds(flagged, start, end)
            flagged = flagged.spliced(left, raised, right)
        return Folded(steps, tuple(changes), flagged)


def _touched(steps: Series[Step], low: int, high: int) -> set[int]:
    """The kinds of which two steps, one after the other, do not say the same."""
    found: set[int] = set()
    for number in range(max(low, 1), high):
        one, other = steps[number - 1].decided, steps[number].decided
        if one is not other:
            found |= one.unlike(other)
    return found


def _changes(steps: Series[Step], low: int, high: int, touched: set[int]) -> dict[int, list[Change]]:
    """Per kind touched, what the last step of each instant says otherwise than that of the instant before."""
    found: dict[int, list[Change]] = {index: [] for index in touched}
    begin = low
    for number in range(low, high):
        step = steps[number]
        if number + 1 < high and steps[number + 1].at == step.at:
            continue
        before = steps[begin - 1].decided
        if step.decided is not before:
            alone = None if step.effect is None else step.effect.fact.event_id
            for index in before.unlike(step.decided):
                cause = alone if begin == number else _cause(steps, begin, number, index)
                found[index].append(Change(step.at, cause, step.decided.rulings[index]))
        begin = number + 1
    return found


def _cause(steps: Series[Step], begin: int, number: int, index: int) -> str | None:
    """The event since which, within an instant, what its last step says was said without a break."""
    ruling = steps[number].decided.rulings[index]
    while number > begin and ruling.alike(steps[number - 1].decided.rulings[index]):
        number -= 1
    effect = steps[number].effect
    return None if effect is None else effect.fact.event_id


def _bounds(listed: Series[Step] | Series[Change], start: float, end: float) -> tuple[int, int]:
    if not len(listed) or listed.last.at < start:
        return len(listed), len(listed)
    return listed.before(start), listed.upto(end)


def _spliced(listed: Series[Change], new: list[Change], start: float, end: float) -> Series[Change]:
    left, right = _bounds(listed, start, end)
    old = [(change.at, change.cause, change.ruling) for change in listed.part(left, right)]
    same = old == [(change.at, change.cause, change.ruling) for change in new]
    return listed if same else listed.spliced(left, new, right)


def unfolded(fold: Fold, head: Head) -> Folded:
    first = fold.first(head)
    changes = tuple([Series([Change(first.at, None, r)]) for r in first.decided.rulings])
    return Folded(Series([first]), changes, Series())
