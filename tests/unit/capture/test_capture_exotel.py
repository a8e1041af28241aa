import json

import pytest

from onrecord.capture.errors import WireError
from onrecord.capture.wire import exotel
from onrecord.capture.wire.exotel_render import render

SID = "MZ" + "0" * 32
START = {
    "event": "start",
    "sequence_number": "1",
    "stream_sid": SID,
    "start": {
        "stream_sid": SID,
        "call_sid": "CA1",
        "account_sid": "AC1",
        "from": "+910000000001",
        "to": "+918000000000",
        "custom_parameters": {"call": "dev-02", "token": "s3cret", "offset": "12.5", "track": "agent"},
        "media_format": {"encoding": "audio/x-raw", "sample_rate": "16000", "bit_rate": "16"},
    },
}
MEDIA = {
    "event": "media",
    "sequence_number": "4",
    "stream_sid": SID,
    "media": {"chunk": "2", "timestamp": "100", "payload": "AAECAw=="},
}
STOP = {
    "event": "stop",
    "sequence_number": "10",
    "stream_sid": SID,
    "stop": {"call_sid": "CA1", "account_sid": "AC1", "reason": "callended"},
}


def changed(message, path, value):
    """A copy with one field set, or without it where `value` is None."""
    copy = json.loads(json.dumps(message))
    *way, last = path.split(".")
    inner = copy
    for step in way:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(copy)


def test_start_carries_rate_token_offset_and_track():
    assert exotel.parse(json.dumps(START)) == exotel.Start(16000, "s3cret", 12.5, "agent")


@pytest.mark.parametrize("parameters", [None, {}, {"call": "dev-02"}])
def test_start_without_parameters(parameters):
    start = exotel.parse(changed(START, "start.custom_parameters", parameters))
    assert start == exotel.Start(16000)
    nothing = json.loads(json.dumps(START))
    nothing["start"]["custom_parameters"] = None
    assert exotel.parse(json.dumps(nothing)) == exotel.Start(16000)


def test_start_need_not_say_the_rate():
    assert exotel.parse(changed(START, "start.media_format.sample_rate", None)).rate is None


def test_media_carries_sound():
    assert exotel.parse(json.dumps(MEDIA).encode()) == exotel.Media(100, b"\0\1\2\3")


def test_media_may_say_whose_it_is():
    for side in ("inbound", "outbound"):
        assert exotel.parse(changed(MEDIA, "media.track", side)) == exotel.Media(100, b"\0\1\2\3", side)


def test_numbers_may_be_integers():
    raw = changed(MEDIA, "media.timestamp", 100).replace('"chunk": "2"', '"chunk": 2').replace('"4"', "4")
    assert exotel.parse(raw) == exotel.parse(json.dumps(MEDIA))
    for name, value in (("sample_rate", 16000), ("bit_rate", 16)):
        assert exotel.parse(changed(START, f"start.media_format.{name}", value)) == exotel.parse(json.dumps(START))
    assert exotel.parse(changed(START, "start.custom_parameters.offset", 12.5)).offset == 12.5


def test_numbers_that_are_not_used_may_be_absent():
    for name in ("sequence_number", "stream_sid", "media.chunk"):
        assert exotel.parse(changed(MEDIA, name, None)) == exotel.parse(json.dumps(MEDIA))


@pytest.mark.parametrize(
    ("event", "body", "message"),
    [
        ("connected", None, exotel.Connected()),
        ("dtmf", {"digit": "8", "duration": "120"}, exotel.Dtmf("8")),
        ("dtmf", {"digit": 8, "duration": 120}, exotel.Dtmf("8")),
        ("dtmf", {"digit": 88}, exotel.Dtmf("")),
        ("dtmf", {"digit": True}, exotel.Dtmf("")),
        ("dtmf", None, exotel.Dtmf("")),
        ("mark", {"name": "turn-1"}, exotel.Mark()),
        ("clear", None, exotel.Clear()),
        ("stop", {"reason": "stopped"}, exotel.Stop("stopped")),
        ("stop", {"reason": "callended"}, exotel.Stop("callended")),
        ("stop", {"reason": "network"}, exotel.Stop("unknown")),
        ("stop", {"reason": 7}, exotel.Stop("unknown")),
        ("stop", {"reason": ["stopped"]}, exotel.Stop("unknown")),
        ("stop", {}, exotel.Stop()),
        ("stop", None, exotel.Stop()),
    ],
)
def test_the_other_messages(event, body, message):
    assert exotel.parse(json.dumps({"event": event, event: body})) == message
    if body is None:
        assert exotel.parse(json.dumps({"event": event})) == message


def test_a_key_press_is_not_shown():
    assert b'"digit":"7"' in render(exotel.Dtmf("7"))
    assert "7" not in repr(exotel.Dtmf("7"))


def test_messages_show_neither_token_nor_sound():
    assert repr(exotel.parse(json.dumps(START))) == "Start()"
    assert repr(exotel.parse(json.dumps(MEDIA))) == "Media()"


@pytest.mark.parametrize(
    ("raw", "code", "media"),
    [
        ("", "bad_json", False),
        ("{", "bad_json", False),
        ("[]", "bad_json", False),
        (b"\xff\xfe", "bad_json", False),
        ("[" * 60_000, "bad_json", False),
        ("{}", "missing_field", False),
        ('{"event":"refer"}', "unknown_event", False),
        ('{"event":7}', "unknown_event", False),
        (changed(MEDIA, "media.payload", None), "missing_field", True),
        (changed(MEDIA, "media.timestamp", None), "missing_field", True),
        (changed(MEDIA, "media", None), "missing_field", True),
        (changed(MEDIA, "media", "AAEC"), "bad_field", True),
        (changed(MEDIA, "media.timestamp", "soon"), "bad_field", True),
        (changed(MEDIA, "media.timestamp", True), "bad_field", True),
        (changed(MEDIA, "media.track", 7), "bad_field", True),
        (changed(MEDIA, "media.track", "both"), "unknown_track", True),
        (changed(MEDIA, "media.payload", "A"), "bad_base64", True),
        (changed(MEDIA, "media.payload", "AA*C"), "bad_base64", True),
        (changed(MEDIA, "media.payload", "A" * 200_000), "frame_too_large", False),
        (changed(START, "start", None), "missing_field", False),
        (changed(START, "start.media_format", None), "missing_field", False),
        (changed(START, "start.media_format.encoding", None), "missing_field", False),
        (changed(START, "start.media_format.encoding", "audio/x-mulaw"), "wrong_codec", False),
        (changed(START, "start.media_format.sample_rate", "11025"), "wrong_codec", False),
        (changed(START, "start.media_format.sample_rate", "16kHz"), "bad_field", False),
        (changed(START, "start.media_format.bit_rate", "8"), "wrong_codec", False),
        (changed(START, "start.media_format.bit_rate", []), "bad_field", False),
        (changed(START, "start.media_format.channels", "2"), "wrong_codec", False),
        (changed(START, "start.custom_parameters", [1]), "bad_field", False),
        (changed(START, "start.custom_parameters.token", 5), "bad_field", False),
        (changed(START, "start.custom_parameters.track", 5), "bad_field", False),
        (changed(START, "start.custom_parameters.track", "a b"), "bad_field", False),
        (changed(START, "start.custom_parameters.offset", "nan"), "bad_field", False),
        (changed(START, "start.custom_parameters.offset", True), "bad_field", False),
        (changed(STOP, "stop", "now"), "bad_field", False),
    ],
)
def test_what_is_not_of_the_protocol_has_a_code(raw, code, media):
    with pytest.raises(WireError) as refused:
        exotel.parse(raw)
    assert (refused.value.code, refused.value.media) == (code, media)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_message_may_carry_100_kilobytes_of_sound():
    payload = bytes(range(256)) * 400
    assert exotel.parse(render(exotel.Media(0, payload))) == exotel.Media(0, payload)


@pytest.mark.parametrize("text", ["8000", "16000", "24000"])
def test_the_query_says_a_rate(text):
    assert exotel.rate_of(text) == int(text)


@pytest.mark.parametrize("text", ["", "44100", "8000.0", "8k", " 8000", "\u0668000"])
def test_or_none_that_is_taken(text):
    with pytest.raises(WireError) as refused:
        exotel.rate_of(text)
    assert refused.value.code == "wrong_codec"


def test_places_go_on_where_a_stamp_is_rounded_and_jump_where_it_is_not():
    """160 samples at 24 kHz last 6.67 ms."""
    places = exotel.Places(24000)
    frame = bytes(320)
    stamps = [0, 6, 13, 20, 27]  # rounded down and up
    assert [places.of(exotel.Media(stamp, frame)) for stamp in stamps] == [0, 160, 320, 480, 640]
    assert places.of(exotel.Media(40, frame)) == 960  # one was lost
    assert places.of(exotel.Media(40, frame)) == 960  # and one came twice
    assert places.of(exotel.Media(45, frame)) == 1080  # a millisecond and more off: where it says
    assert places.of(exotel.Media(-7, frame)) == -168
