"""Memory runs out in any function of the plane: no gate is left open by it, no lock held, nothing that was acknowledged
is lost, and the plane goes on by itself. A function that finds none raises MemoryError as it is called."""

import asyncio
import inspect
import sys
from pathlib import Path

import pytest
from plane_laws import check_chain, check_content, check_evidence, check_log, check_memory
from plane_life import RATE, TRACKS, WHO, Life, sound

import onrecord
from onrecord.base.errors import OnRecordError
from onrecord.policy.kinds import Kind
from onrecord.workflow import writing
from onrecord.workflow.seal import seal
from onrecord.workflow.stream import offer
from onrecord.workflow.tell import tell
from onrecord.workflow.views import accounting
from onrecord.workflow.views import interaction as shown

HOME = str(Path(onrecord.__file__).parent)
STAND_INS = ("storage/memory.py", "vault/keymemory.py")
RESUMED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
LONG = 20.0
CLOSED = {"event_id": "pay", "type": "segment_start", "t": 6.0, "segment": "payment", "n": 1}
OPENED = {"event_id": "paid", "type": "segment_end", "t": 12.0, "segment": "payment", "n": 1}


class Shortage:
    """Strikes the `at`th call of a function of the product; 0: none. `calls` names them in order. Coroutines and
    generators are passed over: Python would end one that is struck as it goes on without its `finally`."""

    def __init__(self, at):
        self.at, self.calls = at, []

    def __enter__(self):
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _call(self, frame, event, _):
        code = frame.f_code
        if event != "call" or code.co_flags & RESUMED or not code.co_filename.startswith(HOME):
            return
        if code.co_filename.endswith(STAND_INS):
            return
        self.calls.append(f"{code.co_filename.removeprefix(HOME)} {code.co_name}")
        if len(self.calls) == self.at:
            raise MemoryError


async def quiet(life):
    """Until nothing is under way any more, at the latest a second later."""
    for _ in range(2):
        for _ in range(500):
            if len(asyncio.all_tasks()) == 1:
                return
            await asyncio.sleep(0.0001)
        life.d.acks.look_again()
        life.d.writing.look_again()
    raise AssertionError(f"something waits for ever: {asyncio.all_tasks()}")


def hear(life, call, start, end):
    """Seconds of both tracks; False once the stream has ended."""
    for second in range(start, end):
        for track in TRACKS:
            offer(life.d, call.stream, track, second * RATE, sound(second * RATE, RATE))
            call.at[track] = (second + 1) * RATE
        life.clock.advance(1)


async def close(life, call, live):
    await say(life, call, live, CLOSED)


async def listen(life, call, _):
    hear(life, call, 6, 12)


async def keep(life, *_):
    await life.keeper.round()


FUNCTIONS = {close: 150, listen: 150, keep: 20}


async def say(life, call, live, event):
    told = await tell(life.d, live, WHO, [event], key=None)
    call.told.setdefault(event["event_id"], told.body["leaf_index"])


async def attempt(doing):
    """Whether it went through."""
    try:
        await doing
    except (OnRecordError, MemoryError):
        return False
    return True


def is_shut(live):
    closed = live.permission().closed(CLOSED["t"], 100.0)
    return live.halted or any(start <= CLOSED["t"] and end >= 100.0 for start, end in closed)


def check_accounts(live):
    for counts in accounting(live)["tracks"].values():
        fates = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
        assert counts["received"] + counts["missing"] == sum(counts[fate] for fate in fates)


async def short(act, at):
    """A call in which memory runs out once, at that call of a function; which there were."""
    life = Life(7)
    await life.start()
    await life.begin()
    (call,) = life.calls.values()
    await life.connect(call)
    hear(life, call, 0, 6)
    await quiet(life)
    before = await life.live(call)
    with Shortage(at) as shortage:
        doing = asyncio.create_task(attempt(act(life, call, before)))
        await quiet(life)
    done = await doing
    assert not before.lock.locked()
    if act is close:
        assert is_shut(before), f"the gate is open after {shortage.calls[-1]}"
    for _ in range(2):
        await life.keeper.round()
        await quiet(life)
    live = await life.live(call)
    assert not live.halted
    if act is close:
        assert is_shut(live)
        assert done or set(shown(life.d, live)["gates"].values()) == {"shut"}
    await end(life, call, live)
    return shortage.calls


async def end(life, call, live):
    """The client says again what it has no answer to, and the call goes on to its seal."""
    await say(life, call, live, CLOSED)
    if any(track.stream is None for track in live.tracks.values()):
        call.stream = None
        await life.connect(call)
    hear(life, call, max(call.at.values()) // RATE, 14)
    await say(life, call, live, OPENED)
    hear(life, call, 14, 18)
    await life.hang_up(call)
    await say(life, call, live, {"event_id": "end", "type": "call_end", "t": 18.0})
    await quiet(life)
    check_accounts(live)
    call.sealed = await seal(life.d, live, WHO)
    check_log(life)
    check_chain(life, call)
    await check_content(life, call, live)
    check_memory(life)
    check_accounts(live)
    closed = live.timeline.closed(Kind.AUDIO_RECORDING, 0.0, 18.0)
    assert any(start <= 6.0 and end >= 12.0 for start, end in closed)
    await check_evidence(life, live)
    life.end()


def run(act, at):
    async def within():
        async with asyncio.timeout(LONG):
            return await short(act, at)

    return asyncio.run(within())


@pytest.fixture(autouse=True)
def _gathering_nothing(monkeypatch):
    monkeypatch.setattr(writing, "GATHER_SECONDS", 0)


@pytest.mark.parametrize("act", [close, listen, keep])
def test_wherever_memory_runs_out_no_gate_is_left_open(act):
    """At the first call of every third function: `tell` first asks who says so, before it has read anything."""
    calls = run(act, 0)
    firsts = sorted({name: at for at, name in reversed(list(enumerate(calls, 1)))}.values())
    assert len(firsts) > FUNCTIONS[act]
    for at in firsts[1::3]:
        run(act, at)
