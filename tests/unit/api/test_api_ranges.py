"""Byte ranges, RFC 9110 section 14.1.2."""

import pytest

from onrecord.entrypoints.api.ranges import FromTo, Suffix, parse_range


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", FromTo(0, 0)),
        ("bytes=0-499", FromTo(0, 499)),
        ("bytes=500-", FromTo(500, None)),
        ("bytes=-500", Suffix(500)),
        ("bytes=-0", Suffix(0)),
        ("Bytes= 7-9 ", FromTo(7, 9)),
    ],
)
def test_single_ranges(header: str, wanted: object) -> None:
    assert parse_range(header) == wanted


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes=9-7",
        "bytes=0-1,3-4",
        "items=0-1",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=\u0661-\u0662",
        "bytes=" + "9" * 19 + "-",
        "0-1",
    ],
)
def test_everything_else_is_ignored(header: str | None) -> None:
    assert parse_range(header) is None
