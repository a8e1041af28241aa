"""Which contracts a conversation needs, which hold, and what is barred for want of them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.governance import systems
from onrecord.governance.errors import InvalidSystemError
from onrecord.governance.systems import ContractType, barred_kinds, needed, secret_key, secret_of

DPA, BAA = ContractType.DPA, ContractType.BAA
DAY = 86_400_000_000_000


def system(**fields: Any) -> systems.System:
    raw = {"name": "s", "kinds": ["transcript"], "control_url": "https://a/b", "state_url": "https://a/c", **fields}
    return systems.parse("sys_1", raw)


@pytest.mark.parametrize(
    ("sector", "places", "wanted"),
    [
        ("retail", ["US-CA"], set()),
        ("retail", [], set()),
        ("retail", ["US-CA", "DE"], {DPA}),
        ("retail", ["GB"], {DPA}),
        ("retail", ["gb-sct"], {DPA}),
        ("retail", ["IN-MH"], {DPA}),
        ("retail", ["IN"], {DPA}),
        ("retail", ["US-IN"], set()),
        ("retail", ["unknown"], {DPA}),
        ("retail", [""], {DPA}),
        ("retail", ["Europe"], {DPA}),
        ("health", ["US-TX"], {BAA}),
        ("Health-Care", ["US-TX"], {BAA}),
        ("hospital", ["NO"], {BAA, DPA}),
        ("healthy food", ["BR"], {BAA}),
        ("dentist", ["US-TX"], {BAA}),
        ("Family Doctor", ["US-TX"], {BAA}),
        ("gp", ["US-TX"], {BAA}),
        ("psychotherapy", ["US-TX"], {BAA}),
        ("laboratory", ["US-TX"], {BAA}),
        ("private hospital", ["US-TX"], {BAA}),
        ("MEDICAID", ["US-TX"], {BAA}),
        ("radiology/imaging", ["US-TX"], {BAA}),
        ("hospitality", ["US-TX"], set()),
        ("customer care", ["US-TX"], set()),
        ("plant nursery", ["US-TX"], set()),
        ("retail", ["XX"], {DPA}),
        ("retail", ["ZZ"], {DPA}),
        ("retail", ["US-ZZ"], {DPA}),
        ("retail", ["US-"], {DPA}),
        ("retail", ["CA-QC"], set()),
        ("retail", ["CA-quebec"], {DPA}),
        ("retail", ["GP"], {DPA}),
        ("retail", ["MQ"], {DPA}),
        ("retail", ["MF"], {DPA}),
        ("retail", ["US"], set()),
        ("retail", ["US-PR", "BR", "CH"], set()),
    ],
)
def test_what_a_conversation_needs(sector: str, places: list[str], wanted: set[ContractType]) -> None:
    assert needed(sector, places) == wanted


@pytest.mark.parametrize(
    ("segments", "wanted"),
    [(["medical"], {BAA}), (["payment", "Health-Data"], {BAA}), (["payment", "identity"], set())],
)
def test_what_a_conversation_needs_while_a_segment_is_open(segments: list[str], wanted: set[ContractType]) -> None:
    assert needed("retail", ["US-CA"], segments) == wanted


def test_a_contract_holds_until_the_first_instant_of_the_day_on_which_it_expires() -> None:
    made = system(vendor={"name": "v", "contracts": [{"type": "dpa", "expires": "1970-01-11"}, {"type": "baa"}]})
    assert made.lacks("retail", ["DE"], 10 * DAY - 1) == []
    assert made.lacks("retail", ["DE"], 10 * DAY) == ["dpa"]
    assert made.lacks("health", ["DE"], 10 * DAY) == ["dpa"]
    assert made.next_expiry(0) == 10 * DAY
    assert made.next_expiry(10 * DAY) is None
    later = {"name": "v", "contracts": [{"type": "dpa", "expires": "1970-01-11T02:00:00+02:00"}]}
    assert system(vendor=later).next_expiry(0) == 10 * DAY


def test_a_renewed_contract_holds_and_a_system_of_ones_own_needs_none() -> None:
    held = [{"type": "dpa", "expires": "1970-01-02"}, {"type": "dpa", "expires": "1980-01-01"}]
    assert system(vendor={"name": "v", "contracts": held}).lacks("retail", ["FR"], 5 * DAY) == []
    assert system().lacks("health", ["FR"], 0) == []


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.sampled_from(["x", "y", "z"]), unique=True)),
    st.sets(st.sampled_from("abcd")),
)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_barred_is_what_is_made_and_by_nobody_who_may(made_by: dict[str, list[str]], out: set[str]) -> None:
    found = barred_kinds(["x", "y"], made_by, out)
    for kind in ("x", "y"):
        makers = {name for name, kinds in made_by.items() if kind in kinds}
        assert (kind in found) == bool(makers and makers <= out)
    assert "z" not in found, "a kind that is not enabled is not made at all"


@pytest.mark.parametrize(
    "fields",
    [
        {"kinds": []},
        {"kinds": ["transcript", "transcript"]},
        {"deadline_s": 1000.0},
        {"deadline_s": 0.01},
        {"vendor": {"name": "v", "contracts": [{"type": "dpa"}] * 17}},
        {"vendor": {"name": "v", "contracts": [{"type": "dpa", "expires": "2026-13-01"}]}},
        {"vendor": {"name": "v", "contracts": [{"type": "dpa", "expires": "2026-01-01T00:00:00"}]}},
    ],
)
def test_what_is_no_system(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSystemError):
        system(**fields)


@pytest.mark.parametrize(
    ("sectors", "sector", "served"),
    [
        ((), "any", True),
        (("Health",), "health", True),
        (("health",), "Health", True),
        (("health",), "retail", False),
        (("Health Care",), "health-care", True),
    ],
)
def test_a_system_serves_its_sectors_however_they_are_written(
    sectors: tuple[str, ...], sector: str, served: bool
) -> None:
    assert system(sectors=sectors).serves(sector) is served


def test_what_is_kept_comes_back() -> None:
    vendor = {"name": "v", "contracts": [{"type": "dpa", "expires": "2030-05-06"}], "sub_processors": ["w"]}
    for made in (system(), system(vendor=vendor, deadline_s=2.5)):
        assert systems.unkept(systems.kept(made)) == made


INSIDE = [
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[::ffff:10.0.0.1]",
]


@pytest.mark.parametrize("host", [*INSIDE, "2852039166", "0xa9fea9fe", "10.1", "10.0.0.1."])
@pytest.mark.parametrize("field", ["control_url", "state_url"])
def test_an_address_inside_in_digits_is_refused_when_it_is_registered(host: str, field: str) -> None:
    with pytest.raises(InvalidSystemError) as caught:
        system(**{field: f"https://{host}/x"})
    assert caught.value.code == "origin_refused"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "https://[::1]/x", "https://8.8.8.8/x", "https://a.example/x"])
def test_an_address_that_may_be_registered(url: str) -> None:
    assert system(control_url=url).control_url == url


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_AAAA", "AAAA" * 8, "whsec_" + "A" * 200])
def test_what_is_no_secret(secret: str) -> None:
    with pytest.raises(InvalidSystemError):
        secret_key(secret)


def test_a_secret_comes_back() -> None:
    assert secret_key(secret_of(bytes(range(32)))) == bytes(range(32))
