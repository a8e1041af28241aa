"""Long work in slices, between which the event loop turns: gates and other calls do not wait for it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from onrecord.policy.stepwise import Steps

SLICE = 32
"""How many events one turn of the loop reads, folds, draws up or publishes at most."""

T = TypeVar("T")
U = TypeVar("U")


async def turn() -> None:
    """Lets run what is ready."""
    await asyncio.sleep(0)


async def in_turns(make: Callable[[Sequence[T]], Iterable[U]], items: Sequence[T]) -> list[U]:
    """What `make` makes of all items, given so many of them at a time. Up to SLICE items take no turn."""
    if len(items) <= SLICE:
        return list(make(items))
    made: list[U] = []
    for start in range(0, len(items), SLICE):
        if start:
            await turn()
        made += make(items[start : start + SLICE])
    return made


async def stepwise(steps: Steps[T]) -> T:
    """What the steps come to. Up to SLICE of them take no turn."""
    try:
        while True:
            for _ in range(SLICE):
                next(steps)
            await turn()
    except StopIteration as end:
        made: T = end.value
        return made


class Place:
    """A place in the queue for a lock, which may be taken before it is needed: what came first stays first, however
    long it takes to read. A context that holds the lock."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._taking: asyncio.Task[bool] | None = None

    def take(self) -> None:
        self._taking = asyncio.create_task(self._lock.acquire())

    def leave(self) -> None:
        """Instead of entering. Nothing where no place was taken."""
        if self._taking is not None and not self._taking.cancel() and not self._taking.cancelled():
            self._lock.release()

    async def __aenter__(self) -> Self:
        if self._taking is None:
            await self._lock.acquire()
            return self
        try:
            await asyncio.shield(self._taking)
        except asyncio.CancelledError:
            self.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
