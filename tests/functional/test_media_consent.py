"""What consent allows, over media time, through the real server: stored sound against the sound that was sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_client import (
    FRAME,
    RATE,
    Twilio,
    account,
    expected,
    heard,
    new_token,
    recordings,
    same,
    seal,
    sound,
    until,
)
from serving import Server, Talk

Begin = Callable[..., Talk]
IRISH = [{"role": "customer", "jurisdiction": "IE"}]
SOUND = sound(20.0)


@pytest.fixture
def talk(begin: Begin) -> Talk:
    """Begun, notice given, nobody asked."""
    made = begin(parties=IRISH)
    made.tell("call_start", 0.0)
    made.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
    return made


@pytest.fixture
def agreed(talk: Talk) -> Talk:
    agree(talk, 0.0)
    return talk


def agree(talk: Talk, t: float | str, result: str = "accepted") -> None:
    talk.tell("consent", t, result=result, method="keypad", prompt_version="p1")


def opt_out(talk: Talk, t: float | str) -> None:
    talk.tell("opt_out", t, method="verbal", reason_code="asked")


def stream_of(server: Server, talk: Talk) -> Twilio:
    return Twilio(server, token=talk.stream_token).start("inbound")


def play(stream: Twilio, start: float, end: float) -> None:
    """Seconds [start, end) of SOUND; the server has taken them when it returns."""
    stream.play(SOUND, range(round(start * 50), round(end * 50)))
    stream.taken()


def end(talk: Talk, seconds: float) -> None:
    talk.tell("call_end", seconds)
    seal(talk)


def events(talk: Talk, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in talk.get("/timeline")["events"] if event["type"] in kinds]


def objects(server: Server) -> set[str]:
    return {path.name for path in (server.folder / "data" / "objects").rglob("*") if path.is_file()}


def test_without_consent_there_is_no_recording(server: Server, talk: Talk) -> None:
    before = objects(server)
    with stream_of(server, talk) as stream:
        play(stream, 0, 12)
        stream.stop()
    end(talk, 12.0)
    assert recordings(talk) == {}
    assert objects(server) == before
    counts = account(talk)
    assert counts == {**dict.fromkeys(counts, 0), "received": 12 * RATE, "silenced_policy": 12 * RATE}


def test_a_refusal_leaves_nothing(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 3)
        agree(talk, 3.0, "declined")
        play(stream, 3, 12)
        stream.stop()
    end(talk, 12.0)
    assert recordings(talk) == {}


@pytest.mark.parametrize("t", [2.0, 2.003, 2.5 + 1 / 8000, 4.9999])
def test_consent_opens_to_within_a_frame(server: Server, talk: Talk, t: float) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 5)
        agree(talk, t)
        play(stream, 5, 12)
        stream.stop()
    end(talk, 12.0)
    opens = np.ceil(t * 50) / 50
    same(heard(talk), expected(SOUND, 12.0, (0, opens)))


def test_consent_opens_what_is_still_held_and_no_more(server: Server, talk: Talk) -> None:
    """Audio from before the hold-back was judged when it left it."""
    with stream_of(server, talk) as stream:
        play(stream, 0, 10)
        agree(talk, 2.0)
        play(stream, 10, 12)
        stream.stop()
    end(talk, 12.0)
    same(heard(talk), expected(SOUND, 12.0, (0, 5.0)))
    assert recordings(talk)["customer"]["gaps"][0][:2] == [0.0, 2.0]


@pytest.mark.parametrize("t", [6.0, 6.013, 8.0])
def test_an_opt_out_within_the_hold_back_leaves_nothing_after_it(server: Server, agreed: Talk, t: float) -> None:
    before = objects(server)
    with stream_of(server, agreed) as stream:
        play(stream, 0, 8)
        opt_out(agreed, t)
        play(stream, 8, 12)
        stream.stop()
    end(agreed, 12.0)
    closes = np.floor(t * 50) / 50
    same(heard(agreed), expected(SOUND, 12.0, (closes, 12.0)))
    assert events(agreed, "purge_intended", "purge_completed") == []
    assert len(objects(server) - before) == len(events(agreed, "segment_sealed"))
    assert account(agreed)["purged"] == 0


def test_an_opt_out_beyond_the_hold_back_purges(server: Server, agreed: Talk) -> None:
    before = objects(server)
    with stream_of(server, agreed) as stream:
        play(stream, 0, 18)
        until(lambda: account(agreed)["written"] >= 12 * RATE)
        stored = objects(server) - before
        opt_out(agreed, 5.0)
        kept = objects(server) - before
        play(stream, 18, 20)
        stream.stop()
    assert len(stored) == 3
    assert len(stored & kept) == 1, "of the segments only that before the stop is as it was"
    assert len(kept) == 2, "one stands for what was left of a segment"
    end(agreed, 20.0)
    same(heard(agreed), expected(SOUND, 20.0, (5.0, 20.0)))
    told = [(event["type"], event["data"]["segment"]) for event in events(agreed, "purge_intended", "purge_completed")]
    assert len(told) == 4
    assert {kind for kind, _ in told[::2]} == {"purge_intended"}
    assert told[1::2] == [("purge_completed", segment) for _, segment in told[::2]]
    counts = account(agreed)
    assert counts["written"] == 5 * RATE
    assert counts["purged"] == 7 * RATE
    assert counts["silenced_policy"] == 15 * RATE


def test_a_stop_after_the_end_with_an_earlier_instant_purges(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 6)
        stream.stop()
    agreed.tell("call_end", 6.0)
    until(lambda: account(agreed)["written"] == 6 * RATE)
    opt_out(agreed, 2.5)
    same(heard(agreed), expected(SOUND, 6.0, (2.5, 6.0)))
    seal(agreed)
    same(heard(agreed), expected(SOUND, 6.0, (2.5, 6.0)))
    assert account(agreed)["purged"] == round(3.5 * RATE)


def test_a_withdrawal_takes_all_that_was_recorded_under_it(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 12)
        until(lambda: account(agreed)["written"] > 0)
        agreed.tell("consent_withdrawn", 0.0, method="email")
        stream.stop()
    end(agreed, 12.0)
    assert account(agreed)["written"] == 0
    found = heard(agreed) if recordings(agreed) else np.zeros(0, np.int16)
    assert not found.any()


def test_a_stop_in_the_future_stops_then(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 2)
        opt_out(agreed, 7.3)
        play(stream, 2, 12)
        stream.stop()
    end(agreed, 12.0)
    same(heard(agreed), expected(SOUND, 12.0, (7.3, 12.0)))


def test_a_payment_stretch_is_silent_and_nothing_else(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 4)
        agreed.tell("segment_start", 3.0, segment="payment", n=1)
        play(stream, 4, 9)
        agreed.tell("segment_end", 8.0, segment="payment", n=1)
        play(stream, 9, 12)
        stream.stop()
    end(agreed, 12.0)
    same(heard(agreed), expected(SOUND, 12.0, (3.0, 8.0)))
    (gap,) = recordings(agreed)["customer"]["gaps"]
    assert gap == [3.0, 8.0, "sensitive_segment"]


def test_the_end_of_a_stretch_heard_late_gives_back_what_is_still_held(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 4)
        agreed.tell("segment_start", 3.0, segment="payment", n=1)
        play(stream, 4, 14)
        agreed.tell("segment_end", 6.0, segment="payment", n=1)
        play(stream, 14, 16)
        stream.stop()
    end(agreed, 16.0)
    same(heard(agreed), expected(SOUND, 16.0, (3.0, 9.0)))


def test_an_opt_in_never_covers_the_gap(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 4)
        opt_out(agreed, 4.0)
        play(stream, 4, 6)
        agreed.tell("opt_in", 6.0, method="verbal")
        play(stream, 6, 12)
        stream.stop()
    end(agreed, 12.0)
    same(heard(agreed), expected(SOUND, 12.0, (4.0, 6.0)))


@pytest.mark.parametrize("declines", [False, True])
def test_where_all_must_agree_one_who_declines_is_enough(server: Server, begin: Begin, *, declines: bool) -> None:
    talk = begin(
        parties=[
            {"role": "customer", "jurisdiction": "US-CA", "party_id": "first"},
            {"role": "customer", "jurisdiction": "US-CA", "party_id": "second"},
        ]
    )
    talk.tell("call_start", 0.0)
    for party in ("first", "second"):
        talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr", to=party)
    talk.tell("consent", 1.0, result="accepted", method="keypad", prompt_version="p1", party="first")
    with stream_of(server, talk) as stream:
        play(stream, 0, 6)
        result = "declined" if declines else "accepted"
        talk.tell("consent", 4.0, result=result, method="keypad", prompt_version="p1", party="second")
        play(stream, 6, 12)
        stream.stop()
    end(talk, 12.0)
    if declines:
        assert recordings(talk) == {}
    else:
        same(heard(talk), expected(SOUND, 12.0, (0, 4.0)))


def test_a_wall_clock_instant_closes_half_a_second_early(server: Server, agreed: Talk) -> None:
    started = datetime.fromisoformat(agreed.get()["started_at"])
    with stream_of(server, agreed) as stream:
        play(stream, 0, 8)
        opt_out(agreed, (started + timedelta(seconds=6)).astimezone(UTC).isoformat())
        play(stream, 8, 12)
        stream.stop()
    end(agreed, 12.0)
    found = heard(agreed)
    last = int(np.flatnonzero(found)[-1])
    assert 5.5 * RATE - FRAME - 1 <= last < 5.5 * RATE
    same(found[: last + 1], expected(SOUND, 12.0)[: last + 1])


def test_a_wall_clock_instant_opens_half_a_second_late(server: Server, talk: Talk) -> None:
    started = datetime.fromisoformat(talk.get()["started_at"])
    with stream_of(server, talk) as stream:
        play(stream, 0, 8)
        agree(talk, (started + timedelta(seconds=6)).astimezone(UTC).isoformat())
        play(stream, 8, 12)
        stream.stop()
    end(talk, 12.0)
    first = int(np.flatnonzero(heard(talk))[0])
    assert 6.5 * RATE - 1 <= first <= 6.5 * RATE + FRAME


def test_a_stop_holds_over_a_new_epoch(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 3)
        opt_out(agreed, 3.0)
        stream.drop()
    until(lambda: events(agreed, "stream_closed"))
    with Twilio(server, token=new_token(agreed), offset=4).start("inbound") as stream:
        stream.play(SOUND)
        stream.stop()
    end(agreed, 24.0)
    same(heard(agreed), expected(SOUND, 24.0, (3.0, 24.0)))


def test_after_the_end_of_the_call_nothing_is_stored(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 5)
        agreed.tell("call_end", 5.0)
        play(stream, 5, 12)
        stream.stop()
    until(lambda: account(agreed)["held"] == 0)
    seal(agreed)
    same(heard(agreed), expected(SOUND, 5.0))
    assert account(agreed)["silenced_policy"] == 7 * RATE


def test_media_after_the_seal_ends_its_socket(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 3)
        end(agreed, 3.0)
        stream.play(SOUND, [150])
        assert stream.closed() == (4410, "interaction_sealed")
    same(heard(agreed), expected(SOUND, 3.0))
    assert account(agreed)["received"] == 3 * RATE


@pytest.mark.parametrize("hold_back", ["0", "2"])
def test_the_hold_back_is_what_the_server_was_told(
    launch: Callable[..., Server], tmp_path: Path, hold_back: str
) -> None:
    server = launch(tmp_path, "--hold-back", hold_back)
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": IRISH}).json()
        talk = Talk(client, made["id"], made["stream_token"])
        talk.tell("call_start", 0.0)
        talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
        with stream_of(server, talk) as stream:
            play(stream, 0, 8)
            agree(talk, 1.0)
            play(stream, 8, 10)
            stream.stop()
        end(talk, 10.0)
        same(heard(talk), expected(SOUND, 10.0, (0, 8.0 - float(hold_back))))
    assert server.stop() == 0


def test_late_media_of_a_call_that_has_ended_is_judged_by_its_own_time(server: Server, agreed: Talk) -> None:
    with stream_of(server, agreed) as stream:
        play(stream, 0, 3)
        stream.drop()
    until(lambda: events(agreed, "stream_closed"))
    agreed.tell("call_end", 6.0)
    with Twilio(server, token=new_token(agreed), offset=0).start("inbound") as stream:
        stream.play(SOUND, range(150, 400))
        stream.stop()
    seal(agreed)
    same(heard(agreed), expected(SOUND, 6.0))
    assert account(agreed)["silenced_policy"] == 2 * RATE
