"""A store that cannot be read while something is said: what closes stays closed, and is stored once it can be read."""

import asyncio

import pytest
from plane_laws import check_chain, check_log
from plane_life import WHO, Life

from onrecord.storage.ports import StorageUnreadableError
from onrecord.workflow.errors import GatesShutError
from onrecord.workflow.tell import tell

CLOSED = {"event_id": "pay", "type": "segment_start", "t": 1.0, "segment": "payment", "n": 1}
OPENED = {"event_id": "paid", "type": "segment_end", "t": 2.0, "segment": "payment", "n": 1}


def test_a_closing_whose_earlier_answer_cannot_be_looked_up_shuts_the_gates():
    """The look-up under its idempotency key is the first thing that fails."""

    async def story():
        life = Life(3)
        await life.start()
        await life.begin()
        (call,) = life.calls.values()
        live = await life.live(call)
        life.fault.blind = 1
        with pytest.raises(GatesShutError):
            await tell(life.d, live, WHO, [CLOSED], key="k")
        assert live.is_shut
        life.fault.blind = 1
        with pytest.raises(StorageUnreadableError):
            await tell(life.d, live, WHO, [OPENED], key="l")
        assert live.is_shut
        for event, key in ((CLOSED, "k"), (OPENED, "l")):
            told = await tell(life.d, live, WHO, [event], key=key)
            call.told[event["event_id"]] = told.body["leaf_index"]
        assert not live.is_shut
        check_log(life)
        check_chain(life, call)
        life.end()

    asyncio.run(story())
