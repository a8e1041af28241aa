"""Parse of print is identity for every wire form; nothing but the room's own errors comes out of a parser."""

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.capture.errors import WireError
from onrecord.capture.wire import neutral, twilio
from onrecord.capture.wire.twilio_render import render
from onrecord.signal.encoding import Encoding

law = settings(deadline=None, derandomize=True, max_examples=200)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
counts = st.integers(0, 2**63)
tracks = st.sampled_from(["customer", "agent"])
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
    st.builds(twilio.Dtmf, counts, texts, tracks),
    st.builds(twilio.Mark, counts, texts, texts),
    st.builds(twilio.Stop, counts, texts, texts, texts),
)
names = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
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


@law
@given(twilio_messages, st.sampled_from("0123456789*#"))
def test_twilio_parse_of_print_is_identity(message, digit):
    raw = render(message, digit=digit)
    assert twilio.parse(raw) == message
    assert twilio.parse(raw.decode()) == message


@law
@given(twilio_messages)
def test_twilio_numbers_may_come_as_integers(message):
    """Every text of digits that stands for a number becomes one."""
    document = json.loads(render(message))
    for holder, name in ((document, "sequenceNumber"), (document.get("media", {}), "chunk")):
        if name in holder:
            holder[name] = int(holder[name])
    assert twilio.parse(json.dumps(document)) == message


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
    parses_or_refuses(neutral.parse_text, raw)
    parses_or_refuses(neutral.parse_frame, raw if isinstance(raw, bytes) else raw.encode(errors="replace"))


@law
@given(twilio_messages, st.data())
def test_a_damaged_message_parses_or_is_refused(message, data):
    raw = bytearray(render(message))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    parses_or_refuses(twilio.parse, bytes(raw))
    parses_or_refuses(twilio.parse, bytes(raw[:at]))


@law
@given(twilio_messages, json_values, st.data())
def test_a_field_of_another_type_is_refused(message, value, data):
    document = json.loads(render(message))
    holder = data.draw(st.sampled_from([document, *(v for v in document.values() if isinstance(v, dict) and v)]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = value
    parses_or_refuses(twilio.parse, json.dumps(document))


@law
@given(st.floats())
def test_an_offset_is_a_number_of_seconds_or_refused(offset):
    start = twilio.Start(1, "MZ", "AC", "CA", (), None, offset)
    if 0 <= offset < math.inf:
        assert twilio.parse(render(start)).offset == offset
    else:
        parses_or_refuses(twilio.parse, render(start))
