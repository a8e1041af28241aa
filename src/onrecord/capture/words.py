"""The gate for words and for what is derived from recordings."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onrecord.base.stretch import Stretch, intersect, normalise, subtract
from onrecord.capture.errors import CaptureError


@dataclass(frozen=True, slots=True)
class Word:
    """`w` was said over [s, e], seconds on the interaction's clock."""

    w: str
    s: float
    e: float
    channel: str


@dataclass(frozen=True, slots=True)
class Cut:
    """`kept` in the order given; `withheld`: where the others were, sorted, disjoint; `count`: how many those are."""

    kept: tuple[Word, ...]
    withheld: tuple[Stretch, ...]
    count: int


def cut(words: Sequence[Word], closed: Iterable[tuple[float, float]]) -> Cut:
    """Keeps a word only where all of it lies outside the closed stretches. One without length has no such place and is
    withheld. Errors: bad_word_times where a time is no number, before 0 or the end before the start."""
    shut = normalise(closed)
    starts = [stretch.start for stretch in shut]
    kept: list[Word] = []
    withheld: list[Stretch] = []
    for word in words:
        if not 0 <= word.s <= word.e < math.inf:
            raise CaptureError("a word without sound times", code="bad_word_times")
        at = bisect_left(starts, word.e)
        if word.s < word.e and (at == 0 or shut[at - 1].end <= word.s):
            kept.append(word)
        else:
            withheld.append(Stretch(word.s, word.e))
    return Cut(tuple(kept), tuple(normalise(withheld)), len(withheld))


def permitted(
    start: float, end: float, closed: Iterable[Sequence[tuple[float, float]]]
) -> tuple[list[Stretch], list[Stretch]]:
    """What of [start, end) is open, and what is withheld, for something derived from sources whose closed stretches are
    given, one list a source: open only where every source is. Errors: bad_stretch."""
    if not 0 <= start <= end < math.inf:
        raise CaptureError("a stretch without sound times", code="bad_stretch")
    whole = normalise([(start, end)])
    shut = intersect(normalise(stretch for stretches in closed for stretch in stretches), whole)
    return subtract(whole, shut), shut
