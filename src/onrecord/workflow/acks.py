"""Between the event loop and the sequencer's thread: one wake-up for all that a turn of the loop submits, and one for a
whole group that is stored."""

import asyncio
from collections import deque
from collections.abc import Sequence

from onrecord.ledger.sequencer import Draft, Records, Sequenced, Sequencer

Places = tuple[Sequenced, ...]


class Acks:
    """The submissions of one event loop at a time. Waiting for a `concurrent.futures.Future` costs more than the rest
    of a submission, and wakes the loop once for each."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[asyncio.Future[Places], Places | Exception]] = deque()
        self._woken = False
        self._waking = False

    def submit(
        self, sequencer: Sequencer, drafts: Sequence[Draft], records: Records | None = None
    ) -> asyncio.Future[Places]:
        """As `Sequencer.submit`, for the running loop. If it is cancelled before the group is taken, nothing is stored.
        Errors: those of Sequencer.submit."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._done, self._woken, self._waking = loop, deque(), False, False
        future: asyncio.Future[Places] = loop.create_future()
        sequencer.submit_to(_Ack(self, future), drafts, records)
        if not self._waking:
            self._waking = True
            loop.call_soon(self._wake, sequencer)
        return future

    def _wake(self, sequencer: Sequencer) -> None:
        self._waking = False
        sequencer.wake()

    def tell(self, future: asyncio.Future[Places], outcome: Places | Exception) -> None:
        """From any thread. The outcome is in the queue before the flag is read, and `_settle` lowers the flag before it
        reads the queue: so none is left behind."""
        self._done.append((future, outcome))
        loop = future.get_loop()
        if not self._woken and not loop.is_closed():
            self._woken = True
            try:
                loop.call_soon_threadsafe(self._settle)
            except BaseException:
                self._woken = False
                raise

    def look_again(self) -> None:
        """On the event loop, now and then, in case a wake-up was lost: where memory runs out, one is."""
        self._settle()

    def _settle(self) -> None:
        self._woken = False
        while self._done:
            future, outcome = self._done.popleft()
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


class _Ack:
    """What the sequencer tells the outcome of one submission."""

    __slots__ = ("_acks", "_future", "_told")

    def __init__(self, acks: Acks, future: asyncio.Future[Places]) -> None:
        self._acks = acks
        self._future = future
        self._told = False

    def set_running_or_notify_cancel(self) -> bool:
        return not self._future.cancelled()

    def done(self) -> bool:
        return self._told

    def set_result(self, result: Places) -> None:
        self._acks.tell(self._future, result)
        self._told = True

    def set_exception(self, exception: Exception) -> None:
        self._acks.tell(self._future, exception)
        self._told = True
