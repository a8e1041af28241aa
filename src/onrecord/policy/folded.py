"""What facts fold to: a step per effect, and per kind the changes that they make. Lists are shared between values and
never changed once they are in one."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from onrecord.base.stretch import Stretch, normalise
from onrecord.policy.facts import Head
from onrecord.policy.fold import Effect, Fold, Step
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import INDEX, ORDER
from onrecord.policy.verdict import Decision, Ruling, Verdict

_at = attrgetter("at")


class Change(NamedTuple):
    """From `at` on, by the event `cause`, a kind's verdict, state or reason is another."""

    at: float
    cause: str | None
    ruling: Ruling

    def decision(self, ruling: Ruling) -> Decision:
        """`ruling` says the same, but other rules may have determined it since."""
        since = 0.0 if self.cause is None else self.at
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
            since,
            self.cause,
        )


@dataclass(frozen=True, slots=True)
class Folded:
    """`steps` by the instant at which each sets in, the first before all time; `changes` per kind in the order of
    `ORDER`, the first what held before all facts; `flagged`: the steps that raised flags."""

    steps: list[Step]
    changes: tuple[list[Change], ...]
    flagged: list[Step]

    def position(self, t: float) -> int:
        """Of the step that holds at instant `t`."""
        return max(bisect_right(self.steps, t, key=_at) - 1, 0)

    def decision(self, kind: Kind, t: float) -> Decision:
        index = INDEX[kind]
        ruling = self.steps[self.position(t)].decided.rulings[index]
        return self._change(index, t).decision(ruling)

    def _change(self, index: int, t: float) -> Change:
        listed = self.changes[index]
        return listed[max(bisect_right(listed, t, key=_at) - 1, 0)]

    def pieces(self, kind: Kind, start: float, end: float) -> Iterator[tuple[Stretch, Ruling]]:
        """What holds over [start, end), piece by piece."""
        listed = self.changes[INDEX[kind]]
        position = max(bisect_right(listed, start, key=_at) - 1, 0)
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
        found = [(c.at, index, c) for index, listed in enumerate(self.changes) for c in listed[1:]]
        found.sort(key=lambda place: place[:2])
        return [(at, ORDER[index], change.decision(change.ruling)) for at, index, change in found]

    def with_effects(self, fold: Fold, effects: Sequence[Effect]) -> "Folded":
        """Effects of one instant set in as they were told of, those already here first. Steps before the first of them
        are kept; those after it are made anew until one is as it was."""
        if not effects:
            return self
        ordered = sorted(effects, key=_at)
        place = bisect_right(self.steps, ordered[0].at, key=_at)
        first, steps = place, self.steps[:place]
        for effect in ordered:
            upto = bisect_right(self.steps, effect.at, key=_at)
            self._refold(fold, steps, place, upto)
            place = upto
            steps.append(fold.next(steps[-1], effect))
        kept = self._refold(fold, steps, place, len(self.steps))
        return self._replaced(steps, first, len(steps) - kept)

    def _refold(self, fold: Fold, steps: list[Step], place: int, upto: int) -> int:
        """Brings `self.steps[place:upto]` behind `steps`; how many of them at the end are as they were."""
        for number in range(place, upto):
            old = self.steps[number]
            if old.effect is None:
                continue
            step = fold.next(steps[-1], old.effect)
            if step.like(old):
                steps.extend(self.steps[number:upto])
                return upto - number
            steps.append(step)
        return 0

    def _replaced(self, steps: list[Step], first: int, upto: int) -> "Folded":
        """With `steps`, which differ from those here in [first, upto); whole instants are looked at."""
        low = bisect_left(steps, steps[first].at, hi=first, key=_at)
        high = len(steps) if upto == len(steps) else bisect_right(steps, steps[upto].at, lo=upto, key=_at)
        start, end = steps[low].at, steps[high - 1].at
        before = bisect_left(self.steps, start, key=_at)
        after = len(self.steps) - (len(steps) - high)
        touched = _touched(steps, low, high) | _touched(self.steps, before, after)
        new = _changes(steps, max(low, 1), high, touched)
        changes = list(self.changes)
        for index in touched:
            changes[index] = _spliced(changes[index], new[index], start, end)
        flagged = [step for step in steps[low:high] if step.raised]
        if flagged or any(step.raised for step in self.steps[before:after]):
            left, right = _bounds(self.flagged, start, end)
            flagged = [*self.flagged[:left], *flagged, *self.flagged[right:]]
        else:
            flagged = self.flagged
        return Folded(steps, tuple(changes), flagged)


def _touched(steps: Sequence[Step], low: int, high: int) -> set[int]:
    """The kinds of which two steps, one after the other, do not say the same."""
    found: set[int] = set()
    for number in range(max(low, 1), high):
        one, other = steps[number - 1].decided, steps[number].decided
        if one is not other:
            found |= one.unlike(other)
    return found


def _changes(steps: Sequence[Step], low: int, high: int, touched: set[int]) -> dict[int, list[Change]]:
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


def _cause(steps: Sequence[Step], begin: int, number: int, index: int) -> str | None:
    """The event since which, within an instant, what its last step says was said without a break."""
    ruling = steps[number].decided.rulings[index]
    while number > begin and ruling.alike(steps[number - 1].decided.rulings[index]):
        number -= 1
    effect = steps[number].effect
    return None if effect is None else effect.fact.event_id


def _bounds(listed: Sequence[Step | Change], start: float, end: float) -> tuple[int, int]:
    if not listed or listed[-1].at < start:
        return len(listed), len(listed)
    return bisect_left(listed, start, key=_at), bisect_right(listed, end, key=_at)


def _spliced(listed: list[Change], new: list[Change], start: float, end: float) -> list[Change]:
    left, right = _bounds(listed, start, end)
    if left == len(listed):
        return listed + new if new else listed
    return listed if listed[left:right] == new else [*listed[:left], *new, *listed[right:]]


def unfolded(fold: Fold, head: Head) -> Folded:
    first = fold.first(head)
    return Folded([first], tuple([Change(first.at, None, r)] for r in first.decided.rulings), [])
