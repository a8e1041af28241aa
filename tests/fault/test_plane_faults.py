"""Every kind of write of the whole plane broken in every way at seeded places, then a restart: nothing that was said is
lost, nothing that was closed is kept."""

import asyncio
import random
from collections import Counter

import pytest
from plane_laws import check_evidence, check_memory, check_restarted
from plane_life import Life
from plane_stores import WAYS, Fault

CHAPTERS = 6
STEPS = 9


async def chapter(life, fault, *, orderly):
    """A process in which writes break, its end, and the laws after the next start."""
    life.fault = fault
    await life.start()
    await life.run(STEPS)
    if orderly and not life.fault.dead:
        await life.leave()
    life.end()
    await life.start()
    life.fault.calm()
    await check_restarted(life)
    check_memory(life)
    life.end()


async def history(seed, ways):
    """What broke in six processes one after the other on the same disks."""
    dice = random.Random(seed)  # noqa: S311  (a repeatable walk)
    life = Life(seed)
    struck = Counter()
    for _ in range(CHAPTERS):
        fault = Fault(dice, ways)
        await chapter(life, fault, orderly=dice.random() < 0.4)
        struck += fault.struck
    await life.start()
    for call in life.calls.values():
        await check_evidence(life, await life.live(call))
    life.end()
    return struck


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_whatever_breaks_a_restart_mends(first):
    struck = sum((asyncio.run(history(seed, WAYS)) for seed in range(first, first + 20)), Counter())
    assert struck.total() >= 220
    assert {way for _, way in struck} == set(WAYS)
    assert {"commit", "put object", "add", "log", "shred"} <= {write for write, _ in struck}
