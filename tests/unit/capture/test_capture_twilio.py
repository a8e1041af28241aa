import json

import pytest

from onrecord.capture.errors import WireError
from onrecord.capture.wire import twilio
from onrecord.capture.wire.twilio_render import render

SID = "MZ" + "0" * 32
START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1",
        "streamSid": SID,
        "callSid": "CA1",
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"call": "dev-02", "token": "s3cret", "offset": "12.5"},
    },
    "streamSid": SID,
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "4",
    "media": {"track": "outbound", "chunk": "2", "timestamp": "20", "payload": "AAEC"},
    "streamSid": SID,
}
DTMF = {
    "event": "dtmf",
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "8"},
    "streamSid": SID,
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


def code_of(raw):
    with pytest.raises(WireError) as refused:
        twilio.parse(raw)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.code


def test_start_carries_token_and_offset():
    start = twilio.parse(json.dumps(START))
    assert start == twilio.Start(1, SID, "AC1", "CA1", ("customer", "agent"), "s3cret", 12.5)


def test_start_without_parameters():
    start = twilio.parse(changed(START, "start.customParameters", None))
    assert (start.token, start.offset) == (None, None)


def test_media_is_named_by_who_speaks():
    media = twilio.parse(json.dumps(MEDIA).encode())
    assert media == twilio.Media(4, SID, "agent", 2, 20, b"\0\1\2")
    assert media.samples_at == 160


def test_numbers_may_be_integers():
    raw = changed(MEDIA, "media.timestamp", 20).replace('"chunk": "2"', '"chunk": 2')
    assert twilio.parse(raw) == twilio.parse(json.dumps(MEDIA))
    raw = changed(START, "start.mediaFormat.sampleRate", "8000")
    assert twilio.parse(raw) == twilio.parse(json.dumps(START))
    assert twilio.parse(changed(START, "start.customParameters.offset", 12.5)).offset == 12.5


def test_a_key_press_is_heard_and_not_shown():
    message = twilio.parse(json.dumps(DTMF))
    assert message == twilio.Dtmf(5, SID, "customer", "8")
    assert twilio.parse(render(message)) == message
    assert "8" not in repr(message)
    assert twilio.parse(changed(DTMF, "dtmf.digit", ["8"])).key == ""


def test_the_other_messages():
    assert twilio.parse('{"event":"connected","protocol":"Call","version":"1.0.0"}') == twilio.Connected("1.0.0")
    mark = {"event": "mark", "sequenceNumber": "9", "mark": {"name": "turn-1"}, "streamSid": SID}
    assert twilio.parse(json.dumps(mark)) == twilio.Mark(9, SID, "turn-1")
    stop = {
        "event": "stop",
        "sequenceNumber": "10",
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
        "streamSid": SID,
    }
    assert twilio.parse(json.dumps(stop)) == twilio.Stop(10, SID, "AC1", "CA1")


def test_messages_show_neither_token_nor_sound():
    assert repr(twilio.parse(json.dumps(START))) == "Start()"
    assert repr(twilio.parse(json.dumps(MEDIA))) == "Media()"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("[]", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b'{"event":"media","x":"\xff"}', "bad_json"),
        ("[" * 60_000, "bad_json"),
        ("{}", "missing_field"),
        ('{"event":"refer"}', "unknown_event"),
        ('{"event":7}', "unknown_event"),
        (changed(MEDIA, "sequenceNumber", None), "missing_field"),
        (changed(MEDIA, "media.payload", None), "missing_field"),
        (changed(MEDIA, "media", None), "missing_field"),
        (changed(MEDIA, "media", "AAEC"), "bad_field"),
        (changed(MEDIA, "media.timestamp", "soon"), "bad_field"),
        (changed(MEDIA, "media.timestamp", True), "bad_field"),
        (changed(MEDIA, "media.payload", "A"), "bad_base64"),
        (changed(MEDIA, "media.payload", "AA*C"), "bad_base64"),
        (changed(MEDIA, "media.payload", "AA C"), "bad_base64"),
        (changed(MEDIA, "media.payload", "AAEC\n"), "bad_base64"),
        (changed(MEDIA, "media.payload", 7), "bad_base64"),
        (changed(MEDIA, "media.payload", "A" * 100_000), "frame_too_large"),
        (changed(MEDIA, "media.track", "both"), "unknown_track"),
        (changed(DTMF, "dtmf.track", "outer_track"), "unknown_track"),
        (changed(START, "start.tracks", ["inbound", "third"]), "unknown_track"),
        (changed(START, "start.mediaFormat.encoding", "audio/x-alaw"), "wrong_codec"),
        (changed(START, "start.mediaFormat.sampleRate", 16000), "wrong_codec"),
        (changed(START, "start.mediaFormat.channels", 2), "wrong_codec"),
        (changed(START, "start.mediaFormat", None), "missing_field"),
        (changed(START, "start.customParameters.token", 5), "bad_field"),
        (changed(START, "start.customParameters.offset", "nan"), "bad_field"),
        (changed(START, "start.customParameters.offset", "-1"), "bad_field"),
        (changed(START, "start.customParameters.offset", "1e999"), "bad_field"),
        (changed(START, "start.customParameters.offset", 10**400), "bad_field"),
        (changed(START, "start.customParameters.offset", []), "bad_field"),
    ],
)
def test_what_is_not_of_the_protocol_has_a_code(raw, code):
    assert code_of(raw) == code


def test_errors_quote_nothing():
    with pytest.raises(WireError) as refused:
        twilio.parse('{"event":"4111111111111111"}')
    assert "4111" not in refused.value.diagnostics()
