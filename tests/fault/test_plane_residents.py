"""Which conversations stay in memory, and what the tasks that nobody awaits make of the unexpected."""

import asyncio

import pytest
from plane_life import RATE, TRACKS, WHO, sound
from plane_scenario import elsewhere, scenario
from plane_stores import NOT_STORED, TENANT

from onrecord.base.errors import OnRecordError
from onrecord.evidence.verify import verify
from onrecord.interaction.events import Internal
from onrecord.workflow import find as finding
from onrecord.workflow import journal, keep_account, segments
from onrecord.workflow.admit import NewInteraction, admit
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.export import export
from onrecord.workflow.find import find, make_room
from onrecord.workflow.seal import seal
from onrecord.workflow.stream import offer
from onrecord.workflow.views import interaction as shown


async def admitted(life):
    name, _ = await elsewhere(admit(life.d, WHO, NewInteraction()))
    return name


def test_who_asks_at_once_gets_the_same_and_it_is_read_once(monkeypatch):
    async def told(life):
        name = await admitted(life)
        life.d.live.clear()
        read = []
        load = finding.load
        monkeypatch.setattr(finding, "load", lambda *given: read.append(given) or load(*given))
        found = await asyncio.gather(*(find(life.d, name) for _ in range(5)))
        assert len({id(live) for live in found}) == 1
        assert len(read) == 1
        assert life.d.loading == {}

    scenario(told)


def test_who_leaves_does_not_take_the_reading_along():
    async def told(life):
        name = await admitted(life)
        life.d.live.clear()
        leaving, staying = (asyncio.create_task(find(life.d, name)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying is life.d.live[name]
        with pytest.raises(NotFoundError):
            await find(life.d, "int_" + 32 * "0")

    scenario(told)


def test_what_rests_leaves_the_least_used_first(monkeypatch):
    monkeypatch.setattr(finding, "MAX_RESIDENT", 3)

    async def told(life):
        names = [await admitted(life) for _ in range(5)]
        await elsewhere(find(life.d, names[0]))
        make_room(life.d)
        assert list(life.d.live) == [names[3], names[4], names[0]]
        assert await elsewhere(find(life.d, names[1])) is life.d.live[names[1]]
        assert list(life.d.live) == [names[3], names[4], names[0], names[1]]
        make_room(life.d)
        assert list(life.d.live) == [names[4], names[0], names[1]]

    scenario(told)


def test_what_is_sealed_leaves_before_it_is_too_much(monkeypatch):
    monkeypatch.setattr(finding, "MAX_SEALED", 2)

    async def told(life):
        names = [await admitted(life) for _ in range(5)]
        for name in names[1:]:
            await elsewhere(seal(life.d, life.d.live[name], WHO))
        await elsewhere(find(life.d, names[1]))
        make_room(life.d)
        assert list(life.d.live) == [names[0], names[4], names[1]], (
            "the one that is not sealed, and two that were used last"
        )
        live = await elsewhere(find(life.d, names[2]))
        assert live.conversation.seal is not None

    scenario(told)


def test_what_is_held_or_goes_on_stays(monkeypatch):
    monkeypatch.setattr(finding, "MAX_RESIDENT", 0)

    async def told(life):
        held, idle = await admitted(life), await admitted(life)
        await life.begin()
        (call,) = life.calls.values()
        await elsewhere(life.connect(call))
        await elsewhere(life.hang_up(call))
        life.d.holders.pop(call.name)
        mine = await find(life.d, held)
        make_room(life.d)
        assert set(life.d.live) == {held, call.name}, "a track's gates are no part of its events"
        assert await find(life.d, held) is mine
        assert idle not in life.d.live
        await elsewhere(seal(life.d, life.d.live[call.name], WHO))
        make_room(life.d)
        assert set(life.d.live) == {held}

    scenario(told)


def test_shut_gates_stay_shut_over_a_rest(monkeypatch):
    """After a restart an open interaction's gates stay shut until an event is accepted."""
    monkeypatch.setattr(finding, "MAX_RESIDENT", 0)

    async def told(life):
        await elsewhere(life.begin())
        (call,) = life.calls.values()
        life.end()
        await elsewhere(life.start())
        life.fault.calm()
        make_room(life.d)
        assert life.d.live == {}
        live = await find(life.d, call.name)
        assert set(shown(life.d, live)["gates"].values()) == {"shut"}
        await life.say(call, "prompt_delivered", 1.0, prompt_version="p1", channel="bot")
        assert not live.is_shut
        assert life.d.rested_shut == set()

    scenario(told)


def test_the_keeper_outlives_what_it_meets(monkeypatch):
    """A round that fails in a way that nobody thought of is told of, and the next one comes."""

    async def told(life):
        left, outlived = [RuntimeError("unexpected"), KeyError("unexpected")], asyncio.Event()

        async def failing(_):
            if left:
                raise left.pop()
            outlived.set()

        monkeypatch.setattr(keep_account, "INTERVAL_SECONDS", 0)
        monkeypatch.setattr(keep_account, "mend", failing)
        keeping = asyncio.create_task(keep_account.keep_account(life.d))
        waiting = asyncio.create_task(outlived.wait())
        await asyncio.wait([keeping, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert waiting.done()
        assert not keeping.done()
        keeping.cancel()

    scenario(told)


async def recording(life):
    await life.begin()
    (call,) = life.calls.values()
    await life.connect(call)
    return call


async def play(life, call, seconds):
    for _ in range(seconds):
        for track in TRACKS:
            offer(life.d, call.stream, track, call.at[track], sound(call.at[track], RATE))
            call.at[track] += RATE
    live = await life.live(call)
    while live.sealing:
        await asyncio.wait(set(live.sealing))
    return live


def test_only_what_has_changed_is_kept():
    async def told(life):
        call = await recording(life)
        await play(life, call, 2)
        life.fault.trace.clear()
        await life.keeper.round()
        await life.keeper.round()
        assert [name for name, _ in life.fault.trace if name == "put"] == ["put"]
        await play(life, call, 1)
        await life.keeper.round()
        assert [name for name, _ in life.fault.trace if name == "put"] == ["put", "put"]

    scenario(told)


@pytest.mark.parametrize("place", ["store_sound", "_name"])
def test_nothing_is_held_for_ever(monkeypatch, place):
    """What a sealing meets that nobody thought of loses its segment, and says so."""

    async def told(life):
        call = await recording(life)

        async def failing(*_):
            raise RuntimeError("unexpected")

        with monkeypatch.context() as patch:
            patch.setattr(segments, place, failing)
            live = await play(life, call, 8)
        lost = {name: track.gate.accounting.lost for name, track in live.tracks.items()}
        assert lost == dict.fromkeys(TRACKS, 4 * RATE)
        await life.finish(call)
        await life.keeper.round()
        await life.close_book(call)
        pack = await export(life.d, await life.live(call), WHO, "permitted")
        report = verify(pack, life.d.log_vkey)
        assert report.ok, [check for check in report.checks if check.result == "fail"]

    scenario(told)


def test_fates_of_what_could_not_be_stored_are_told_once_and_as_lost():
    async def told(life):
        call = await recording(life)
        left = [NOT_STORED]

        def plan(name, args):
            if name == "commit" and any(row.type == Internal.SEGMENT_SEALED for row in args[0].rows) and left:
                return left.pop()
            return None

        life.fault._plan = plan
        await play(life, call, 13)
        await life.finish(call)
        events = [journal.read(life.d, row) for row in life.disks.events.events(TENANT, call.name)]
        fates = {track: [] for track in TRACKS}
        for event in events:
            if event.type in {Internal.SEGMENT_SEALED, Internal.TRACK_ACCOUNTED}:
                fates[event.data["track"]] += event.data["runs"]
        for told_of in fates.values():
            at = 0
            for start, end, _ in told_of:
                assert start == at
                at = end
            assert at == 13 * RATE
        lost = [run for told_of in fates.values() for run in told_of if run[2] == "lost"]
        assert [end - start for start, end, _ in lost] == [4 * RATE]

    scenario(told)


def test_a_failed_reading_is_told_to_whoever_asked():
    async def told(life):
        name = await admitted(life)
        life.d.live.clear()
        life.fault.blind = 1
        with pytest.raises(OnRecordError):
            await find(life.d, name)
        assert (await find(life.d, name)).conversation.interaction == name

    scenario(told)
