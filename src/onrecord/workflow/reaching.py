"""Withdrawals that have yet to reach all conversations of the person, as this process holds them."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Reaching:
    """`names` of their records, of which none is under way; `wake` is set where there are any."""

    names: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, name: str) -> None:
        self.names.add(name)
        self.wake.set()

    def take(self) -> list[str]:
        found = sorted(self.names)
        self.names.clear()
        self.wake.clear()
        return found
