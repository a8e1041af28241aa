"""Unwrapped keys in memory: for a lifetime, up to a number, and gone at once when a key is shredded."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from onrecord.base.clock import Clock
from onrecord.base.ids import KeyId

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class KeyCache(Generic[K, V]):
    """At most `capacity` entries, each at most `lifetime_ns` old, steadily counted; the oldest makes room. Python
    cannot wipe what is dropped: it stays in the process's memory until reused."""

    __slots__ = ("_capacity", "_clock", "_entries", "_lifetime_ns")

    def __init__(self, clock: Clock, lifetime_ns: int, capacity: int) -> None:
        self._clock = clock
        self._lifetime_ns = lifetime_ns
        self._capacity = capacity
        self._entries: dict[K, tuple[int, V, frozenset[KeyId]]] = {}

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is None or self._clock.steady_ns() - entry[0] >= self._lifetime_ns:
            return None
        return entry[1]

    def put(self, key: K, value: V, made_from: Iterable[KeyId]) -> None:
        """One writer at a time. `made_from`: the keys whose shredding ends the entry."""
        self._entries.pop(key, None)
        while len(self._entries) >= self._capacity:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._clock.steady_ns(), value, frozenset(made_from))

    def evict(self, keys: frozenset[KeyId]) -> None:
        """One writer at a time."""
        for name in [name for name, entry in self._entries.items() if not keys.isdisjoint(entry[2])]:
            del self._entries[name]
