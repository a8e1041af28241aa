import math

import pytest

from onrecord.capture.errors import CaptureError
from onrecord.capture.lineage import GRAIN, WORDS, Claim
from onrecord.capture.words import Word, cut

CALL = Claim("transcript", WORDS, 0.0, 100.0, stated=True)


def word(s, e, w="seven"):
    return Word(w, s, e, "customer")


def test_a_word_is_kept_only_wholly_outside():
    words = [word(0.0, 1.0), word(0.9, 1.1), word(1.2, 1.4), word(1.9, 2.1), word(2.0, 2.5), word(0.5, 3.0)]
    told = cut(CALL, words, [(1.0, 2.0)])
    assert told.kept == (words[0], words[4])
    assert told.withheld == ((1.0, 2.0), (2.5, 3.0))


def test_order_of_words_is_kept_and_closed_may_come_in_any_order():
    words = [word(5.0, 5.5), word(0.0, 0.5)]
    assert cut(CALL, words, [(9.0, 10.0), (2.0, 3.0)]).kept == tuple(words)


def test_without_closed_stretches_all_is_kept():
    words = [word(0.0, 0.5), word(0.5, 1.0)]
    assert cut(CALL, words, []) == cut(CALL, words, [(3.0, 3.0)])
    assert cut(CALL, words, []).kept == tuple(words)


def test_no_kept_word_lies_in_what_is_withheld_even_where_words_overlap():
    """Else a closing that comes later would not see that it concerns the word."""
    words = [word(1.0, 5.0), word(2.0, 3.0)]
    told = cut(CALL, words, [(4.0, 6.0)])
    assert told.kept == (words[1],)
    assert told.withheld == ((1.0, 2.0), (3.0, 6.0))


@pytest.mark.parametrize(("at", "kept"), [(4.0, True), (5.0, False), (6.0, False), (7.0, True), (100.0, False)])
def test_a_word_without_length_covers_its_instant(at, kept):
    told = cut(CALL, [word(at, at)], [(5.0, 7.0)])
    assert bool(told.kept) is kept
    assert told.withheld[0] == (5.0, 7.0)


def test_a_word_without_length_that_is_left_out_shows():
    sources = Claim("transcript", WORDS, 0.0, 9.0, stated=False, sources=(("a", 0.0, 1.0),))
    assert cut(sources, [word(4.0, 4.0)], []).withheld == ((4.0, 4.0 + GRAIN),)


def test_with_sources_a_word_lies_inside_them():
    two = (("a", 1.0, 2.0), ("b", 2.0, 3.0), ("a", 5.0, 6.0))
    made = Claim("transcript", WORDS, 0.0, 9.0, stated=True, sources=two)
    words = [word(0.5, 1.5), word(1.5, 2.5), word(2.9, 3.1), word(4.0, 4.5), word(5.0, 6.0)]
    told = cut(made, words, [])
    assert told.kept == (words[1], words[4])
    assert told.withheld == ((0.5, 1.5), (2.9, 3.1), (4.0, 4.5))


@pytest.mark.parametrize("times", [(1.0, 0.5), (math.nan, 1.0), (0.0, math.nan), (0.0, math.inf), (-0.1, 1.0)])
def test_unsound_times_are_refused(times):
    with pytest.raises(CaptureError) as refused:
        cut(CALL, [word(*times, w="4111")], [])
    assert refused.value.code == "bad_word_times"
    assert "4111" not in str(refused.value)


def test_a_hundred_thousand_words_with_as_many_holes():
    """Quadratic work would not end."""
    words = [word(n / 2, n / 2 + 0.3) for n in range(100_000)]
    holes = [(n + 0.55, n + 0.6) for n in range(50_000)]
    told = cut(Claim("transcript", WORDS, 0.0, 50_001.0, stated=True), words, holes)
    assert told.kept == tuple(words[::2])
    assert len(told.withheld) == 50_000
