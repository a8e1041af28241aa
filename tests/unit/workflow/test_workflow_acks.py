"""Outcomes reach the event loop: all of them, each as it is, and a group of them by one wake-up."""

import asyncio
from threading import Event

import pytest

from onrecord.base import ids
from onrecord.ledger.errors import ClosedError, DraftError
from onrecord.ledger.note import Ed25519Signer
from onrecord.ledger.sequencer import Draft, Sequencer
from onrecord.storage.memory import MemoryEventStore
from onrecord.storage.ports import Mark, StorageFullError
from onrecord.workflow.acks import Acks

ORIGIN, TENANT = "onrecord.example/t", "t"
CALL = ids.new_interaction_id()


def draft(interaction: str = CALL) -> list[Draft]:
    return [Draft(interaction, bytes(16), "key_0", b"sealed", [Mark("t", 0.0, 0.0, 0)], [bytes(32)])]


class Gate(MemoryEventStore):
    def __init__(self) -> None:
        super().__init__()
        self.open, self.entered = Event(), Event()
        self.fails = False

    def commit(self, group) -> None:
        self.entered.set()
        assert self.open.wait(60)
        if self.fails:
            raise StorageFullError("no room")
        super().commit(group)


async def taken(gate: Gate) -> None:
    """Until the thread of the sequencer, woken by the turn of the loop, has come to the store."""
    await asyncio.sleep(0)
    gate.entered.wait(60)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def sequencer(gate):
    made = Sequencer(gate, TENANT, Ed25519Signer(ORIGIN, bytes(32)), ORIGIN)
    yield made
    gate.open.set()
    made.close()


def test_a_group_comes_with_one_wake_up(gate, sequencer):
    async def run() -> tuple[list[int], int]:
        loop, acks = asyncio.get_running_loop(), Acks()
        woken = 0
        threadsafe = loop.call_soon_threadsafe

        def counted(*given):
            nonlocal woken
            woken += 1
            return threadsafe(*given)

        loop.call_soon_threadsafe = counted
        first = acks.submit(sequencer, draft())
        await taken(gate)
        rest = [acks.submit(sequencer, draft()) for _ in range(50)]
        gate.open.set()
        sequencer.close()  # both groups are told of by now, and the loop has not run
        places = await asyncio.gather(first, *rest)
        return [place.index for told in places for place in told], woken

    assert asyncio.run(run()) == (list(range(51)), 1)


def test_the_sequencer_is_woken_once_for_all_that_a_turn_of_the_loop_submits(gate, sequencer):
    gate.open.set()
    woken = []
    wake = sequencer.wake

    def counted():
        woken.append(len(sequencer._pending))
        wake()

    sequencer.wake = counted

    async def run() -> list[int]:
        acks = Acks()
        told = [
            place
            for _ in range(2)
            for place in await asyncio.gather(*(acks.submit(sequencer, draft()) for _ in range(20)))
        ]
        return [place.index for places in told for place in places]

    assert asyncio.run(run()) == list(range(40))
    assert woken == [20, 20]


def test_each_hears_its_own_outcome(gate, sequencer):
    gate.open.set()

    async def run() -> list[object]:
        acks = Acks()
        waiting = [acks.submit(sequencer, one) for one in (draft(), draft("no id"), draft())]
        return await asyncio.gather(*waiting, return_exceptions=True)

    good, bad, also_good = asyncio.run(run())
    assert isinstance(bad, DraftError)
    assert [place.seq for place in (*good, *also_good)] == [0, 1]


def test_a_failed_commit_is_heard_by_all_and_a_closed_sequencer_at_once(gate, sequencer):
    gate.fails = True
    gate.open.set()

    async def run() -> list[object]:
        acks = Acks()
        heard = await asyncio.gather(*(acks.submit(sequencer, draft()) for _ in range(3)), return_exceptions=True)
        sequencer.close()
        with pytest.raises(ClosedError):
            acks.submit(sequencer, draft())
        return heard

    assert [type(outcome) for outcome in asyncio.run(run())] == [StorageFullError] * 3


def test_what_is_cancelled_before_it_is_taken_is_not_stored(gate, sequencer):
    async def run() -> None:
        acks = Acks()
        first = acks.submit(sequencer, draft())
        await taken(gate)
        dropped, kept = acks.submit(sequencer, draft()), acks.submit(sequencer, draft())
        dropped.cancel()
        late = acks.submit(sequencer, draft())
        gate.open.set()
        await asyncio.gather(first, kept, late)

    asyncio.run(run())
    assert gate.head(TENANT).size == 3


def test_a_loop_that_is_gone_holds_up_nobody(gate, sequencer):
    acks = Acks()

    async def leave() -> None:
        acks.submit(sequencer, draft())
        await taken(gate)

    async def stay() -> int:
        return (await acks.submit(sequencer, draft()))[0].index

    asyncio.run(leave())
    gate.open.set()
    assert asyncio.run(stay()) == 1
