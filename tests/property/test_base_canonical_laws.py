"""RFC 8785 against its reference package and against a second reading of ECMAScript's number format."""

import math
import struct

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onrecord.base import canonical
from onrecord.base.canonical import NotCanonicalError

LAWS = settings(deadline=None, derandomize=True, max_examples=150)

doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack(">d", bits.to_bytes(8, "big"))[0]).filter(math.isfinite),
    st.builds(lambda m, e: m * 10.0**e, st.integers(-(10**6), 10**6), st.integers(-12, 24)),
    st.sampled_from(
        [0.0, -0.0, 1e-4, 1e-5, 1e-6, 1e-7, 1e14, 1e15, 1e16, 1e17, 1e20, 1e21, 2.0**53, -(2.0**53), 5e-324]
    ),
)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
keys = st.one_of(
    st.text('ab\x00"\\', max_size=3),
    st.text("z\u00e9\u20ac\ud7ff\ue000\ufb33\uffff\U00010000\U0001f600\U0010ffff", max_size=3),
)
values = st.recursive(
    st.none() | st.booleans() | integers | doubles | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def ecmascript(value: float) -> str:
    """Number::toString of ECMA-262, 6.1.6.1.20, from the shortest digits that Python's repr also finds."""
    if value == 0:
        return "0"
    if value < 0:
        return "-" + ecmascript(-value)
    mantissa, _, exponent = f"{value!r}e0".partition("e")
    exponent = exponent.removesuffix("e0")
    whole, _, part = mantissa.partition(".")
    n = len(whole) + int(exponent)
    digits = (whole + part).rstrip("0")
    n -= len(digits) - len(digits.lstrip("0"))
    digits = digits.lstrip("0")
    k = len(digits)
    if k <= n <= 21:
        return digits + "0" * (n - k)
    if 0 < n <= 21:
        return f"{digits[:n]}.{digits[n:]}"
    if -6 < n <= 0:
        return "0." + "0" * -n + digits
    tail = f".{digits[1:]}" if k > 1 else ""
    return f"{digits[0]}{tail}e{'+' if n > 0 else '-'}{abs(n - 1)}"


@LAWS
@given(doubles)
def test_numbers_are_written_as_ecmascript_writes_them(value: float) -> None:
    assert canonical.dumps(value) == ecmascript(value).encode()


@LAWS
@given(values)
@example({"\U00010000": 1, "\uffff": 2})
@example({"a": [1e15, -0.0, 1e-5], "\u00e9": 1e21})
def test_equals_the_reference_package(value: object) -> None:
    assert canonical.dumps(value) == rfc8785.dumps(value)


@LAWS
@given(values)
@example(1e16)
@example([2.0**53, 1e20])
def test_loads_is_the_inverse_of_dumps(value: object) -> None:
    data = canonical.dumps(value)
    back = canonical.loads(data)
    assert back == value
    assert canonical.dumps(back) == data


@LAWS
@given(values, st.data())
def test_the_order_of_keys_does_not_count(value: object, data: st.DataObject) -> None:
    def shuffled(item: object) -> object:
        if isinstance(item, dict):
            return {key: shuffled(item[key]) for key in data.draw(st.permutations(list(item)))}
        return [shuffled(part) for part in item] if isinstance(item, list) else item

    assert canonical.dumps(shuffled(value)) == canonical.dumps(value)


@settings(LAWS, max_examples=40)
@given(values)
@example({"a": [1, True, None, "b"], "c": {"d": 0.5}})
@example(9007199254740991)
def test_every_changed_byte_is_refused_or_another_value(value: object) -> None:
    data = canonical.dumps(value)
    for position in range(min(len(data), 60)):
        for change in (0x01, 0x02, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= change
            try:
                other = canonical.loads(bytes(changed))
            except NotCanonicalError:
                continue
            assert other != value
            assert canonical.dumps(other) == bytes(changed)


@LAWS
@given(st.binary(max_size=40) | st.text('[]{}",:0123456789.eE+-\\ untrfalse\u00e9', max_size=20).map(str.encode))
def test_what_loads_accepts_is_exactly_what_dumps_writes(data: bytes) -> None:
    try:
        value = canonical.loads(data)
    except NotCanonicalError:
        return
    assert canonical.dumps(value) == data


@LAWS
@given(st.integers(min_value=2**53) | st.integers(max_value=-(2**53)))
def test_integers_beyond_the_safe_range_are_refused(value: int) -> None:
    for shape in (value, [value], {"\u00e9": value}):
        with pytest.raises(NotCanonicalError):
            canonical.dumps(shape)


@LAWS
@given(st.text(st.characters(categories=["Cs", "Lu"]), min_size=1, max_size=4))
def test_lone_surrogates_are_refused_and_nothing_else_escapes(text: str) -> None:
    lone = any("\ud800" <= letter <= "\udfff" for letter in text)
    for shape in (text, {text: 1}, {"\u00e9": [text]}):
        try:
            canonical.dumps(shape)
        except NotCanonicalError:
            assert lone
        else:
            assert not lone
