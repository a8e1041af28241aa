import pytest

from onrecord.base.clock import ManualClock, SystemClock, parse_rfc3339, rfc3339

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_999, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-SECOND, "1969-12-31T23:59:59.000000Z"),
        (951_782_400 * SECOND, "2000-02-29T00:00:00.000000Z"),
        (1_483_228_799 * SECOND + 999_999_999, "2016-12-31T23:59:59.999999Z"),
        (-62_135_596_800 * SECOND, "0001-01-01T00:00:00.000000Z"),
        (253_402_300_799 * SECOND + 999_999_000, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_instants_are_written_in_utc_with_microseconds(ns: int, text: str) -> None:
    assert rfc3339(ns) == text
    assert parse_rfc3339(text) == ns - ns % 1000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1985-04-12T23:20:50.52Z", 482_196_050_520_000_000),
        ("1996-12-19T16:39:57-08:00", 851_042_397 * SECOND),
        ("1990-12-31T23:59:60Z", 662_688_000 * SECOND),
        ("1990-12-31T15:59:60-08:00", 662_688_000 * SECOND),
        ("1990-12-31T23:59:60.5Z", 662_688_000 * SECOND + SECOND // 2),
        ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130_000_000),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T00:00:00.123456789123Z", 123_456_789),
        ("1970-01-01T05:30:00+05:30", 0),
        ("1969-12-31T23:59:59.9Z", -SECOND // 10),
    ],
)
def test_the_examples_of_rfc_3339_and_its_corners(text: str, ns: int) -> None:
    assert parse_rfc3339(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1985-04-12",
        "1985-04-12T23:20:50",
        "1985-04-12 23:20:50Z",
        "1985-04-12T23:20Z",
        "1985-04-12T23Z",
        "19850412T232050Z",
        "1985-W15-5T23:20:50Z",
        "1985-04-12T23:20:50,5Z",
        "1985-04-12T23:20:50.Z",
        "1985-04-12T23:20:50+0800",
        "1985-04-12T23:20:50+08",
        "1985-04-12T23:20:50+24:00",
        "1985-04-12T23:20:50+08:60",
        "1985-04-12T23:20:50+08:00:30",
        "1985-02-30T00:00:00Z",
        "1985-13-01T00:00:00Z",
        "1985-04-12T24:00:00Z",
        "1985-04-12T23:60:00Z",
        "1985-04-12T23:20:60Z",
        "1985-04-12T23:59:61Z",
        "1990-12-31T23:59:60+01:00",
        "0000-01-01T00:00:00Z",
        " 1985-04-12T23:20:50Z",
        "1985-04-12T23:20:50Z\n",
        "\u0661985-04-12T23:20:50Z",
        "2147483648",
    ],
)
def test_what_is_no_date_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


def test_a_manual_clock_stands_still_until_told() -> None:
    clock = ManualClock(5)
    assert (clock.now_ns(), clock.now_ns()) == (5, 5)
    clock.advance(1.5)
    assert clock.now_ns() == 5 + 3 * SECOND // 2
    clock.advance(-0.000_000_001)
    assert clock.now_ns() == 4 + 3 * SECOND // 2


def test_the_system_clock_counts_from_the_unix_epoch() -> None:
    now = rfc3339(SystemClock().now_ns())
    assert "2024" < now < "2200"
