"""Gives events their place in a tenant's log: index, sequence, signed head, in one durable group (docs/design/ledger.md)."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from queue import SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

import msgspec

from onrecord.base import ids
from onrecord.ledger import checkpoint, leaf, note, proof, tile, tlogproof
from onrecord.ledger.edge import Edge
from onrecord.ledger.errors import (
    ClosedError,
    DraftError,
    InconsistentError,
    LedgerError,
    MalformedError,
    SignatureError,
)
from onrecord.ledger.note import NoteSigner
from onrecord.ledger.tree import leaf_hash
from onrecord.storage.ports import (
    ConflictError,
    EventRow,
    EventStore,
    Group,
    HeadRow,
    NotStoredError,
    Record,
    StorageError,
    StorageUnknownError,
    TileRow,
)

_MAX_GROUP = 5000
_MAX_TAILS = 50_000
_MAX_CONFLICTS = 100
_CATCH_UP_ENTRIES = 4096
_CACHED_TILES = 64


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An event that has no place yet; fields as in EventRow. `commitment` is to salt and payload, which `sealed` hides."""

    interaction: str
    uid: bytes
    type: str
    t: float
    received: float
    recorded_at: int
    keys: str
    sealed: bytes
    commitment: bytes


class Sequenced(msgspec.Struct, frozen=True, gc=False):
    """The place of one draft. `tree_size`: of the signed head that first holds it; `prev`: leaf hash of the interaction's
    event before, zeros for the first."""

    index: int
    seq: int
    tree_size: int
    leaf_hash: bytes
    prev: bytes


Records = Callable[[Sequence[Sequenced]], Sequence[Record]]


class _Tail(NamedTuple):
    """Where an interaction goes on."""

    raw: bytes
    seq: int
    prev: bytes


class _State(NamedTuple):
    """The log as last known to be durable. Replaced as a whole, so readers need no lock."""

    head: HeadRow
    edge: Edge


class _Submission(NamedTuple):
    drafts: tuple[Draft, ...]
    records: Records | None
    future: "Future[tuple[Sequenced, ...]]"


class _Built(NamedTuple):
    """A group ready to be stored, and what follows if it is."""

    group: Group
    state: _State
    tails: dict[str, _Tail]
    placed: list[tuple[Sequenced, ...]]


class Sequencer:
    """Every method may be called from any thread; several processes may sequence one log on one store.

    Order: a future resolves only after its leaves, the head over them and its records are durable in one transaction.
    Crash: a group is stored whole or not at all; opening again is the same work as going on."""

    def __init__(self, store: EventStore, tenant: str, signer: NoteSigner, origin: str) -> None:
        """Errors: InconsistentError (log_inconsistent, log_key_mismatch); StorageError."""
        self._store = store
        self._tenant = tenant
        self._signer = signer
        self._origin = origin
        self._verifiers = (signer.verifier,)
        self._tile = lru_cache(_CACHED_TILES)(self._read_tile)
        self._state = self._load()
        self._tails: dict[str, _Tail] = {}
        self._unsure = False
        self._halted: InconsistentError | None = None
        self._pending: deque[_Submission] = deque()
        self._entrance = Lock()
        self._committing = Lock()
        self._closed = False
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._worker = Thread(target=self._work, name="onrecord-sequencer", daemon=True)
        self._worker.start()

    # Submitting

    def submit(self, drafts: Sequence[Draft], records: Records | None = None) -> "Future[tuple[Sequenced, ...]]":
        """The places of `drafts`, which land together and in order. `records` are written in the same transaction; it may
        be called more than once, and if it raises, this submission alone fails. A callback of the future must not append.

        Errors: DraftError, ClosedError. Of the future: DraftError, InconsistentError, NotStoredError and other retryable
        StorageErrors (nothing stored), StorageUnknownError (the store could not say)."""
        future = self._enter(drafts, records)
        self._wake.put(True)
        return future

    def append(self, drafts: Sequence[Draft], records: Records | None = None) -> tuple[Sequenced, ...]:
        """As `submit`, and waits. The calling thread commits the group itself when no other does."""
        future = self._enter(drafts, records)
        while not future.done():
            with self._committing:
                if not future.done():
                    self._commit_next()
        return future.result()

    def _enter(self, drafts: Sequence[Draft], records: Records | None) -> "Future[tuple[Sequenced, ...]]":
        submission = _Submission(tuple(drafts), records, Future())
        if not submission.drafts:
            raise DraftError("a submission has at least one draft")
        with self._entrance:
            if self._closed:
                raise ClosedError("the sequencer is closed")
            self._pending.append(submission)
        return submission.future

    def close(self) -> None:
        """Commits what is pending first."""
        with self._entrance:
            self._closed = True
        self._wake.put(False)
        self._worker.join()

    def _work(self) -> None:
        going = True
        while going:
            going = self._wake.get()
            while self._pending:
                with self._committing:
                    self._commit_next()

    # Committing, by whoever holds self._committing

    def _commit_next(self) -> None:
        group = self._take()
        try:
            if group:
                self._commit(group)
        except BaseException as error:
            failure = error if isinstance(error, Exception) else StorageUnknownError("the commit was interrupted")
            for submission in group:
                submission.future.set_exception(failure)
            if not isinstance(error, Exception):
                raise

    def _take(self) -> list[_Submission]:
        group: list[_Submission] = []
        count = 0
        while self._pending and (not group or count + len(self._pending[0].drafts) <= _MAX_GROUP):
            submission = self._pending.popleft()
            if submission.future.set_running_or_notify_cancel():
                group.append(submission)
                count += len(submission.drafts)
        return group

    def _commit(self, group: list[_Submission]) -> None:
        """Resolves the futures of `group`, which loses those that fail by their own fault. Errors: InconsistentError,
        StorageError, for all that are left."""
        for _ in range(_MAX_CONFLICTS):
            if self._halted is not None:
                raise self._halted
            if self._unsure:
                self._catch_up()
            built = self._build(group)
            if built is None:
                return
            try:
                stored = self._store_group(built)
            except ConflictError:
                self._catch_up()
                continue
            if not stored:
                raise NotStoredError("the write failed and left nothing")
            for submission, placed in zip(group, built.placed, strict=True):
                submission.future.set_result(placed)
            return
        raise ConflictError("other writers were first, again and again")

    def _store_group(self, built: _Built) -> bool:
        """Whether the group is durable. Errors: ConflictError and what else stored nothing; StorageUnknownError where not
        even the store can say."""
        self._unsure = True
        try:
            self._store.commit(built.group)
        except StorageUnknownError as error:
            try:
                self._catch_up()
                return self._holds(built.group)
            except StorageError:
                self._unsure = True
                raise error from None
        except StorageError:
            self._unsure = False
            raise
        self._unsure = False
        self._state = built.state
        for name, tail in built.tails.items():
            self._tails.pop(name, None)
            self._tails[name] = tail
        while len(self._tails) > _MAX_TAILS:
            del self._tails[next(iter(self._tails))]
        return True

    def _holds(self, group: Group) -> bool:
        start, end = group.expected_size, group.expected_size + len(group.rows)
        return self._store.entries(self._tenant, start, end) == [row.entry for row in group.rows]

    # Building

    def _build(self, group: list[_Submission]) -> _Built | None:
        """None where no submission is left."""
        while group:
            rows: list[EventRow] = []
            records: list[Record] = []
            tails: dict[str, _Tail] = {}
            placed: list[tuple[Sequenced, ...]] = []
            size = self._state.head.size + sum(len(submission.drafts) for submission in group)
            failed = None
            for submission in group:
                try:
                    places = self._place(submission.drafts, size, tails, rows)
                    records.extend(submission.records(places) if submission.records else ())
                except Exception as error:  # noqa: BLE001 - a caller's callback may raise anything, and it alone hears of it
                    failed = submission
                    submission.future.set_exception(error)
                    break
                placed.append(places)
            if failed is None:
                return self._close_group(rows, records, tails, placed)
            group.remove(failed)
        return None

    def _place(
        self, drafts: Sequence[Draft], size: int, tails: dict[str, _Tail], rows: list[EventRow]
    ) -> tuple[Sequenced, ...]:
        index = self._state.head.size + len(rows)
        places: list[Sequenced] = []
        for draft in drafts:
            name = draft.interaction
            raw, seq, prev = tails.get(name) or self._tails.get(name) or self._find_tail(name)
            entry = leaf.encode(raw, seq, prev, draft.commitment)
            own = leaf_hash(entry)
            tails[name] = _Tail(raw, seq + 1, own)
            rows.append(
                EventRow(
                    index, name, seq, draft.uid, draft.type, draft.t, draft.received, draft.recorded_at,
                    draft.keys, draft.sealed, entry,
                )
            )  # fmt: skip
            places.append(Sequenced(index, seq, size, own, prev))
            index += 1
        return tuple(places)

    def _find_tail(self, interaction: str) -> _Tail:
        row = self._store.last(self._tenant, interaction)
        try:
            raw = ids.raw(interaction)
        except ValueError as error:
            raise DraftError("the interaction has no id of this product's form") from error
        return _Tail(raw, 0, leaf.NO_PREVIOUS) if row is None else _Tail(raw, row.seq + 1, leaf_hash(row.entry))

    def _close_group(
        self,
        rows: list[EventRow],
        records: list[Record],
        tails: dict[str, _Tail],
        placed: list[tuple[Sequenced, ...]],
    ) -> _Built:
        before = self._state
        edge, full = before.edge.extended([place.leaf_hash for places in placed for place in places])
        root = edge.root()
        head = HeadRow(edge.size, root, self._sign(edge.size, root))
        tiles = [TileRow(level, n, blob) for level, n, blob in full]
        group = Group(self._tenant, before.head.size, rows, tiles, head, records)
        return _Built(group, _State(head, edge), tails, placed)

    def _sign(self, size: int, root: bytes) -> bytes:
        text = checkpoint.Checkpoint(self._origin, size, root).text()
        return note.Note(text, (self._signer.sign(text),)).encode()

    # The log as stored

    def _load(self) -> _State:
        head = self._store.head(self._tenant)
        if head is None:
            edge = Edge()
            return _State(HeadRow(0, edge.root(), self._sign(0, edge.root())), edge)
        leaves = self._leaves(head.size - head.size % tile.WIDTH, head.size)
        try:
            edge = Edge.load(head.size, leaves, self._tile)
        except LedgerError as error:
            raise InconsistentError("the stored tiles are not those of the log") from error
        self._check(head, edge)
        return _State(head, edge)

    def _catch_up(self) -> None:
        """Goes on from what is stored now. Errors: StorageError (nothing changed); InconsistentError, from then on always."""
        try:
            self._state = self._after(self._state)
        except InconsistentError as error:
            self._halted = error
            raise
        self._tails.clear()
        self._unsure = False

    def _after(self, known: _State) -> _State:
        head = self._store.head(self._tenant)
        if head is None:
            if known.head.size:
                raise InconsistentError("the log has vanished")
            return known
        edge = known.edge
        if head.size < edge.size:
            raise InconsistentError("the log is shorter than it was")
        while edge.size < head.size:
            end = min(head.size, edge.size + _CATCH_UP_ENTRIES)
            edge, _ = edge.extended(self._leaves(edge.size, end))
        self._check(head, edge)
        return _State(head, edge)

    def _leaves(self, start: int, end: int) -> list[bytes]:
        entries = self._store.entries(self._tenant, start, end)
        if len(entries) != end - start:
            raise InconsistentError("entries of the log are missing")
        return [leaf_hash(entry) for entry in entries]

    def _check(self, head: HeadRow, edge: Edge) -> None:
        try:
            signed = checkpoint.open_checkpoint(head.note, self._origin, self._verifiers).checkpoint
        except (MalformedError, SignatureError) as error:
            if error.code == "signer_unknown":
                raise InconsistentError("the log was signed by another key", code="log_key_mismatch") from error
            raise InconsistentError("the stored head is not a checkpoint that this log signed") from error
        if (signed.size, signed.root) != (head.size, head.root) or (edge.size, edge.root()) != (head.size, head.root):
            raise InconsistentError("the entries do not lead to the signed root")

    # Reading

    @property
    def size(self) -> int:
        return self._state.head.size

    def checkpoint(self) -> bytes:
        """The signed note of the last head known to be durable."""
        return self._state.head.note

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Sibling hashes from the leaf up, in the tree of `size` (default: the last head).
        Errors: ProofError outside the log; StorageError."""
        state = self._reaching(size)
        return proof.inclusion_path(index, state.head.size if size is None else size, self._nodes(state.edge))

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Errors: ProofError outside the log; StorageError."""
        return proof.consistency_path(old, new, self._nodes(self._reaching(new).edge))

    def tlog_proof(self, index: int, signed: bytes | None = None) -> bytes:
        """A tlog-proof file under `signed`, a checkpoint of this log (default: the last head).
        Errors: MalformedError; ProofError outside the log; StorageError."""
        signed = self.checkpoint() if signed is None else signed
        size = checkpoint.parse(note.parse(signed).text).size
        return tlogproof.TlogProof(index, self.inclusion_proof(index, size), signed).encode()

    def _reaching(self, size: int | None) -> _State:
        """A state of at least `size`, after a look at what other processes wrote where that is needed."""
        if size is not None and size > self._state.head.size:
            with self._committing:
                self._catch_up()
        return self._state

    def _nodes(self, edge: Edge) -> proof.NodeReader:
        def read(height: int, index: int) -> bytes:
            found = edge.node(height, index)
            if found is not None:
                return found
            level, row = divmod(height, tile.HEIGHT)
            n, within = divmod(index, tile.WIDTH >> row)
            return tile.node_of(self._tile(level, n), row, within)

        return read

    def _read_tile(self, level: int, n: int) -> bytes:
        blob = self._store.tile(self._tenant, level, n)
        if blob is None:
            raise InconsistentError("a tile of the log is missing")
        return blob
