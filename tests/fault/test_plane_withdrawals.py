"""A withdrawal reaches every conversation of the person, whatever write of it fails, and whatever else goes on."""

import asyncio

import pytest
from plane_life import WHO, Life
from plane_stores import CRASH_AFTER, CRASH_BEFORE, LOST, NOT_STORED, STORED, TENANT

from onrecord.base.clock import rfc3339
from onrecord.base.errors import OnRecordError
from onrecord.governance.errors import InvalidProfileError
from onrecord.interaction.events import Internal
from onrecord.policy.kinds import Kind
from onrecord.workflow import profiles
from onrecord.workflow.admit import NewInteraction, NewParty, admit
from onrecord.workflow.find import find
from onrecord.workflow.seal import seal
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.tell import tell
from onrecord.workflow.withdraw import keep_reaching, withdraw

AGREED = [{"purposes": ["recording"], "method": "email", "given_at": "2020-01-01T00:00:00Z"}]
PARTY = NewParty("customer", "IE", external_id="crm-1")


def scenario(told, seed=1):
    """Runs `told(life)` on a plane of its own."""

    async def whole():
        life = Life(seed)
        await life.start()
        await told(life)
        life.end()

    asyncio.run(whole())


async def agreed(life):
    person = await profiles.person_of(life.d, WHO, "crm-1")
    await profiles.keep(life.d, WHO, person, AGREED)
    return person


async def begun(life):
    name, _ = await admit(life.d, WHO, NewInteraction("retail", (PARTY,)))
    await tell(life.d, await find(life.d, name), WHO, [{"type": "call_start", "t": 0.0}], None)
    return name


async def sealed(life):
    name = await begun(life)
    live = await find(life.d, name)
    await tell(life.d, live, WHO, [{"type": "call_end", "t": 60.0}], None)
    await seal(life.d, live, WHO)
    return name


async def is_withdrawn(life, name):
    live = await find(life.d, name)
    ends = live.conversation.ended_t
    now = live.now(live.clock_ns(life.d.clock)) + 1.0 if ends is None else ends + 1.0
    return live.timeline.decision(Kind.AUDIO_RECORDING, now).reason == "CONSENT_WITHDRAWN"


def is_told(live):
    """Whether it holds: on record, or on its way there."""
    events = [*live.closings.all(), *(each.event for each in live.said.values())]
    return any(event.type == "consent_withdrawn" for event in events)


def is_shut(life, name):
    return life.d.live[name].is_shut


async def kept_up(life):
    """What a server does beside: until nothing is left to reach."""
    task = asyncio.create_task(keep_reaching(life.d, tell))
    async with asyncio.timeout(20):
        while life.d.store.records(TENANT, RecordKind.REACHING):  # noqa: ASYNC110  a store tells nobody
            await asyncio.sleep(0)
    task.cancel()


@pytest.mark.parametrize("way", [NOT_STORED, LOST, STORED, CRASH_BEFORE, CRASH_AFTER])
@pytest.mark.parametrize(("write", "skip"), [("put", 0), ("commit", 0), ("commit", 1), ("delete", 0)])
def test_a_withdrawal_holds_whichever_write_fails(write, skip, way):
    """What was not accepted is said again, as a client would. Until it is stored, what goes on is shut."""

    async def told(life):
        person = await agreed(life)
        live, past = [await begun(life), await begun(life)], await sealed(life)
        left = [None] * skip + [way]
        life.fault._plan = lambda name, _: left.pop(0) if name == write and left else None
        for _ in range(3):
            try:
                await withdraw(life.d, WHO, person, {}, tell)
            except OnRecordError:
                if not life.fault.dead:
                    for name in live:
                        assert is_shut(life, name) or await is_withdrawn(life, name)
                else:
                    life.end()
                    await life.start()
            else:
                break
        life.fault.calm()
        await kept_up(life)
        for name in (*live, past):
            assert await is_withdrawn(life, name)
        assert profiles.read(life.d, person).states(life.clock.now_ns())["recording"] == "withdrawn"

    scenario(told)


@pytest.mark.parametrize("way", [CRASH_AFTER, STORED, LOST, NOT_STORED, CRASH_BEFORE])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_what_was_told_in_one_conversation_reaches_the_others_after_a_crash(way, skip):
    """Whether it is on record or not, the profile and the conversations say the same."""

    async def told(life):
        person = await agreed(life)
        first, second, past = await begun(life), await begun(life), await sealed(life)
        left = [None] * skip + [way]
        life.fault._plan = lambda name, _: left.pop(0) if name == "commit" and left else None
        event = {"type": "consent_withdrawn", "event_id": "w", "t": 5.0}
        for _ in range(3):
            try:
                await tell(life.d, await find(life.d, first), WHO, [event], None)
            except OnRecordError:
                if life.fault.dead:
                    life.end()
                    await life.start()
            else:
                break
        if life.fault.dead:
            life.end()
            await life.start()
        life.fault.calm()
        assert await is_withdrawn(life, first)
        await kept_up(life)
        for name in (second, past):
            assert await is_withdrawn(life, name)
        assert len(profiles.read(life.d, person).withdrawals) >= 1

    scenario(told)


def test_a_restart_goes_on_where_the_mark_stands_and_tells_nobody_twice():
    async def told(life):
        person = await agreed(life)
        live, past = await begun(life), await sealed(life)
        records = profiles.withdrawal(life.d, person, life.clock.now_ns(), {"scope": ["recording"]}, None)
        life.d.store.put(TENANT, records)
        for _ in range(2):
            life.end()
            await life.start()
            assert await is_withdrawn(life, live)
            assert is_shut(life, live)
        await kept_up(life)
        assert await is_withdrawn(life, past)
        for name in (live, past):
            said = (await find(life.d, name)).said.values()
            assert sum(each.event.type == "consent_withdrawn" for each in said) == 1

    scenario(told)


@pytest.mark.parametrize("seed", range(20))
def test_of_an_admission_and_a_withdrawal_at_once_one_sees_the_other(seed):
    async def told(life):
        person = await agreed(life)

        async def soon():
            for _ in range(life.dice.randrange(12)):
                await asyncio.sleep(0)
            await withdraw(life.d, WHO, person, {}, tell)

        name, _ = await asyncio.gather(begun(life), soon())
        await kept_up(life)
        assert await is_withdrawn(life, name)

    scenario(told, seed)


def test_a_profile_is_read_once_the_conversation_is_on_record():
    """What was withdrawn by then, and looked for conversations before, is in the profile."""

    async def told(life):
        person = await agreed(life)

        def plan(name, args):
            if name == "commit" and any(row.type == Internal.INTERACTION_OPENED for row in args[0].rows):
                record, _ = profiles.withdrawal(life.d, person, life.clock.now_ns(), {}, None)
                life.disks.events.put(TENANT, [record])

        life.fault._plan = plan
        assert await is_withdrawn(life, await begun(life))

    scenario(told)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_withdrawal_counts_whatever_the_machine_was_set_to_since_the_call_began(seconds):
    async def told(life):
        first = await begun(life)
        life.clock.step(seconds)
        person = await profiles.person_of(life.d, WHO, "crm-1")
        await profiles.keep(life.d, WHO, person, [{"purposes": ["recording"], "method": "email"}])
        life.clock.advance(5)
        await tell(life.d, await find(life.d, first), WHO, [{"type": "consent_withdrawn"}], None)
        assert profiles.read(life.d, person).states(life.clock.now_ns())["recording"] == "withdrawn"
        assert await is_withdrawn(life, await begun(life))

    scenario(told)


def test_a_withdrawal_closes_what_goes_on_before_it_waits_for_the_disk():
    async def told(life):
        person = await agreed(life)
        going_on, closed = [await begun(life), await begun(life)], []

        def plan(name, args):
            if name == "put" and any(record.kind == RecordKind.WITHDRAWAL for record in args[1]):
                closed.extend(name for name in going_on if is_told(life.d.live[name]))

        life.fault._plan = plan
        await withdraw(life.d, WHO, person, {}, tell)
        assert closed == going_on
        for name in going_on:
            said = (await find(life.d, name)).said.values()
            assert sum(each.event.type == "consent_withdrawn" for each in said) == 1

    scenario(told)


def test_what_is_told_again_without_saying_when_it_was_given_answers_no_withdrawal():
    """As by a CRM that copies all it has every night."""

    async def told(life):
        person = await agreed(life)
        await withdraw(life.d, WHO, person, {}, tell)
        life.clock.advance(3600)
        again = [{"purposes": ["recording"], "method": "email"}]
        with pytest.raises(InvalidProfileError):
            await profiles.keep(life.d, WHO, person, again)
        assert profiles.read(life.d, person).states(life.clock.now_ns())["recording"] == "withdrawn"
        now = rfc3339(life.clock.now_ns())
        await profiles.keep(life.d, WHO, person, [{**again[0], "given_at": now}])
        assert profiles.read(life.d, person).states(life.clock.now_ns())["recording"] == "live"

    scenario(told)


def test_who_was_erased_is_reached_no_more():
    async def told(life):
        person = await agreed(life)
        records = profiles.withdrawal(life.d, person, life.clock.now_ns(), {}, None)
        life.d.store.put(TENANT, records)
        life.d.vault.shred_person(TENANT, person)
        life.end()
        await life.start()
        await kept_up(life)
        assert not life.d.store.records(TENANT, RecordKind.REACHING)

    scenario(told)
