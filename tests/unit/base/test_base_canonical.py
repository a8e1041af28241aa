"""RFC 8785: the vectors of its appendices, what has no canonical form, and what is refused on the way back."""

import enum
import json
import math
import struct

import pytest

from onrecord.base import canonical
from onrecord.base.canonical import NotCanonicalError

# RFC 8785, appendix B: IEEE 754 bits and the text they become.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


def double(bits: str) -> float:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    return float(value)


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_of_appendix_b(bits: str, text: str) -> None:
    assert canonical.dumps(double(bits)) == text.encode()
    assert canonical.loads(text.encode()) == double(bits)


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_nan_and_infinities_have_no_form(bits: str) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.dumps([double(bits)])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "0"),
        (1e-4, "0.0001"),
        (9.999e-5, "0.00009999"),
        (1e-5, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (1e14, "100000000000000"),
        (999999999999999.0, "999999999999999"),
        (999999999999999.9, "999999999999999.9"),
        (1e15, "1000000000000000"),
        (1e16, "10000000000000000"),
        (1.5e16, "15000000000000000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e21, "1.25e+21"),
        (2**53 - 1, "9007199254740991"),
        (-(2**53) + 1, "-9007199254740991"),
        (True, "true"),
        (1, "1"),
        (1.0, "1"),
    ],
)
def test_numbers_at_the_borders_of_the_fast_path(value: float, text: str) -> None:
    assert canonical.dumps(value) == text.encode()
    assert canonical.dumps({"n": [value]}) == f'{{"n":[{text}]}}'.encode()
    assert canonical.loads(text.encode()) == value


def test_the_sample_of_section_3_2_2() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert (
        canonical.dumps(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_keys_sort_by_utf_16_code_units() -> None:
    """Section 3.2.3; the emoji's first code unit D83D stands before FB33, though its code point stands behind."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    encoded = canonical.dumps(dict.fromkeys(keys, 0))
    assert list(json.loads(encoded)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(canonical.loads(encoded)) == list(json.loads(encoded))


def test_strings_are_escaped_only_where_they_must_be() -> None:
    control = "".join(map(chr, range(0x20)))
    escaped = "".join(
        {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}.get(code, f"\\u{code:04x}") for code in range(0x20)
    )
    assert canonical.dumps(control) == f'"{escaped}"'.encode()
    for plain in ("\x7f", "\u2028", "\u2029", "\ufeff", "/", "<script>", "\U0010ffff"):
        assert canonical.dumps(plain) == f'"{plain}"'.encode()


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


def test_words_of_closed_lists_are_written_as_their_text() -> None:
    assert canonical.dumps({Colour.RED: Colour.RED, "n": Level.ONE}) == b'{"n":1,"red":"red"}'
    assert canonical.dumps((1, (2,))) == b"[1,[2]]"


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        -(2**53),
        10**400,
        math.nan,
        "\ud800",
        "a\udc00b",
        {"\udfff": 1},
        {"\u00e9": {"\ud800": 1}},
        {1: 2},
        {"a": 1, None: 2},
        {b"a": 1},
        b"bytes",
        {1, 2},
        NotImplemented,
        [[{"a": 1j}]],
    ],
    ids=repr,
)
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.dumps(value)


@pytest.mark.parametrize("depth", [5_000, 100_000])
@pytest.mark.parametrize("leaf", [0, 1e300, "\u00e9"])
def test_deep_nesting_is_refused_both_ways(depth: int, leaf: object) -> None:
    lists: object = leaf
    dicts: object = leaf
    for _ in range(depth):
        lists, dicts = [lists], {"k": dicts}
    for value in (lists, dicts):
        with pytest.raises(NotCanonicalError):
            canonical.dumps(value)
    with pytest.raises(NotCanonicalError):
        canonical.loads(b"[" * depth + b"0" + b"]" * depth)
    with pytest.raises(NotCanonicalError):
        canonical.loads(b'{"k":' * depth + b"0" + b"}" * depth)


@pytest.mark.parametrize("depth", range(200, 1_100, 50))
def test_nesting_near_the_limits_of_either_path_round_trips_or_is_refused(depth: int) -> None:
    data = b"[" * depth + b"]" * depth
    try:
        value = canonical.loads(data)
        assert canonical.dumps(value) == data
    except NotCanonicalError:
        assert depth > 250


def test_a_cycle_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(NotCanonicalError):
        canonical.dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'[{"b":{"a":null,"a":null}}]',
    ],
)
def test_a_key_twice_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonicalError, match="a key twice"):
        canonical.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b"nul",
        b"1 ",
        b"\n1",
        b"[1, 2]",
        b'{"b":1,"a":2}',
        b'{"a" :1}',
        b"1.0",
        b"-0",
        b"-0.0",
        b"1e2",
        b"1E400",
        b"01",
        b"1e+20",
        b"1e21",
        b"1E+21",
        b"0.0000001",
        b"0.10",
        b"9007199254740993",
        b"-9007199254740993",
        b"10000000000000001",
        b"1" + b"0" * 5_000,
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'"\\u00e9"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b"'a'",
        b"[1,]",
        b"1 2",
    ],
    ids=repr,
)
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.loads(data)


def test_the_error_names_no_content() -> None:
    with pytest.raises(NotCanonicalError) as caught:
        canonical.dumps({"card": "4111 1111 1111 1111", "n": math.inf})
    assert caught.value.diagnostics() == "not_canonical: the value has no canonical JSON form"


@pytest.mark.parametrize("number", [0, -7, 2**40, 2**53 - 1, -(2**53) + 1])
def test_integers_come_back_as_integers(number: int) -> None:
    assert type(canonical.loads(str(number).encode())) is int
