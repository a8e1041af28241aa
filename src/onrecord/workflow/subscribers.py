"""Who is told of decisions, directives and alerts by webhook, and what is on its way to them. Used on the event loop
alone."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field

from onrecord.capture.orders import Message, Outside

WORDS = ("decision", "directive", "alert")
KEPT = 2000  # messages of one subscriber in memory; more wait on record
MAX_ON_RECORD = 50_000  # messages of one subscriber that wait; what comes then is not told
DROPPED = "dropped"


@dataclass(slots=True, eq=False)
class Subscriber:
    """`waiting`: messages with the ids of their records, oldest first. `more`: there are others on record behind them,
    and `missed` that some came while they were read. `on_record` counts all. `since`: when the first of those waiting
    began to, on the monotonic clock."""

    id: str
    url: str
    events: frozenset[str]
    key: bytes = field(repr=False)
    outside: Outside
    waiting: deque[tuple[str, Message]] = field(default_factory=deque)
    more: bool = False
    missed: bool = False
    on_record: int = 0
    since: float = 0.0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


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
