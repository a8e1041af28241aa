"""Commands to capture systems while the disk fails: durable with their event, closings before it, openings after."""

import asyncio
import contextlib
import dataclasses
import json

import pytest
from plane_life import WHO, Life
from plane_stores import CRASH_AFTER, CRASH_BEFORE, LOST, NOT_STORED, STORED, Fault

from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import ControlError
from onrecord.workflow import outbox_keeper, outbox_lane, subscriptions, systems
from onrecord.workflow.outboxes import Outbox
from onrecord.workflow.side_records import RecordKind, opened

DOES = {"capture": "capturing", "pause": "paused"}
REGISTRATION = {
    "name": "recorder",
    "kinds": ["audio_recording", "transcript"],
    "control_url": "https://a.example/control",
    "state_url": "https://a.example/state",
    "deadline_s": 300.0,
}


class Outside:
    """Follows each command at once, while it is there."""

    def __init__(self):
        self.took, self.states, self.there = [], {}, True

    def __call__(self, *_):
        return self

    async def post(self, _, message):
        if not self.there:
            raise ControlError("nobody")
        body = json.loads(message.body)
        self.took.append((message.id, body["data"]))
        if "command" in body["data"]:
            states = {kind: DOES.get(verdict, "stopped") for kind, verdict in body["data"]["verdicts"].items()}
            self.states[body["data"]["interaction"]] = {"command": message.id, "states": states}

    async def get(self, _, query):
        name = query["interaction"]
        return json.dumps({"interaction": name, **self.states[name]}).encode()

    async def close(self):
        pass


async def turns(count=300):
    for _ in range(count):
        await asyncio.sleep(0)


async def started(life, outside):
    """A process with its loops, as `serve` has it."""
    await life.start()
    life.d = dataclasses.replace(life.d, outbox=Outbox(outside))
    systems.load(life.d)
    outbox_keeper.begin(life.d)
    await outbox_keeper.look_round(life.d)


def on_record(life):
    d = life.d
    return [opened(d.vault, d.tenant, r) for r in life.disks.events.records(d.tenant, RecordKind.COMMAND)]


def breaking(kind, way):
    """The commit that stores an event of that type."""
    left = [way]

    def plan(name, args):
        if name == "commit" and any(row.type == kind for row in args[0].rows) and left:
            return left.pop()
        return None

    return plan


def scenario(go):
    async def whole():
        life, outside = Life(11), Outside()
        life.fault = Fault()
        await started(life, outside)
        await systems.register(life.d, WHO, REGISTRATION)
        await life.begin()
        await turns()
        (call,) = life.calls.values()
        try:
            await go(life, outside, call)
        finally:
            life.end()

    asyncio.run(whole())


def test_a_command_is_on_record_when_its_event_is_acknowledged():
    async def go(life, outside, call):
        assert outside.took[-1][1]["verdicts"] == {"audio_recording": "capture", "transcript": "capture"}
        outside.there = False
        await life.say(call, "opt_out", 1.0, method="verbal")
        (kept,) = on_record(life)
        (lane,) = life.d.outbox.lanes.values()
        assert kept["command"] == lane.pairs[call.name].command.id
        assert (kept["action"], set(kept["verdicts"].values())) == ("stop", {"stop"})

    scenario(go)


def test_an_opening_that_is_not_stored_is_not_told():
    async def go(life, outside, call):
        await life.say(call, "segment_start", 1.0, segment="payment", n=1)
        await turns()
        told = len(outside.took)
        life.fault._plan = breaking("segment_end", NOT_STORED)
        with pytest.raises(OnRecordError):
            await life.say(call, "segment_end", 2.0, segment="payment", n=1)
        await turns()
        assert len(outside.took) == told
        assert set(outside.states[call.name]["states"].values()) == {"paused"}

    scenario(go)


@pytest.mark.parametrize("way", [NOT_STORED, LOST, STORED])
def test_a_closing_is_told_though_it_cannot_be_stored(way):
    async def go(life, outside, call):
        life.fault._plan = breaking("opt_out", way)
        with pytest.raises(OnRecordError) if way != STORED else contextlib.nullcontext():
            await life.say(call, "opt_out", 1.0, method="verbal")
        await turns()
        assert "capturing" not in outside.states[call.name]["states"].values()

    scenario(go)


@pytest.mark.parametrize("way", [CRASH_BEFORE, CRASH_AFTER])
def test_after_a_crash_in_a_closing_the_system_is_closed_whether_it_was_stored_or_not(way):
    async def go(life, outside, call):
        outside.there = False
        life.fault._plan = breaking("opt_out", way)
        with pytest.raises(OnRecordError):
            await life.say(call, "opt_out", 1.0, method="verbal")
        life.end()
        outside.there = True
        known = None if way == CRASH_BEFORE else life.disks.events
        life.fault.calm()
        await started(life, outside)
        before = {kept["command"] for kept in on_record(life)}
        await turns()
        assert "capturing" not in outside.states[call.name]["states"].values()
        if known is not None:
            assert outside.took[-1][0] in before, "the same command, under its id"

    scenario(go)


def test_the_end_of_a_call_is_read_once_more_and_then_forgotten():
    async def go(life, outside, call):
        await life.say(call, "call_end", 3.0)
        await turns()
        (lane,) = life.d.outbox.lanes.values()
        (pair,) = lane.pairs.values()
        assert pair.pursuit.followed
        pair.pursuit._due = 0.0
        outbox_lane._ended(lane, pair, asyncio.current_task())
        await turns()
        assert not lane.pairs
        assert on_record(life) == []

    scenario(go)


def test_messages_to_subscribers_are_on_record_with_their_event():
    async def go(life, outside, call):
        await subscriptions.subscribe(life.d, WHO, "https://b.example/hook", ["decision"], None)
        outside.there = False
        life.fault._plan = breaking("opt_out", NOT_STORED)
        with pytest.raises(OnRecordError):
            await life.say(call, "opt_out", 1.0, method="verbal")
        assert life.disks.events.records(life.d.tenant, RecordKind.MESSAGE) == []
        await life.say_again(call)
        (kept,) = life.disks.events.records(life.d.tenant, RecordKind.MESSAGE)
        body = json.loads(opened(life.d.vault, life.d.tenant, kept)["body"])
        assert {change["verdict"] for change in body["data"]["changes"]} == {"stop"}
        await subscriptions.leave(life.d)

    scenario(go)
