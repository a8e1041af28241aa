"""Half-open stretches of media time in seconds on the interaction's clock."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FOREVER = float("inf")


class Stretch(NamedTuple):
    """[start, end) in seconds; empty where end <= start."""

    start: float
    end: float


def normalise(stretches: Iterable[tuple[float, float]]) -> list[Stretch]:
    """The same set of instants as sorted, disjoint, non-touching stretches."""
    result: list[Stretch] = []
    for start, end in sorted(stretches):
        if end <= start:
            continue
        if result and start <= result[-1].end:
            if end > result[-1].end:
                result[-1] = Stretch(result[-1].start, end)
        else:
            result.append(Stretch(start, end))
    return result


def intersect(left: Sequence[tuple[float, float]], right: Sequence[tuple[float, float]]) -> list[Stretch]:
    """Both inputs normalised; so is the result."""
    result: list[Stretch] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i][0], right[j][0])
        end = min(left[i][1], right[j][1])
        if start < end:
            result.append(Stretch(start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return result


def subtract(left: Sequence[tuple[float, float]], right: Sequence[tuple[float, float]]) -> list[Stretch]:
    """What of `left` is not in `right`. Both normalised; so is the result."""
    result: list[Stretch] = []
    first = 0
    for start, end in left:
        position = start
        while first < len(right) and right[first][1] <= start:
            first += 1
        at = first
        while at < len(right) and right[at][0] < end:
            cut_start, cut_end = right[at]
            if cut_start > position:
                result.append(Stretch(position, cut_start))
            position = cut_end
            at += 1
        if position < end:
            result.append(Stretch(position, end))
    return result


def overlaps(stretches: Sequence[tuple[float, float]], start: float, end: float) -> bool:
    return any(s < end and start < e for s, e in stretches)
