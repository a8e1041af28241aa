"""Bad messages at the media sockets: a stable code, an exact account, nothing else disturbed, nothing in the log."""

import base64
import contextlib
import json
import struct
from typing import Any

import pytest
from media_calls import MARK, refused, unused
from media_client import (
    FRAME,
    RATE,
    STREAM,
    Neutral,
    Twilio,
    account,
    expected,
    heard,
    new_token,
    same,
    seal,
    sound,
    until,
)
from serving import Server, Talk
from websockets.exceptions import ConnectionClosed

pytest_plugins = ["media_fixtures"]
pytestmark = pytest.mark.usefixtures("undisturbed")


def media_of(**other: Any) -> dict[str, Any]:
    payload = base64.b64encode(bytes(FRAME)).decode()
    body = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload, **other}
    return {"event": "media", "sequenceNumber": "2", "media": body, "streamSid": STREAM}


BAD = {
    "truncated": (json.dumps(media_of(note=MARK))[:-30], "bad_json"),
    "empty": ("", "bad_json"),
    "no object": (f'["{MARK}"]', "bad_json"),
    "deep": ("[" * 5000, "bad_json"),
    "no event": (json.dumps({"note": MARK}), "missing_field"),
    "unknown event": (json.dumps({"event": MARK}), "unknown_event"),
    "event of another type": (json.dumps({"event": {"name": MARK}}), "unknown_event"),
    "base64": (json.dumps(media_of(payload=f"{MARK}!")), "bad_base64"),
    "base64 cut": (json.dumps(media_of(payload="AAA")), "bad_base64"),
    "no payload": (json.dumps({**media_of(), "media": {"track": "inbound"}}), "missing_field"),
    "track": (json.dumps(media_of(track=MARK)), "unknown_track"),
    "track not announced": (json.dumps(media_of(track="outbound")), "unknown_track"),
    "timestamp": (json.dumps(media_of(timestamp=MARK)), "bad_field"),
    "timestamp not finite": (json.dumps(media_of(timestamp=1e400)), "bad_json"),
    "fraction": (json.dumps(media_of(timestamp=1.5)), "bad_field"),
    "too large": (json.dumps(media_of(payload="A" * 70_000, note=MARK)), "frame_too_large"),
    "huge": (MARK * 70_000, "frame_too_large"),
    "lone surrogate": ('{"event": "\\ud800"}', "bad_json"),
}


MEANT_AS_SOUND = {"base64", "base64 cut", "no payload", "track", "track not announced", "timestamp", "fraction"}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_is_refused_alone(server: Server, talk: Talk, case: str) -> None:
    message, code = BAD[case]
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(50))
        stream.text(message)
        stream.play(given, range(50, 100))
        stream.stop()
    talk.tell("call_end", 2.0)
    seal(talk)
    same(heard(talk), expected(given, 2.0))
    counts = account(talk)
    invalid = FRAME if case in MEANT_AS_SOUND else 0
    assert (counts["received"], counts["written"], counts["invalid"]) == (2 * RATE + invalid, 2 * RATE, invalid)
    assert refused(talk) == {code: 1}
    assert "INVALID_MEDIA" in {flag["flag"] for flag in talk.get()["flags"]}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_before_the_start_ends_the_socket(server: Server, talk: Talk, case: str) -> None:
    message, code = BAD[case]
    code = "not_started" if case == "track not announced" else code
    with Twilio(server, token=talk.stream_token) as stream:
        stream.text(message)
        assert stream.closed() == (1009 if code == "frame_too_large" else 4400, code)
    unused(server, talk)


def test_a_binary_frame_on_the_twilio_socket_is_refused(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.wire.send(json.dumps(media_of()).encode())
        stream.stop()
    until(lambda: refused(talk))
    assert refused(talk) == {"bad_json": 1}
    assert account(talk)["invalid"] == 0


def test_too_many_bad_messages_end_the_socket_and_not_the_call(server: Server, talk: Talk) -> None:
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(50))
        with contextlib.suppress(ConnectionClosed):
            for _ in range(201):
                stream.text(MARK)
        assert stream.closed() == (4400, "too_many_bad_messages")
    with Twilio(server, token=until_free(talk), offset=1.0) as stream:
        stream.start("inbound")
        stream.play(given[RATE:])
        stream.stop()
    talk.tell("call_end", 2.0)
    seal(talk)
    same(heard(talk), expected(given, 2.0))
    assert account(talk)["invalid"] == 0


def until_free(talk: Talk) -> str:
    until(lambda: refused(talk))
    return new_token(talk)


def test_fragments_are_put_together_and_pings_answered_between_them(server: Server, talk: Talk) -> None:
    given = sound(1.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        for frame in range(50):
            payload = base64.b64encode(given[frame * FRAME : (frame + 1) * FRAME]).decode()
            message = json.dumps(media_of(timestamp=str(frame * 20), payload=payload))
            stream.wire.send(message[at : at + 50] for at in range(0, len(message), 50))
        stream.taken()
        stream.stop()
    talk.tell("call_end", 1.0)
    seal(talk)
    same(heard(talk), expected(given, 1.0))


NEUTRAL_BAD = {
    "track": (struct.pack(">BQ", 9, 0) + bytes(320), "unknown_track"),
    "short": (b"\x00\x01", "frame_too_short"),
    "empty": (b"", "frame_too_short"),
    "large": (struct.pack(">BQ", 0, 0) + bytes(300_000), "frame_too_large"),
    "text": (MARK, "bad_json"),
    "event": (json.dumps({"event": MARK}), "unknown_event"),
    "no tracks": (json.dumps({"event": "start"}), "bad_field"),
}


@pytest.mark.parametrize("case", NEUTRAL_BAD)
def test_a_bad_message_on_the_neutral_socket_is_refused_alone(server: Server, talk: Talk, case: str) -> None:
    message, code = NEUTRAL_BAD[case]
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "pcm16", RATE))
        stream.frame(0, 0, bytes(320))
        stream.wire.send(message)
        stream.frame(0, 160, bytes(320))
        stream.stop()
    until(lambda: refused(talk))
    assert refused(talk) == {code: 1}
    counts = account(talk)
    invalid = FRAME if isinstance(message, bytes) else 0
    assert (counts["received"], counts["invalid"], counts["held"]) == (2 * FRAME + invalid, invalid, 2 * FRAME)


def test_half_a_sample_is_invalid_and_counted(server: Server, talk: Talk) -> None:
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "pcm16", RATE))
        stream.frame(0, 0, bytes(320))
        stream.frame(0, 160, bytes(321))
        stream.frame(0, 2**63, bytes(320))
        stream.stop()
    until(lambda: refused(talk))
    assert refused(talk) == {"odd_bytes": 1, "position_far_ahead": 1}
    counts = account(talk)
    assert (counts["received"], counts["invalid"], counts["held"]) == (481, 321, 160)
