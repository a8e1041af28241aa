"""Genesys AudioHook: sessions, and the source that is steered by the verdict."""

from typing import Any

import pytest
from audiohook_calls import ANSWERED, ASKED, answers, both, finish, flags, part
from audiohook_client import AGENT, CUSTOMER, RATE, STEREO, Genesys, form
from exotel_client import pcm, samples
from media_calls import agree, events
from media_client import account, expected, heard, recordings, same, until
from serving import Server, Talk

pytest_plugins = ["audiohook_fixtures"]


def test_both_sides_are_recorded_to_the_sample(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 12))
        stream.end()
    finish(talk, 12.0)
    same(heard(talk, "customer"), expected(ASKED, 12.0))
    same(heard(talk, "agent"), expected(ANSWERED, 12.0))
    assert account(talk, "agent")["received"] == 12 * RATE
    (closed,) = events(talk, "stream_closed")
    assert closed["data"]["reason"] == "stop"
    assert answers(talk) == []


def test_the_order_of_the_channels_is_the_platforms(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys, token=talk.stream_token) as stream:
        stream.open(None, paused=False, media=form(("internal", "external")))
        stream.play(part(0, 2, ANSWERED), part(0, 2))
        stream.end()
    finish(talk, 2.0)
    same(heard(talk, "customer"), expected(ASKED, 2.0))
    same(heard(talk, "agent"), expected(ANSWERED, 2.0))


@pytest.mark.parametrize(
    ("offered", "track", "other"),
    [(form(AGENT, CUSTOMER), "customer", "agent"), (form(AGENT), "agent", "customer")],
)
def test_one_side_alone(genesys: Server, talk: Talk, offered: list[dict[str, Any]], track: str, other: str) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False, media=offered)
        stream.play(part(0, 2))
        stream.end()
    finish(talk, 2.0)
    same(heard(talk, track), expected(ASKED, 2.0))
    assert other not in recordings(talk)


def test_linear_sound_is_little_endian(genesys: Server, talk: Talk) -> None:
    given = [pcm(3.0), pcm(3.0, kind=1)]
    with Genesys(genesys) as stream:
        stream.width = 2
        stream.open(talk.stream_token, paused=False, media=form(STEREO, kind="L16"))
        stream.play(*given)
        stream.end()
    finish(talk, 3.0)
    same(heard(talk, "customer"), samples(given[0]))
    same(heard(talk, "agent"), samples(given[1]))


def test_both_sides_in_mu_law_are_preferred(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        offered = [
            *form(CUSTOMER, AGENT),
            {"type": "video", "format": "H264"},
            *form(STEREO, kind="L16"),
            *form(STEREO, rate=16000),
            *form(STEREO),
        ]
        stream.begin(talk.stream_token, offered)
        assert stream.hear("opened")["media"] == form(STEREO)
        stream.end()


def test_it_starts_paused_until_consent(genesys: Server, noticed: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(noticed.stream_token, paused=True)
        stream.skip(3.0)
        agree(noticed, 3.0)
        stream.resume(0.0)
        stream.play(*both(3, 8))
        stream.end()
    finish(noticed, 8.0)
    same(heard(noticed), expected(ASKED, 8.0, (0, 3.0)))
    counts = account(noticed)
    assert (counts["received"], counts["missing"]) == (5 * RATE, 3 * RATE)
    assert counts["silenced_gap"] == 3 * RATE
    assert answers(noticed) == [("pause", "paused", None, None), ("resume", "resumed", 0.0, 3.0)]
    assert not flags(noticed) & {"PAUSE_NOT_ACKNOWLEDGED", "MEDIA_WHILE_PAUSED", "INVALID_MEDIA"}


def test_a_payment_stretch_pauses_the_source(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 4))
        talk.tell("segment_start", 4.0, segment="payment", n=1)
        stream.pause()
        stream.skip(5.0)
        talk.tell("segment_end", 9.0, segment="payment", n=1)
        stream.resume(4.0)
        stream.play(*both(9, 12))
        stream.end()
    finish(talk, 12.0)
    same(heard(talk), expected(ASKED, 12.0, (4.0, 9.0)))
    same(heard(talk, "agent"), expected(ANSWERED, 12.0, (4.0, 9.0)))
    assert answers(talk) == [("pause", "paused", None, None), ("resume", "resumed", 4.0, 5.0)]
    counts = account(talk)
    assert (counts["received"], counts["missing"], counts["silenced_policy"]) == (7 * RATE, 5 * RATE, 0)


def test_what_is_on_its_way_when_the_gate_shuts_is_withheld(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 4))
        talk.tell("opt_out", 4.0, method="verbal", reason_code="asked")
        stream.play(*both(4, 5))
        stream.pause()
        stream.end()
    finish(talk, 5.0)
    same(heard(talk), expected(ASKED, 5.0, (4.0, 5.0)))
    assert account(talk)["silenced_policy"] == RATE
    assert answers(talk) == [("pause", "paused", None, None)]
    assert "MEDIA_WHILE_PAUSED" not in flags(talk)


def test_a_verdict_that_media_time_brings_pauses_and_resumes(genesys: Server, talk: Talk) -> None:
    """Told ahead: nothing but the position says when."""
    talk.tell("segment_start", 2.0, segment="payment", n=1)
    talk.tell("segment_end", 6.0, segment="payment", n=1)
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 2))
        stream.pause()
        stream.position += 5 * RATE
        stream.say("ping")
        stream.resume(2.0)
        stream.hear("pong")
        stream.play(*both(7, 9))
        stream.end()
    finish(talk, 9.0)
    same(heard(talk), expected(ASKED, 9.0, (2.0, 7.0)))


def test_a_verdict_that_time_brings_while_nothing_comes_resumes(genesys: Server, talk: Talk) -> None:
    """While the source is paused its present goes on with the wall."""
    talk.tell("segment_start", 1.0, segment="payment", n=1)
    talk.tell("segment_end", 1.4, segment="payment", n=1)
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 1))
        stream.pause()
        stream.position += RATE
        stream.resume(1.0)
        stream.play(*both(2, 3))
        stream.end()
    finish(talk, 3.0)
    same(heard(talk), expected(ASKED, 3.0, (1.0, 2.0)))


def test_sound_after_paused_is_withheld_and_flagged(genesys: Server, noticed: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(noticed.stream_token, paused=True)
        stream.send(*both(0, 1))
        stream.pause()
        stream.taken()
        stream.end()
    finish(noticed, 1.0)
    assert recordings(noticed) == {}
    assert answers(noticed) == [
        ("pause", "paused", None, None),
        ("pause", "media", None, None),
        ("pause", "paused", None, None),
    ]
    assert "MEDIA_WHILE_PAUSED" in flags(noticed)


def test_an_order_that_is_not_acknowledged_is_flagged_and_repeated(genesys: Server, noticed: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.begin(noticed.stream_token)
        assert stream.hear("opened")["startPaused"]
        stream.hear("pause")  # it was to be answered long ago
        until(lambda: answers(noticed))
        stream.say("paused")
        stream.end()
    assert answers(noticed) == [("pause", "none", None, None), ("pause", "paused", None, None)]
    assert "PAUSE_NOT_ACKNOWLEDGED" in flags(noticed)


def test_what_the_platform_drops_by_itself_is_accounted_for(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 2))
        stream.position += 3 * RATE
        stream.say("discarded", {"start": "PT2S", "discarded": "PT3S"})
        stream.play(*both(5, 6))
        stream.say("paused")
        stream.position += RATE
        stream.say("resumed", {"start": "PT6S", "discarded": "PT1S"})
        stream.play(*both(7, 8))
        stream.position += RATE
        stream.say("ping")
        stream.hear("pong")
        stream.play(*both(9, 10))
        stream.end()
    finish(talk, 10.0)
    same(heard(talk), expected(ASKED, 10.0, (2.0, 5.0), (6.0, 7.0), (8.0, 9.0)))
    assert account(talk)["missing"] == 5 * RATE
    assert answers(talk) == [
        ("resume", "discarded", 2.0, 3.0),
        ("resume", "paused", None, None),
        ("resume", "resumed", 6.0, 1.0),
    ]


def test_evidence_says_what_was_discarded(genesys: Server, noticed: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(noticed.stream_token, paused=True)
        stream.skip(2.5)
        agree(noticed, 2.5)
        stream.resume(0.0)
        stream.play(*both(2.5, 4))
        stream.end()
    finish(noticed, 4.0)
    told = events(noticed, "source_answered")[-1]
    assert told["t"] == 2.5
    assert told["data"].keys() == {"stream", "wish", "answer", "seconds", "start", "discarded"}
    assert told["data"]["discarded"] == 2.5
