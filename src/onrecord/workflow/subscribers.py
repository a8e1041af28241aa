"""Who is told of decisions, directives and alerts by webhook, and what is on its way to them. Used on the event loop
alone."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from onrecord.capture.orders import Message, Outside

WORDS = ("decision", "directive", "alert")
KEPT = 2000  # messages of one subscriber in memory; more wait on record
MAX_ON_RECORD = 50_000  # messages of one subscriber that wait; what comes then is not told
DROPPED = "dropped"


class Waiting(NamedTuple):
    """A message, and the id of its record."""

    record: str
    message: Message


@dataclass(slots=True, eq=False)
class Subscriber:
    """`queues`: messages by conversation, oldest first; `ready`: conversations of which none is under way, `kept` how
    many messages there are. `more`: others are on record behind them, and `missed` that some came while they were
    read. `on_record` counts all. `taken`: records to be removed. `failures` in a row, since which it is tried with one
    message at a time, not before `again` on the monotonic clock."""

    id: str
    url: str
    events: frozenset[str]
    key: bytes = field(repr=False)
    outside: Outside
    queues: dict[str, deque[Waiting]] = field(default_factory=dict)
    ready: deque[str] = field(default_factory=deque)
    kept: int = 0
    more: bool = False
    missed: bool = False
    on_record: int = 0
    taken: list[str] = field(default_factory=list)
    failures: int = 0
    again: float = 0.0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    def add(self, interaction: str, waiting: Waiting) -> None:
        queue = self.queues.get(interaction)
        if queue is None:
            queue = self.queues[interaction] = deque()
            self.ready.append(interaction)
        queue.append(waiting)
        self.kept += 1

    def took(self, interaction: str) -> None:
        """The first of that conversation."""
        queue = self.queues[interaction]
        self.taken.append(queue.popleft().record)
        self.kept -= 1
        if queue:
            self.ready.append(interaction)
        else:
            del self.queues[interaction]


@dataclass(slots=True)
class Subscribers:
    """By id. `results` counts attempts by what came of them; `number` orders messages that were made in one
    nanosecond."""

    known: dict[str, Subscriber] = field(default_factory=dict)
    results: Counter[str] = field(default_factory=Counter)
    number: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wants(self, word: str) -> bool:
        return any(word in subscriber.events for subscriber in self.known.values())
