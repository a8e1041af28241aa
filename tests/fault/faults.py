"""Stores that fail in both ways: the write failed and left nothing; the write failed and is stored all the same."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from onrecord.storage.ports import (
    EventStore,
    Group,
    ObjectStore,
    Record,
    StorageBusyError,
    StorageFullError,
    StorageUnknownError,
    StorageUnreadableError,
)


class Fault(Enum):
    NONE = "none"
    BEFORE = "failed, not stored"
    AFTER = "failed, yet stored"
    FULL = "no room"
    BUSY = "held by another"


class Faults:
    """Draws one fault a write from a seed, and breaks reads now and then for as long as `reads` says."""

    def __init__(self, seed: int, rate: float = 0.4, reads: float = 0.0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._rate = rate
        self.reads = reads
        self.injected: Counter[str] = Counter()

    def write(self, act: Callable[[], Any]) -> Any:
        fault = Fault.NONE
        if self._random.random() < self._rate:
            fault = self._random.choice([Fault.BEFORE, Fault.AFTER, Fault.FULL, Fault.BUSY])
            self.injected[fault.value] += 1
        if fault is Fault.BEFORE:
            raise StorageUnknownError("injected: nothing stored")
        if fault is Fault.FULL:
            raise StorageFullError("injected")
        if fault is Fault.BUSY:
            raise StorageBusyError("injected")
        done = act()
        if fault is Fault.AFTER:
            raise StorageUnknownError("injected: stored")
        return done

    def read(self, act: Callable[[], Any]) -> Any:
        if self._random.random() < self.reads:
            self.injected["read"] += 1
            raise StorageUnreadableError("injected")
        return act()


class FaultyEventStore:
    """`note`: called with every head that a client could have been shown."""

    def __init__(self, inner: EventStore, faults: Faults, note: Callable[[Any], None] = lambda _: None) -> None:
        self.inner = inner
        self.faults = faults
        self._note = note

    def commit(self, group: Group) -> None:
        try:
            self.faults.write(lambda: self.inner.commit(group))
        finally:
            self._note(self.inner.head(group.tenant))

    def put(self, tenant: str, records: Iterable[Record]) -> None:
        self.faults.write(lambda: self.inner.put(tenant, records))

    def delete(self, tenant: str, kind: str, identifier: str) -> bool:
        return self.faults.write(lambda: self.inner.delete(tenant, kind, identifier))

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.inner, name)
        return lambda *args, **kwargs: self.faults.read(lambda: real(*args, **kwargs))


class FaultyObjectStore:
    def __init__(self, inner: ObjectStore, faults: Faults) -> None:
        self.inner = inner
        self.faults = faults

    def put(self, identifier: str, data: bytes) -> None:
        self.faults.write(lambda: self.inner.put(identifier, data))

    def delete(self, identifier: str) -> bool:
        return self.faults.write(lambda: self.inner.delete(identifier))

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.inner, name)
        return lambda *args, **kwargs: self.faults.read(lambda: real(*args, **kwargs))
