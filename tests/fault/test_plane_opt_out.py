"""An opt-out that is heard while writes fail, and triggers that cannot be stored."""

import asyncio

import pytest
from plane_life import Life
from plane_stores import LOST, NOT_STORED, STORED, Fault

from onrecord.base.errors import OnRecordError
from onrecord.capture.words import Word
from onrecord.governance.triggers import USUAL
from onrecord.policy.kinds import Kind
from onrecord.workflow import opt_out
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.recover import mend

CHOOSER = Principal("", "any", frozenset({Scope.POLICY_SET}))
PHRASE = [Word("stop", 4.0, 4.3, "customer"), Word("recording", 4.3, 4.8, "customer")]


class Once:
    """Once it is told so, the next write of that name fails in that way."""

    def __init__(self, write, way):
        self.write = write
        self.way = way
        self.armed = False

    def __call__(self, name, _):
        if not self.armed or name != self.write:
            return None
        self.armed = False
        return self.way


async def started(once):
    life = Life(7)
    life.fault = Fault(plan=once)
    await life.start()
    return life


def closed(live):
    return bool(live.closed(Kind.AUDIO_RECORDING, 4.5, 5.0))


@pytest.mark.parametrize("way", [NOT_STORED, STORED, LOST])
@pytest.mark.parametrize("heard", ["key", "phrase"])
def test_what_was_heard_closes_and_is_on_record_once_writes_go_through(way, heard):
    async def go():
        once = Once("commit", way)
        life = await started(once)
        await life.begin()
        call = next(iter(life.calls.values()))
        live = await life.live(call)
        before = closed(live)
        life.d.triggers.chosen = type(USUAL)(frozenset("9"), USUAL.phrases)
        once.armed = True
        if heard == "key":
            await opt_out.pressed(life.d, live, "customer", "9", 4.0)
        else:
            await opt_out.overheard(life.d, live, PHRASE)
        shut = closed(await life.live(call))
        await mend(life.d)
        await life.say(call, "call_end", 6.0)
        found = await life.live(call)
        told = [said.event for said in found.said.values() if said.event.type == "opt_out"]
        life.end()
        return before, shut, closed(found), told, life.fault.struck

    before, shut, after, told, struck = asyncio.run(go())
    assert struck
    assert (before, shut, after) == (False, True, True)
    assert [event.t for event in told] == [4.0]


def test_triggers_that_cannot_be_stored_are_not_chosen():
    async def go():
        once = Once("put", NOT_STORED)
        life = await started(once)
        once.armed = True
        with pytest.raises(OnRecordError):
            await opt_out.choose(life.d, CHOOSER, {"keys": ["9"]})
        kept = life.d.triggers.chosen
        await opt_out.choose(life.d, CHOOSER, {"keys": ["9"]})
        now = life.d.triggers.chosen
        life.end()
        await life.start()
        opt_out.load(life.d)
        again = life.d.triggers.chosen
        life.end()
        return kept, now, again

    kept, now, again = asyncio.run(go())
    assert kept == USUAL
    assert now.keys == again.keys == frozenset("9")
