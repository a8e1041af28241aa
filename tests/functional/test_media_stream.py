"""What a media stream may do and still be recorded to the sample: numbers, order, gaps, clocks, epochs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from media_calls import end, events
from media_client import (
    FRAME,
    RATE,
    Neutral,
    Twilio,
    account,
    expected,
    heard,
    new_token,
    recordings,
    same,
    sound,
    until,
)
from serving import Server, Talk

pytest_plugins = ["media_fixtures"]


def counts(talk: Talk, track: str = "customer", **expected: int) -> None:
    """The account of a track is this, and nothing else is in it."""
    found = account(talk, track)
    assert found == {**dict.fromkeys(found, 0), **expected}


def closed_streams(talk: Talk) -> list[dict[str, Any]]:
    return events(talk, "stream_closed")


@pytest.mark.parametrize("number", [str, int])
def test_numbers_come_as_texts_or_as_integers(server: Server, talk: Talk, number: Callable[[int], int | str]) -> None:
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.number = number
        stream.start("inbound")
        stream.play(given)
        stream.stop()
    end(talk, 2.0)
    same(heard(talk), expected(given, 2.0))
    counts(talk, received=2 * RATE, written=2 * RATE)


def test_the_token_may_come_in_the_start_message(server: Server, talk: Talk) -> None:
    given = sound(1.0)
    with Twilio(server) as stream:
        stream.start("inbound", token=talk.stream_token, offset="0.5")
        stream.play(given)
        stream.stop()
    end(talk, 1.5)
    same(heard(talk), np.concatenate([np.zeros(RATE // 2, np.int16), expected(given, 1.0)]))


def test_sequence_numbers_in_any_order_and_twice(server: Server, talk: Talk) -> None:
    """Places come from timestamps; a sequence number is not believed."""
    given = sound(3.0)
    chance = np.random.default_rng(4)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, [0])
        for frame in chance.permutation(150):
            stream.sequence = int(chance.integers(5))
            stream.play(given, [frame, frame])
        stream.stop()
    end(talk, 3.0)
    same(heard(talk), expected(given, 3.0))
    counts(talk, received=301 * FRAME, written=150 * FRAME, duplicate=151 * FRAME)


def test_both_tracks_with_a_lead_of_one_over_the_other(server: Server, talk: Talk) -> None:
    customer, agent = sound(4.0), sound(4.0, 1)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        stream.play(customer)
        stream.play(agent, track="outbound")
        stream.stop()
    end(talk, 4.0)
    same(heard(talk, "customer"), expected(customer, 4.0))
    same(heard(talk, "agent"), expected(agent, 4.0))


def test_missing_frames_are_silence_and_counted(server: Server, talk: Talk) -> None:
    given = sound(3.0)
    missing = {0, 1, 40, 41, 42, 99, 149}
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, [frame for frame in range(150) if frame not in missing])
        stream.stop()
    end(talk, 3.0)
    silent = [(frame / 50, (frame + 1) / 50) for frame in missing]
    same(heard(talk), expected(given, 3.0, *silent))
    hole = (len(missing) - 1) * FRAME  # nothing says that there was a last one
    counts(talk, received=143 * FRAME, missing=hole, silenced_gap=hole, written=143 * FRAME)
    gaps = [(round(s * 50), round(e * 50), why) for s, e, why in recordings(talk)["customer"]["gaps"]]
    assert gaps == [(0, 2, "gap"), (40, 43, "gap"), (99, 100, "gap"), (149, 150, "gap")]


def test_a_frame_that_comes_within_the_hold_back_fills_its_gap(server: Server, talk: Talk) -> None:
    given = sound(8.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, [frame for frame in range(300) if frame != 60])
        stream.play(given, [60])
        stream.play(given, range(300, 400))
        stream.stop()
    end(talk, 8.0)
    same(heard(talk), expected(given, 8.0))
    counts(talk, received=8 * RATE, written=8 * RATE)


def test_a_frame_that_comes_after_its_segment_is_late(server: Server, talk: Talk) -> None:
    given = sound(12.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, [frame for frame in range(600) if frame != 10])
        stream.taken()
        until(lambda: account(talk)["written"] > 0)
        stream.play(given, [10])
        stream.stop()
    end(talk, 12.0)
    same(heard(talk), expected(given, 12.0, (0.2, 0.22)))
    counts(talk, received=600 * FRAME, missing=FRAME, silenced_gap=FRAME, written=599 * FRAME, late=FRAME)


def test_a_clock_that_goes_back_changes_nothing_stored(server: Server, talk: Talk) -> None:
    given, other = sound(4.0), sound(4.0, 1)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given)
        stream.play(other, range(100, 200))
        stream.play(other, [0])
        stream.stop()
    end(talk, 4.0)
    same(heard(talk), expected(given, 4.0))
    counts(talk, received=301 * FRAME, written=200 * FRAME, duplicate=101 * FRAME)


@pytest.mark.parametrize("milliseconds", [-20, -(10**15), 3_600_000 + 2000, 10**15, 2**62, 10**30])
def test_an_absurd_timestamp_is_refused_alone(server: Server, talk: Talk, milliseconds: int) -> None:
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(50))
        stream.media(given[:FRAME], milliseconds)
        stream.play(given, range(50, 100))
        stream.stop()
    end(talk, 2.0)
    same(heard(talk), expected(given, 2.0))
    counts(talk, received=2 * RATE + FRAME, written=2 * RATE, invalid=FRAME)
    (event,) = closed_streams(talk)
    assert sum(event["data"]["refused"].values()) == 1


def test_one_frame_far_ahead_moves_nothing_and_a_jump_of_the_stream_does(server: Server, talk: Talk) -> None:
    given = sound(30.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(100))
        stream.play(given, [1400])
        stream.play(given, range(100, 200))
        stream.play(given, range(1000, 1100))
        stream.stop()
    end(talk, 22.0)
    same(heard(talk), expected(given, 22.0, (4.0, 20.0)))
    hole = 16 * RATE
    counts(talk, received=301 * FRAME, missing=hole, silenced_gap=hole, written=300 * FRAME, invalid=FRAME)


def test_a_stream_that_breaks_off_without_stop_continues_as_a_new_epoch(server: Server, talk: Talk) -> None:
    given = sound(10.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(150))
        stream.taken()
        stream.drop()
    until(lambda: closed_streams(talk))
    with Twilio(server, token=new_token(talk), offset=5.0) as stream:
        stream.start("inbound")
        stream.play(given[5 * RATE :], range(250))
        stream.stop()
    end(talk, 10.0)
    same(heard(talk), expected(given, 10.0, (3.0, 5.0)))
    hole = 2 * RATE
    counts(talk, received=8 * RATE, missing=hole, silenced_gap=hole, written=8 * RATE)
    assert len(recordings(talk)) == 1
    assert recordings(talk)["customer"]["gaps"] == [[3.0, 5.0, "disconnected"]]
    assert [event["data"]["reason"] for event in closed_streams(talk)] == ["disconnected", "stop"]


def test_a_new_epoch_without_offset_begins_at_its_connection(server: Server, talk: Talk) -> None:
    given = sound(6.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(150))
        stream.leave()
    until(lambda: closed_streams(talk))
    with Twilio(server, token=new_token(talk)) as stream:
        stream.start("inbound")
        stream.play(given[3 * RATE :])
        stream.stop()
    until(lambda: len(closed_streams(talk)) == 2)
    opened = [event for event in talk.get("/timeline")["events"] if event["type"] == "stream_opened"]
    assert [event["data"]["epoch"] for event in opened] == [0, 1]
    assert [event["data"]["uncertainty"] for event in opened] == [0.0, 0.5]
    begins = opened[1]["data"]["offset"]
    assert begins >= 3.0, "media was heard up to there"
    end(talk, begins + 3.0)
    found = heard(talk)
    same(found[: 3 * RATE], expected(given, 3.0))
    # where that is, is known to half a second: so much is withheld before the end of the call
    same(found[round(begins * RATE) :][: 3 * RATE], expected(given[3 * RATE :], 3.0, (2.5, 3.0)))
    assert not found[3 * RATE : round(begins * RATE)].any()


def test_a_new_epoch_that_lies_over_the_last_one_changes_nothing(server: Server, talk: Talk) -> None:
    given, other = sound(4.0), sound(4.0, 1)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given, range(100))
        stream.leave()
    until(lambda: closed_streams(talk))
    with Twilio(server, token=new_token(talk), offset=1.0) as stream:
        stream.start("inbound")
        stream.play(other[RATE:], range(150))
        stream.stop()
    end(talk, 4.0)
    same(heard(talk), np.concatenate([expected(given, 2.0), expected(other, 4.0)[2 * RATE :]]))
    counts(talk, received=250 * FRAME, written=4 * RATE, duplicate=RATE)


@pytest.mark.parametrize(("encoding", "rate", "width"), [("pcm16", 16000, 2), ("pcm16", 44100, 2), ("mulaw", 8000, 1)])
def test_the_neutral_socket_keeps_what_it_is_given(
    server: Server, talk: Talk, encoding: str, rate: int, width: int
) -> None:
    values = (np.arange(2 * rate) * 37 % 20011 + 1).astype("<i2")
    payload = values.tobytes() if encoding == "pcm16" else sound(2.0)
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", encoding, rate), ("desk-2", encoding, rate))
        for start in range(0, 2 * rate, 777):
            stream.frame(0, start, payload[start * width : (start + 777) * width])
        stream.frame(1, rate, payload[rate * width :][: 100 * width])
        stream.stop()
    end(talk, 2.0)
    same(heard(talk, rate=rate), values if encoding == "pcm16" else expected(payload, 2.0))
    other = heard(talk, "desk-2", rate=rate)
    assert other.any(), "a track of any name is a track of the call"
    assert not other[:rate].any()
    counts(talk, received=2 * rate, written=2 * rate)


def test_a_pong_comes_after_all_that_was_sent_before_its_ping(server: Server, talk: Talk) -> None:
    """Also while the stream is being opened, when messages wait."""
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "mulaw", RATE))
        given = sound(20.0)
        for start in range(0, len(given), 40):
            stream.frame(0, start, given[start : start + 40])
        stream.taken()
        assert account(talk)["received"] == 20 * RATE


def test_what_was_sent_before_a_break_is_taken(server: Server, talk: Talk) -> None:
    """A stream may be over before the server has opened it."""
    given = sound(2.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(given)
        stream.leave()
    until(lambda: closed_streams(talk))
    end(talk, 2.0)
    same(heard(talk), expected(given, 2.0))


def test_a_stream_faster_than_the_disk_waits_and_loses_nothing(server: Server, talk: Talk) -> None:
    """Twenty minutes at once: hundreds of segments, each with its own sync."""
    minutes = sound(1200.0)
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("customer", "mulaw", RATE))
        for start in range(0, len(minutes), 8 * RATE):
            stream.frame(0, start, minutes[start : start + 8 * RATE])
        talk.tell("opt_out", 1100.0, method="verbal", reason_code="asked")
        stream.stop()
    end(talk, 1200.0)
    same(heard(talk), expected(minutes, 1200.0, (1100.0, 1200.0)))
    counts(talk, received=1200 * RATE, written=1100 * RATE, silenced_policy=100 * RATE)
