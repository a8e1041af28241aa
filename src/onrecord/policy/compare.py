"""Two timelines of the same facts beside one another: where packs do not decide the same."""

from collections.abc import Iterator
from dataclasses import dataclass

from onrecord.policy.fold import Decided, Step
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import ORDER
from onrecord.policy.verdict import Ruling


@dataclass(frozen=True, slots=True)
class Difference:
    """Over [t, until), in seconds; `until` None: for good."""

    kind: Kind
    t: float
    until: float | None
    old: Ruling
    new: Ruling


def alike(old: Ruling, new: Ruling) -> bool:
    """Whether verdict, state, reason, purpose, legal basis and the period of retention are the same; not which rules
    say so."""
    return old.alike(new) and (old.purpose, old.legal_basis, _period(old)) == (
        new.purpose,
        new.legal_basis,
        _period(new),
    )


def _period(ruling: Ruling) -> str:
    return ruling.retention.rpartition("/")[2]


def differences(old: Timeline, new: Timeline) -> list[Difference]:
    """By kind, then by time; a stretch over which both say the same throughout is one."""
    pieces = list(_pieces(old, new))
    first = min(0.0, pieces[1][0]) if len(pieces) > 1 else 0.0
    unlike: dict[tuple[int, int], frozenset[int]] = {}
    found: dict[int, list[Difference]] = {}
    for place, (at, one, other) in enumerate(pieces):
        key = (id(one.decided), id(other.decided))
        if key not in unlike:
            unlike[key] = _unlike(one.decided, other.decided)
        until = pieces[place + 1][0] if place + 1 < len(pieces) else None
        for index in unlike[key]:
            listed = found.setdefault(index, [])
            made = Difference(ORDER[index], max(at, first), until, *_rulings(one, other, index))
            if listed and listed[-1].until == at and _same(listed[-1], made):
                made = Difference(made.kind, listed.pop().t, until, made.old, made.new)
            listed.append(made)
    return [each for index in sorted(found) for each in found[index]]


def _pieces(old: Timeline, new: Timeline) -> Iterator[tuple[float, Step, Step]]:
    """What holds from each instant at which one of the two has a step; the first is before all time."""
    sides = [list(timeline.trace.folded.steps) for timeline in (old, new)]
    places = [0, 0]
    for at in sorted({step.at for side in sides for step in side}):
        for number, side in enumerate(sides):
            while places[number] + 1 < len(side) and side[places[number] + 1].at <= at:
                places[number] += 1
        yield at, sides[0][places[0]], sides[1][places[1]]


def _unlike(one: Decided, other: Decided) -> frozenset[int]:
    pairs = enumerate(zip(one.rulings, other.rulings, strict=True))
    return frozenset(index for index, (old, new) in pairs if not alike(old, new))


def _rulings(one: Step, other: Step, index: int) -> tuple[Ruling, Ruling]:
    return one.decided.rulings[index], other.decided.rulings[index]


def _same(before: Difference, after: Difference) -> bool:
    return alike(before.old, after.old) and alike(before.new, after.new)
