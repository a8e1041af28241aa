"""The ledger in process: events made canonical, committed to, sealed, sequenced, stored and synced; and proofs."""

import itertools
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.measure import report, rounds, scratch
from onrecord.base import canonical, ids
from onrecord.base.clock import SystemClock
from onrecord.base.digests import Domain, commit, new_salt
from onrecord.ledger.note import Ed25519Signer
from onrecord.ledger.sequencer import Draft, Sequencer
from onrecord.storage.memory import MemoryObjectStore
from onrecord.storage.sqlite import SqliteEventStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.keystore import KeyClass
from onrecord.vault.localkms import LocalKms
from onrecord.vault.vault import Vault

_ROUNDS = 7
_SECONDS = 1.0
_CALLS = 50
_ORIGIN = "onrecord.example/bench"
_RECORD = os.urandom(400)
_TENANT = ids.TenantId("bench")
_AT = 1_700_000_000_000_000_000
_number = itertools.count()


def _payload(index: int) -> dict[str, object]:
    """400 bytes or so in canonical form."""
    return {
        "event_id": f"evt-{index:08d}",
        "type": "consent_granted",
        "t": 12.25 + index,
        "source": "ivr",
        "data": {"party": "customer", "method": "keypad", "scope": ["recording", "transcription"]},
        "text": "x" * 240,
        "uncertainty": 0.5,
    }


class _Plane:
    """A sequencer on a new database, a vault with warm keys, and calls that take turns, each of a person of its own."""

    def __init__(self, directory: Path) -> None:
        self.store = SqliteEventStore(directory / f"ledger-{next(_number)}.db")
        self.sequencer = Sequencer(self.store, "bench", Ed25519Signer(_ORIGIN, os.urandom(32)), _ORIGIN)
        keyring = Keyring(MemoryKeyStore(), LocalKms({1: os.urandom(32)}), SystemClock())
        self._vault = Vault(keyring, MemoryObjectStore())
        calls = [(ids.new_interaction_id(), (ids.new_person_id(),)) for _ in range(_CALLS)]
        for _, persons in calls:
            self._vault.seal(_TENANT, persons, KeyClass.EVENT, b"", b"")
        self._calls = itertools.cycle(calls)

    def draft(self, event: dict[str, object]) -> Draft:
        """As the workflow makes one: canonical JSON, salt, commitment, sealed by the vault under a person's key."""
        call, persons = next(self._calls)
        payload, salt, uid = canonical.dumps(event), new_salt(), ids.new_uid()
        bound = b"\0".join([b"onrecord/event/v1", b"bench", call.encode(), b"consent_granted", uid])
        sealed = self._vault.seal(_TENANT, persons, KeyClass.EVENT, bound, salt + payload)
        made = commit(Domain.EVENT, salt, payload)
        return Draft(call, uid, "consent_granted", 12.25, 12.5, _AT, sealed.keys, sealed.blob, made)

    def close(self) -> None:
        self.sequencer.close()
        self.store.close()


def _ledger_rate(directory: Path, batch: int) -> float:
    """Events a second from payload to acknowledgement, by one caller that hands over `batch` at a time and waits."""
    plane = _Plane(directory)
    events = [_payload(index) for index in range(batch)]
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < _SECONDS:
        plane.sequencer.append([plane.draft(event) for event in events])
        count += batch
    plane.close()
    return count / passed


def _append_rate(directory: Path, batch: int) -> float:
    """The same from sealed drafts on: what the ledger and the store take of it."""
    plane = _Plane(directory)
    drafts = [plane.draft(_payload(index)) for index in range(batch)]
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < _SECONDS:
        plane.sequencer.append(drafts)
        count += batch
    plane.close()
    return count / passed


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


def _log_of(directory: Path, size: int) -> _Plane:
    plane = _Plane(directory)
    call = ids.new_interaction_id()
    for start in range(0, size, 1000):
        drafts = [
            Draft(call, ids.new_uid(), "t", 0.0, 0.0, 0, "", b"", os.urandom(32)) for _ in range(start, start + 1000)
        ]
        plane.sequencer.append(drafts)
    return plane


def _proof_ms(plane: _Plane, size: int) -> float:
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
    **{f"append-{n}": partial(_against_raw, f"append-{n}", _append_rate, n, None) for n in _GOALS},
    "proof-100k": _proofs,
}
