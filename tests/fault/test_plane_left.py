"""What leaves memory goes with the last reference to it: the garbage collector seldom looks."""

import asyncio
import gc
import json
import socket
import weakref

import pytest
import test_plane_faults
from plane_life import RATE, TRACKS, WHO, Life, sound
from plane_scenario import elsewhere, scenario
from plane_stores import WAYS
from websockets.asyncio.client import connect

from onrecord.entrypoints.ingest import socket as sockets
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.server import MediaServer, MediaSettings
from onrecord.evidence.verify import verify
from onrecord.workflow import find as finding
from onrecord.workflow.admit import NewInteraction, admit
from onrecord.workflow.export import export
from onrecord.workflow.find import make_room
from onrecord.workflow.stream import offer


@pytest.fixture(autouse=True)
def no_collector(monkeypatch):
    monkeypatch.setattr(finding, "MAX_SEALED", 0)
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def rooms(gate):
    """Whether it has a buffer of what is held, and one of what is decided."""
    return gate._held.made, gate._out._open._buffer is not None


def gates(life, name):
    """Of the conversation's tracks, weakly."""
    return [weakref.ref(track.gate) for track in life.d.live[name].tracks.values()]


def test_a_call_that_ended_keeps_no_room_for_sound():
    async def told(life):
        await life.begin()
        (call,) = life.calls.values()
        await elsewhere(life.connect(call))
        for track in TRACKS:
            for second in range(9):
                offer(life.d, call.stream, track, second * RATE, sound(second * RATE, RATE))
            call.at[track] = 9 * RATE
        tracks = life.d.live[call.name].tracks.values()
        assert [rooms(track.gate) for track in tracks] == [(True, True), (True, True)]
        await elsewhere(life.finish(call))
        assert [rooms(track.gate) for track in tracks] == [(False, False), (False, False)]
        assert [track.gate.accounting.written for track in tracks] == [9 * RATE, 9 * RATE]

    scenario(told)


def test_a_sealed_call_is_gone_once_it_leaves():
    async def told(life):
        await elsewhere(life.begin())
        (call,) = life.calls.values()
        await elsewhere(life.media(call))
        await elsewhere(life.close_some(call))
        await elsewhere(life.finish(call))
        left = gates(life, call.name)
        await elsewhere(life.close_book(call))
        make_room(life.d)
        assert call.name not in life.d.live
        assert [gate() for gate in left] == [None, None]

    scenario(told)


def test_an_ended_call_leaves_before_it_is_sealed_and_comes_back_as_it_was(monkeypatch):
    monkeypatch.setattr(finding, "MAX_RESIDENT", 0)

    async def told(life):
        await elsewhere(life.begin())
        (call,) = life.calls.values()
        await elsewhere(life.media(call))
        await elsewhere(life.close_some(call))
        make_room(life.d)
        assert call.name in life.d.live, "media may come"
        await elsewhere(life.finish(call))
        before = {name: track.gate.snapshot() for name, track in life.d.live[call.name].tracks.items()}
        artifacts = [track.artifact for track in life.d.live[call.name].tracks.values()]
        counted = life.d.measures.frames.totals(life.d.live.values())
        left = gates(life, call.name)
        make_room(life.d)
        assert call.name not in life.d.live
        assert [gate() for gate in left] == [None, None]
        tracks = (await elsewhere(life.live(call))).tracks
        assert {name: track.gate.snapshot() for name, track in tracks.items()} == before
        assert [track.artifact for track in tracks.values()] == artifacts
        assert life.d.measures.frames.totals(life.d.live.values()) == counted
        call.at = {name: track.gate.head for name, track in tracks.items()}
        await elsewhere(life.media(call))
        await elsewhere(life.finish(call))
        await elsewhere(life.close_book(call))
        pack = await elsewhere(export(life.d, await elsewhere(life.live(call)), WHO, "permitted"))
        report = verify(pack, life.d.log_vkey)
        assert report.ok, [check for check in report.checks if check.result == "fail"]

    scenario(told)


class Forgetful(Life):
    """After whatever it does all that rests leaves memory."""

    left = 0

    async def step(self, call):
        await self._and_forget(super().step(call))

    async def begin(self):
        await self._and_forget(super().begin())

    async def _and_forget(self, doing):
        try:
            await elsewhere(doing)
        finally:
            before = {name for name, live in self.d.live.items() if live.tracks and live.conversation.seal is None}
            make_room(self.d)
            Forgetful.left += len(before - set(self.d.live))


def test_whatever_breaks_while_all_that_rests_leaves_a_restart_mends(monkeypatch):
    monkeypatch.setattr(finding, "MAX_RESIDENT", 0)
    monkeypatch.setattr(test_plane_faults, "Life", Forgetful)
    monkeypatch.setattr(Forgetful, "left", 0)
    for seed in range(100, 104):
        asyncio.run(test_plane_faults.history(seed, WAYS))
    assert Forgetful.left > 0


@pytest.mark.parametrize("ending", ["the peer closes", "the platform stops", "a message is refused"])
def test_a_socket_that_ended_holds_no_call(monkeypatch, ending):
    monkeypatch.setattr(sockets, "LINGER_SECONDS", 0)
    monkeypatch.setattr(sockets, "MAX_REFUSED", 0)

    async def talk(life, port, token):
        async with connect(f"ws://127.0.0.1:{port}/v1/ingest/twilio?token={token}", compression=None) as wire:
            form = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
            start = {"tracks": ["inbound"], "streamSid": "MZ0", "callSid": "CA0", "accountSid": "AC0"}
            start |= {"mediaFormat": form, "customParameters": {}}
            await wire.send(json.dumps({"event": "start", "sequenceNumber": 1, "start": start, "streamSid": "MZ0"}))
            await (await wire.ping())
            if ending == "the platform stops":
                stop = {"accountSid": "AC0", "callSid": "CA0"}
                await wire.send(json.dumps({"event": "stop", "sequenceNumber": 2, "stop": stop, "streamSid": "MZ0"}))
            elif ending == "a message is refused":
                await wire.send("{}")
            else:
                await wire.close()
            await wire.wait_closed()

    async def told(life):
        listening = socket.create_server(("127.0.0.1", 0))
        server = MediaServer(life.d, MediaSettings(listening, Secrets()))
        await server.start()
        name, token = await elsewhere(admit(life.d, WHO, NewInteraction()))
        talking = asyncio.create_task(talk(life, listening.getsockname()[1], token))
        await talking
        await server.stop()
        for holders in tuple(life.d.holders.values()):
            await asyncio.wait(holders)
        await asyncio.sleep(0)
        left = gates(life, name)
        assert len(left) == 1
        life.d.live.clear()
        await asyncio.sleep(0)
        assert left[0]() is None

    scenario(told)
