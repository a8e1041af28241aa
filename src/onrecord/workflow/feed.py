"""Changes of verdict as they happen, to whoever listens in this process."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from onrecord.policy.owed import Directive

QUEUE_LIMIT = 2000
HISTORY_LIMIT = 20_000


class Message(NamedTuple):
    """One kind whose verdict, state or reason changed. `t`: effective instant, seconds; `leaf_index`: of the event
    that caused it; `ordinal` numbers the messages of one leaf from 0. With `directives` it is about no kind: they
    are what agent and bot are to do from then on."""

    leaf_index: int
    ordinal: int
    interaction: str
    kind: str
    t: float
    verdict: str
    state: str
    reason: str
    cause: str | None
    directives: tuple[Directive, ...] | None = None

    @property
    def position(self) -> tuple[int, int]:
        return (self.leaf_index, self.ordinal)


class Subscription:
    """A bounded queue. A reader that lets it fill is cut off: `cut` is set and nothing more arrives."""

    def __init__(self, interaction: str | None, after: tuple[int, int]) -> None:
        self.interaction = interaction
        self.after = after
        self.cut = False
        self._queue: deque[Message] = deque()
        self._wake = asyncio.Event()

    def offer(self, message: Message) -> None:
        if self.cut or (self.interaction is not None and message.interaction != self.interaction):
            return
        if message.position <= self.after:
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self.cut = True
            self._queue.clear()
        else:
            self._queue.append(message)
        self._wake.set()

    def close(self) -> None:
        self.cut = True
        self._wake.set()

    async def next(self) -> list[Message]:
        """What has arrived, at least one message; empty once the subscription is cut off."""
        while not self._queue and not self.cut:
            self._wake.clear()
            await self._wake.wait()
        taken = list(self._queue)
        self._queue.clear()
        return taken


class Feed:
    """Messages are made under `order`, and only while they are `wanted`; what is passed over can be made again from the
    log."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._history: deque[Message] = deque(maxlen=HISTORY_LIMIT)
        self._unheard = HISTORY_LIMIT
        self.order = asyncio.Lock()
        self.closed = False

    def wanted(self) -> bool:
        """Somebody listens, or left so few messages ago that this process still has all that came since. Otherwise the
        next is passed over, and what came before it forgotten, which would not reach beyond it."""
        if self._subscriptions or self._unheard < HISTORY_LIMIT:
            return True
        self._history.clear()
        return False

    def publish(self, messages: Sequence[Message]) -> None:
        if not self._subscriptions:
            self._unheard += len(messages)
            self._history.extend(messages)
            return
        self._unheard = 0
        for message in messages:
            self._history.append(message)
            for subscription in tuple(self._subscriptions):
                subscription.offer(message)
                if subscription.cut:
                    self._subscriptions.discard(subscription)

    def subscribe(self, interaction: str | None, after: tuple[int, int] | None) -> Subscription:
        """From now on, or from the message after `after` as far as this process still has it (see `reaches`)."""
        subscription = Subscription(interaction, (-1, -1) if after is None else after)
        if after is not None:
            for message in self._history:
                subscription.offer(message)
        self._subscriptions.add(subscription)
        self._unheard = 0
        return subscription

    def reaches(self, position: tuple[int, int]) -> bool:
        """Whether this process still has all that came after that."""
        return bool(self._history) and self._history[0].position <= position

    def drop(self, subscription: Subscription) -> None:
        subscription.close()
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        self.closed = True
        for subscription in tuple(self._subscriptions):
            self.drop(subscription)
