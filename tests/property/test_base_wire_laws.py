"""Parse of print is identity: ids and instants; commitments bind."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given, settings
from hypothesis import strategies as st

from onrecord.base.clock import parse_rfc3339, rfc3339
from onrecord.base.digests import Domain, commit
from onrecord.base.ids import raw

LAWS = settings(deadline=None, derandomize=True, max_examples=200)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

moments = st.integers(-62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1)


@LAWS
@given(moments)
@example(-1)
@example(-1_000)
@example(1_483_228_800 * 10**9 - 1)
def test_an_instant_comes_back_to_the_microsecond(ns: int) -> None:
    text = rfc3339(ns)
    assert parse_rfc3339(text) == ns - ns % 1000
    assert rfc3339(parse_rfc3339(text)) == text


@LAWS
@given(moments, moments)
def test_text_sorts_as_time_does(one: int, two: int) -> None:
    assert (rfc3339(one) <= rfc3339(two)) == (one // 1000 <= two // 1000)


@LAWS
@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 (the offset is drawn apart)
    st.integers(-1439, 1439),
)
def test_any_offset_names_the_same_instant(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    delta = moment - EPOCH
    expected = (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000
    assert parse_rfc3339(moment.isoformat(timespec="microseconds")) == expected


@LAWS
@given(st.text("0123456789-+:.TZ tzW", max_size=30))
def test_other_text_is_a_value_error_and_nothing_else(text: str) -> None:
    try:
        parse_rfc3339(text)
    except ValueError:
        return
    assert text[4] == text[7] == "-"
    assert text[10] in "Tt"


@LAWS
@given(st.sampled_from(["int", "prs", "art", "obj", "key"]), st.binary(min_size=16, max_size=16))
def test_an_id_gives_its_bytes_back(prefix: str, value: bytes) -> None:
    assert raw(f"{prefix}_{value.hex()}") == value


@LAWS
@given(st.text(max_size=40) | st.text("int_0123456789abcdefAF", max_size=40))
def test_raw_accepts_only_what_it_would_print(text: str) -> None:
    try:
        value = raw(text)
    except ValueError:
        return
    assert text.endswith("_" + value.hex())


salts = st.binary(min_size=32, max_size=32)
parts = st.tuples(st.sampled_from(Domain), salts, st.binary(max_size=40))


@LAWS
@given(parts, parts)
def test_two_commitments_are_equal_only_for_equal_parts(
    one: tuple[Domain, bytes, bytes], two: tuple[Domain, bytes, bytes]
) -> None:
    assert (commit(*one) == commit(*two)) == (one == two)
