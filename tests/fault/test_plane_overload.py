"""Media that comes faster than it can be handled, or than the disk takes it: the gates shut or the account says so, and
neither control nor the other calls wait for it."""

import asyncio
from concurrent.futures import Future
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from plane_laws import check_account, check_content, check_evidence
from plane_life import RATE, TRACKS, WHO, Life, sound
from plane_stores import NOT_STORED, STORED

from onrecord.capture.track import SEGMENT_SECONDS as SEGMENT
from onrecord.entrypoints.ingest import turns
from onrecord.entrypoints.ingest.intake import Intake
from onrecord.interaction.events import Internal
from onrecord.workflow import segments
from onrecord.workflow.find import find
from onrecord.workflow.overload import BEHIND_SECONDS, CALM_SECONDS, Overload
from onrecord.workflow.seal import seal
from onrecord.workflow.stream import offer, room
from onrecord.workflow.tell import tell
from onrecord.workflow.views import interaction as shown
from onrecord.workflow.writing import GATHER_SECONDS


class SteppedLoop(asyncio.SelectorEventLoop):
    """Its clock stands still until told."""

    seconds = 100.0

    def time(self):
        return self.seconds


def scenario(told):
    async def whole():
        life = Life(1)
        await life.start()
        await life.begin()
        (call,) = life.calls.values()
        await life.connect(call)
        await told(life, call, await life.live(call))
        life.end()

    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        runner.run(whole())


def advance(life, seconds):
    asyncio.get_running_loop().seconds += seconds
    life.clock.advance(seconds)


async def hear(life, call, seconds):
    """So much media of both tracks, at its own pace."""
    for _ in range(seconds):
        for track in TRACKS:
            offer(life.d, call.stream, track, call.at[track], sound(call.at[track], RATE))
            call.at[track] += RATE
        advance(life, 1)
    await settled(call.stream.live)


async def settled(live):
    """Returns when nothing is being stored, nor gathered to be."""
    while live.sealing:
        asyncio.get_running_loop().seconds += GATHER_SECONDS
        await asyncio.sleep(0)


async def driven(doing):
    """As `await`, where it may take a moment of the clock."""
    task = asyncio.ensure_future(doing)
    while not task.done():
        asyncio.get_running_loop().seconds += GATHER_SECONDS
        await asyncio.sleep(0)
    return task.result()


async def ended(life, call, live):
    """The call is over, its record sealed and found consistent; the types of what was said, and the flags."""
    await driven(life.say(call, "call_end", call.head))
    call.stream = None
    await driven(seal(life.d, live, WHO))
    await check_content(life, call, live)
    check_account(live)
    await check_evidence(life, live)
    return [flag["flag"] for flag in shown(life.d, live)["flags"]]


def internal_events(life, call, *kinds):
    rows = life.disks.events.events(life.d.tenant, call.name)
    return [row for row in rows if row.type in kinds]


def kept(live, track="customer"):
    """Stretches of seconds that are stored of a track."""
    found = []
    for entry in live.conversation.artifacts.values():
        for segment in entry.segments.values() if entry.track == track else ():
            at = segment.start
            for start, end, _ in (*segment.gaps, (segment.start + segment.samples,) * 2 + ("",)):
                if start > at:
                    found.append((at / RATE, start / RATE))
                at = end
    joined = []
    for start, end in sorted(found):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def audio_gate(life, live):
    return shown(life.d, live)["gates"]["audio_recording"]


def test_what_falls_behind_is_shut_from_its_head_on_until_it_has_caught_up():
    async def told(life, call, live):
        await hear(life, call, 9)
        over = Overload(life.d, call.stream)
        over.waits(10.0)
        assert over.judge(10.0 + BEHIND_SECONDS) == (True, False)
        assert over.judge(10.1 + BEHIND_SECONDS) == (True, True)
        assert audio_gate(life, live) == "shut"
        await hear(life, call, 2)
        await driven(life.say(call, "prompt_delivered", call.head, prompt_version="p1", channel="bot"))
        assert audio_gate(life, live) == "shut", "an event does not give it more capacity"
        await hear(life, call, 12)
        over.caught_up(15.0)
        assert over.judge(14.9 + CALM_SECONDS) == (False, True)
        assert over.judge(15.0 + CALM_SECONDS) == (False, False)
        assert audio_gate(life, live) == "open"
        await hear(life, call, 6)
        flags = await ended(life, call, live)
        assert flags.count("OVERLOAD") == 1
        assert kept(live) == [(0.0, 9.0), (23.0, 29.0)]
        begun, over_again = internal_events(life, call, Internal.OVERLOADED, Internal.OVERLOAD_ENDED)
        assert (begun.type, begun.t) == (Internal.OVERLOADED, 9.0)
        assert (over_again.type, over_again.t) == (Internal.OVERLOAD_ENDED, 23.0)

    scenario(told)


def test_media_that_goes_on_as_fast_as_the_clock_is_not_behind_however_much_waits():
    async def told(life, call, live):
        over = Overload(life.d, call.stream)
        over.waits(0.0)
        for second in range(1, 20):
            await hear(life, call, 1)
            over.waits(second + BEHIND_SECONDS)
            assert over.judge(second + BEHIND_SECONDS) == (True, False)
        assert over.judge(20.0) == (True, True)

    scenario(told)


def test_a_break_in_the_waiting_begins_it_anew():
    async def told(life, call, live):
        over = Overload(life.d, call.stream)
        over.waits(0.0)
        over.restarts(0.4)
        assert over.judge(0.8) == (True, False)
        over.caught_up(0.8)
        over.waits(0.9)
        assert over.judge(1.4) == (True, False)
        assert over.judge(1.5) == (True, True)

    scenario(told)


def test_nothing_opens_for_what_is_still_to_be_handled():
    """An opening without a time of its own is placed no earlier than the media goes, were all of it handled."""

    async def told(life, call, live):
        await rush(life, call, 6, pace=0.0)
        await driven(tell(life.d, live, WHO, [{"event_id": "out", "type": "opt_out", "method": "verbal"}], None))
        assert live.said["out"].event.t == 6.0
        over = Overload(life.d, call.stream)
        over.waits(0.0)
        advance(life, 3)
        await driven(tell(life.d, live, WHO, [{"event_id": "in", "type": "opt_in", "method": "verbal"}], None))
        assert live.said["in"].event.t >= 9.0
        await driven(
            tell(life.d, live, WHO, [{"event_id": "out2", "type": "consent_withdrawn", "method": "email"}], None)
        )
        assert live.said["out2"].event.t <= live.said["in"].event.t
        over.caught_up(4.0)
        assert live.lags == {}

    scenario(told)


def test_a_stream_that_ends_behind_is_told_of():
    async def told(life, call, live):
        await hear(life, call, 5)
        over = Overload(life.d, call.stream)
        over.waits(0.0)
        over.judge(1.0)
        await hear(life, call, 1)
        over.end()
        over.end()
        await settled(live)
        assert live.overloads == live.lags == {}
        rows = internal_events(life, call, Internal.OVERLOADED, Internal.OVERLOAD_ENDED)
        assert [(row.type, row.t) for row in rows] == [("overloaded", 5.0), ("overload_ended", 6.0)]

    scenario(told)


@pytest.mark.parametrize("way", [NOT_STORED, STORED])
def test_what_the_record_does_not_take_is_said_once_it_does(way):
    async def told(life, call, live):
        await hear(life, call, 5)
        left = [way]

        def plan(name, args):
            struck = name == "commit" and any(row.type == Internal.OVERLOADED for row in args[0].rows)
            return left.pop() if struck and left else None

        life.fault._plan = plan
        over = Overload(life.d, call.stream)
        over.waits(0.0)
        over.judge(1.0)
        await settled(live)
        assert not left
        for _ in range(3):
            await life.tick(None)
        live = await find(life.d, call.name)
        assert live.unsaid == []
        assert len(internal_events(life, call, Internal.OVERLOADED)) == 1

    scenario(told)


class Stuck:
    """An executor on a disk that does nothing until it is `let_go`."""

    def __init__(self, inner):
        self.inner, self.waiting, self.free = inner, [], False

    def submit(self, call, *args):
        if self.free:
            return self.inner.submit(call, *args)
        future = Future()
        self.waiting.append((future, call, args))
        return future

    def let_go(self, count=None):
        """All, or so many."""
        self.free = count is None
        chosen, self.waiting = self.waiting[:count], self.waiting[count or len(self.waiting) :]
        for future, call, args in chosen:
            done = self.inner.submit(call, *args)
            done.add_done_callback(lambda done, future=future: future.set_result(done.result()))


def on_a_stuck_disk(life):
    life.d = replace(life.d, writers=Stuck(life.d.writers))
    return life.d.writers


async def rush(life, call, seconds, *, pace=1.0):
    """Media whose seconds take `pace` of the clock each; whether it was told to wait at the end."""
    waits = False
    for _ in range(seconds):
        for track in TRACKS:
            waits = offer(life.d, call.stream, track, call.at[track], sound(call.at[track], RATE)) or waits
            call.at[track] += RATE
        advance(life, pace)
        await asyncio.sleep(0)
        if waits:
            return True
    return False


def in_memory(live):
    """Samples that are held for the call, whoever holds them."""
    return sum(track.gate.accounting.held for track in live.tracks.values())


def test_a_disk_that_stands_still_costs_what_comes_and_never_the_gate():
    async def told(life, call, live):
        await hear(life, call, 10)
        disk = on_a_stuck_disk(life)
        bound = len(TRACKS) * (life.d.hold_back + 2 * SEGMENT + 1) * RATE + segments.MAX_UNSEALED * SEGMENT * RATE
        for _ in range(100):
            assert not await rush(life, call, 3), "a stream at its own pace is never told to wait"
            assert live.unsealed <= segments.MAX_UNSEALED
            assert in_memory(live) <= bound
        lost = {track: live.tracks[track].gate.accounting.lost for track in TRACKS}
        assert min(lost.values()) > 200 * RATE
        head = live.media_head()
        closing = asyncio.create_task(life.say(call, "segment_start", head - 1.0, segment="payment", n=1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate = live.tracks["customer"].gate
        assert list(gate.permission.closed(head - 1.0, head)), "it acts though nothing can be stored"
        disk.let_go()
        await driven(closing)
        await settled(live)
        await hear(life, call, 3)
        await driven(life.say(call, "segment_end", call.head, segment="payment", n=1))
        await hear(life, call, 12)
        flags = await ended(life, call, live)
        assert flags.count("MEDIA_LOST") == 1
        assert len(internal_events(life, call, Internal.MEDIA_LOST)) == 1
        assert kept(live)[-1][1] == call.head, "what comes after is stored again"

    scenario(told)


def test_what_is_given_up_is_overwritten():
    async def told(life, call, live):
        on_a_stuck_disk(life)
        given_up = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(segments, "_lost", _noting(segments._lost, given_up))
            await rush(life, call, 3 * SEGMENT * segments.MAX_UNSEALED)
        assert given_up
        assert not any(any(segment.payload) for segment in given_up)

    scenario(told)


def _noting(lost, given_up):
    def noting(d, live, track, segment):
        given_up.append(segment)
        lost(d, live, track, segment)

    return noting


def test_a_recording_that_is_ahead_waits_for_a_disk_that_goes_on():
    async def told(life, call, live):
        disk = on_a_stuck_disk(life)
        assert await rush(life, call, 400, pace=0.01)
        assert live.unsealed == segments.MAX_UNSEALED
        waiting = asyncio.create_task(room(call.stream))
        await asyncio.sleep(0)
        assert not waiting.done()
        for _ in range(6):
            advance(life, 2)
            disk.let_go(2)
            for _ in range(30):
                await asyncio.sleep(0)
        assert waiting.done()
        assert live.unsealed < segments.MAX_UNSEALED
        disk.let_go()
        await settled(live)
        flags = await ended(life, call, live)
        assert "MEDIA_LOST" not in flags
        assert sum(track.gate.accounting.lost for track in live.tracks.values()) == 0

    scenario(told)


def test_it_does_not_wait_for_one_that_stands_still():
    async def told(life, call, live):
        disk = on_a_stuck_disk(life)
        assert await rush(life, call, 400, pace=0.01)
        waiting = asyncio.create_task(room(call.stream))
        await asyncio.sleep(0)
        advance(life, segments.PATIENCE_SECONDS + 1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert waiting.done()
        assert not await rush(life, call, 40, pace=0.01)
        assert live.unsealed <= segments.MAX_UNSEALED
        assert min(track.gate.accounting.lost for track in live.tracks.values()) > 0
        disk.let_go()
        await settled(live)
        assert "MEDIA_LOST" in await ended(life, call, live)

    scenario(told)


STEPS = st.one_of(
    st.tuples(st.just("media"), st.integers(1, 40)),
    st.tuples(st.just("turns"), st.integers(1, 6)),
    st.tuples(st.sampled_from(["segment_start", "segment_end", "opt_out", "opt_in"]), st.integers(0, 12)),
    st.tuples(st.sampled_from(["block", "unblock", "late", "calm"]), st.just(0)),
)
FIELDS = {
    "segment_start": {"segment": "payment", "n": 1},
    "segment_end": {"segment": "payment", "n": 1},
    "opt_out": {"method": "verbal", "reason_code": "asked"},
    "opt_in": {"method": "verbal"},
}


NOSHRINK = [Phase.explicit, Phase.generate]


class Door:
    """A socket's way to the gates: fifths of a second of both tracks by turns, each at the price of `cost` seconds of
    the turn's budget."""

    PART = RATE // 5

    def __init__(self, life, call, cost):
        self.life, self.call, self.cost = life, call, cost
        self.spent = 0.0
        self.handled = []
        self.turns = turns.Turns(lambda: self.spent)
        self.intake = Intake(self.turns, self.handle)
        self.intake._unread = lambda: False
        self.intake.overload = Overload(life.d, call.stream)
        self.turns.add(self.intake)
        self.sent = 0

    def send(self):
        for track in TRACKS:
            self.turns.left -= turns.GRAIN // 2
            self.intake.take((f"{self.sent} {track}".encode(), False))
            if self.turns.left < 0:
                self.turns.look()
        self.sent += 1

    def handle(self, item):
        number, track = item[0].decode().split()
        self.spent += self.cost
        self.handled.append((int(number), track))
        at = int(number) * self.PART
        offer(self.life.d, self.call.stream, track, at, sound(at, self.PART))
        self.call.at[track] = at + self.PART


@settings(
    deadline=None, derandomize=True, max_examples=25, phases=NOSHRINK, suppress_health_check=[HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, min_size=3, max_size=25), cost=st.sampled_from([0.0, 1e-4, 1e-3, 5e-3]))
def test_however_messages_turns_and_stops_fall_nothing_closed_is_stored_and_the_order_is_kept(steps, cost):
    async def told(life, call, live):
        door = Door(life, call, cost)
        for what, count in steps:
            match what:
                case "media":
                    for _ in range(count):
                        door.send()
                case "turns":
                    for _ in range(count):
                        await asyncio.sleep(0)
                case "block":
                    door.intake.block()
                case "unblock":
                    door.intake.unblock()
                case "late":
                    door.intake.overload.waits(asyncio.get_running_loop().time())
                    advance(life, 1)
                    door.intake.judge()
                case "calm":
                    advance(life, CALM_SECONDS)
                    door.intake.judge()
                case _:
                    t = max(0.0, round(call.head - count / 2, 3)) if count < 12 else None
                    body = {"event_id": f"s{len(live.said)}", "type": what, **FIELDS[what]}
                    await driven(tell(life.d, live, WHO, [body if t is None else {**body, "t": t}], None))
        door.intake.unblock()
        door.send()
        await door.intake.empty()
        door.intake.overload.end()
        assert door.handled == [(number, track) for number in range(door.sent) for track in TRACKS]
        await ended(life, call, live)

    scenario(told)
