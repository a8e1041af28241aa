"""Legal bases: their fixed fields, how long they are live, what they weigh."""

import pytest

from onrecord.base.clock import parse_rfc3339
from onrecord.governance.errors import InvalidLegalBasisError
from onrecord.governance.legal_basis import Basis, parse

GIVEN = {
    "id": "fraud-1",
    "basis": "legitimate_interests",
    "purpose": "recording",
    "necessity": "Disputes cannot be settled without it.",
    "balancing": {"interest": "proof"},
    "reviewed_by": "The officer",
    "reviewed_at": "2026-01-15T09:00:00Z",
    "expires": "2027-01-15T09:00:00Z",
}


def test_every_field_is_a_part_of_the_digest() -> None:
    other = {"basis": "contract", "balancing": {"impact": "low"}, "reviewed_at": "2026-01-16T09:00:00Z"}
    digests = {parse(GIVEN).sha256}
    for field in GIVEN:
        changed = other.get(field, "2028-01-01T00:00:00Z" if field == "expires" else "other")
        digests.add(parse({**GIVEN, field: changed}).sha256)
    assert len(digests) == len(GIVEN) + 1


def test_it_is_live_until_it_expires() -> None:
    end = parse_rfc3339("2027-01-15T09:00:00Z")
    assert [parse(GIVEN).is_live(at) for at in (end - 1, end)] == [True, False]
    assert parse({**GIVEN, "expires": None}).is_live(end)


def test_it_is_not_live_before_it_was_reviewed() -> None:
    reviewed, ahead = parse_rfc3339("2026-01-15T09:00:00Z"), 300 * 10**9
    found = [
        (parse(GIVEN).is_reviewed(at), parse(GIVEN).is_live(at)) for at in (reviewed - ahead - 1, reviewed - ahead)
    ]
    assert found == [(False, False), (True, True)]


def test_it_weighs_its_own_purpose() -> None:
    assert all(parse(GIVEN).weighs(purpose) for purpose in ("recording", "transcription", "ai_analysis"))
    assert not parse(GIVEN).weighs("video")
    assert not parse({**GIVEN, "purpose": "ai_analysis"}).weighs("recording")
    assert parse({**GIVEN, "purpose": "Proof of orders"}).weighs("video")


def test_a_conversation_takes_no_name_along() -> None:
    assert "The officer" not in str(parse(GIVEN).relied_on())


@pytest.mark.parametrize("basis", [basis for basis in Basis if basis is not Basis.LEGITIMATE_INTERESTS])
def test_only_an_interest_must_be_weighed(basis: Basis) -> None:
    assert parse({**GIVEN, "basis": basis.value, "balancing": {}}).balancing == {}
    with pytest.raises(InvalidLegalBasisError):
        parse({**GIVEN, "balancing": {}})


@pytest.mark.parametrize("field", ["id", "basis", "purpose", "necessity", "reviewed_by", "reviewed_at"])
@pytest.mark.parametrize("value", [None, "", 7, "\ud800"])
def test_what_is_out_of_form_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidLegalBasisError):
        parse({**GIVEN, field: value})
