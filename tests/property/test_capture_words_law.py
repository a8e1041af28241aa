"""A word, and what is derived, never covers a closed instant."""

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.base.stretch import normalise, overlaps
from onrecord.capture.words import Word, cut, permitted

law = settings(deadline=None, derandomize=True, max_examples=300)

times = st.integers(0, 400).map(lambda n: n / 8)
stretches = st.tuples(times, times)
words = st.tuples(times, times).map(lambda pair: Word("w", min(pair), max(pair), "customer"))


@law
@given(st.lists(words, max_size=20), st.lists(stretches, max_size=6))
def test_kept_words_lie_outside_and_withheld_ones_do_not(said, closed):
    told = cut(said, closed)
    shut = normalise(closed)
    assert list(told.kept) == [w for w in said if w.s < w.e and not overlaps(shut, w.s, w.e)]
    assert len(told.kept) + told.count == len(said)
    withheld = [(w.s, w.e) for w in said if w not in told.kept]
    assert list(told.withheld) == normalise(withheld)


@law
@given(times, times, st.lists(st.lists(stretches, max_size=4), max_size=3))
def test_open_and_withheld_share_out_the_stretch(one, other, closed):
    start, end = min(one, other), max(one, other)
    opened, withheld = permitted(start, end, closed)
    assert normalise([*opened, *withheld]) == normalise([(start, end)])
    for source in closed:
        assert not any(overlaps(opened, s, e) for s, e in source if s < e)
    assert sum(e - s for s, e in opened) + sum(e - s for s, e in withheld) == end - start
