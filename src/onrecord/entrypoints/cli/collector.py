"""Keeps the garbage collector from stopping the gates: a pass over all that thousands of live calls hold takes as long
as they are many, and finds next to nothing, since what a call leaves goes by its reference counts."""

import asyncio
import gc
from collections.abc import Callable

YOUNG = 5_000  # objects made between two passes over them
MIDDLE = 8  # such passes between two over what outlived them
NEVER = 1 << 30
QUIET_SECONDS = 60.0
MOST_SECONDS = 3600.0


def settle() -> None:
    """What a start has made is never looked at again, and what is old only where `collect` says so."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)


async def collect(quiet: Callable[[], bool]) -> None:
    """Runs until cancelled: a pass over everything once a minute while it is quiet, once an hour where it never is."""
    waited = 0.0
    while True:
        await asyncio.sleep(QUIET_SECONDS)
        waited += QUIET_SECONDS
        if quiet() or waited >= MOST_SECONDS:
            waited = 0.0
            gc.collect()
