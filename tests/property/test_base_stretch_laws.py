"""Stretches against a brute-force model: the set of unit instants that each covers."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.base.stretch import Stretch, intersect, normalise, overlaps, subtract

LAWS = settings(deadline=None, derandomize=True, max_examples=200)
REACH = 24

raw = st.lists(st.tuples(st.integers(0, REACH), st.integers(0, REACH)), max_size=7)
sets = raw.map(normalise)


def instants(stretches: list[tuple[int, int]] | list[Stretch]) -> set[int]:
    return {instant for start, end in stretches for instant in range(int(start), int(end))}


def is_normal(stretches: list[Stretch]) -> bool:
    inside = all(start < end for start, end in stretches)
    return inside and all(one.end < two.start for one, two in pairwise(stretches))


@LAWS
@given(raw)
def test_normalise_keeps_the_instants_and_is_idempotent(stretches: list[tuple[int, int]]) -> None:
    result = normalise(stretches)
    assert instants(result) == instants(stretches)
    assert is_normal(result)
    assert normalise(result) == result
    assert normalise(reversed(stretches)) == result


@LAWS
@given(sets, sets)
def test_intersect_is_the_instants_of_both(left: list[Stretch], right: list[Stretch]) -> None:
    result = intersect(left, right)
    assert instants(result) == instants(left) & instants(right)
    assert is_normal(result)
    assert intersect(right, left) == result
    assert intersect(left, left) == left


@LAWS
@given(sets, sets)
def test_subtract_is_the_instants_of_the_left_alone(left: list[Stretch], right: list[Stretch]) -> None:
    result = subtract(left, right)
    assert instants(result) == instants(left) - instants(right)
    assert is_normal(result)
    assert subtract(left, []) == left
    assert subtract(left, left) == []


@LAWS
@given(sets, sets)
def test_what_is_shared_and_what_is_left_are_a_partition(left: list[Stretch], right: list[Stretch]) -> None:
    shared, rest = intersect(left, right), subtract(left, right)
    assert intersect(shared, rest) == []
    assert normalise([*shared, *rest]) == left


@LAWS
@given(sets, sets, sets)
def test_the_laws_of_de_morgan(whole: list[Stretch], left: list[Stretch], right: list[Stretch]) -> None:
    either = normalise([*left, *right])
    assert subtract(whole, either) == intersect(subtract(whole, left), subtract(whole, right))
    assert subtract(whole, intersect(left, right)) == normalise([*subtract(whole, left), *subtract(whole, right)])


@LAWS
@given(sets, st.integers(0, REACH - 1), st.integers(1, REACH))
def test_overlaps_says_whether_an_instant_is_shared(stretches: list[Stretch], start: int, length: int) -> None:
    end = start + length
    assert overlaps(stretches, start, end) == bool(instants(stretches) & set(range(start, end)))
