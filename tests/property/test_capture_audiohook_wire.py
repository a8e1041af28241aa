"""AudioHook: parse of print is identity, nothing but the room's own errors comes out, channels come apart exactly."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.capture.errors import WireError
from onrecord.capture.wire import audiohook
from onrecord.capture.wire.audiohook_render import duration, render

law = settings(deadline=None, derandomize=True, max_examples=200)

ids = st.uuids().map(str)
counts = st.integers(0, 2**53)
places = st.integers(0, 8000 * 86_400)
heads = (ids, counts, counts, places)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
channels = st.sampled_from([("external", "internal"), ("internal", "external"), ("external",), ("internal",)])
media = st.builds(audiohook.Media, st.sampled_from(["PCMU", "L16"]), channels)
messages = st.one_of(
    st.builds(
        audiohook.Open,
        *heads,
        ids,
        ids,
        st.lists(media, max_size=4).map(tuple),
        st.lists(ids, max_size=3).map(tuple),
        st.none() | texts,
        st.none() | st.floats(0, 1e9),
    ),
    st.builds(audiohook.Close, *heads, st.sampled_from(audiohook.Why)),
    st.builds(audiohook.Ping, *heads),
    st.builds(audiohook.Paused, *heads),
    st.builds(audiohook.Resumed, *heads, places, places),
    st.builds(audiohook.Discarded, *heads, places, places),
    st.builds(audiohook.Update, *heads),
    st.builds(audiohook.Error, *heads, st.integers(0, 9999)),
    st.builds(audiohook.Dtmf, *heads, st.sampled_from("0123456789*#ABCD")),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(["open", "close", "2", "PT1S"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("type"), inner, max_size=4),
    max_leaves=12,
)


def parses_or_refuses(raw):
    code = ""
    try:
        audiohook.parse(raw)
    except WireError as error:
        code = error.code
    assert code in {"", "bad_json", "bad_field", "unknown_event", "frame_too_large"}


@law
@given(messages)
def test_parse_of_print_is_identity(message):
    raw = render(message)
    assert audiohook.parse(raw) == message
    assert audiohook.parse(raw.decode()) == message


@law
@given(st.binary(max_size=200) | texts | json_values.map(json.dumps))
def test_anything_else_is_refused_in_the_rooms_own_words(raw):
    parses_or_refuses(raw)


@law
@given(messages, st.data())
def test_a_damaged_message_parses_or_is_refused(message, data):
    raw = bytearray(render(message))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    parses_or_refuses(bytes(raw))
    parses_or_refuses(bytes(raw[:at]))


@law
@given(messages, json_values, st.data())
def test_a_field_of_another_type_parses_or_is_refused(message, value, data):
    document = json.loads(render(message))
    holder = data.draw(st.sampled_from([document, document["parameters"] or document]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = value
    parses_or_refuses(json.dumps(document))


@law
@given(messages, st.data())
def test_an_absent_field_of_the_head_is_refused(message, data):
    document = json.loads(render(message))
    del document[data.draw(st.sampled_from(sorted(document)))]
    with pytest.raises(WireError):
        audiohook.parse(json.dumps(document))


@law
@given(messages, texts.filter(lambda text: text not in {"version", "parameters"}), json_values)
def test_what_is_not_known_is_passed_over(message, name, value):
    document = json.loads(render(message))
    if name not in document:
        document[name] = value
    document["parameters"]["laterAddition"] = value
    assert audiohook.parse(json.dumps(document)) == message


@law
@given(st.integers(0, 10**9))
def test_a_duration_counts_samples_exactly(samples):
    assert audiohook.samples(duration(samples)) == samples


@law
@given(media, st.integers(0, 300), st.randoms(use_true_random=False))
def test_channels_come_apart_to_the_sample(form, frames, random):
    width = form.encoding.width
    apart = [[random.randbytes(width) for _ in range(frames)] for _ in form.channels]
    together = b"".join(sample for instant in zip(*apart, strict=True) for sample in instant)
    assert audiohook.split(together, form) == [b"".join(channel) for channel in apart]
    if width * len(form.channels) > 1:
        with pytest.raises(WireError) as caught:
            audiohook.split(together + b"\0", form)
        assert caught.value.media
