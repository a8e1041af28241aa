"""The ledger in process: events made canonical, committed to, sealed, sequenced, stored and synced; and proofs."""

import itertools
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.measure import report, rounds, scratch
from onrecord.base import ids
from onrecord.base.clock import SystemClock
from onrecord.interaction.events import Event
from onrecord.interaction.record import Conversation, PartyEntry
from onrecord.ledger.note import Ed25519Signer
from onrecord.ledger.sequencer import Draft, Sequencer
from onrecord.storage.memory import MemoryObjectStore
from onrecord.storage.ports import Mark
from onrecord.storage.sqlite import SqliteEventStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.localkms import LocalKms
from onrecord.vault.vault import Vault
from onrecord.workflow import journal

_ROUNDS = 7
_SECONDS = 1.0
_CALLS = 50
_ORIGIN = "onrecord.example/bench"
_RECORD = os.urandom(400)
_TENANT = ids.TenantId("bench")
_AT = 1_700_000_000_000_000_000
_number = itertools.count()


def event(index: int) -> Event:
    """Its payload has 400 bytes or so in canonical form."""
    data = {"party": "customer", "method": "keypad", "scope": ["recording", "transcription"], "text": "x" * 160}
    t = 12.25 + index
    return Event(f"evt-{index:08d}", "consent_granted", t, t + 0.5, _AT + index, "ivr", "key-of-the-bench", data, 0.5)


class Plane:
    """A sequencer on a new database, a vault with warm keys, and calls that take turns, each of a person of its own."""

    def __init__(self, directory: Path) -> None:
        self.store = SqliteEventStore(directory / f"ledger-{next(_number)}.db")
        self.sequencer = Sequencer(self.store, "bench", Ed25519Signer(_ORIGIN, os.urandom(32)), _ORIGIN)
        keyring = Keyring(MemoryKeyStore(), LocalKms({1: os.urandom(32)}), SystemClock())
        self._vault = Vault(keyring, MemoryObjectStore())
        calls = [Conversation(ids.new_interaction_id()) for _ in range(_CALLS)]
        for call in calls:
            call.parties.append(PartyEntry("customer", "unknown", ids.new_person_id()))
            self._drafts(call, [event(0)])
        self._calls = itertools.cycle(calls)

    def _drafts(self, call: Conversation, events: Sequence[Event]) -> list[Draft]:
        return journal.drafts(self._vault, _TENANT, call, events)

    def drafts(self, events: Sequence[Event]) -> list[Draft]:
        """Events of one call, made as the workflow makes them: canonical JSON, salts, commitments, sealed by the vault
        under a person's keys."""
        return self._drafts(next(self._calls), events)

    def spread(self, events: Sequence[Event]) -> list[Draft]:
        """Two events each of many calls."""
        return [
            draft for at in range(0, len(events), 2) for draft in self._drafts(next(self._calls), events[at : at + 2])
        ]

    def close(self) -> None:
        self.sequencer.close()
        self.store.close()


def _rate(directory: Path, batch: int, make: Callable[[Plane, Sequence[Event]], list[Draft]]) -> float:
    """Events a second from payload to acknowledgement, by one caller that hands over `batch` at a time and waits."""
    plane = Plane(directory)
    events = [event(index) for index in range(batch)]
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < _SECONDS:
        plane.sequencer.append(make(plane, events))
        count += batch
    plane.close()
    return count / passed


def _ledger_rate(directory: Path, batch: int) -> float:
    return _rate(directory, batch, Plane.drafts)


def _spread_rate(directory: Path, batch: int) -> float:
    return _rate(directory, batch, Plane.spread)


def _append_rate(directory: Path, batch: int) -> float:
    """The same from sealed drafts on: what the ledger and the store take of it."""
    made: list[Draft] = []

    def once(plane: Plane, events: Sequence[Event]) -> list[Draft]:
        if not made:
            made.extend(plane.drafts(events))
        return made

    return _rate(directory, batch, once)


def _raw_rate(directory: Path, batch: int) -> float:
    """400-byte rows a second into plain SQLite, WAL and synchronous=FULL."""
    connection = sqlite3.connect(directory / f"raw-{next(_number)}.db", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table e (id integer primary key, b blob)")
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < _SECONDS:
        connection.execute("begin immediate")
        connection.executemany("insert into e (b) values (?)", [(_RECORD,)] * batch)
        connection.execute("commit")
        count += batch
    connection.close()
    return count / passed


def _against_raw(name: str, rate: Callable[[Path, int], float], batch: int, goal: float | None) -> None:
    with scratch() as directory:
        figures = rounds({name: partial(rate, directory, batch), "raw": partial(_raw_rate, directory, batch)}, _ROUNDS)
    report(name, "events/s", figures[name], figures["raw"], goal_ratio=goal)


def _log_of(directory: Path, size: int) -> Plane:
    plane = Plane(directory)
    call = ids.new_interaction_id()
    for start in range(0, size, 1000):
        commitments = [os.urandom(32) for _ in range(start, start + 1000)]
        plane.sequencer.append([Draft(call, ids.new_uid(), "", b"", [Mark("t", 0.0, 0.0, 0)] * 1000, commitments)])
    return plane


def _proof_ms(plane: Plane, size: int) -> float:
    """Median of 500 inclusion proofs at random indices."""
    chosen = random.Random(1)  # noqa: S311 - which leaf is measured is no secret
    times: list[float] = []
    for _ in range(500):
        index = chosen.randrange(size)
        start = time.perf_counter()
        plane.sequencer.inclusion_proof(index)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def _proofs() -> None:
    with scratch() as directory:
        small, large = _log_of(directory, 1000), _log_of(directory, 100_000)
        figures = rounds(
            {"small": partial(_proof_ms, small, 1000), "large": partial(_proof_ms, large, 100_000)}, _ROUNDS
        )
        small.close()
        large.close()
    report("proof-100k", "ms", figures["large"], figures["small"], goal_max=0.2)


_GOALS = {1: 0.35, 100: 0.4, 1000: 0.25}

FIGURES: dict[str, Callable[[], None]] = {
    **{f"ledger-{n}": partial(_against_raw, f"ledger-{n}", _ledger_rate, n, goal) for n, goal in _GOALS.items()},
    "spread-100": partial(_against_raw, "spread-100", _spread_rate, 100, None),
    **{f"append-{n}": partial(_against_raw, f"append-{n}", _append_rate, n, None) for n in _GOALS},
    "proof-100k": _proofs,
}
