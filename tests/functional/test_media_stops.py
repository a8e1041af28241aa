"""What a stop leaves, over media time, through the real server: stored sound against the sound that was sent."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from media_calls import SOUND, end, events, opt_out, play, stream_of
from media_client import FRAME, RATE, Twilio, account, expected, heard, new_token, recordings, same, seal, until
from serving import Server, Talk

pytest_plugins = ["media_fixtures"]


def objects(server: Server) -> set[str]:
    return {path.name for path in (server.folder / "data" / "objects").rglob("*") if path.is_file()}


@pytest.mark.parametrize("t", [6.0, 6.013, 8.0])
def test_an_opt_out_within_the_hold_back_leaves_nothing_after_it(server: Server, talk: Talk, t: float) -> None:
    before = objects(server)
    with stream_of(server, talk) as stream:
        play(stream, 0, 8)
        opt_out(talk, t)
        play(stream, 8, 12)
        stream.stop()
    end(talk, 12.0)
    closes = np.floor(t * 50) / 50
    same(heard(talk), expected(SOUND, 12.0, (closes, 12.0)))
    assert events(talk, "purge_intended", "purge_completed") == []
    assert len(objects(server) - before) == len(events(talk, "segment_sealed"))
    assert account(talk)["purged"] == 0


def test_an_opt_out_beyond_the_hold_back_purges(server: Server, talk: Talk) -> None:
    before = objects(server)
    with stream_of(server, talk) as stream:
        play(stream, 0, 18)
        until(lambda: account(talk)["written"] >= 12 * RATE)
        stored = objects(server) - before
        opt_out(talk, 5.0)
        kept = objects(server) - before
        play(stream, 18, 20)
        stream.stop()
    assert len(stored) == 3
    assert len(stored & kept) == 1, "of the segments only that before the stop is as it was"
    assert len(kept) == 2, "one stands for what was left of a segment"
    end(talk, 20.0)
    same(heard(talk), expected(SOUND, 20.0, (5.0, 20.0)))
    told = [(event["type"], event["data"]["segment"]) for event in events(talk, "purge_intended", "purge_completed")]
    assert len(told) == 4
    assert {kind for kind, _ in told[::2]} == {"purge_intended"}
    assert told[1::2] == [("purge_completed", segment) for _, segment in told[::2]]
    counts = account(talk)
    assert counts["written"] == 5 * RATE
    assert counts["purged"] == 7 * RATE
    assert counts["silenced_policy"] == 15 * RATE


def test_a_stop_after_the_end_with_an_earlier_instant_purges(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 6)
        stream.stop()
    talk.tell("call_end", 6.0)
    until(lambda: account(talk)["written"] == 6 * RATE)
    opt_out(talk, 2.5)
    same(heard(talk), expected(SOUND, 6.0, (2.5, 6.0)))
    seal(talk)
    same(heard(talk), expected(SOUND, 6.0, (2.5, 6.0)))
    assert account(talk)["purged"] == round(3.5 * RATE)


def test_a_withdrawal_takes_all_that_was_recorded_under_it(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 12)
        until(lambda: account(talk)["written"] > 0)
        talk.tell("consent_withdrawn", 0.0, method="email")
        stream.stop()
    end(talk, 12.0)
    assert account(talk)["written"] == 0
    found = heard(talk) if recordings(talk) else np.zeros(0, np.int16)
    assert not found.any()


def test_a_stop_in_the_future_stops_then(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 2)
        opt_out(talk, 7.3)
        play(stream, 2, 12)
        stream.stop()
    end(talk, 12.0)
    same(heard(talk), expected(SOUND, 12.0, (7.3, 12.0)))


def test_a_wall_clock_instant_closes_half_a_second_early(server: Server, talk: Talk) -> None:
    started = datetime.fromisoformat(talk.get()["started_at"])
    with stream_of(server, talk) as stream:
        play(stream, 0, 8)
        opt_out(talk, (started + timedelta(seconds=6)).astimezone(UTC).isoformat())
        play(stream, 8, 12)
        stream.stop()
    end(talk, 12.0)
    found = heard(talk)
    last = int(np.flatnonzero(found)[-1])
    assert 5.5 * RATE - FRAME - 1 <= last < 5.5 * RATE
    same(found[: last + 1], expected(SOUND, 12.0)[: last + 1])


def test_a_stop_holds_over_a_new_epoch(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 3)
        opt_out(talk, 3.0)
        stream.drop()
    until(lambda: events(talk, "stream_closed"))
    with Twilio(server, token=new_token(talk), offset=4).start("inbound") as stream:
        stream.play(SOUND)
        stream.stop()
    end(talk, 24.0)
    same(heard(talk), expected(SOUND, 24.0, (3.0, 24.0)))


def test_after_the_end_of_the_call_nothing_is_stored(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 5)
        talk.tell("call_end", 5.0)
        play(stream, 5, 12)
        stream.stop()
    until(lambda: account(talk)["held"] == 0)
    seal(talk)
    same(heard(talk), expected(SOUND, 5.0))
    assert account(talk)["silenced_policy"] == 7 * RATE


def test_media_after_the_seal_ends_its_socket(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 3)
        end(talk, 3.0)
        stream.play(SOUND, [150])
        assert stream.closed() == (4410, "interaction_sealed")
    same(heard(talk), expected(SOUND, 3.0))
    assert account(talk)["received"] == 3 * RATE


def test_late_media_of_a_call_that_has_ended_is_judged_by_its_own_time(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 3)
        stream.drop()
    until(lambda: events(talk, "stream_closed"))
    talk.tell("call_end", 6.0)
    with Twilio(server, token=new_token(talk), offset=0).start("inbound") as stream:
        stream.play(SOUND, range(150, 400))
        stream.stop()
    seal(talk)
    same(heard(talk), expected(SOUND, 6.0))
    assert account(talk)["silenced_policy"] == 2 * RATE
