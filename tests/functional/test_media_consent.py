"""What consent allows, over media time, through the real server: stored sound against the sound that was sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from media_calls import IRISH, SOUND, Begin, agree, end, opt_out, play, stream_of
from media_client import FRAME, RATE, account, expected, heard, recordings, same
from serving import Server, Talk

pytest_plugins = ["media_fixtures"]


def objects(server: Server) -> set[str]:
    return {path.name for path in (server.folder / "data" / "objects").rglob("*") if path.is_file()}


def test_without_consent_there_is_no_recording(server: Server, noticed: Talk) -> None:
    before = objects(server)
    with stream_of(server, noticed) as stream:
        play(stream, 0, 12)
        stream.stop()
    end(noticed, 12.0)
    assert recordings(noticed) == {}
    assert objects(server) == before
    counts = account(noticed)
    assert counts == {**dict.fromkeys(counts, 0), "received": 12 * RATE, "silenced_policy": 12 * RATE}


def test_a_refusal_leaves_nothing(server: Server, noticed: Talk) -> None:
    with stream_of(server, noticed) as stream:
        play(stream, 0, 3)
        agree(noticed, 3.0, "declined")
        play(stream, 3, 12)
        stream.stop()
    end(noticed, 12.0)
    assert recordings(noticed) == {}


@pytest.mark.parametrize("t", [2.0, 2.003, 2.5 + 1 / 8000, 4.9999])
def test_consent_opens_to_within_a_frame(server: Server, noticed: Talk, t: float) -> None:
    with stream_of(server, noticed) as stream:
        play(stream, 0, 5)
        agree(noticed, t)
        play(stream, 5, 12)
        stream.stop()
    end(noticed, 12.0)
    opens = np.ceil(t * 50) / 50
    same(heard(noticed), expected(SOUND, 12.0, (0, opens)))


def test_consent_opens_what_is_still_held_and_no_more(server: Server, noticed: Talk) -> None:
    """Audio from before the hold-back was judged when it left it."""
    with stream_of(server, noticed) as stream:
        play(stream, 0, 10)
        agree(noticed, 2.0)
        play(stream, 10, 12)
        stream.stop()
    end(noticed, 12.0)
    same(heard(noticed), expected(SOUND, 12.0, (0, 5.0)))
    assert recordings(noticed)["customer"]["gaps"][0][:2] == [0.0, 2.0]


def test_a_payment_stretch_is_silent_and_nothing_else(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 4)
        talk.tell("segment_start", 3.0, segment="payment", n=1)
        play(stream, 4, 9)
        talk.tell("segment_end", 8.0, segment="payment", n=1)
        play(stream, 9, 12)
        stream.stop()
    end(talk, 12.0)
    same(heard(talk), expected(SOUND, 12.0, (3.0, 8.0)))
    (gap,) = recordings(talk)["customer"]["gaps"]
    assert gap == [3.0, 8.0, "sensitive_segment"]


def test_the_end_of_a_stretch_heard_late_gives_back_what_is_still_held(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 4)
        talk.tell("segment_start", 3.0, segment="payment", n=1)
        play(stream, 4, 14)
        talk.tell("segment_end", 6.0, segment="payment", n=1)
        play(stream, 14, 16)
        stream.stop()
    end(talk, 16.0)
    same(heard(talk), expected(SOUND, 16.0, (3.0, 9.0)))


def test_an_opt_in_never_covers_the_gap(server: Server, talk: Talk) -> None:
    with stream_of(server, talk) as stream:
        play(stream, 0, 4)
        opt_out(talk, 4.0)
        play(stream, 4, 6)
        talk.tell("opt_in", 6.0, method="verbal")
        play(stream, 6, 12)
        stream.stop()
    end(talk, 12.0)
    same(heard(talk), expected(SOUND, 12.0, (4.0, 6.0)))


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


def test_a_wall_clock_instant_opens_half_a_second_late(server: Server, noticed: Talk) -> None:
    started = datetime.fromisoformat(noticed.get()["started_at"])
    with stream_of(server, noticed) as stream:
        play(stream, 0, 8)
        agree(noticed, (started + timedelta(seconds=6)).astimezone(UTC).isoformat())
        play(stream, 8, 12)
        stream.stop()
    end(noticed, 12.0)
    first = int(np.flatnonzero(heard(noticed))[0])
    assert 6.5 * RATE - 1 <= first <= 6.5 * RATE + FRAME


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
