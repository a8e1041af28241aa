"""What a platform answers to its orders goes on record, whatever the record takes at that moment."""

import asyncio
import dataclasses

import pytest
from plane_life import WHO, Life
from plane_stores import LOST, NOT_STORED, STORED, Fault

from onrecord.capture.commanded import Reading, Status, Target, Wish
from onrecord.interaction.events import Internal
from onrecord.workflow.command import command_recording
from onrecord.workflow.commanding import Commanding
from onrecord.workflow.recover import mend

CALL, RECORDING = "CA" + "1" * 32, "RE" + "2" * 32


class Platform:
    """Records on, whatever it is told; nothing of it can be told to end."""

    def __init__(self):
        self.orders = []

    async def command(self, _, wish):
        self.orders.append(wish)
        return RECORDING

    async def read(self, _):
        return Reading(Status.RECORDING, RECORDING)


def broken_once(way):
    left = [way]

    def plan(name, args):
        if name == "commit" and any(row.type == Internal.COMMAND_ANSWERED for row in args[0].rows):
            return left.pop() if left else None
        return None

    return plan


@pytest.mark.parametrize("way", [NOT_STORED, STORED, LOST])
def test_a_platform_that_defies_while_the_disk_fails_is_flagged_once_all_the_same(way):
    async def go():
        life = Life(7)
        life.fault = Fault(plan=broken_once(way))
        await life.start()
        platform = Platform()
        life.d = dataclasses.replace(life.d, commanding=Commanding({"twilio": platform}, deadline=0.0))
        await life.begin()
        call = next(iter(life.calls.values()))
        await life.say(call, "opt_out", 1.0)
        await command_recording(life.d, await life.live(call), WHO, "twilio", Target(CALL))
        told = []
        for _ in range(400):
            await asyncio.sleep(0)
            await mend(life.d)
            told = [f for f in (await life.live(call)).flags if f.flag == "COMMAND_NOT_FOLLOWED"]
        (entry,) = (await life.live(call)).conversation.commanded.values()
        assert life.fault.struck
        life.end()
        return told, entry, platform.orders

    told, entry, orders = asyncio.run(go())
    assert len(told) == 1
    assert (entry.answer["followed"], entry.answer["status"]) == (False, "recording")
    assert set(orders) <= {Wish.PAUSE, Wish.STOP}
    assert orders
