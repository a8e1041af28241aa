import json

import pytest

from onrecord.capture.errors import WireError
from onrecord.capture.wire import neutral
from onrecord.signal.encoding import Encoding


def start(*tracks):
    return json.dumps({"event": "start", "tracks": list(tracks)})


ONE = {"name": "customer", "encoding": "pcm16", "sample_rate": 16000}


def test_start_lists_tracks():
    message = neutral.parse_text(start(ONE, {"name": "agent", "encoding": "mulaw", "sample_rate": "8000"}))
    assert message == neutral.Start(
        (neutral.Track("customer", Encoding.PCM16, 16000), neutral.Track("agent", Encoding.MULAW, 8000))
    )


def test_stop():
    assert neutral.parse_text('{"event":"stop"}') == neutral.Stop()


def test_binary_frame():
    frame = neutral.parse_frame(b"\x01" + (16000).to_bytes(8, "big") + b"abcd")
    assert frame == neutral.Frame(1, 16000, b"abcd")
    assert "abcd" not in repr(frame)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("{", "bad_json"),
        ("[]", "bad_json"),
        ("{}", "unknown_event"),
        ('{"event":"media"}', "unknown_event"),
        ('{"event":"start"}', "bad_field"),
        (start(), "bad_field"),
        (start(*[ONE] * 17), "bad_field"),
        (start(ONE, ONE), "bad_field"),
        (start({**ONE, "name": "a b"}), "bad_field"),
        (start({**ONE, "name": ""}), "bad_field"),
        (start({**ONE, "encoding": "opus"}), "wrong_codec"),
        (start({**ONE, "sample_rate": 0}), "wrong_codec"),
        (start({**ONE, "sample_rate": -8000}), "wrong_codec"),
        (start({**ONE, "name": "x" * 70_000}), "frame_too_large"),
    ],
)
def test_text_that_is_not_of_the_protocol_has_a_code(raw, code):
    with pytest.raises(WireError) as refused:
        neutral.parse_text(raw)
    assert refused.value.code == code


@pytest.mark.parametrize(("raw", "code"), [(b"\0" * 8, "frame_too_short"), (bytes(262_145), "frame_too_large")])
def test_binary_that_is_not_of_the_protocol_has_a_code(raw, code):
    with pytest.raises(WireError) as refused:
        neutral.parse_frame(raw)
    assert refused.value.code == code
