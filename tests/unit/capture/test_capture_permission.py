import math
from dataclasses import dataclass

import pytest

from onrecord.base.stretch import Stretch
from onrecord.capture.errors import CaptureError
from onrecord.capture.permission import Judge, Shut, Union


@dataclass
class Stretches:
    """Counts how often it is asked."""

    shut: list
    asked: int = 0

    def closed(self, start, end):
        self.asked += 1
        return [Stretch(s, e) for s, e in self.shut if s < end and start < e]


def test_a_union_is_closed_where_any_part_is():
    union = Union((Stretches([(1, 2)]), Stretches([(1.5, 3)]), Shut(9)))
    assert union.closed(0, 10) == [(1, 3), (9, math.inf)]


def test_a_union_of_nothing_is_refused():
    with pytest.raises(CaptureError) as refused:
        Union(())
    assert refused.value.code == "empty_permission"


def test_what_was_shut_stays_shut_up_to_its_end():
    shut = Shut(2.0).ended(5.0)
    assert shut.closed(0, 100) == (Stretch(2.0, 5.0),)
    assert shut.closed(5.0, 100) == ()
    assert shut.ended(7.0) == shut


def test_a_judge_asks_once_a_stretch():
    permission = Stretches([(10.0, 20.0)])
    judge = Judge(permission, 8000)
    verdicts = [judge.touches(at * 160, at * 160 + 160) for at in range(1500)]
    assert verdicts == [False] * 500 + [True] * 500 + [False] * 500
    assert permission.asked <= 4


def test_a_frame_that_only_meets_the_edge_is_not_touched():
    judge = Judge(Stretches([(1.0, 2.0)]), 8000)
    assert not judge.touches(7840, 8000)
    assert judge.touches(7841, 8001)
    assert judge.touches(15_840, 16_000)
    assert not judge.touches(16_000, 16_160)


def test_slots_go_whole_and_no_others():
    judge = Judge(Stretches([(1.0, 1.001), (1.5, 1.5001)]), 1000)
    assert judge.withheld([(990, 1100), (1480, 1510)], 20, 0) == [(990, 1010), (1500, 1510)]


def test_uncertainty_widens_to_both_sides():
    judge = Judge(Stretches([(1.0, 1.1)]), 1000)
    assert judge.withheld([(900, 1300)], 20, 5) == [(980, 1120)]
    assert judge.withheld([(900, 1300)], 20, 0) == [(1000, 1100)]


def test_a_stretch_just_outside_is_near_enough_for_an_uncertain_clock():
    judge = Judge(Stretches([(1.0, 1.1), (2.003, 2.1)]), 1000)
    assert judge.withheld([(1103, 2000)], 20, 5) == [(1103, 1123), (1983, 2000)]
    assert judge.withheld([(1103, 2000)], 20, 3) == []


def test_an_empty_stretch_closes_nothing():
    assert not Judge(Stretches([(1.0005, 1.0005), (1.5, 1.2)]), 1000).touches(0, 2000)


def test_a_permission_that_speaks_in_no_numbers_closes():
    judge = Judge(Stretches([(0.0, 1.0)]), 1000)
    judge._permission.closed = lambda _start, _end: [(0.5, math.nan)]
    assert judge.touches(600, 620)


def test_an_uncertain_clock_closes_nothing_at_the_beginning():
    assert not Judge(Stretches([]), 1000).touches(-5, 25)
