"""The order of writes (docs/design/write-order.md), read off what reached the stores, and rule by rule broken where it
hurts."""

import asyncio
import random

import pytest
from plane_laws import check_evidence, check_memory, check_restarted
from plane_life import RATE, WHO, Life, sound
from plane_stores import (
    BLIND_LOST,
    BLIND_STORED,
    CRASH_AFTER,
    CRASH_BEFORE,
    LOST,
    NOT_STORED,
    STORED,
    TENANT,
)

from onrecord.base.errors import OnRecordError
from onrecord.base.stretch import normalise, subtract
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactState
from onrecord.vault.keyring import LIFETIME_S
from onrecord.vault.keystore import KeyKind
from onrecord.workflow import journal, sweep
from onrecord.workflow.disclose import disclose
from onrecord.workflow.errors import BadTokenError, GatesShutError
from onrecord.workflow.stream import drain, offer
from onrecord.workflow.views import interaction as shown

NAMING = {Internal.SEGMENT_SEALED, Internal.ARTIFACT_STORED}
UNUSUAL = {Internal.PARTY_JOINED, Internal.ASSERTION_REFUSED, Internal.EVENT_REPEATED, Internal.EVENT_CONFLICTED}
UNUSUAL |= {Internal.INTERRUPTED}
UNUSUAL |= {Internal.OVERLOADED, Internal.OVERLOAD_ENDED, Internal.MEDIA_LOST}
UNUSUAL |= {Internal.PROFILE_READ}  # nobody has a profile in this life
UNUSUAL |= {Internal.PROMPT_HEARD}  # no prompt with sound is registered in this life
UNUSUAL |= {Internal.SOURCE_ANSWERED}  # no source is paused in this life
UNUSUAL |= {Internal.ALARM_RAISED, Internal.ALARM_CLEARED}  # nobody watches this life
UNUSUAL |= {Internal.RECORDING_COMMANDED, Internal.COMMAND_ANSWERED}  # no platform records in this life
UNUSUAL |= {kind for kind in Internal if kind.startswith("system_")}  # no capture system is registered in this life


def on(kind, way):
    """Breaks the first commit of a group with an event of that type."""
    left = [way]

    def plan(name, args):
        if name == "commit" and any(row.type == kind for row in args[0].rows) and left:
            return left.pop()
        return None

    return plan


def at(write, way, skip=0):
    """Breaks one write of that name, after so many others."""
    left = [None] * skip + [way]

    def plan(name, _):
        return left.pop(0) if name == write and left else None

    return plan


class Trace:
    """Reads the trace of a life that has ended, and holds each write against those before it."""

    def __init__(self, life):
        self.life = life
        self.keyed, self.stored, self.shredded, self.deleted = set(), set(), set(), set()
        self.owner, self.object_of = {}, {}
        self.intended, self.superseded, self.erasing = {}, set(), {}
        self.disclosed = set()

    def check(self):
        for name, args in self.life.fault.trace:
            step = getattr(self, "on_" + name.replace(" ", "_"), None)
            if step is not None:
                step(*args)

    def on_add(self, rows):
        for row in rows:
            if row.kind is KeyKind.OBJECT:
                self.keyed.add(row.owner)
                self.owner[row.id] = row.owner

    def on_put_object(self, identifier, _):
        assert identifier in self.keyed, "an object before its key"
        self.stored.add(identifier)

    def on_shred(self, _, keys, *__):
        gone = {self.owner[key] for key in keys if key in self.owner}
        named = gone & set(self.object_of.values())
        allowed = self.superseded | {o for objects in self.erasing.values() for o in objects}
        assert named <= allowed, "a key of a named object goes only after a superseding event or an erasure's intent"
        self.shredded |= gone

    def on_delete_object(self, identifier):
        assert identifier in self.shredded, "bytes go after their key"
        for objects in self.erasing.values():
            assert identifier not in objects or objects <= self.shredded, "all keys of an erasure go before any object"
        self.deleted.add(identifier)

    def on_get_object(self, identifier, *_):
        assert identifier in self.disclosed or identifier in self.intended.values(), "content is read unrecorded"

    def on_commit(self, group):
        for row in group.rows:
            event = journal.read(self.life.d, row)
            data = event.data
            if event.type in NAMING and "object" in data:
                assert data["object"] in self.stored - self.deleted, "an event before its object"
                self.object_of[data["segment"]] = data["object"]
            if event.type in NAMING:
                for segment in data["supersedes"]:
                    assert segment in self.intended, "a replacement without an intent"
                    self.superseded.add(self.object_of[segment])
            match event.type:
                case Internal.PURGE_INTENDED:
                    self.intended[data["segment"]] = data["object"]
                case Internal.PURGE_COMPLETED:
                    assert self.intended[data["segment"]] in self.shredded & self.deleted
                case Internal.ERASURE_INTENDED:
                    self.erasing[data["erasure"]] = set(data["objects"])
                case Internal.ERASURE_COMPLETED:
                    assert self.erasing[data["erasure"]] <= self.shredded & self.deleted
                case Internal.CONTENT_DISCLOSED | Internal.EVIDENCE_EXPORTED:
                    self.disclosed |= set(self.object_of.values())


def test_every_write_has_what_it_rests_on_before_it():
    async def whole(seed):
        life = Life(1000 + seed)
        await life.start()
        await life.run(40)
        await life.leave()
        Trace(life).check()
        kinds = {row.type for name, args in life.fault.trace if name == "commit" for row in args[0].rows}
        life.end()
        return kinds

    seen = set().union(*(asyncio.run(whole(seed)) for seed in range(5, 13)))
    assert seen >= set(Internal) - UNUSUAL


async def recorded(life, seconds=9):
    """A call with sound on both tracks: four seconds sealed, the rest held."""
    await life.start()
    await life.begin()
    (call,) = life.calls.values()
    await life.connect(call)
    await play(life, call, seconds)
    return call


async def play(life, call, seconds):
    for _ in range(seconds):
        for track in call.at:
            offer(life.d, call.stream, track, call.at[track], sound(call.at[track], RATE))
            call.at[track] += RATE
    live = await life.live(call)
    while live.sealing:
        await asyncio.wait(set(live.sealing))


async def restarted(life):
    life.end()
    await life.start()
    life.fault.calm()
    await check_restarted(life)
    check_memory(life)
    for call in life.calls.values():
        await check_evidence(life, await life.live(call))


def scenario(told):
    """Runs `told(life)` on a plane of its own."""

    async def whole():
        life = Life(1)
        await told(life)
        life.end()

    asyncio.run(whole())


@pytest.mark.parametrize("way", [NOT_STORED, LOST, STORED, CRASH_BEFORE, CRASH_AFTER])
@pytest.mark.parametrize("write", ["add", "put object", Internal.SEGMENT_SEALED])
def test_a_segment_is_whole_or_not_there(write, way):
    """Rule 1: key, object, event; each broken before and after."""

    async def told(life):
        call = await recorded(life, 3)
        life.fault._plan = on(write, way) if write in NAMING else at(write, way)
        await play(life, call, 6)
        live = await life.live(call)
        if not life.fault.dead:
            assert not live.sealing
            lost = sum(track.gate.accounting.lost for track in live.tracks.values())
            assert (lost == 0) == (write in NAMING and way == STORED)
        await restarted(life)

    scenario(told)


def test_a_segment_whose_event_failed_leaves_nothing_behind():
    async def told(life):
        call = await recorded(life, 3)
        life.fault._plan = on(Internal.SEGMENT_SEALED, NOT_STORED)
        await play(life, call, 6)
        live = await life.live(call)
        named = {s.object_id for a in live.conversation.artifacts.values() for s in a.segments.values()}
        assert set(life.disks.objects.ids()) == named
        assert life.d.loose == {}

    scenario(told)


@pytest.mark.parametrize("way", [BLIND_STORED, BLIND_LOST])
def test_what_is_perhaps_on_record_is_kept_until_it_is_known(way):
    """A commit may have happened, and the store cannot say: its object stays, the conversation takes nothing more, and
    once the store can be read it is taken up as it stands."""

    async def told(life):
        call = await recorded(life, 3)
        life.fault._plan = on(Internal.SEGMENT_SEALED, way)
        await play(life, call, 6)
        live = await life.live(call)
        assert live.halted
        before = set(life.disks.objects.ids())
        assert len(before) >= 1
        with pytest.raises(OnRecordError):
            await life.say(call, "call_end", 9.0)
        assert set(shown(life.d, live)["gates"].values()) == {"shut"}
        life.fault.calm()
        await life.keeper.round()
        again = await life.live(call)
        assert again is not live
        check_memory(life)
        named = {s.object_id for a in again.conversation.artifacts.values() for s in a.segments.values()}
        assert set(life.disks.objects.ids()) == named
        assert bool(named & before) == (way == BLIND_STORED)
        assert again.is_shut
        await life.post(call, call.unsaid.pop())
        assert not again.is_shut
        await restarted(life)

    scenario(told)


def test_a_closing_that_comes_between_object_and_event_is_in_neither():
    """Rule 1: the verdict is asked again after the object was written."""

    async def told(life):
        call = await recorded(life, 3)
        closing = []

        def plan(name, _):
            if name == "put object" and not closing:
                closing.append(asyncio.ensure_future(life.say(call, "opt_out", 2.0, method="v", reason_code="x")))

        life.fault._plan = plan
        await play(life, call, 6)
        await closing[0]
        rows = life.disks.events.events(TENANT, call.name)
        events = [journal.read(life.d, row) for row in rows]
        sealed = [event.data for event in events if event.type == Internal.SEGMENT_SEALED]
        assert sealed
        for data in sealed:
            whole = normalise([(data["start"], data["start"] + data["samples"])])
            kept = subtract(whole, normalise((start, end) for start, end, _ in data["gaps"]))
            assert kept[-1].end <= 2 * RATE
        assert Internal.PURGE_INTENDED not in {event.type for event in events}
        await restarted(life)

    scenario(told)


@pytest.mark.parametrize("write", ["commit", "log"])
@pytest.mark.parametrize("way", [NOT_STORED, LOST])
def test_a_closing_that_cannot_be_stored_shuts_the_gates(write, way):
    """Rule 4, whichever store fails."""

    async def told(life):
        call = await recorded(life, 3)
        life.clock.advance(LIFETIME_S + 1)
        life.fault._plan = at(write, way)
        with pytest.raises(GatesShutError):
            await life.say(call, "opt_out", 2.5, method="verbal", reason_code="asked")
        await play(life, call, 6)
        assert life.fault.struck.total() == 1
        live = await life.live(call)
        assert live.is_shut
        await drain(life.d, live)
        for entry in live.conversation.artifacts.values():
            assert all(s.start + s.samples <= 2.5 * RATE for s in entry.segments.values())
        await life.say(call, "prompt_delivered", 9.0, prompt_version="p1", channel="bot")
        assert not live.is_shut
        events = [journal.read(life.d, row) for row in life.disks.events.events(TENANT, call.name)]
        assert "opt_out" in {event.type for event in events}, "a later post takes the closing along"
        await restarted(life)

    scenario(told)


@pytest.mark.parametrize("way", [NOT_STORED, CRASH_BEFORE, CRASH_AFTER, BLIND_LOST, BLIND_STORED])
@pytest.mark.parametrize(
    "kind", [Internal.PURGE_INTENDED, Internal.SEGMENT_SEALED, Internal.PURGE_COMPLETED, "shred", "delete object"]
)
def test_a_purge_goes_on_wherever_it_was_broken(kind, way):
    """Rule 5, also of a conversation that is sealed."""

    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        await life.close_book(call)
        life.fault._plan = on(kind, way) if kind in set(Internal) else at(kind, way)
        with pytest.raises(OnRecordError):
            await life.say(call, "consent_withdrawn", 1.0, method="email")
        await restarted(life)

    scenario(told)


@pytest.mark.parametrize("way", [NOT_STORED, CRASH_BEFORE, CRASH_AFTER, BLIND_LOST, BLIND_STORED])
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    "kind", [Internal.ERASURE_INTENDED, Internal.ERASURE_COMPLETED, "erasure_request", "shred", "delete object"]
)
def test_an_erasure_goes_on_wherever_it_was_broken(kind, sealed, way):
    """Rule 6. A request that is on record is carried out, whether its client was answered or not."""

    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        if sealed:
            await life.close_book(call)
        life.fault._plan = on(kind, way) if kind not in {"shred", "delete object"} else at(kind, way)
        with pytest.raises(OnRecordError):
            await life.erase(call)
        stands = any(row.type == "erasure_request" for row in life.disks.events.events(TENANT, call.name))
        life.end()
        await life.start()
        call.erased = stands
        await restarted(life)
        live = await life.live(call)
        (recording,) = [a for a in live.conversation.artifacts.values() if a.track == "customer"]
        assert (recording.state is ArtifactState.ERASED) == stands

    scenario(told)


def test_a_request_that_is_repeated_completes_the_erasure_and_begins_no_other():
    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        await life.close_book(call)
        life.fault._plan = at("delete object", NOT_STORED)
        with pytest.raises(OnRecordError):
            await life.erase(call)
        live = await life.live(call)
        assert live.conversation.pending_erasures
        request = call.unsaid[0]
        await life.post(call, request)
        await life.post(call, request)
        assert not live.conversation.pending_erasures
        assert not live.unsettled
        types = [row.type for row in life.disks.events.events(TENANT, call.name)]
        assert types.count(Internal.ERASURE_INTENDED) == types.count(Internal.ERASURE_COMPLETED) == 1
        await restarted(life)

    scenario(told)


@pytest.mark.parametrize("named", [{"party": "agent"}, {"party_id": "desk-4"}])
def test_only_the_one_who_asks_is_erased(named):
    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        await life.say(call, "erasure_request", 9.0, **named)
        live = await life.live(call)
        states = {a.track: a.state for a in live.conversation.artifacts.values()}
        assert states == {"customer": ArtifactState.ACTIVE, "agent": ArtifactState.ERASED}

    scenario(told)


def test_an_erasure_is_not_held_up_by_a_purge_that_cannot_be_finished():
    """Rule 6: what cannot be replaced can be destroyed."""

    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        life.fault._plan = lambda name, _: NOT_STORED if name == "put object" else None
        with pytest.raises(OnRecordError):
            await life.say(call, "consent_withdrawn", 1.0, method="email")
        live = await life.live(call)
        (purge,) = live.conversation.pending_purges.values()
        with pytest.raises(OnRecordError):  # the agent's own track stays, and is to be purged
            await life.erase(call)
        assert live.conversation.artifacts[purge["artifact"]].state is ArtifactState.ERASED
        assert purge["object"] not in life.disks.objects.ids()
        assert purge["purge"] not in live.conversation.pending_purges
        call.erased = True
        await restarted(life)

    scenario(told)


def test_what_failed_is_tried_again_while_the_process_runs():
    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        life.fault._plan = at("delete object", LOST)
        with pytest.raises(OnRecordError):
            await life.say(call, "consent_withdrawn", 1.0, method="email")
        live = await life.live(call)
        assert live.conversation.pending_purges
        await life.keeper.round()
        assert not live.conversation.pending_purges
        assert not live.unsettled
        await restarted(life)

    scenario(told)


def test_a_closing_that_is_stored_late_purges_late():
    """It goes on record with a later post; what it reaches goes then, or when the store takes it."""

    async def told(life):
        call = await recorded(life)
        live = await life.live(call)
        life.fault._plan = at("commit", NOT_STORED)
        with pytest.raises(GatesShutError):
            await life.say(call, "opt_out", 2.0, method="verbal", reason_code="asked")
        life.fault._plan = on(Internal.PURGE_INTENDED, NOT_STORED)
        with pytest.raises(OnRecordError):
            await life.say(call, "prompt_delivered", 9.0, prompt_version="p1", channel="bot")
        assert live.unsettled
        await life.keeper.round()
        assert not live.unsettled
        await life.leave()
        assert not sweep.left_running(life.d)
        await restarted(life)

    scenario(told)


def test_an_object_that_could_not_be_taken_back_is_tried_again():
    async def told(life):
        call = await recorded(life, 3)

        def plan(name, args):
            broken = name == "delete object" or any(
                row.type == Internal.SEGMENT_SEALED for row in (args[0].rows if name == "commit" else ())
            )
            return NOT_STORED if broken else None

        life.fault._plan = plan
        await play(life, call, 6)
        assert len(life.d.loose) == 2
        life.fault.calm()
        await life.keeper.round()
        assert life.d.loose == {}
        assert life.disks.objects.ids() == []

    scenario(told)


@pytest.mark.parametrize("way", [CRASH_BEFORE, CRASH_AFTER])
def test_a_stream_token_is_used_up_with_the_stream_it_opened(way):
    async def told(life):
        await life.start()
        await life.begin()
        (call,) = life.calls.values()
        token = call.token
        life.fault._plan = on(Internal.STREAM_OPENED, way)
        with pytest.raises(OnRecordError):
            await life.connect(call)
        life.end()
        life.fault.calm()
        await life.start()
        call.token = token
        if way == CRASH_BEFORE:
            await life.connect(call)
        else:
            with pytest.raises(BadTokenError):
                await life.connect(call)

    scenario(told)


def test_reading_fails_where_it_cannot_be_recorded():
    """Rule 7."""

    async def told(life):
        call = await recorded(life)
        await life.finish(call)
        live = await life.live(call)
        life.fault._plan = on(Internal.CONTENT_DISCLOSED, NOT_STORED)
        before = len(life.fault.trace)
        with pytest.raises(OnRecordError):
            await disclose(life.d, live, WHO, next(iter(live.conversation.artifacts)), 0, None)
        assert "get object" not in {name for name, _ in life.fault.trace[before:]}

    scenario(told)


def test_a_request_given_up_half_way_is_looked_up():
    """The task that waits for a commit is cancelled; the commit happens all the same."""

    async def told(life):
        call = await recorded(life, 3)
        post = asyncio.ensure_future(life.say(call, "opt_out", 2.0, method="verbal", reason_code="asked"))
        live = await life.live(call)
        for _ in range(100):
            if not live.lock.locked():
                await asyncio.sleep(0)
        post.cancel()
        with pytest.raises(asyncio.CancelledError):
            await post
        assert live.is_shut
        for _ in range(8):
            await asyncio.sleep(0)
        await life.keeper.round()
        check_memory(life)
        await restarted(life)

    scenario(told)


def test_only_an_unclean_end_is_swept_after():
    async def told(life):
        await recorded(life)
        await life.leave()
        assert not sweep.left_running(life.d)
        life.disks.objects.put("obj_" + "0" * 32, b"left by nobody")
        life.end()
        await life.start()
        assert "obj_" + "0" * 32 in life.disks.objects.ids()
        life.end()
        await life.start()
        assert "obj_" + "0" * 32 not in life.disks.objects.ids()

    scenario(told)


@pytest.mark.parametrize("seed", range(4))
def test_the_account_kept_beside_the_log_is_never_older_than_a_second(seed):
    """Rule 8: what came in up to the last round is told after a crash, as written, silenced, or lost."""

    async def told(life):
        dice = random.Random(seed)  # noqa: S311  (a repeatable walk)
        call = await recorded(life, dice.randrange(1, 12))
        if seed % 2:
            await life.say(call, "segment_start", 1.0, segment="payment", n=1)
        await life.keeper.round()
        before = {n: t.gate.accounting.snapshot() for n, t in (await life.live(call)).tracks.items()}
        for track in call.at:
            offer(life.d, call.stream, track, call.at[track], sound(call.at[track], RATE))
        life.end()
        await life.start()
        for name, track in (await life.live(call)).tracks.items():
            after = track.gate.accounting
            assert after.received == before[name]["received"]
            assert after.lost == before[name]["held"]
            assert after.held == 0
            assert (after.written, after.silenced_policy) == (before[name]["written"], before[name]["silenced_policy"])

    scenario(told)
