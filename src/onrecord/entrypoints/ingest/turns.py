"""Shares the turns of the event loop among media sockets, so that nothing else that it serves queues behind them.

What the callbacks of one turn do for media has a budget. Where it is used up no socket is read any more; what was read
already waits in order, and is handled in later turns, a little of each socket after the other, one budget a turn: in
between the loop reads and serves everything else. Sockets are then read again a few a turn, in the order in which they
were held. Without a backlog a message costs a subtraction, and a look at the clock every so many bytes."""

import asyncio
import time
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

BUDGET_SECONDS = 0.002
GRAIN = 16_384  # bytes that pass between two looks at the clock
FIXED = 512  # bytes that a frame counts for beside its own
QUANTUM = 4_096  # bytes of one socket that are handled before the next has its turn
FEWEST_READERS = 8  # sockets that are read again in one turn, after one whose budget was used up
MOST_READERS = 1 << 16
JUDGED_AT_ONCE = 16
LOOK_SECONDS = 0.1


class Served(Protocol):
    @abstractmethod
    def serve(self, quantum: int) -> bool:
        """Handles what waits, up to so many bytes; whether more of it could be handled now."""

    @abstractmethod
    def hold(self) -> None:
        """Reads no more."""

    @abstractmethod
    def release(self) -> None:
        """Reads again."""

    @abstractmethod
    def judge(self) -> tuple[bool, bool]:
        """(whether input waits or may wait, whether the stream is overloaded)."""


S = TypeVar("S", bound=Served)


class Turns(Generic[S]):
    """All open sockets. `busy`: nothing is handled as it comes, everything waits its turn. `left`: bytes until the next
    `look`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.busy = False
        self.left = GRAIN
        self._clock = clock
        self._sockets: dict[S, None] = {}
        self._queue: OrderedDict[S, None] = OrderedDict()  # something of these waits and can be handled
        self._held: OrderedDict[S, None] = OrderedDict()  # these are not read
        self._readers = FEWEST_READERS
        self._since: float | None = None
        self._spent = False
        self._behind: set[S] = set()
        self._over: set[S] = set()
        self._judging: list[S] = []
        self._judged = 0.0
        self._settling: asyncio.Handle | None = None

    def __iter__(self) -> Iterator[S]:
        return iter(self._sockets)

    @property
    def overloaded(self) -> bool:
        """Whether any stream is handled slower than real time."""
        return bool(self._over)

    def add(self, socket: S) -> None:
        self._sockets[socket] = None

    def discard(self, socket: S) -> None:
        self._sockets.pop(socket, None)
        self._queue.pop(socket, None)
        self._held.pop(socket, None)
        self._behind.discard(socket)
        self._over.discard(socket)

    def look(self) -> None:
        """Whether the budget of this turn is used up; it counts from the first look within the turn."""
        self.left = GRAIN
        now = self._clock()
        if self._since is None:
            self._since = now
            asyncio.get_running_loop().call_soon(self._turn_over)
        elif now - self._since > BUDGET_SECONDS and not self._spent:
            self._spent = True
            for socket in self._sockets:
                self.hold(socket)

    def wait(self, socket: S) -> None:
        """Something of this socket waits to be handled."""
        self._queue[socket] = None
        self._begin(socket)

    def hold(self, socket: S) -> None:
        """This socket is not read until its turn comes, and not while something of it waits."""
        if socket not in self._held:
            self._held[socket] = None
            socket.hold()
            self._begin(socket)

    def _begin(self, socket: S) -> None:
        if socket in self._sockets:
            self._behind.add(socket)
        if not self.busy:
            self.busy = True
            self._readers = FEWEST_READERS
            asyncio.get_running_loop().call_soon(self._pump)

    def _turn_over(self) -> None:
        self._since = None
        self._spent = False
        self.left = GRAIN

    def _pump(self) -> None:
        """One turn's part of what waits."""
        began = now = self._clock()
        while self._queue and now - began < BUDGET_SECONDS:
            socket, _ = self._queue.popitem(last=False)
            if socket.serve(QUANTUM):
                self._queue[socket] = None
            now = self._clock()
        self._let_read()
        self._judge()
        if self._queue or self._held:
            asyncio.get_running_loop().call_soon(self._pump)
        else:
            self.busy = False
            self._settle()

    def _let_read(self) -> None:
        """The next few that are held, more of them the less the last few had to say."""
        self._readers = FEWEST_READERS if self._spent else min(2 * self._readers, MOST_READERS)
        for _ in range(min(self._readers, len(self._held))):
            socket, _ = self._held.popitem(last=False)
            if socket in self._queue:
                self._held[socket] = None
            else:
                socket.release()

    def _judge(self) -> None:
        """A few of those that are behind; all of them, one after the other, every so often."""
        now = asyncio.get_running_loop().time()
        if not self._judging and now - self._judged >= LOOK_SECONDS:
            self._judged = now
            self._judging = list(self._behind | self._over)
        for socket in self._judging[-JUDGED_AT_ONCE:]:
            if socket in self._sockets:
                self._mark(socket, *socket.judge())
        del self._judging[-JUDGED_AT_ONCE:]

    def _mark(self, socket: S, behind: bool, over: bool) -> None:
        (self._behind.add if behind else self._behind.discard)(socket)
        (self._over.add if over else self._over.discard)(socket)

    def _settle(self) -> None:
        """Goes on judging, when nothing waits here any more, until every stream is known to have caught up."""
        loop = asyncio.get_running_loop()
        if self._settling is None and self._judging:
            self._settling = loop.call_soon(self._go_on_judging)
        elif self._settling is None and (self._behind or self._over):
            self._settling = loop.call_later(LOOK_SECONDS, self._go_on_judging)

    def _go_on_judging(self) -> None:
        self._settling = None
        if not self.busy:
            self._judge()
            self._settle()
