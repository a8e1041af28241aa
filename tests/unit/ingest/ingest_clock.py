"""An event loop whose clock stands still until told, and a clock for what handling costs."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class SteppedLoop(asyncio.SelectorEventLoop):
    """`seconds` is its time. Timers run in the turn after it was advanced beyond them."""

    seconds = 0.0

    def time(self) -> float:
        return self.seconds


class Work:
    """Seconds of processor time spent."""

    def __init__(self) -> None:
        self.spent = 0.0

    def __call__(self) -> float:
        return self.spent


def run(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        runner.run(story)


def advance(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppedLoop)
    loop.seconds += seconds


async def turns(count: int = 1) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
