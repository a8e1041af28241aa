"""Stores in memory that break one write, and a plane built on them whose every step is in one thread and in order."""

import asyncio
from collections import Counter
from concurrent.futures import Future
from importlib import resources

from onrecord.base.ids import TenantId
from onrecord.ledger.note import Ed25519Signer, sign
from onrecord.ledger.sequencer import Sequencer
from onrecord.policy import pack
from onrecord.storage.memory import MemoryEventStore, MemoryObjectStore
from onrecord.storage.ports import StorageFullError, StorageUnknownError, StorageUnreadableError
from onrecord.vault.errors import KeyStoreError, KeyStoreUnknownError
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.localkms import LocalKms
from onrecord.vault.vault import Vault
from onrecord.workflow.deployment import Deployment, LoadedPack

TENANT = "acme"
KMS = LocalKms({1: bytes(32)})
HOLD_BACK = 2.0

NOT_STORED, STORED, LOST = "not stored", "stored", "lost"
BLIND_STORED, BLIND_LOST = "stored, and blind", "lost, and blind"
CRASH_BEFORE, CRASH_AFTER = "crash before", "crash after"
WAYS = (NOT_STORED, STORED, LOST, BLIND_STORED, BLIND_LOST, CRASH_BEFORE, CRASH_AFTER)
"""How a write breaks: a clean failure; "perhaps stored", and it was, or was not; the same, and the event store cannot
be read for a while either; the process dies before the write or after it."""


FREQUENT = {"commit": 2, "log": 8}
"""Of writes that are many, one in so many counts."""


class Process:
    """What is still under way when a process dies reaches no store any more."""

    def __init__(self):
        self.alive = True


class Fault:
    """Breaks writes of all stores: at places and in ways that a seed decides, one in `apart` or so, or as a plan says
    that is given each write's name and arguments. Once `dead`, the process has died of it. `struck` counts by write and
    way; `trace` holds what was written, and which objects were read, in order."""

    def __init__(self, dice=None, ways=WAYS, apart=6, plan=None):
        self._dice, self._ways, self._apart, self._plan = dice, ways, apart, plan
        self.dead = False
        self.struck = Counter()
        self.trace = []
        self.blind = 0
        self._left = self._next()

    def _next(self):
        return self._dice.randrange(2 * self._apart) if self._dice else -1

    def calm(self):
        """Nothing more breaks."""
        self._left, self._plan, self.blind = -1, None, 0

    def _way(self, name, args):
        """How this write breaks, if it does."""
        if self._plan is not None:
            return self._plan(name, args)
        if self._left < 0 or self._dice.randrange(FREQUENT.get(name, 1)):
            return None
        self._left -= 3 if name.endswith("object") else 1
        if self._left >= 0:
            return None
        self._left = self._next()
        return self._dice.choice(self._ways)

    def write(self, process, name, write, clean, unknown):
        def broken(*args):
            if self.dead or not process.alive:
                raise unknown("dead")
            way = self._way(name, args)
            if way is not None:
                self.struck[name, way] += 1
            if way == NOT_STORED:
                raise clean("not stored")
            if way in {None, STORED, BLIND_STORED, CRASH_AFTER}:
                self.trace.append((name, args))
                done = write(*args)
            if way is None:
                return done
            self.dead = way in {CRASH_BEFORE, CRASH_AFTER}
            if way in {BLIND_STORED, BLIND_LOST}:
                self.blind = self._dice.randrange(1, 8) if self._dice else 3
            raise unknown("perhaps stored")

        return broken

    def read(self, process, name, read, unreadable):
        def broken(*args):
            if self.dead or not process.alive:
                raise unreadable("dead")
            if self.blind:
                self.blind -= 1
                raise unreadable("blind")
            if name == "get object":
                self.trace.append((name, args))
            return read(*args)

        return broken


class Broken:
    """A store whose named writes and reads go through the fault; all else passes."""

    def __init__(self, inner, fault, process, writes, reads, errors, what=""):
        self._inner = inner
        clean, unknown, unreadable = errors
        for name in writes:
            setattr(self, name, fault.write(process, name + what, getattr(inner, name), clean, unknown))
        for name in reads:
            setattr(self, name, fault.read(process, name + what, getattr(inner, name), unreadable))

    def __getattr__(self, name):
        return getattr(self._inner, name)


STORAGE = (StorageFullError, StorageUnknownError, StorageUnreadableError)
KEYS = (KeyStoreError, KeyStoreUnknownError, KeyStoreError)


class Disks:
    """What outlives a process."""

    def __init__(self):
        self.events, self.objects, self.keys = MemoryEventStore(), MemoryObjectStore(), MemoryKeyStore()

    def behind(self, fault, process):
        events = Broken(
            self.events,
            fault,
            process,
            ("commit", "put", "delete"),
            ("head", "events", "last", "entries", "record", "records", "tile"),
            STORAGE,
        )
        objects = Broken(self.objects, fault, process, ("put", "delete"), ("get",), STORAGE, " object")
        keys = Broken(self.keys, fault, process, ("add", "set_check", "shred", "link", "tag", "log"), (), KEYS)
        return events, objects, keys


class Steps:
    """Runs what would run in another thread some turns of the event loop later, in an order that a seed decides."""

    def __init__(self, dice):
        self._dice = dice

    def later(self, call):
        loop = asyncio.get_running_loop()

        def turn(left):
            if left:
                loop.call_soon(turn, left - 1)
            else:
                call()

        turn(self._dice.randrange(4) + 1)

    def submit(self, call, *args):
        """As an executor."""
        future = Future()

        def run():
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*args))
            except Exception as error:  # noqa: BLE001  as an executor does
                future.set_exception(error)

        self.later(run)
        return future


class SteppedSequencer(Sequencer):
    steps = None

    def submit_to(self, outcome, drafts, records=None):
        self._enter(outcome, drafts, records)
        self.steps.later(self._commit_all)

    def wake(self):
        """Its own steps commit, no thread."""

    def _commit_all(self):
        while self._pending:
            try:
                with self._committing:
                    self._commit_next()
            except MemoryError:
                continue


def _packs():
    folder = resources.files("onrecord.policy") / "packs"
    return [f.read_bytes() for f in sorted(folder.iterdir(), key=lambda f: f.name) if f.name.endswith(".yaml")]


PACKS = [(text, pack.parse(text)) for text in _packs()]


def deploy(disks, fault, process, steps, clock):
    """A new process on the disks. Errors: those of opening, where the fault strikes there."""
    events, objects, keys = disks.behind(fault, process)
    vault = Vault(Keyring(keys, KMS, clock), objects)
    signer = Ed25519Signer("onrecord.local/test", vault.signing_seed(TenantId(TENANT)))
    sequencer = SteppedSequencer(events, TENANT, signer, signer.verifier.name)
    sequencer.steps = steps

    def signed(text):
        return sign(text.decode(), [signer])

    return Deployment(
        tenant=TENANT,
        store=events,
        objects=objects,
        vault=vault,
        sequencer=sequencer,
        clock=clock,
        packs=tuple(LoadedPack(parsed, signed(text)) for text, parsed in PACKS),
        sign=signed,
        log_vkey=signer.verifier.vkey,
        hold_back=HOLD_BACK,
        executor=steps,
        writers=steps,
        far_reader=steps,
    )
