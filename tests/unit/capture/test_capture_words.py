import math

import pytest

from onrecord.capture.errors import CaptureError
from onrecord.capture.words import Word, cut, permitted


def word(s, e, w="seven"):
    return Word(w, s, e, "customer")


def test_a_word_is_kept_only_wholly_outside():
    words = [word(0.0, 1.0), word(0.9, 1.1), word(1.2, 1.4), word(1.9, 2.1), word(2.0, 2.5), word(0.5, 3.0)]
    told = cut(words, [(1.0, 2.0)])
    assert told.kept == (words[0], words[4])
    assert told.withheld == ((0.5, 3.0),)
    assert told.count == 4


def test_order_of_words_is_kept_and_closed_may_come_in_any_order():
    words = [word(5.0, 5.5), word(0.0, 0.5)]
    assert cut(words, [(9.0, 10.0), (2.0, 3.0)]).kept == tuple(words)


def test_without_closed_stretches_all_is_kept():
    words = [word(0.0, 0.5), word(0.5, 1.0)]
    assert cut(words, []).kept == tuple(words)


def test_a_word_without_length_is_withheld():
    told = cut([word(1.0, 1.0)], [])
    assert told.kept == ()
    assert told.count == 1


@pytest.mark.parametrize("times", [(1.0, 0.5), (math.nan, 1.0), (0.0, math.nan), (0.0, math.inf), (-0.1, 1.0)])
def test_unsound_times_are_refused(times):
    with pytest.raises(CaptureError) as refused:
        cut([word(*times, w="4111")], [])
    assert refused.value.code == "bad_word_times"
    assert "4111" not in str(refused.value)


def test_derived_content_is_open_where_every_source_is():
    opened, withheld = permitted(0.0, 10.0, [[(1.0, 2.0)], [(1.5, 3.0), (9.0, 20.0)]])
    assert opened == [(0.0, 1.0), (3.0, 9.0)]
    assert withheld == [(1.0, 3.0), (9.0, 10.0)]


def test_derived_content_without_sources_is_open():
    assert permitted(0.0, 10.0, []) == ([(0.0, 10.0)], [])


@pytest.mark.parametrize("stretch", [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_a_stretch_without_sound_times_is_refused(stretch):
    with pytest.raises(CaptureError) as refused:
        permitted(*stretch, [])
    assert refused.value.code == "bad_stretch"
