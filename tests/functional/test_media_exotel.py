"""Exotel's streams, Stream and Voicebot: what may come and still be recorded to the sample, and what is refused."""

import base64
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from exotel_client import CALLED, CALLER, Exotel, pcm, samples
from media_calls import MARK, end, events, refused
from media_client import RATE, STREAM, Media, Samples, account, heard, new_token, recordings, same, until
from serving import Server, Talk, start
from websockets.exceptions import InvalidStatus

pytest_plugins = ["media_fixtures"]

FRAME = RATE // 10


def counts(talk: Talk, track: str = "customer", **expected: int) -> None:
    """The account of a track is this, and nothing else is in it."""
    found = account(talk, track)
    assert found == {**dict.fromkeys(found, 0), **expected}


def silent(given: bytes, *stretches: tuple[float, float]) -> Samples:
    found = samples(given).copy()
    for first, last in stretches:
        found[round(first * RATE) : round(last * RATE)] = 0
    return found


def reasons(talk: Talk) -> list[str]:
    return [event["data"]["reason"] for event in events(talk, "stream_closed")]


def unused(server: Server, talk: Talk) -> None:
    """The socket that was refused accounted for nothing and left its token as it was."""
    assert talk.get("/accounting")["tracks"] == {}
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start()
        stream.play(pcm(1.0))
        stream.stop()
    assert account(talk)["received"] == RATE


@pytest.mark.parametrize("number", [str, int])
def test_numbers_come_as_texts_or_as_integers(server: Server, talk: Talk, number: Callable[[int], int | str]) -> None:
    given = pcm(2.0)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.number = number
        stream.start(sample_rate=number(RATE))
        stream.play(given)
        stream.stop(reason="stopped")
    end(talk, 2.0)
    same(heard(talk), samples(given))
    counts(talk, received=2 * RATE, written=2 * RATE)
    assert reasons(talk) == ["stopped"]


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
@pytest.mark.parametrize("told", ["in the start", "in the query"])
def test_the_sample_rates(server: Server, talk: Talk, rate: int, told: str) -> None:
    given = pcm(2.0, rate)
    query = {} if told == "in the start" else {"sample-rate": rate}
    with Exotel(server, token=talk.stream_token, **query) as stream:
        stream.start(sample_rate=None if query else str(rate))
        stream.play(given, size=rate // 10, rate=rate)
        stream.stop(reason="callended")
    end(talk, 2.0)
    same(heard(talk, rate=rate), samples(given))
    counts(talk, received=2 * rate, written=2 * rate)


def test_the_rate_of_the_start_stands_before_that_of_the_query_and_8000_hz_is_the_rest(
    server: Server, talk: Talk, begin: Callable[..., Talk]
) -> None:
    for said, query, rate in (("16000", {"sample-rate": 24000}, 16000), (None, {}, 8000)):
        other = begin()
        with Exotel(server, token=other.stream_token, **query) as stream:
            stream.start(sample_rate=said)
            stream.stop()
        (opened,) = events(other, "stream_opened")
        assert opened["data"]["tracks"][0]["rate"] == rate
    with Exotel(server, token=talk.stream_token, **{"sample-rate": MARK}) as stream:
        stream.start(sample_rate=None)
        assert stream.closed() == (4400, "wrong_codec")
    unused(server, talk)


@pytest.mark.parametrize(("rate", "size"), [(8000, 160), (24000, 160), (24000, 1777), (16000, 37), (8000, 40_000)])
def test_frames_of_any_size_are_placed_to_the_sample(server: Server, talk: Talk, rate: int, size: int) -> None:
    """320 bytes at 24 kHz last 6.67 ms, and stamps are whole milliseconds."""
    given = pcm(10.0, rate)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start(sample_rate=str(rate))
        stream.play(given, size=size, rate=rate)
        stream.stop()
    end(talk, 10.0)
    same(heard(talk, rate=rate), samples(given))
    counts(talk, received=10 * rate, written=10 * rate)


@pytest.mark.parametrize("way", ["query", "parameters"])
def test_token_offset_and_track_by_query_or_as_parameters(server: Server, talk: Talk, way: str) -> None:
    given = pcm(1.0)
    said = {"token": talk.stream_token, "offset": "0.5", "track": "agent"}
    with Exotel(server, **(said if way == "query" else {})) as stream:
        stream.start({} if way == "query" else said)
        stream.play(given)
        stream.stop()
    end(talk, 1.5)
    assert set(recordings(talk)) == {"agent"}
    same(heard(talk, "agent"), np.concatenate([np.zeros(RATE // 2, np.int16), samples(given)]))


def test_two_sockets_of_one_call_are_two_tracks(server: Server, talk: Talk) -> None:
    given = {"customer": pcm(2.0), "agent": pcm(2.0, kind=1)}
    with (
        Exotel(server, token=talk.stream_token, offset=0) as one,
        Exotel(server, token=new_token(talk), offset=0, track="agent") as two,
    ):
        one.start().play(given["customer"])
        two.start().play(given["agent"])
        one.stop()
        two.stop()
    end(talk, 2.0)
    for track, sent in given.items():
        same(heard(talk, track), samples(sent))


@pytest.mark.parametrize("track", ["", "a b", "x" * 65, f"{MARK}/", "\u00e9"])
def test_a_track_by_another_name_than_a_code_is_refused(server: Server, talk: Talk, track: str) -> None:
    before = len(server.log.read_text())
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start({"track": track})
        assert stream.closed() == (4400, "bad_field")
    if track:  # in a query an empty value is none
        with Exotel(server, token=talk.stream_token, track=track) as stream:
            stream.start()
            assert stream.closed() == (4400, "bad_field")
    assert server.log.read_text()[before:] == ""
    unused(server, talk)


@pytest.mark.parametrize(
    "form",
    [
        {"encoding": "audio/x-mulaw"},
        {"encoding": "audio/x-alaw"},
        {"encoding": "audio/L16"},  # by its registration that is big-endian (RFC 2586)
        {"encoding": MARK},
        {"sample_rate": "44100"},
        {"sample_rate": 0},
        {"sample_rate": -8000},
        {"bit_rate": "8"},
        {"bit_rate": 24},
        {"channels": 2},
    ],
)
def test_another_format_is_refused(server: Server, talk: Talk, form: dict[str, Any]) -> None:
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start(**form)
        assert stream.closed() == (4400, "wrong_codec")
    unused(server, talk)


def test_older_pages_name_the_format_otherwise(server: Server, begin: Callable[..., Talk]) -> None:
    for form in ({"encoding": "base64", "bit_rate": "128kbps"}, {"encoding": "raw/slin", "bit_rate": None}):
        talk = begin()
        with Exotel(server, token=talk.stream_token) as stream:
            stream.start(**form)
            stream.play(pcm(0.5))
            stream.stop()
        counts(talk, received=RATE // 2, held=RATE // 2)


def test_sequence_and_chunk_numbers_are_not_believed(server: Server, talk: Talk) -> None:
    given = pcm(4.0)
    chance = np.random.default_rng(4)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start()
        stream.play(given, [0])
        for frame in chance.permutation(40):
            stream.sequence = iter([int(chance.integers(5))] * 2)
            payload = given[2 * frame * FRAME :][: 2 * FRAME]
            for _ in range(2):
                stream.media(payload, int(frame) * 100, chunk=str(chance.integers(9)))
        stream.sequence = iter([7])
        stream.stop()
    end(talk, 4.0)
    same(heard(talk), samples(given))
    counts(talk, received=81 * FRAME, written=40 * FRAME, duplicate=41 * FRAME)


def test_missing_frames_are_silence_and_counted(server: Server, talk: Talk) -> None:
    given = pcm(3.0)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start()
        stream.play(given, [frame for frame in range(30) if frame not in {0, 8, 9, 20}])
        stream.stop()
    end(talk, 3.0)
    same(heard(talk), silent(given, (0, 0.1), (0.8, 1.0), (2.0, 2.1)))
    counts(talk, received=26 * FRAME, missing=4 * FRAME, silenced_gap=4 * FRAME, written=26 * FRAME)


def test_a_stream_that_breaks_off_continues_as_a_new_epoch(server: Server, talk: Talk) -> None:
    given = pcm(6.0)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start().play(given, range(20))
        stream.taken()
        stream.drop()
    until(lambda: reasons(talk))
    with Exotel(server, token=new_token(talk), offset=3.0) as stream:
        stream.start().play(given[6 * RATE :])
        stream.stop(reason="callended")
    end(talk, 6.0)
    same(heard(talk), silent(given, (2.0, 3.0)))
    counts(talk, received=5 * RATE, missing=RATE, silenced_gap=RATE, written=5 * RATE)
    assert recordings(talk)["customer"]["gaps"] == [[2.0, 3.0, "disconnected"]]
    assert reasons(talk) == ["disconnected", "callended"]


def test_a_second_socket_of_a_live_track_is_refused(server: Server, talk: Talk) -> None:
    given, token = pcm(2.0), new_token(talk)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start().play(given, range(10))
        stream.taken()
        with Exotel(server, token=token) as second:
            second.start()
            assert second.closed() == (4409, "stream_conflict")
        stream.start().play(given, range(10, 20))  # a second start on the same socket is refused alone
        stream.stop()
    end(talk, 2.0)
    same(heard(talk), samples(given))
    assert refused(talk) == {"already_started": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"reason": "stopped"}, "stopped"),
        ({"reason": "callended"}, "callended"),
        ({"reason": MARK}, "unknown"),
        ({"reason": {"text": MARK}}, "unknown"),
        ({"reason": None}, "stop"),
        ({}, "stop"),
    ],
)
def test_the_reason_of_a_stop_is_one_of_a_closed_list(
    server: Server, begin: Callable[..., Talk], body: dict[str, Any], reason: str
) -> None:
    talk = begin()
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start()
        stream.stop(**body)
    until(lambda: reasons(talk))
    assert reasons(talk) == [reason]
    assert MARK not in json.dumps(talk.get("/timeline"))


def test_who_calls_and_what_is_pressed_is_kept_nowhere(server: Server, talk: Talk) -> None:
    given = pcm(1.0)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start({"note": MARK})
        for digit in "4000056655665556":
            stream.key(digit)
        stream.key(MARK)
        stream.mark(MARK)
        stream.text({"event": "clear", "stream_sid": STREAM, "note": MARK})
        stream.play(given)
        stream.stop(reason="callended")
    end(talk, 1.0)
    same(heard(talk), samples(given))
    assert refused(talk) == {}
    kept = json.dumps([talk.get("/timeline"), talk.get(), talk.get("/artifacts")]) + server.log.read_text()
    for said in (CALLER, CALLED, MARK, "4000056655665556", '"5", "6"'):
        assert said not in kept


def media_of(**other: Any) -> str:
    body = {"chunk": "1", "timestamp": "0", "payload": base64.b64encode(bytes(320)).decode(), **other}
    told = {name: value for name, value in body.items() if value is not None}
    return json.dumps({"event": "media", "sequence_number": "2", "stream_sid": STREAM, "media": told})


BAD = {
    "truncated": (media_of(note=MARK)[:-30], "bad_json", 0),
    "no object": (f'["{MARK}"]', "bad_json", 0),
    "no event": (json.dumps({"note": MARK}), "missing_field", 0),
    "unknown event": (json.dumps({"event": MARK}), "unknown_event", 0),
    "base64": (media_of(payload=f"{MARK}!"), "bad_base64", 160),
    "no payload": (media_of(payload=None), "missing_field", 160),
    "no timestamp": (media_of(timestamp=None), "missing_field", 160),
    "timestamp": (media_of(timestamp=MARK), "bad_field", 160),
    "fraction": (media_of(timestamp=1.5), "bad_field", 160),
    "track": (media_of(track=MARK), "unknown_track", 160),
    "outbound": (media_of(track="outbound"), "unknown_track", 160),
    "half a sample": (media_of(payload="AAAA"), "odd_bytes", 2),
    "before the stream": (media_of(timestamp="-100"), "position_negative", 160),
    "far ahead": (media_of(timestamp=2**50), "position_far_ahead", 160),
    "too large": (media_of(payload="A" * 170_000), "frame_too_large", 0),
    "binary": (struct.pack(">BQ", 0, 0) + bytes(320), "bad_json", 0),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_is_refused_alone(server: Server, talk: Talk, case: str) -> None:
    message, code, invalid = BAD[case]
    given = pcm(2.0)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start().play(given, range(10))
        stream.wire.send(message)
        stream.play(given, range(10, 20))
        stream.stop()
    end(talk, 2.0)
    same(heard(talk), samples(given))
    counts(talk, received=2 * RATE + invalid, written=2 * RATE, invalid=invalid)
    assert refused(talk) == {code: 1}
    assert MARK not in server.log.read_text()


@pytest.mark.parametrize("first", ["media", "stop"])
def test_a_stream_begins_with_its_start(server: Server, talk: Talk, first: str) -> None:
    with Exotel(server, token=talk.stream_token) as stream:
        if first == "media":
            stream.media(bytes(320), 0)
            assert stream.closed() == (4400, "not_started")
        else:
            stream.stop()
    unused(server, talk)


def test_two_voices_never_come_to_lie_in_one_track(server: Server, talk: Talk) -> None:
    """An applet that is told to send both sides names them in each message."""
    given, other = pcm(1.0), pcm(1.0, kind=1)
    with Exotel(server, token=talk.stream_token) as one:
        one.start()
        for at in range(10):
            one.media(given[2 * at * FRAME :][: 2 * FRAME], at * 100, track="inbound")
            one.media(other[2 * at * FRAME :][: 2 * FRAME], at * 100, track="outbound")
        one.stop()
    with Exotel(server, token=new_token(talk), offset=0, track="agent") as two:
        two.start()
        for at in range(10):
            two.media(other[2 * at * FRAME :][: 2 * FRAME], at * 100, track="outbound")
            two.media(given[2 * at * FRAME :][: 2 * FRAME], at * 100, track="inbound")
        two.stop()
    end(talk, 1.0)
    same(heard(talk), samples(given))
    same(heard(talk, "agent"), samples(other))
    for track in ("customer", "agent"):
        assert account(talk, track)["duplicate"] == 0
        assert refused(talk) == {"unknown_track": 10}


def test_the_other_side_ends_no_stream_however_long_it_speaks(server: Server, talk: Talk) -> None:
    given = pcm(1.0)
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start()
        for at in range(210):
            stream.media(given[: 2 * FRAME], at * 100, track="outbound")
        stream.media(given, 0, track="inbound")
        stream.stop()
    end(talk, 1.0)
    same(heard(talk), samples(given))
    assert refused(talk) == {"unknown_track": 210}


@pytest.fixture(scope="module")
def closed(launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, str]:
    folder = tmp_path_factory.mktemp("basic")
    password = os.urandom(12).hex() + ":x"  # all after the first colon is the password
    (folder / "exotel").write_text(f"key-1:{password}\n")
    return launch(folder, "--exotel-basic-file", str(folder / "exotel")), password


def basic(shown: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(shown.encode()).decode()}"}


def test_credentials_are_needed_where_they_are_known(closed: tuple[Server, str]) -> None:
    server, password = closed
    with server.client() as client:
        made = client.post("/v1/interactions", json={}).json()
    token = made["stream_token"]
    wrong = [
        {},
        {"Authorization": "Basic"},
        {"Authorization": f"Basic {password}"},
        {"Authorization": "Basic ===="},
        basic(""),
        basic("key-1:"),
        basic(f"key-1:{password[:-1]}"),
        basic(f"key-1:{password}x"),
        basic(f"KEY-1:{password}"),
        basic(f"key-1:{password}", "Bearer"),
        {"Authorization": f"key-1:{password}"},
        {"X-Twilio-Signature": password},
    ]
    for headers in wrong:
        with pytest.raises(InvalidStatus) as answer, Exotel(server, headers, token=token):
            pass
        assert answer.value.response.status_code == 401
        assert answer.value.response.headers["WWW-Authenticate"].startswith("Basic realm=")
    with Exotel(server, basic(f"key-1:{password}", "basic"), token=token) as stream:
        stream.start()
        stream.stop()
    in_url = server.ws.replace("ws://", f"ws://key-1:{quote(password)}@")  # arrives as the header
    with Media(in_url, "exotel", token=token) as again:
        again.text({"event": "stop"})
        assert again.closed() == (1000, "")
    with Media(server.ws, "stream") as neutral:
        neutral.text({"event": "stop"})
        assert neutral.closed() == (1000, "")
    log = server.log.read_text()
    for secret in (password, token, base64.b64encode(f"key-1:{password}".encode()).decode()):
        assert secret not in log
    warned = [line["door"] for line in map(json.loads, log.splitlines()) if line["event"] == "platform_signatures_off"]
    assert "exotel" not in warned
    assert "twilio" in warned


def test_without_credentials_the_server_says_so(server: Server) -> None:
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert "exotel" in [line["door"] for line in lines if line["event"] == "platform_signatures_off"]


@pytest.mark.parametrize(("text", "code"), [("no colon", "secret_malformed"), (None, "secret_unreadable")])
def test_a_file_without_credentials_stops_the_start(tmp_path: Path, text: str | None, code: str) -> None:
    file = tmp_path / "basic"
    if text is not None:
        file.write_text(text)
    with pytest.raises(AssertionError, match=code):
        start(tmp_path / "server", "--exotel-basic-file", str(file))
    assert not (tmp_path / "server" / "data").exists()
