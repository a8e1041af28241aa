import pytest

from onrecord.base.stretch import FOREVER, Stretch, intersect, normalise, overlaps, subtract


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([(1, 1)], []),
        ([(2, 1)], []),
        ([(0, 1), (1, 2)], [(0, 2)]),
        ([(0, 1), (1.5, 2)], [(0, 1), (1.5, 2)]),
        ([(5, 9), (0, 3), (1, 2)], [(0, 3), (5, 9)]),
        ([(0, FOREVER), (5, 9)], [(0, FOREVER)]),
        ([(-FOREVER, 0), (0, 1)], [(-FOREVER, 1)]),
    ],
)
def test_normalise(given: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    assert normalise(given) == expected
    assert all(isinstance(stretch, Stretch) for stretch in normalise(given))


def test_stretches_that_only_touch_share_no_instant() -> None:
    assert intersect([(0, 1)], [(1, 2)]) == []
    assert not overlaps([(0, 1)], 1, 2)
    assert not overlaps([(1, 2)], 0, 1)
    assert overlaps([(0, 1)], 0.999, 2)


def test_what_has_no_end_is_cut_like_everything_else() -> None:
    assert intersect([(0, FOREVER)], [(3, 4), (6, FOREVER)]) == [(3, 4), (6, FOREVER)]
    assert subtract([(0, FOREVER)], [(3, 4)]) == [(0, 3), (4, FOREVER)]
    assert subtract([(0, 9)], [(3, FOREVER)]) == [(0, 3)]
    assert subtract([(0, FOREVER)], [(0, FOREVER)]) == []
