import asyncio
import json
from base64 import b64decode
from dataclasses import replace

import picows
import pytest

from onrecord.entrypoints.cli.demo_call.call import load
from onrecord.entrypoints.cli.rehearsal import player
from onrecord.entrypoints.cli.rehearsal.player import StreamError, play

WHOLE = load()
FRAMES = 10
SHORT = replace(
    WHOLE,
    duration_s=FRAMES / 50,
    ulaw={name: data[8_000 : 8_000 + FRAMES * 160] for name, data in WHOLE.ulaw.items()},
)


class Server(picows.WSListener):
    """Keeps what it receives; with `close_with` it closes at the second message."""

    def __init__(self, close_with=None):
        self.path = ""
        self.messages = []
        self.arrived = asyncio.Event()
        self.close_with = close_with

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close()
            transport.disconnect()
            return
        self.messages.append(json.loads(frame.get_payload_as_bytes()))
        self.arrived.set()
        if self.close_with and len(self.messages) == 2:
            transport.send_close(self.close_with)

    def accept(self, request):
        self.path = request.path.decode()
        return self


async def nothing(t):
    pass


def played(server, call, on_time=nothing, **options):
    async def run():
        listening = await picows.ws_create_server(server.accept, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        try:
            await play(call, f"ws://127.0.0.1:{port}", "a token/1", on_time, **options)
        finally:
            listening.close()
            await listening.wait_closed()

    asyncio.run(run())
    return server.messages


def test_the_whole_call_arrives_as_it_was_shipped():
    messages = played(Server(), WHOLE)
    media = [message["media"] for message in messages if message["event"] == "media"]
    assert len(media) == 2 * round(WHOLE.duration_s * 50)
    for track, channel in (("inbound", "customer"), ("outbound", "agent")):
        assert b"".join(b64decode(m["payload"]) for m in media if m["track"] == track) == WHOLE.ulaw[channel]


def test_the_messages_have_twilios_form():
    server = Server()
    connected, start, *media, stop = played(server, SHORT, offset=2.5)
    assert server.path == "/v1/ingest/twilio?token=a%20token%2F1"
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"]["customParameters"] == {"token": "a token/1", "offset": "2.5"}
    assert start["start"]["tracks"] == ["inbound", "outbound"]
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert [message["sequenceNumber"] for message in (start, *media, stop)] == [
        str(number) for number in range(1, 2 * FRAMES + 3)
    ]
    assert [(m["media"]["track"], m["media"]["chunk"], m["media"]["timestamp"]) for m in media] == [
        (track, str(index + 1), str(20 * index)) for index in range(FRAMES) for track in ("inbound", "outbound")
    ]
    assert stop["event"] == "stop"
    assert len({message["streamSid"] for message in (start, *media, stop)}) == 1


def test_on_time_comes_before_the_media_of_that_instant():
    server = Server()
    instants = []

    async def on_time(t):
        sent = 2 + 2 * len(instants)
        while len(server.messages) < sent:
            server.arrived.clear()
            await server.arrived.wait()
        assert len(server.messages) == sent
        instants.append(round(t, 6))

    played(server, SHORT, on_time, offset=10.0)
    assert instants == [round(10 + index / 50, 6) for index in range(FRAMES + 1)]


def test_speed_is_media_seconds_a_second(monkeypatch):
    waits = []
    sleep = asyncio.sleep

    async def waited(delay):
        waits.append(delay)
        await sleep(0)

    monkeypatch.setattr(player.asyncio, "sleep", waited)
    played(Server(), SHORT, speed=0.02 / 1000)
    assert [round(delay, -3) for delay in waits if delay] == [1000 * index for index in range(1, FRAMES)]


def test_a_close_by_the_server_is_an_error():
    with pytest.raises(StreamError, match="4409") as caught:
        played(Server(close_with=4409), WHOLE)
    assert caught.value.code == "stream_cut"


def test_a_connection_that_breaks_is_an_error():
    class Breaking(Server):
        def on_ws_frame(self, transport, frame):
            transport.disconnect(graceful=False)

    with pytest.raises(StreamError) as caught:
        played(Breaking(), WHOLE)
    assert caught.value.code == "stream_cut"


@pytest.mark.parametrize(("code", "regular"), [(1000, True), (1011, False)])
def test_the_code_of_the_last_close_counts(code, regular):
    class Closing(Server):
        def on_ws_frame(self, transport, frame):
            if frame.msg_type == picows.WSMsgType.CLOSE:
                transport.send_close(code)
                transport.disconnect()

    if regular:
        played(Closing(), SHORT)
    else:
        with pytest.raises(StreamError, match="1011"):
            played(Closing(), SHORT)


def test_a_server_may_close_at_stop():
    class Prompt(Server):
        def on_ws_frame(self, transport, frame):
            super().on_ws_frame(transport, frame)
            if self.messages[-1]["event"] == "stop":
                transport.send_close(1000)

    assert played(Prompt(), SHORT)[-1]["event"] == "stop"


def test_a_refused_upgrade_is_an_error():
    class Refusing(Server):
        def accept(self, request):
            return None

    with pytest.raises(StreamError) as caught:
        played(Refusing(), SHORT)
    assert caught.value.code == "stream_refused"


def test_no_server_is_an_error():
    with pytest.raises(StreamError) as caught:
        asyncio.run(play(SHORT, "ws://127.0.0.1:1", "t", nothing))
    assert caught.value.code == "stream_refused"


def test_an_error_of_on_time_ends_the_stream():
    server = Server()

    async def fails(t):
        if t >= 0.1:
            raise TimeoutError("the event was not answered")

    with pytest.raises(TimeoutError):
        played(server, SHORT, fails)
    assert all(message["event"] != "stop" for message in server.messages)


def test_a_server_that_never_answers_the_close_is_an_error(monkeypatch):
    class Deaf(Server):
        def on_ws_frame(self, transport, frame):
            pass

    monkeypatch.setattr(player, "CLOSE_TIMEOUT_S", 0.0)
    with pytest.raises(StreamError) as caught:
        played(Deaf(), SHORT)
    assert caught.value.code == "stream_cut"
