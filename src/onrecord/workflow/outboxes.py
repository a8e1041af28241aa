"""What this process keeps of capture systems and of what is on its way to them. Used on the event loop alone."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from onrecord.capture.orders import Command, Outside, Outsiders
from onrecord.capture.pursuit import Pursuit
from onrecord.governance.systems import System

AT_ONCE = 8  # commands under way to one system
DOWN = 8  # attempts in a row that reached nobody, after which one at a time goes out
FIRST_PAUSE_S, LAST_PAUSE_S = 0.25, 5.0


@dataclass(frozen=True, slots=True)
class Registered:
    """`retired`: it is to be told to stop, and then no more."""

    system: System
    key: bytes = field(repr=False)
    retired: bool = False


@dataclass(slots=True, eq=False)
class Pair:
    """One system and one conversation. `told`, `seen`: ids of the last command that was sent, and that the system was
    last read back as knowing. Not `durable`: a closing that was sent before it is on record. `on`: it was told to
    capture, and has not been read back as having ceased since; `code`: what came of the last attempt."""

    interaction: str
    command: Command
    pursuit: Pursuit[str]
    durable: bool
    told: str | None = None
    seen: str | None = None
    ticket: int = 0
    attempt: asyncio.Task[None] | None = None
    reading: bool = False
    on: bool = False
    code: str = ""


@dataclass(slots=True, eq=False)
class Lane:
    """All that goes to one system, by one loop: what hangs here holds up no other. Closings go first. `expiry`: when
    the next of the vendor's contracts ends, in nanoseconds since the epoch."""

    registered: Registered
    outside: Outside
    pairs: dict[str, Pair] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    attempts: set[asyncio.Task[None]] = field(default_factory=set)
    task: asyncio.Task[None] | None = None
    expiry: int | None = None
    _due: list[tuple[float, int, str]] = field(default_factory=list)
    _closing: deque[tuple[int, str]] = field(default_factory=deque)
    _opening: deque[tuple[int, str]] = field(default_factory=deque)
    _tickets: int = 0
    _missed: int = 0
    _again: float = 0.0

    def schedule(self, pair: Pair, at: float) -> None:
        """`at` on the event loop's monotonic clock; a later call takes the place of an earlier one."""
        self._tickets += 1
        pair.ticket = self._tickets
        heappush(self._due, (at, pair.ticket, pair.interaction))
        self.wake.set()

    def take(self, now: float) -> Iterator[Pair]:
        """Those that are due and may go now."""
        while self._due and self._due[0][0] <= now:
            _, ticket, name = heappop(self._due)
            pair = self.pairs.get(name)
            if pair is not None and pair.ticket == ticket:
                (self._closing if pair.command.closes else self._opening).append((ticket, name))
        while len(self.attempts) < self._most(now):
            pair = self._next()
            if pair is None:
                return
            yield pair

    def _most(self, now: float) -> int:
        if self._missed < DOWN:
            return AT_ONCE
        return 1 if now >= self._again else 0

    def _next(self) -> Pair | None:
        for ready in (self._closing, self._opening):
            while ready:
                ticket, name = ready.popleft()
                pair = self.pairs.get(name)
                if pair is not None and pair.ticket == ticket and pair.attempt is None:
                    return pair
        return None

    def pause(self, now: float) -> float | None:
        """Seconds until something is due; None: until it is woken."""
        if self._closing or self._opening:
            return max(0.01, self._again - now) if self._missed >= DOWN and not self.attempts else None
        return max(0.0, self._due[0][0] - now) if self._due else None

    def reached(self) -> None:
        self._missed = 0

    def missed(self, now: float) -> None:
        """Nobody was reached."""
        self._missed += 1
        if self._missed >= DOWN:
            self._again = now + min(LAST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._missed - DOWN, 10))


@dataclass(slots=True)
class Outbox:
    """`registered` by id, `lanes` likewise. `due`: when, on the steady clock in seconds, a conversation's verdicts
    change by time alone. `results` counts attempts by what came of them. `make`: None where nothing can be sent."""

    make: Outsiders | None = None
    registered: dict[str, Registered] = field(default_factory=dict)
    lanes: dict[str, Lane] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    results: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    leaving: bool = False

    def pair(self, system: str, interaction: str) -> Pair | None:
        lane = self.lanes.get(system)
        return None if lane is None else lane.pairs.get(interaction)

    def waiting(self) -> list[Pair]:
        """Whose command has not been followed."""
        return [pair for lane in self.lanes.values() for pair in lane.pairs.values() if not pair.pursuit.followed]
