"""How media sockets share the event loop: by turns that are counted, with a clock that only their work moves."""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from socket import socketpair

import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_clock import Work, advance, run, turns

from onrecord.entrypoints.ingest.intake import FULL, Intake, Item
from onrecord.entrypoints.ingest.turns import BUDGET_SECONDS, FEWEST_READERS, FIXED, GRAIN, LOOK_SECONDS, QUANTUM, Turns

BYTES = 350
COST = 20e-6


class Wire:
    """The library's end of a socket: what is in the kernel comes while it is read, at most one `part` a turn."""

    def __init__(self, part: int = 200) -> None:
        self.kernel: deque[Item] = deque()
        self.reading = True
        self.most = 0
        self._part = part

    def get_extra_info(self, _: str) -> "Wire":
        return self

    def fileno(self) -> int:
        return -1

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def part(self) -> list[Item]:
        return [self.kernel.popleft() for _ in range(min(self._part, len(self.kernel)))] if self.reading else []


class Desk:
    """Sockets without a network. `done` is what was handled, by socket, in order; handling one costs `cost` seconds,
    having one wait a tenth of it."""

    def __init__(self, sockets: int, cost: float = COST) -> None:
        self.work = Work()
        self.cost = cost
        self.turns: Turns[Intake] = Turns(self.work)
        self.done: list[list[Item]] = [[] for _ in range(sockets)]
        self.wires = [Wire() for _ in range(sockets)]
        self.intakes = [Intake(self.turns, lambda item, n=n: self._handle(n, item)) for n in range(sockets)]
        for intake, wire in zip(self.intakes, self.wires, strict=True):
            intake._unread = lambda wire=wire: bool(wire.kernel)
            intake.connected(wire)  # type: ignore[arg-type]  as much of a transport as is asked for

    def _handle(self, socket: int, item: Item) -> None:
        self.work.spent += self.cost
        self.done[socket].append(item)

    def poll(self) -> None:
        """What the loop does between its turns: every socket that is read brings one part, message by message."""
        for intake, wire in zip(self.intakes, self.wires, strict=True):
            for item in wire.part():
                self.turns.left -= FIXED + BYTES
                self.work.spent += self.cost / 10
                intake.take(item)
                if self.turns.left < 0:
                    self.turns.look()

    async def flow(self, count: int) -> list[float]:
        """So many turns of the loop; what each of them cost."""
        costs = []
        for _ in range(count):
            before = self.work.spent
            self.poll()
            await turns()
            costs.append(self.work.spent - before)
        return costs

    def feed(self, socket: int, messages: int) -> None:
        wire = self.wires[socket]
        start = len(wire.kernel) + len(self.done[socket])
        wire.kernel.extend((b"%0350d" % (start + n), False) for n in range(messages))


def order(done: Sequence[Item]) -> list[int]:
    return [int(item[0]) for item in done if isinstance(item, tuple)]


def test_without_a_backlog_a_message_is_handled_as_it_comes() -> None:
    async def story() -> None:
        desk = Desk(3)
        for _ in range(50):
            for socket in range(3):
                desk.feed(socket, 1)
            desk.poll()
            assert not desk.turns.busy
            assert [len(wire.kernel) for wire in desk.wires] == [0, 0, 0]
            await turns()
        assert [len(done) for done in desk.done] == [50, 50, 50]

    run(story())


def test_no_turn_of_the_loop_does_more_for_media_than_its_budget_for_reading_and_its_budget_for_handling() -> None:
    async def story() -> None:
        desk = Desk(200)
        for socket in range(200):
            desk.feed(socket, 400)
        costs = await desk.flow(1500)
        unseen = (GRAIN / (FIXED + BYTES) + 1) * COST * 1.1  # before the first look, and between two
        quantum = (QUANTUM / (FIXED + BYTES) + 1) * COST
        read = 2 * unseen + BUDGET_SECONDS
        assert max(costs) <= read + BUDGET_SECONDS + quantum
        assert [order(done) for done in desk.done] == [list(range(400))] * 200
        assert not desk.turns.busy
        assert all(wire.reading for wire in desk.wires)

    run(story())


def test_other_work_of_the_loop_goes_on_between_any_two_parts() -> None:
    async def story() -> None:
        desk = Desk(50)
        for socket in range(50):
            desk.feed(socket, 1000)
        seen: list[float] = []

        async def control() -> None:
            while True:
                seen.append(desk.work.spent)
                await asyncio.sleep(0)

        task = asyncio.create_task(control())
        await desk.flow(400)
        task.cancel()
        gaps = [after - before for before, after in pairwise(seen)]
        assert max(gaps) < 3 * BUDGET_SECONDS
        assert len(gaps) >= 399

    run(story())


def test_a_call_at_its_own_pace_does_not_wait_for_those_that_flood() -> None:
    async def story() -> None:
        desk = Desk(40)
        for socket in range(39):
            desk.feed(socket, 3000)
        await desk.flow(100)
        assert desk.turns.busy
        desk.feed(39, 2)
        behind = []
        for _ in range(30):
            await desk.flow(1)
            behind.append(len(desk.done[39]))
        assert 2 in behind[: 40 // FEWEST_READERS + 3]
        assert all(len(done) < 3000 for done in desk.done[:39]), "they still had something to say"

    run(story())


def test_what_waits_of_a_socket_is_bounded() -> None:
    async def story() -> None:
        desk = Desk(100)
        for socket in range(100):
            desk.feed(socket, 2000)
        for _ in range(500):
            await desk.flow(1)
            for intake in desk.intakes:
                assert intake._size <= FULL + 200 * (FIXED + BYTES)
                assert intake._size == sum(FIXED + BYTES for _ in intake._waiting)

    run(story())


def test_a_blocked_socket_waits_alone_and_loses_nothing() -> None:
    async def story() -> None:
        desk = Desk(3)
        desk.intakes[1].block()
        assert not desk.wires[1].reading
        desk.intakes[1].take((b"0", False))
        desk.intakes[1].take(b"1")
        desk.intakes[1].take(None)
        desk.feed(0, 10)
        await desk.flow(3)
        assert desk.done[1] == []
        assert len(desk.done[0]) == 10
        desk.intakes[1].unblock()
        assert desk.done[1] == [], "not within the callback that ended the wait"
        await desk.flow(3)
        assert desk.done[1] == [(b"0", False), b"1", None]
        assert desk.wires[1].reading

    run(story())


def test_a_socket_that_leaves_is_forgotten() -> None:
    async def story() -> None:
        desk = Desk(2)
        desk.turns.busy = True
        desk.intakes[0].take((b"0", False))
        desk.turns.hold(desk.intakes[0])
        desk.intakes[0].drop()
        desk.intakes[0].ended()
        assert list(desk.turns) == [desk.intakes[1]]
        assert not [*desk.turns._queue, *desk.turns._held, *desk.turns._behind]

    run(story())


def test_what_comes_of_one_that_left_is_handled_and_forgotten() -> None:
    async def story() -> None:
        desk = Desk(2)
        desk.turns.wait(desk.intakes[1])
        desk.intakes[0].ended()
        desk.intakes[0].take(None)
        await turns(3)
        assert desk.done[0] == [None]
        assert desk.intakes[0] not in {*desk.turns._queue, *desk.turns._held, *desk.turns._behind}

    run(story())


def test_one_that_parts_is_waited_for() -> None:
    async def story() -> None:
        desk = Desk(1)
        (intake,) = desk.intakes
        intake.block()
        intake.take((b"0", False))
        parting = asyncio.create_task(intake.empty())
        await turns(3)
        assert not parting.done()
        intake.unblock()
        await turns(4)
        assert parting.done()
        assert desk.done == [[(b"0", False)]]

    run(story())


class Lateness:
    """Stands for a stream's overload: notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def waits(self, now: float) -> None:
        self._tell("waits")

    def restarts(self, now: float) -> None:
        self._tell("restarts")

    def caught_up(self, now: float) -> None:
        self._tell("caught up")

    def _tell(self, word: str) -> None:
        if self.told[-1:] != [word]:
            self.told.append(word)

    def judge(self, now: float) -> tuple[bool, bool]:
        return self.told[-1] != "caught up", False


def test_a_stream_is_known_to_wait_from_the_first_message_to_when_the_kernel_has_nothing_more() -> None:
    async def story() -> None:
        desk = Desk(2)
        late = desk.intakes[0].overload = Lateness()  # type: ignore[assignment]  it takes its place
        desk.feed(0, 1000)
        while desk.wires[0].kernel or desk.intakes[0]._waiting:
            await desk.flow(1)
            advance(LOOK_SECONDS / 4)
        assert late.told[0] == "waits"
        for _ in range(20):
            await desk.flow(1)
            advance(LOOK_SECONDS)
        assert late.told[-1] == "caught up"
        assert not desk.turns._behind

    run(story())


def test_what_waits_for_the_disk_is_not_late() -> None:
    async def story() -> None:
        desk = Desk(1)
        (intake,) = desk.intakes
        late = intake.overload = Lateness()  # type: ignore[assignment]  it takes its place
        intake.block()
        intake.take((b"0", False))
        assert intake.judge() == (True, False)
        assert late.told == ["restarts"]

    run(story())


STEP = st.one_of(
    st.tuples(st.just("feed"), st.integers(0, 3), st.integers(1, 120)),
    st.tuples(st.just("flow"), st.integers(0, 3), st.integers(1, 5)),
    st.tuples(st.just("block"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("unblock"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("cost"), st.integers(0, 3), st.integers(0, 400)),
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(steps=st.lists(STEP, max_size=30), part=st.integers(1, 150))
def test_whatever_comes_when_each_socket_keeps_its_order(steps: list[tuple[str, int, int]], part: int) -> None:
    async def story() -> None:
        desk = Desk(4)
        for wire in desk.wires:
            wire._part = part
        fed = [0] * 4
        for what, socket, count in steps:
            match what:
                case "feed":
                    desk.wires[socket].kernel.extend((b"%0350d" % (fed[socket] + n), False) for n in range(count))
                    fed[socket] += count
                case "flow":
                    await desk.flow(count)
                case "block":
                    desk.intakes[socket].block()
                case "unblock":
                    desk.intakes[socket].unblock()
                case _:
                    desk.cost = count * 1e-5
        for intake in desk.intakes:
            intake.unblock()
        desk.cost = COST
        await desk.flow(600)
        assert [order(done) for done in desk.done] == [list(range(count)) for count in fed]
        assert not desk.turns.busy
        assert all(wire.reading for wire in desk.wires)

    run(story())


def test_what_is_called_soon_from_a_callback_runs_after_the_loop_has_polled() -> None:
    """The loop that serves: between two parts it reads what has come."""
    loop = uvloop.new_event_loop()
    trace: list[str] = []
    ours, theirs = socketpair()
    try:
        ours.setblocking(False)
        loop.add_reader(ours, lambda: (trace.append("read"), ours.recv(1)))

        def part(left: int) -> None:
            trace.append("part")
            if left == 3:
                theirs.send(b"x")
            if left:
                loop.call_soon(part, left - 1)
            else:
                loop.stop()

        loop.call_soon(part, 3)
        loop.run_forever()
    finally:
        loop.close()
        ours.close()
        theirs.close()
    assert trace.index("read") < trace.index("part", 1), trace
