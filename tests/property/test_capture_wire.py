"""Parse of print is identity for every wire form; nothing but the room's own errors comes out of a parser."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.capture.errors import WireError
from onrecord.capture.wire import exotel, exotel_render, neutral, twilio, twilio_render
from onrecord.signal.encoding import Encoding

law = settings(deadline=None, derandomize=True, max_examples=200)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
counts = st.integers(0, 2**63)
tracks = st.sampled_from(["customer", "agent"])
keys = st.sampled_from("0123456789*#ABCD")
twilio_messages = st.one_of(
    st.builds(twilio.Connected, texts),
    st.builds(
        twilio.Start,
        counts,
        texts,
        texts,
        texts,
        st.lists(tracks, max_size=2).map(tuple),
        st.none() | texts,
        st.none() | st.floats(0, 1e9),
    ),
    st.builds(twilio.Media, counts, texts, tracks, counts, counts, st.binary(max_size=400)),
    st.builds(twilio.Dtmf, counts, texts, tracks, keys),
    st.builds(twilio.Mark, counts, texts, texts),
    st.builds(twilio.Stop, counts, texts, texts, texts),
)
names = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
exotel_messages = st.one_of(
    st.sampled_from([exotel.Connected(), exotel.Mark(), exotel.Clear()]),
    st.builds(exotel.Dtmf, keys),
    st.builds(
        exotel.Start,
        st.none() | st.sampled_from(exotel.RATES),
        st.none() | texts,
        st.none() | st.floats(0, 1e9),
        st.none() | names,
    ),
    st.builds(exotel.Media, counts, st.binary(max_size=400), st.sampled_from([None, "inbound", "outbound"])),
    st.builds(exotel.Stop, st.sampled_from([None, exotel.UNKNOWN_REASON, *exotel.REASONS])),
)
FORMS = {
    "twilio": (twilio.parse, twilio_render.render, twilio_messages),
    "exotel": (exotel.parse, exotel_render.render, exotel_messages),
}
forms = pytest.mark.parametrize("form", FORMS)
neutral_tracks = st.builds(neutral.Track, names, st.sampled_from(Encoding), st.integers(4000, 192_000))
neutral_starts = st.lists(neutral_tracks, min_size=1, max_size=16, unique_by=lambda track: track.name).map(
    lambda listed: neutral.Start(tuple(listed))
)
frames = st.builds(neutral.Frame, st.integers(0, 255), st.integers(0, 2**64 - 1), st.binary(max_size=400))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(["start", "media", "stop"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("event"), inner, max_size=4),
    max_leaves=12,
)


@forms
@law
@given(data=st.data())
def test_parse_of_print_is_identity(form, data):
    parse, render, messages = FORMS[form]
    message = data.draw(messages)
    raw = render(message)
    assert parse(raw) == message
    assert parse(raw.decode()) == message


def with_integers(value):
    """Every text of digits that stands for a number becomes one."""
    numbers = {"sequenceNumber", "sequence_number", "chunk", "timestamp", "sampleRate", "sample_rate", "bit_rate"}
    if not isinstance(value, dict):
        return value
    return {name: int(inner) if name in numbers else with_integers(inner) for name, inner in value.items()}


@forms
@law
@given(data=st.data())
def test_numbers_may_come_as_integers(form, data):
    parse, render, messages = FORMS[form]
    message = data.draw(messages)
    assert parse(json.dumps(with_integers(json.loads(render(message))))) == message


@law
@given(neutral_starts | st.just(neutral.Stop()))
def test_neutral_parse_of_print_is_identity(message):
    assert neutral.parse_text(neutral.render_text(message)) == message


@law
@given(frames)
def test_neutral_frame_parse_of_print_is_identity(frame):
    assert neutral.parse_frame(neutral.render_frame(frame)) == frame


def parses_or_refuses(parse, raw):
    refused = None
    try:
        parse(raw)
    except WireError as error:
        refused = error
    assert refused is None or refused.code != WireError.code


@law
@given(st.binary(max_size=200) | texts | json_values.map(json.dumps))
def test_anything_else_is_refused_in_the_rooms_own_words(raw):
    parses_or_refuses(twilio.parse, raw)
    parses_or_refuses(exotel.parse, raw)
    parses_or_refuses(neutral.parse_text, raw)
    parses_or_refuses(neutral.parse_frame, raw if isinstance(raw, bytes) else raw.encode(errors="replace"))


@forms
@law
@given(data=st.data())
def test_a_damaged_message_parses_or_is_refused(form, data):
    parse, render, messages = FORMS[form]
    raw = bytearray(render(data.draw(messages)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    parses_or_refuses(parse, bytes(raw))
    parses_or_refuses(parse, bytes(raw[:at]))


@forms
@law
@given(value=json_values, data=st.data())
def test_a_field_of_another_type_is_refused(form, value, data):
    parse, render, messages = FORMS[form]
    document = json.loads(render(data.draw(messages)))
    holder = data.draw(st.sampled_from([document, *(v for v in document.values() if isinstance(v, dict) and v)]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = value
    parses_or_refuses(parse, json.dumps(document))


@law
@given(st.floats())
def test_an_offset_is_a_number_of_seconds_or_refused(offset):
    twilio_start = twilio_render.render(twilio.Start(1, "MZ", "AC", "CA", (), None, offset))
    exotel_start = exotel_render.render(exotel.Start(None, None, offset))
    for parse, raw in ((twilio.parse, twilio_start), (exotel.parse, exotel_start)):
        if 0 <= offset < math.inf:
            assert parse(raw).offset == offset
        else:
            with pytest.raises(WireError):
                parse(raw)


@law
@given(
    rate=st.sampled_from(exotel.RATES),
    sizes=st.lists(st.integers(30, 5000), min_size=1, max_size=30),
    up=st.booleans(),
)
def test_frames_that_follow_one_another_are_placed_to_the_sample(rate, sizes, up):
    """Stamps are the whole milliseconds below or above."""
    places, at = exotel.Places(rate), 0
    for samples in sizes:
        stamp = -(-at * 1000 // rate) if up else at * 1000 // rate
        assert places.of(exotel.Media(stamp, bytes(2 * samples))) == at
        at += samples
