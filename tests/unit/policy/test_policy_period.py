from calendar import monthrange
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.policy.period import PERIOD, exceeds, least, most

checked = settings(max_examples=200, deadline=None, derandomize=True)
numbers = st.integers(0, 40)
periods = st.builds(lambda y, m, w, d: f"P{y}Y{m}M{w}W{d}D", st.integers(0, 12), numbers, numbers, numbers)


def reached(start, months):
    """The day so many months later; of a day that its month does not have, the last one."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


@checked
@given(st.dates(date(1890, 1, 1), date(2110, 12, 28)), st.integers(0, 400))
def test_no_calendar_goes_beyond_the_bounds(start, months):
    first = start.replace(day=1)
    days = (reached(first, months) - first).days
    assert least(f"P{months}M") <= days <= most(f"P{months}M")


@checked
@given(periods, periods)
def test_what_exceeds_is_told_on_the_cautious_side(one, other):
    assert exceeds(one, one) is False
    assert least(one) <= most(one)
    if least(one) > most(other):
        assert exceeds(one, other)
    if most(one) <= least(other):
        assert not exceeds(one, other)


@pytest.mark.parametrize(
    ("one", "other", "longer"), [("P1Y", "P12M", False), ("P366D", "P1Y", True), ("P4W", "P28D", False)]
)
def test_other_words_for_one_period(one, other, longer):
    assert exceeds(one, other) is longer


@pytest.mark.parametrize("text", ["P", "P1", "1D", "P-1D", "PT5M", "P1D1Y", "P1.5Y", "P99999Y", "p1d", ""])
def test_what_is_no_period(text):
    assert PERIOD.fullmatch(text) is None
