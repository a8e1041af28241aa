import re

import pytest

from onrecord.base import ids


@pytest.mark.parametrize(
    ("make", "prefix"),
    [
        (ids.new_interaction_id, "int"),
        (ids.new_person_id, "prs"),
        (ids.new_artifact_id, "art"),
        (ids.new_object_id, "obj"),
        (ids.new_key_id, "key"),
    ],
)
def test_an_id_is_its_prefix_and_sixteen_random_bytes(make: object, prefix: str) -> None:
    assert callable(make)
    made = {make() for _ in range(100)}
    assert len(made) == 100
    for identifier in made:
        assert re.fullmatch(rf"{prefix}_[0-9a-f]{{32}}", identifier)
        assert f"{prefix}_{ids.raw(identifier).hex()}" == identifier


def test_uids_have_their_length_and_do_not_repeat() -> None:
    made = {ids.new_uid() for _ in range(100)}
    assert len(made) == 100
    assert {len(uid) for uid in made} == {ids.RAW_BYTES}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "int",
        "int_",
        "_",
        "ab" * 16,
        "int_" + "ab" * 15,
        "int_" + "ab" * 17,
        "int_" + "AB" * 16,
        "int_" + "ab " * 16,
        "int_ " + "ab" * 16,
        "int_" + "ab" * 16 + "\n",
        "int_" + "g" * 32,
        "int_" + "\u0661" * 32,
        "int__" + "ab" * 16,
    ],
)
def test_what_is_no_id_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        ids.raw(text)
