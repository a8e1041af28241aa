"""Calls to play media into; loaded as a plugin by the tests of media."""

import json
from collections.abc import Iterator

import pytest
from media_calls import IRISH, MARK, Begin, agree
from media_client import Twilio, expected, heard, same, seal, sound
from serving import Server, Talk


@pytest.fixture
def noticed(begin: Begin) -> Talk:
    """Begun, notice given, nobody asked."""
    made = begin(parties=IRISH)
    made.tell("call_start", 0.0)
    made.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
    return made


@pytest.fixture
def talk(noticed: Talk) -> Talk:
    """Consent from second 0 on."""
    agree(noticed, 0.0)
    return noticed


@pytest.fixture(scope="module")
def other(server: Server) -> Iterator[Twilio]:
    """Another call, recorded through all of this module and found untouched at its end."""
    given = sound(120.0)
    with server.client() as client:
        made = client.post("/v1/interactions", json={"parties": IRISH}).json()
        talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
        with Twilio(server, token=talk.stream_token) as stream:
            stream.start("inbound")
            yield stream
            heard_for = stream.sequence // 5 * 0.1
            stream.stop()
        talk.tell("call_end", heard_for)
        seal(talk)
        same(heard(talk), expected(given, heard_for))


@pytest.fixture
def undisturbed(server: Server, other: Twilio) -> Iterator[None]:
    """Around the test the other call goes on, and the log stays free of what was sent."""
    before = len(server.log.read_text())
    yield
    first = other.sequence - 1  # the start had a number too
    other.play(sound(120.0), range(first, first + 5))
    other.taken()
    log = server.log.read_text()[before:]
    assert MARK not in log
    assert "Traceback" not in log
    for line in log.splitlines():
        json.loads(line)
