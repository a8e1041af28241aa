"""What was stored of a derived artifact and then not named goes again, whatever stopped it."""

import asyncio

import pytest
from plane_life import WHO, Life
from plane_stores import BLIND_LOST, BLIND_STORED, LOST, NOT_STORED

from onrecord.base.errors import OnRecordError
from onrecord.capture.permission import Shut
from onrecord.capture.words import Word
from onrecord.interaction.events import Internal
from onrecord.policy.kinds import Kind
from onrecord.workflow.derive import NewArtifact, derive
from onrecord.workflow.errors import VerdictClosedError

TURNS = 100
WORDS = (Word("hello", 2.0, 3.0, "customer"), Word("again", 4.0, 5.0, "customer"))
NEW = NewArtifact(Kind.TRANSCRIPT, words=WORDS)


def scenario(told):
    async def whole():
        life = Life(1)
        await life.start()
        await life.begin()
        (call,) = life.calls.values()
        await told(life, call, await life.live(call))
        life.end()

    asyncio.run(whole())


def objects(life):
    return set(life.disks.objects.ids())


def named(live):
    return {
        s.object_id
        for a in live.conversation.artifacts.values()
        for s in (*a.segments.values(), *a.superseded.values())
    }


def on_stored(way):
    left = [way]

    def plan(name, args):
        naming = name == "commit" and any(row.type == Internal.ARTIFACT_STORED for row in args[0].rows)
        return left.pop() if naming and left else None

    return plan


async def waiting(life, live):
    """A derivation whose object is stored and which waits to name it; the caller holds the lock."""
    task = asyncio.create_task(derive(life.d, live, WHO, NEW))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert len(objects(life)) == 1
    assert not task.done()
    return task


@pytest.mark.parametrize("way", [NOT_STORED, LOST, BLIND_STORED, BLIND_LOST])
def test_an_event_that_failed_leaves_nothing_behind(way):
    async def told(life, call, live):
        life.fault._plan = on_stored(way)
        with pytest.raises(OnRecordError):
            await derive(life.d, live, WHO, NEW)
        life.fault.calm()
        await life.keeper.round()
        again = await life.live(call)
        assert objects(life) == named(again)
        assert bool(named(again)) == (way == BLIND_STORED)
        assert life.d.loose == {}

    scenario(told)


def test_a_client_that_gives_up_leaves_nothing_behind():
    async def told(life, _, live):
        async with live.lock:
            task = await waiting(life, live)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert set(life.d.loose) == objects(life)
        await life.keeper.round()
        assert objects(life) == named(live) == set()
        assert life.d.loose == {}

    scenario(told)


def test_gates_that_shut_meanwhile_refuse_what_was_judged_before():
    async def told(life, _, live):
        async with live.lock:
            task = await waiting(life, live)
            live.shut.append(Shut(0.0))
        with pytest.raises(VerdictClosedError) as refused:
            await task
        assert "gates are shut" in str(refused.value)
        assert objects(life) == named(live) == set()

    scenario(told)


def test_a_closing_that_comes_meanwhile_cuts_what_was_judged_before():
    async def told(life, call, live):
        async with live.lock:
            task = await waiting(life, live)
            closing = asyncio.create_task(life.say(call, "segment_start", 3.5, segment="payment", n=1))
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert not closing.done()
        made = await task
        await closing
        assert made["withheld"] == [[3.5, 5.0]]
        assert objects(life) == named(live)
        assert len(objects(life)) == 1

    scenario(told)
