"""The gate for words."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onrecord.base.stretch import Stretch, normalise, subtract
from onrecord.capture.errors import CaptureError
from onrecord.capture.lineage import Artifact, extent, origin


@dataclass(frozen=True, slots=True)
class Word:
    """`w` was said over [s, e], seconds on the interaction's clock."""

    w: str
    s: float
    e: float
    channel: str


@dataclass(frozen=True, slots=True)
class Cut:
    """`kept` in the order given; `withheld`: where nothing is kept because it is closed or because a word was left out
    there, sorted, disjoint. No kept word lies in it, even where words overlap."""

    kept: tuple[Word, ...]
    withheld: tuple[Stretch, ...]


def place(word: Word) -> Stretch:
    """What the word covers. Errors: bad_word_times where a time is no number, before 0 or the end before the start."""
    if not 0 <= word.s <= word.e < math.inf:
        raise CaptureError("a word without sound times", code="bad_word_times")
    return extent(word.s, word.e)


def cut(artifact: Artifact, words: Sequence[Word], shut: Iterable[tuple[float, float]]) -> Cut:
    """Keeps a word only where all of it lies where the text comes from and outside `shut`, what is closed within the
    artifact's reach. Errors: bad_word_times."""
    within, closed = origin(artifact), normalise(shut)
    kept: list[Word] = []
    places: list[Stretch] = []
    left_out: list[Stretch] = []
    for word in words:
        covered = place(word)
        if _inside(covered, within) and not _touches(covered, closed):
            kept.append(word)
            places.append(covered)
        else:
            left_out.append(covered)
    between = subtract(normalise(left_out), normalise(places))
    return Cut(tuple(kept), tuple(normalise([*between, *closed])))


def _inside(covered: Stretch, within: Sequence[Stretch]) -> bool:
    at = bisect_right(within, covered.start, key=lambda each: each.start)
    return at > 0 and covered.end <= within[at - 1].end


def _touches(covered: Stretch, closed: Sequence[Stretch]) -> bool:
    at = bisect_left(closed, covered.end, key=lambda each: each.start)
    return at > 0 and closed[at - 1].end > covered.start
