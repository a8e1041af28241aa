"""Which media sockets are let in: tokens, conflicts, the start of a stream."""

import contextlib
from typing import Any

import pytest
from media_calls import MARK, refused, unused
from media_client import (
    ACCOUNT,
    CALL,
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


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ({"encoding": "audio/l16"}, "wrong_codec"),
        ({"rate": 16000}, "wrong_codec"),
        ({"token": 7}, "bad_field"),
        ({"offset": "soon"}, "bad_field"),
        ({"offset": "-1"}, "bad_field"),
        ({"offset": "1e9"}, "bad_clock"),
    ],
)
def test_a_wrong_start_is_refused(server: Server, talk: Talk, start: dict[str, Any], code: str) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", **start)
        assert stream.closed() == (4400, code)
    unused(server, talk)


@pytest.mark.parametrize("tracks", [[], ["sideways"], [MARK]])
def test_a_start_with_wrong_tracks_is_refused(server: Server, talk: Talk, tracks: list[str]) -> None:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    body = {"accountSid": ACCOUNT, "streamSid": STREAM, "callSid": CALL, "tracks": tracks, "mediaFormat": form}
    with Twilio(server, token=talk.stream_token) as stream:
        stream.text({"event": "start", "sequenceNumber": "1", "start": body, "streamSid": STREAM})
        assert stream.closed() == (4400, "unknown_track" if tracks else "bad_field")
    unused(server, talk)


@pytest.mark.parametrize("offset", ["soon", "nan", "-1", "inf", "1e9", ""])
def test_a_wrong_offset_in_the_query_is_refused(server: Server, talk: Talk, offset: str) -> None:
    with Twilio(server, token=talk.stream_token, offset=offset) as stream:
        stream.start("inbound")
        if offset:
            assert stream.closed() == (4400, "bad_clock")
        else:
            stream.stop()
    if offset:
        unused(server, talk)


def test_a_track_named_twice_is_one(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "inbound")
        stream.play(sound(1.0))
        stream.stop()
    assert account(talk)["received"] == RATE


def test_media_before_the_start_ends_the_socket(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.play(sound(0.02))
        assert stream.closed() == (4400, "not_started")
    unused(server, talk)


def test_a_second_start_changes_nothing(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.start("outbound")
        stream.play(sound(1.0))
        stream.stop()
    counts = account(talk)
    assert (counts["received"], counts["invalid"]) == (RATE, 0)
    until(lambda: refused(talk))
    assert refused(talk) == {"already_started": 1}


def test_a_second_socket_for_a_live_track_is_refused(server: Server, talk: Talk) -> None:
    given = sound(2.0)
    token = new_token(talk)
    with Twilio(server, token=talk.stream_token) as first:
        first.start("inbound")
        first.play(given, range(50))
        for door in ("twilio", "stream"):
            with Twilio(server, token=token) if door == "twilio" else Neutral(server, token=token) as second:
                if isinstance(second, Twilio):
                    second.start("inbound", "outbound")
                    with contextlib.suppress(ConnectionClosed):
                        second.play(sound(1.0, 1))
                else:
                    second.start(("customer", "mulaw", RATE))
                assert second.closed() == (4409, "stream_conflict")
        first.play(given, range(50, 100))
        first.taken()
        assert set(talk.get("/accounting")["tracks"]) == {"customer"}
        with Twilio(server, token=token, offset=0) as third:
            third.start("outbound")
            third.play(given, track="outbound")
            third.stop()
        first.stop()
    talk.tell("call_end", 2.0)
    seal(talk)
    same(heard(talk, "customer"), expected(given, 2.0))
    same(heard(talk, "agent"), expected(given, 2.0))


def test_a_track_keeps_its_format(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.stop()
    token = new_token(talk)
    for form in (("customer", "pcm16", RATE), ("customer", "mulaw", 16000)):
        with Neutral(server, token=token) as other:
            other.start(form)
            assert other.closed() == (4409, "stream_conflict")
    with Neutral(server, token=token) as other:
        other.start(("customer", "mulaw", RATE))
        other.stop()


@pytest.mark.parametrize("token", ["", MARK, "0" * 64, "\u20ac" * 40, "\x00", "a" * 4000])
def test_an_unknown_token_is_refused(server: Server, token: str) -> None:
    for query, custom in (({"token": token}, {}), ({}, {"token": token})):
        with Twilio(server, **query) as stream:
            stream.start("inbound", **custom)
            assert stream.closed() == (4401, "bad_stream_token")


def test_no_token_is_refused(server: Server) -> None:
    with Twilio(server) as stream:
        stream.start("inbound")
        assert stream.closed() == (4401, "bad_stream_token")


def test_a_token_serves_once(server: Server, talk: Talk) -> None:
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.stop()
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        assert stream.closed() == (4401, "bad_stream_token")


def test_a_token_raced_for_serves_once(server: Server, talk: Talk) -> None:
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Twilio(server, token=talk.stream_token)) for _ in range(6)]
        for number, stream in enumerate(streams):
            stream.start(("inbound", "outbound")[number % 2])
        for stream in streams:
            stream.taken_or_closed()
        assert len(talk.get("/accounting")["tracks"]) == 1


def test_a_sealed_interaction_takes_no_stream(server: Server, talk: Talk) -> None:
    token = new_token(talk)
    talk.tell("call_end", 1.0)
    seal(talk)
    with Twilio(server, token=token) as stream:
        stream.start("inbound")
        assert stream.closed() == (4410, "interaction_sealed")


@pytest.mark.parametrize(
    ("tracks", "code"),
    [
        ([("customer", "opus", 8000)], "wrong_codec"),
        ([("customer", "pcm16", 3999)], "wrong_codec"),
        ([("customer", "pcm16", 10**9)], "wrong_codec"),
        ([("customer", "pcm16", "fast")], "bad_field"),
        ([], "bad_field"),
        ([("customer", "pcm16", 8000)] * 2, "bad_field"),
        ([(f"{MARK}/../x", "pcm16", 8000)], "bad_field"),
        ([(f"t{n}", "pcm16", 8000) for n in range(17)], "bad_field"),
    ],
)
def test_a_wrong_start_on_the_neutral_socket(server: Server, talk: Talk, tracks: list[Any], code: str) -> None:
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(*tracks)
        assert stream.closed() == (4400, code)
    unused(server, talk)
