"""Alarms over a plane whose time a test moves: raised once a stretch, in both directions, and over by themselves."""

import asyncio

import pytest
from plane_life import RATE, WHO, Life, sound
from plane_stores import NOT_STORED
from structlog.testing import capture_logs

from onrecord.capture.permission import Shut
from onrecord.interaction.events import Internal
from onrecord.signal.encoding import Encoding
from onrecord.workflow.admit import NewInteraction, admit
from onrecord.workflow.alarms import Alarm, Limits, Watch
from onrecord.workflow.health import troubles
from onrecord.workflow.seal import seal
from onrecord.workflow.stream import NewTrack, offer, open_stream, refuse
from onrecord.workflow.views import interaction as shown

GAP, UNWANTED = Alarm.RECORDING_GAP, Alarm.MEDIA_UNWANTED
RAISED, CLEARED = Internal.ALARM_RAISED, Internal.ALARM_CLEARED
LIMITS = Limits(gap=10.0, unwanted=10.0, closed=60.0)


class Hour:
    """A call on a plane, and a watch over it that looks once a second."""

    def __init__(self, life, limits=LIMITS):
        self.life = life
        self.watch = Watch(life.d, limits)
        self.now = 1000.0
        self.call = None

    async def begin(self):
        """A call with consent."""
        await self.life.begin()
        self.call = next(iter(self.life.calls.values()))

    async def connect(self, door="stream", *tracks):
        token, self.call.token = self.call.token, None
        named = [NewTrack(name, RATE, Encoding.MULAW) for name in tracks or ("customer",)]
        self.call.stream = await open_stream(self.life.d, token, named, 0.0, door)

    async def tell(self, kind, **data):
        live = await self.life.live(self.call)
        await self.life.say(self.call, kind, max(live.media_head(), live.now(self.life.clock.now_ns())), **data)

    async def pass_by(self, seconds, *playing):
        """So long, with media on these tracks in every second of it."""
        for _ in range(seconds):
            for track in playing:
                at = self.call.at[track]
                offer(self.life.d, self.call.stream, track, at, sound(at, RATE))
                self.call.at[track] = at + RATE
            self.life.clock.advance(1)
            self.now += 1
            await self.watch.look(self.now)
            await self.stored()

    async def stored(self):
        live = await self.life.live(self.call) if self.call else None
        while live and live.sealing:
            await asyncio.wait(set(live.sealing))

    @property
    def active(self):
        return {alarm: count for alarm, count in self.life.d.measures.alarms_active.items() if count}

    async def told(self):
        """What the record says of alarms: the types of its events, and the flags."""
        rows = self.life.d.store.events("acme", self.call.name)
        found = [row.type for row in rows if row.type in {Internal.ALARM_RAISED, Internal.ALARM_CLEARED}]
        live = await self.life.live(self.call)
        flags = [f["flag"] for f in shown(self.life.d, live)["flags"] if f["flag"] in set(Alarm)]
        assert len(flags) == found.count(Internal.ALARM_RAISED)
        return found, flags


def hour(story, limits=LIMITS):
    async def whole():
        life = Life(1)
        await life.start()
        life.fault.calm()
        try:
            return await story(Hour(life, limits))
        finally:
            life.end()

    with capture_logs() as logs:
        asyncio.run(whole())
    return [(line["event"], line["alarm"], line["why"]) for line in logs if line["event"] in {"alarm", "alarm_over"}]


def test_a_stream_that_brings_only_what_is_refused_is_silent():
    async def story(h):
        await h.begin()
        await h.connect()
        await h.pass_by(5, "customer")
        for _ in range(12):
            refuse(h.call.stream)
            await h.pass_by(1)
        assert h.active == {GAP: 1}

    assert hour(story) == [("alarm", GAP, "no_media")]


def test_a_stream_that_falls_silent_is_one_alarm_until_it_comes_again():
    async def story(h):
        await h.begin()
        await h.connect()
        await h.pass_by(5, "customer")
        await h.pass_by(10)
        assert h.active == {}
        await h.pass_by(20)
        assert h.active == {GAP: 1}
        assert await h.told() == ([RAISED], [GAP])
        await h.pass_by(1, "customer")
        assert h.active == {}
        assert await h.told() == ([RAISED, CLEARED], [GAP])
        await h.pass_by(11)
        assert await h.told() == ([RAISED, CLEARED, RAISED], [GAP, GAP])

    once = [("alarm", GAP, "no_media"), ("alarm_over", GAP, "no_media")]
    assert hour(story) == [*once, once[0]]


def test_a_track_of_a_stream_may_be_silent():
    async def story(h):
        await h.begin()
        await h.connect("twilio", "customer", "agent")
        await h.pass_by(60, "customer")

    assert hour(story) == []


def test_a_call_that_may_be_recorded_and_has_no_stream_is_an_alarm():
    async def story(h):
        await h.begin()
        await h.pass_by(11)
        assert await h.told() == ([RAISED], [GAP])
        await h.connect()
        await h.pass_by(1, "customer")
        assert h.active == {}

    assert hour(story) == [("alarm", GAP, "no_stream"), ("alarm_over", GAP, "no_stream")]


@pytest.mark.parametrize("reported", [("capture_report", {"state": "capturing"}), ("capture_ack", {"action": "stop"})])
def test_who_captures_elsewhere_is_awaited_nowhere(reported):
    async def story(h):
        await h.begin()
        await h.tell(reported[0], kinds=["audio_recording"], **reported[1])
        await h.pass_by(60)

    assert hour(story) == []


@pytest.mark.parametrize(
    "closing", [("segment_start", {"segment": "payment", "n": 1}), ("opt_out", {"method": "verbal"}), ("call_end", {})]
)
@pytest.mark.parametrize("connected", [True, False])
def test_where_nothing_may_be_recorded_nothing_is_missed(closing, connected):
    async def story(h):
        await h.begin()
        if connected:
            await h.connect()
        await h.tell(closing[0], **closing[1])
        await h.pass_by(60)

    assert hour(story) == []


def test_a_call_that_nothing_was_told_of_awaits_nothing():
    async def story(h):
        await admit(h.life.d, WHO, NewInteraction("retail"))
        await h.pass_by(60)

    assert hour(story) == []


def test_a_gap_ends_with_the_call_and_with_the_seal():
    async def story(h):
        await h.begin()
        await h.connect()
        await h.pass_by(3, "customer")
        await h.pass_by(12)
        await h.tell("call_end")
        await h.pass_by(1)
        assert h.active == {}
        assert await h.told() == ([RAISED, CLEARED], [GAP])

    async def sealed(h):
        await h.begin()
        await h.pass_by(12)
        await seal(h.life.d, await h.life.live(h.call), WHO)
        await h.pass_by(1)
        assert h.active == {}
        assert await h.told() == ([RAISED], [GAP])

    assert [line[0] for line in hour(story)] == ["alarm", "alarm_over"]
    assert [line[0] for line in hour(sealed)] == ["alarm", "alarm_over"]


def test_what_nobody_spoke_of_for_an_hour_is_abandoned():
    async def story(h):
        await h.begin()
        await h.pass_by(12)
        assert h.active == {GAP: 1}
        h.now += 3600
        await h.pass_by(1)
        assert h.active == {}
        await h.pass_by(30)

    assert [line[0] for line in hour(story)] == ["alarm", "alarm_over"]


def test_a_payment_on_a_stream_that_cannot_be_paused_is_no_alarm():
    async def story(h):
        await h.begin()
        await h.connect("twilio")
        await h.pass_by(5, "customer")
        await h.tell("segment_start", segment="payment", n=1)
        await h.pass_by(900, "customer")

    assert hour(story) == []


def test_media_for_which_nothing_permits_a_recording_is_an_alarm_after_a_while():
    async def story(h):
        await h.begin()
        await h.connect("twilio")
        await h.tell("consent", result="declined", method="keypad", prompt_version="p1")
        await h.pass_by(60, "customer")
        assert h.active == {}
        await h.pass_by(2, "customer")
        assert await h.told() == ([RAISED], [UNWANTED])
        await h.pass_by(5)
        assert h.active == {}

    assert hour(story) == [("alarm", UNWANTED, "closed"), ("alarm_over", UNWANTED, "closed")]


def test_a_paused_sender_that_goes_on_is_an_alarm_soon():
    async def story(h):
        await h.begin()
        await h.connect("audiohook")
        await h.pass_by(5, "customer")
        await h.tell("segment_start", segment="payment", n=1)
        await h.pass_by(10, "customer")
        assert h.active == {}
        await h.pass_by(2, "customer")
        assert await h.told() == ([RAISED], [UNWANTED])
        await h.tell("segment_end", segment="payment", n=1)
        await h.pass_by(1, "customer")
        assert h.active == {}

    assert hour(story) == [("alarm", UNWANTED, "not_paused"), ("alarm_over", UNWANTED, "not_paused")]


def test_media_beyond_the_end_of_the_call_is_an_alarm():
    async def story(h):
        await h.begin()
        await h.connect("twilio")
        await h.pass_by(5, "customer")
        await h.tell("call_end")
        await h.pass_by(14, "customer")
        assert await h.told() == ([RAISED], [UNWANTED])

    assert hour(story) == [("alarm", UNWANTED, "ended")]


def test_a_call_told_of_whole_and_then_played_is_no_alarm():
    async def story(h):
        await h.begin()
        await h.connect()
        await h.life.say(h.call, "segment_start", 10.0, segment="payment", n=1)
        await h.life.say(h.call, "segment_end", 20.0, segment="payment", n=1)
        await h.life.say(h.call, "call_end", 40.0)
        await h.pass_by(40, "customer")
        await h.pass_by(60)

    assert hour(story) == []


def test_a_limit_of_nothing_is_never_an_alarm():
    async def story(h):
        await h.begin()
        await h.connect("audiohook")
        await h.pass_by(30)
        await h.tell("consent", result="declined", method="keypad", prompt_version="p1")
        await h.pass_by(100, "customer")

    assert hour(story, Limits(0.0, 0.0, 0.0)) == []
    assert Limits(0.0, 1.0, 0.0).off() == ["gap", "closed"]


def test_a_wall_clock_that_is_set_raises_nothing():
    async def story(h):
        await h.begin()
        await h.connect()
        await h.pass_by(3, "customer")
        h.life.clock.advance(86_400)
        await h.pass_by(5, "customer")
        h.life.clock.advance(-90_000)
        await h.pass_by(5, "customer")

    assert hour(story) == []


def test_an_alarm_that_cannot_be_stored_is_on_record_once_it_can():
    async def story(h):
        await h.begin()
        await h.connect()
        h.life.fault._plan = lambda name, _: NOT_STORED if name == "commit" else None
        with capture_logs() as logs:
            await h.pass_by(12)
        assert [line["event"] for line in logs] == ["alarm", "trouble", "notice_put_off"]
        assert h.active == {GAP: 1}
        assert await h.told() == ([], [])
        h.life.fault.calm()
        await h.pass_by(1, "customer")
        await h.life.keeper.round()
        assert h.active == {}
        assert await h.told() == ([RAISED, CLEARED], [GAP])

    hour(story)


def test_what_is_behind_is_no_media_that_nobody_wants():
    async def story(h):
        await h.begin()
        await h.connect("audiohook")
        live = await h.life.live(h.call)
        live.overloads[h.call.stream.id] = Shut(0.0)
        assert troubles(h.life.d) == ["overloaded"]
        await h.pass_by(100, "customer")
        live.overloads.clear()
        assert troubles(h.life.d) == []

    assert hour(story) == []


def test_what_leaves_memory_is_no_alarm_any_more():
    async def story(h):
        await h.begin()
        await h.pass_by(12)
        h.life.d.live.clear()
        await h.pass_by(1)
        assert h.active == {}

    assert [line[0] for line in hour(story)] == ["alarm", "alarm_over"]
