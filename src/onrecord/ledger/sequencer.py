"""Gives events their place in a tenant's log, one durable group after the other (docs/design/ledger.md)."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Event, Lock, Thread
from time import perf_counter

from onrecord.ledger import checkpoint, note
from onrecord.ledger.errors import ClosedError, DraftError, InconsistentError
from onrecord.ledger.group import Built, Draft, Outcome, Records, Sequenced, Submission, Tails, build
from onrecord.ledger.note import NoteSigner
from onrecord.ledger.storedlog import StoredLog
from onrecord.storage.ports import (
    ConflictError,
    EventStore,
    Group,
    NotStoredError,
    StorageError,
    StorageUnknownError,
)

__all__ = ["Draft", "Observe", "Outcome", "Records", "Sequenced", "Sequencer"]

Observe = Callable[[int, float], None]
"""Told of each durable commit: how many events it stored, and the seconds that the store took for it."""

_MAX_GROUP = 5000
_MAX_CONFLICTS = 100
_AGAIN_SECONDS = 0.1


class Sequencer:
    """Every method may be called from any thread; several processes may sequence one log on one store.

    Order: a future resolves only after its leaves, the head over them and its records are durable in one transaction.
    Crash: a group is stored whole or not at all; opening again is the same work as going on."""

    def __init__(
        self, store: EventStore, tenant: str, signer: NoteSigner, origin: str, observe: Observe | None = None
    ) -> None:
        """`observe` is called by the thread that committed, before the futures resolve; nobody hears what it raises.
        Errors: InconsistentError (log_inconsistent, log_key_mismatch); StorageError."""
        self._store = store
        self._tenant = tenant
        self._observe = observe
        self._log = StoredLog(store, tenant, signer, origin)
        self._tails = Tails(store, tenant)
        self._unsure = False
        self._halted: InconsistentError | None = None
        self._pending: deque[Submission] = deque()
        self._entrance = Lock()
        self._committing = Lock()
        self._closed = False
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._pause = Event()
        self._worker = Thread(target=self._work, name="onrecord-sequencer", daemon=True)
        self._worker.start()

    # Submitting

    def submit(self, drafts: Sequence[Draft], records: Records | None = None) -> "Future[tuple[Sequenced, ...]]":
        """The places of all events of `drafts`, which land together and in order. What `records` makes is written in
        the same transaction; it may be called more than once, and if it raises, this submission alone fails. A callback
        of the future must not append.

        Errors: DraftError, ClosedError. Of the future: DraftError, InconsistentError, NotStoredError and other
        retryable StorageErrors (nothing stored), StorageUnknownError (the store could not say)."""
        future: Future[tuple[Sequenced, ...]] = Future()
        self.submit_to(future, drafts, records)
        self.wake()
        return future

    def submit_to(self, outcome: Outcome, drafts: Sequence[Draft], records: Records | None = None) -> None:
        """As `submit`, and `outcome` is told. It waits until `wake` is called, or another submission is committed."""
        self._enter(outcome, drafts, records)

    def wake(self) -> None:
        """Commits what is pending. To call it once for several submissions spares as many turns of this thread."""
        self._wake.put(True)

    def append(self, drafts: Sequence[Draft], records: Records | None = None) -> tuple[Sequenced, ...]:
        """As `submit`, and waits. The calling thread commits the group itself when no other does."""
        future: Future[tuple[Sequenced, ...]] = Future()
        self._enter(future, drafts, records)
        while not future.done():
            with self._committing:
                if not future.done():
                    self._commit_next()
        return future.result()

    def _enter(self, outcome: Outcome, drafts: Sequence[Draft], records: Records | None) -> None:
        size = 0
        for draft in drafts:
            events = len(draft.commitments)
            if not events:
                raise DraftError("a draft has at least one event")
            if events != len(draft.marks):
                raise DraftError("an event of a draft lacks its mark or its commitment")
            size += events
        if not size:
            raise DraftError("a submission has at least one draft")
        submission = Submission(tuple(drafts), size, records, outcome)
        with self._entrance:
            if self._closed:
                raise ClosedError("the sequencer is closed")
            self._pending.append(submission)

    def close(self) -> None:
        """Commits what is pending first."""
        with self._entrance:
            self._closed = True
        self._wake.put(False)
        self._worker.join()

    def _work(self) -> None:
        """One group at each call, so that what is submitted meanwhile is one group at the next."""
        going = True
        while going:
            going = self._wake.get()
            while self._pending:
                try:
                    with self._committing:
                        self._commit_next()
                except Exception:  # noqa: BLE001  memory ran out: who waits is told by another turn
                    self._pause.wait(_AGAIN_SECONDS)
                    continue
                if going:
                    break

    # Committing, by whoever holds self._committing

    def _commit_next(self) -> None:
        group: list[Submission] = []
        try:
            self._take(group)
            if group:
                self._commit(group)
        except BaseException as error:
            failure = error if isinstance(error, Exception) else StorageUnknownError("the commit was interrupted")
            for submission in group:
                if not submission.outcome.done():
                    submission.outcome.set_exception(failure)
            if not isinstance(error, Exception):
                raise

    def _take(self, group: list[Submission]) -> None:
        """Whatever fails here, what has left the queue is in `group`: its callers hear of it."""
        count = 0
        while self._pending:
            if group and count + self._pending[0].size > _MAX_GROUP:
                self.wake()
                break
            submission = self._pending[0]
            group.append(submission)
            self._pending.popleft()
            if submission.outcome.set_running_or_notify_cancel():
                count += submission.size
            else:
                group.pop()

    def _commit(self, group: list[Submission]) -> None:
        """Resolves the futures of `group`, which loses those that fail by their own fault. Errors: InconsistentError,
        StorageError, for all that are left."""
        for _ in range(_MAX_CONFLICTS):
            if self._halted is not None:
                raise self._halted
            if self._unsure:
                self._catch_up()
            built = build(self._log, self._tails, group)
            if built is None:
                return
            start = perf_counter()
            try:
                stored = self._store_group(built)
            except ConflictError:
                self._catch_up()
                continue
            if not stored:
                raise NotStoredError("the write failed and left nothing")
            try:
                if self._observe is not None:
                    self._observe(built.state.head.size - built.group.expected_size, perf_counter() - start)
            finally:
                for submission, placed in zip(group, built.placed, strict=True):
                    submission.outcome.set_result(placed)
            return
        raise ConflictError("other writers were first, again and again")

    def _store_group(self, built: Built) -> bool:
        """Whether the group is durable. Errors: ConflictError and what else stored nothing; StorageUnknownError where
        not even the store can say."""
        self._unsure = True
        try:
            self._store.commit(built.group)
        except StorageUnknownError as error:
            try:
                self._catch_up()
                return self._holds(built.group)
            except StorageError:
                raise error from None
        except StorageError:
            self._unsure = False
            raise
        self._unsure = False
        self._log.state = built.state
        self._tails.update(built.tails)
        return True

    def _holds(self, group: Group) -> bool:
        entries = [entry for run in group.runs for entry in run.entries]
        start = group.expected_size
        return self._store.entries(self._tenant, start, start + len(entries)) == entries

    def _catch_up(self) -> None:
        """Goes on from what is stored now. Errors: StorageError (nothing changed); InconsistentError, for good."""
        try:
            self._log.refresh()
        except InconsistentError as error:
            self._halted = error
            raise
        self._tails.forget()
        self._unsure = False

    # Reading

    @property
    def size(self) -> int:
        return self._log.state.head.size

    def checkpoint(self) -> bytes:
        """The signed note of the last head known to be durable."""
        return self._log.state.head.note

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Sibling hashes from the leaf up, in the tree of `size` (default: the last head).
        Errors: ProofError outside the log; InconsistentError; StorageError."""
        return self._log.inclusion_path(index, self._reach(size))

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Errors: ProofError outside the log; InconsistentError; StorageError."""
        return self._log.consistency_path(old, self._reach(new))

    def tlog_proof(self, index: int, signed: bytes | None = None) -> bytes:
        """A tlog-proof file under `signed`, a checkpoint of this log (default: the last head).
        Errors: MalformedError; ProofError outside the log; InconsistentError; StorageError."""
        signed = self.checkpoint() if signed is None else signed
        size = checkpoint.parse(note.parse(signed).text).size
        return self._log.tlog_proof(index, self._reach(size), signed)

    def _reach(self, size: int | None) -> int:
        """`size`, after a look at what other processes wrote where it is beyond what is known; that for None."""
        if size is None:
            return self.size
        if size > self.size:
            with self._committing:
                self._catch_up()
        return size
