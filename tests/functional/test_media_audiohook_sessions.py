"""Genesys AudioHook: who is let in, what ends a session, and how one goes on after another."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audiohook_calls import ASKED, answers, both, finish
from audiohook_client import NOBODY, RATE, SIGNED, Genesys, form, headers_of, secret_file
from media_calls import IRISH, events
from media_client import account, expected, heard, new_token, recordings, same, until
from serving import Server, Talk
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytest_plugins = ["audiohook_fixtures"]


def unused(server: Server, talk: Talk) -> None:
    """The session that was refused accounted for nothing and left its token as it was."""
    assert talk.get("/accounting")["tracks"] == {}
    with Genesys(server) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 1))
        stream.end()
    assert account(talk)["received"] == RATE


@pytest.mark.parametrize(
    "sign",
    [
        {"secret": bytes(32)},
        {"key": "another-key-altogether"},
        {"keyid": "another-key-altogether"},
        {"nonce": "short"},
        {"created": 1_700_000_000},
        {"expires": 1_700_000_000},
        {"covered": SIGNED[1:]},
        {"organization": str(uuid.UUID(int=9))},
    ],
)
def test_a_bad_signature_is_401(genesys: Server, sign: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Genesys(genesys, sign=sign)
    assert refused.value.response.status_code == 401


def test_an_upgrade_without_a_signature_is_401(genesys: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{genesys.ws}/v1/ingest/audiohook", compression=None)
    assert refused.value.response.status_code == 401


def test_an_upgrade_is_let_in_once(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys, token=talk.stream_token) as stream:
        again = f"{genesys.ws}/v1/ingest/audiohook?token={talk.stream_token}"
        with pytest.raises(InvalidStatus) as refused:
            connect(again, additional_headers=stream.headers, compression=None)
        assert refused.value.response.status_code == 401
        stream.open(None, paused=False)
        stream.end()


def test_another_target_than_the_signed_one_is_401(genesys: Server, talk: Talk) -> None:
    headers = headers_of(genesys, str(uuid.uuid4()), "/v1/ingest/audiohook")
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{genesys.ws}/v1/ingest/audiohook?token={talk.stream_token}", additional_headers=headers)
    assert refused.value.response.status_code == 401
    unused(genesys, talk)


def test_another_organization_in_open_is_unauthorized(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.begin(talk.stream_token, organizationId=str(uuid.UUID(int=9)))
        assert stream.refused("unauthorized", "organization_mismatch") == 4401
    unused(genesys, talk)


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_no_token_is_unauthorized(genesys: Server, token: str | None) -> None:
    with Genesys(genesys) as stream:
        stream.begin(token)
        assert stream.refused("unauthorized", "bad_stream_token") == 4401


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": str(uuid.UUID(int=7))}, "session_mismatch"),
        ({"seq": 2}, "bad_sequence"),
        ({"serverseq": 1}, "bad_sequence"),
        ({"version": "3"}, "bad_field"),
        ({"position": "soon"}, "bad_field"),
        ({"type": "opan"}, "unknown_event"),
        ({"parameters": []}, "bad_field"),
        ({"parameters": {"media": []}}, "bad_field"),
    ],
)
def test_what_is_not_of_the_protocol_ends_the_session(
    genesys: Server, talk: Talk, change: dict[str, Any], code: str
) -> None:
    with Genesys(genesys) as stream:
        message = {"version": "2", "id": stream.session, "type": "ping", "seq": 1, "serverseq": 0, "position": "PT0S"}
        stream.text({**message, "parameters": {}, **({"type": "open"} if code == "bad_field" else {}), **change})
        assert stream.refused("error", code) == 4400
    unused(genesys, talk)


def test_no_form_that_is_known_ends_the_session(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.begin(talk.stream_token, form(("external",), rate=16000))
        assert stream.refused("error", "wrong_codec") == 4400
    unused(genesys, talk)


def test_sound_before_the_session_is_open_ends_it(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys, token=talk.stream_token) as stream:
        stream.wire.send(bytes(1600))
        stream.seq = 0
        message = json.loads(stream.wire.recv(30))
        assert (message["type"], message["parameters"]["info"]) == ("disconnect", "not_started")
    unused(genesys, talk)


def test_a_frame_that_is_none_is_counted_and_the_session_goes_on(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 1))
        stream.wire.send(b"odd")
        stream.play(*both(1, 2))
        stream.end()
    finish(talk, 2.0)
    same(heard(talk), expected(ASKED, 2.0))
    (closed,) = events(talk, "stream_closed")
    assert closed["data"]["refused"] == {"uneven_frame": 1}


def test_messages_that_change_nothing_are_answered(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.say("ping", {"rtt": "PT0.025S"})
        assert stream.hear("pong") == {}
        stream.say("update", {"language": "de-AT"})
        assert stream.hear("updated") == {}
        stream.say("dtmf", {"digit": "7"})
        stream.say("error", {"code": 429, "message": "quick", "retryAfter": "PT1S"})
        stream.play(*both(0, 1))
        stream.end()
    finish(talk, 1.0)
    same(heard(talk), expected(ASKED, 1.0))


def test_a_probe_is_answered_and_leaves_nothing(genesys: Server) -> None:
    with genesys.client() as client:
        before = client.get("/v1/log/checkpoint").text
        with Genesys(genesys) as stream:
            stream.begin(None, conversationId=NOBODY, participant={"id": NOBODY, "ani": "", "aniName": "", "dnis": ""})
            assert stream.hear("opened") == {"media": [], "startPaused": False}
            stream.say("ping")
            stream.hear("pong")
            stream.end()
        assert client.get("/v1/log/checkpoint").text == before


def test_a_session_ends_without_close(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 2))
        stream.drop()
    until(lambda: events(talk, "stream_closed"))
    finish(talk, 2.0)
    same(heard(talk), expected(ASKED, 2.0))
    assert events(talk, "stream_closed")[0]["data"]["reason"] == "disconnected"


def test_a_seal_ends_a_session_that_is_paused(genesys: Server, noticed: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(noticed.stream_token, paused=True)
        until(lambda: answers(noticed))
        finish(noticed, 1.0)
        assert stream.refused("completed", "interaction_sealed") == 4410


def test_a_second_session_for_a_live_track_is_refused(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream, Genesys(genesys) as second:
        stream.open(talk.stream_token, paused=False)
        second.begin(new_token(talk))
        assert second.refused("error", "stream_conflict") == 4409
        stream.play(*both(0, 1))
        stream.end()
    assert account(talk)["received"] == RATE


def continuing(stream: Genesys) -> list[dict[str, Any]]:
    return [{"id": stream.session, "serverseq": stream.serverseq, "clientseq": stream.seq}]


def test_a_session_goes_on_as_a_new_epoch(genesys: Server, talk: Talk) -> None:
    """The token is the one that the first session used up; the place is told by `offset`."""
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 3))
        stream.drop()
        config = {"customConfig": {"token": talk.stream_token, "offset": 0}}
        with Genesys(genesys) as second:
            second.position = 5 * RATE
            second.open(None, paused=False, continuedSessions=continuing(stream), **config)
            second.play(*both(5, 8))
            second.end()
    finish(talk, 8.0)
    same(heard(talk), expected(ASKED, 8.0, (3.0, 5.0)))
    assert [event["data"]["epoch"] for event in events(talk, "stream_opened")] == [0, 1]


def test_without_an_offset_a_later_session_begins_when_it_connects(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 3))
        stream.say("close", {"reason": "reconnect"})
        stream.hear("closed")
        with Genesys(genesys) as second:
            second.position = 3 * RATE
            second.open(talk.stream_token, paused=False, continuedSessions=continuing(stream))
            second.play(*both(0, 3))
            second.end()
    opened = events(talk, "stream_opened")
    assert [event["data"]["uncertainty"] for event in opened] == [0.0, 0.5]
    assert account(talk)["received"] == 6 * RATE
    assert events(talk, "stream_closed")[0]["data"]["reason"] == "reconnect"


def test_a_session_takes_the_place_of_the_one_it_continues(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream, Genesys(genesys) as second:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 1))
        second.open(talk.stream_token, paused=False, continuedSessions=continuing(stream))
        assert stream.refused("error", "continued") == 1000
        second.end()
    assert [event["data"]["reason"] for event in events(talk, "stream_closed")] == ["continued", "stop"]


def test_a_used_token_is_for_the_session_that_goes_on_alone(genesys: Server, talk: Talk) -> None:
    with Genesys(genesys) as stream:
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 1))
        stream.end()
    for continued in ([], [{"id": str(uuid.uuid4()), "serverseq": 0, "clientseq": 0}]):
        with Genesys(genesys) as other:
            other.begin(talk.stream_token, continuedSessions=continued)
            assert other.refused("unauthorized", "bad_stream_token") == 4401
    with Genesys(genesys) as second:
        second.open(talk.stream_token, paused=False, continuedSessions=continuing(stream))
        second.end()
    with Genesys(genesys) as third:
        third.begin(talk.stream_token, continuedSessions=continuing(stream))
        assert third.refused("unauthorized", "bad_stream_token") == 4401


def test_the_end_of_the_server_asks_for_a_reconnect(launch: Callable[..., Server], tmp_path: Path) -> None:
    """After the restart the gates are shut until an event: so is the source."""
    secret = str(secret_file(tmp_path))
    first = launch(tmp_path, "--audiohook-secret-file", secret)
    with first.client() as client:
        made = client.post("/v1/interactions", json={"parties": IRISH}).json()
    with first.client() as client, Genesys(first) as stream:
        talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
        stream.open(talk.stream_token, paused=False)
        stream.play(*both(0, 3))
        first.process.terminate()
        assert stream.hear("reconnect") == {"info": "going_away"}
        assert first.process.wait(30) == 0
    again = launch(tmp_path, "--audiohook-secret-file", secret)
    with again.client() as client, Genesys(again) as second:
        talk = Talk(client, made["id"], made["stream_token"])
        config = {"customConfig": {"token": made["stream_token"], "offset": 0}}
        second.position = 3 * RATE
        second.open(None, paused=True, continuedSessions=continuing(stream), **config)
        second.skip(1.0)
        talk.tell("prompt_delivered", 4.0, prompt_version="p1", channel="ivr")
        second.resume(3.0)
        second.play(*both(4, 6))
        second.end()
        finish(talk, 6.0)
        same(heard(talk), expected(ASKED, 6.0, (3.0, 4.0)))
        assert answers(talk)[-1] == ("resume", "resumed", 3.0, 1.0)
    assert again.stop() == 0


def test_without_the_secret_the_door_takes_whoever_has_a_token(server: Server) -> None:
    assert '"door": "audiohook"' in server.log.read_text()
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": IRISH}).json()
        talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
        with Genesys(server, sign={"secret": bytes(32)}) as stream:
            stream.open(talk.stream_token, paused=False)
            stream.play(*both(0, 1))
            stream.end()
        finish(talk, 1.0)
        same(heard(talk), expected(ASKED, 1.0))
        assert recordings(talk).keys() == {"customer", "agent"}


def test_a_file_without_a_secret_stops_the_start(tmp_path: Path, launch: Callable[..., Server]) -> None:
    file = tmp_path / "secret"
    file.write_text("key\nnot base64")
    with pytest.raises(AssertionError, match="secret_malformed"):
        launch(tmp_path, "--audiohook-secret-file", str(file))


def bound(talk: Talk, conversation: str) -> None:
    made = talk.client.post(f"{talk.path}/stream-tokens", json={"audiohook_conversation": conversation.upper()})
    assert made.status_code == 201, made.text


def test_a_conversation_that_a_token_was_made_for_needs_none(genesys: Server, talk: Talk) -> None:
    conversation = str(uuid.uuid4())
    bound(talk, conversation)
    for again in (False, True):
        with Genesys(genesys) as stream:
            if not again:
                stream.open(None, paused=False, conversationId=conversation)
                stream.play(*both(0, 1))
                stream.end()
            else:
                stream.begin(None, conversationId=conversation)
                assert stream.refused("unauthorized", "bad_stream_token") == 4401
    with Genesys(genesys) as other:
        other.begin(None)
        assert other.refused("unauthorized", "bad_stream_token") == 4401
    bound(talk, conversation)
    with Genesys(genesys) as transferred:
        transferred.open(None, paused=False, conversationId=conversation, customConfig={"offset": 1})
        transferred.play(*both(1, 2))
        transferred.end()
    finish(talk, 2.0)
    same(heard(talk), expected(ASKED, 2.0))


@pytest.mark.parametrize("named", ["", "soon", 7, NOBODY + "0"])
def test_a_conversation_is_named_by_a_uuid(talk: Talk, named: object) -> None:
    answer = talk.client.post(f"{talk.path}/stream-tokens", json={"audiohook_conversation": named})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_without_the_secret_nobody_is_believed_whose_call_it_is(server: Server) -> None:
    conversation = str(uuid.uuid4())
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": IRISH}).json()
        talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
        bound(talk, conversation)
        with Genesys(server) as stream:
            stream.begin(None, conversationId=conversation)
            assert stream.refused("unauthorized", "bad_stream_token") == 4401
        with Genesys(server) as first:
            first.open(talk.stream_token, paused=False)
            first.end()
        with Genesys(server) as second:
            second.begin(talk.stream_token, continuedSessions=continuing(first))
            assert second.refused("unauthorized", "bad_stream_token") == 4401
