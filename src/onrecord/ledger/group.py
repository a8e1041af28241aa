"""Drafts become a group: places in the log, rows, tiles and a signed head. Nothing is written here."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from onrecord.base import ids
from onrecord.ledger import leaf
from onrecord.ledger.errors import DraftError
from onrecord.ledger.storedlog import State, StoredLog
from onrecord.ledger.tree import leaf_hash
from onrecord.storage.ports import EventStore, Group, HeadRow, Mark, Record, Run, TileRow

_MAX_TAILS = 50_000


class Draft(msgspec.Struct, frozen=True, gc=False):
    """Events of one interaction, at least one, sealed as one and without a place yet; fields as in Run. `commitments`:
    for each event to its salt and payload, which `sealed` hides."""

    interaction: str
    uid: bytes
    keys: str
    sealed: bytes
    marks: Sequence[Mark]
    commitments: Sequence[bytes]


class Sequenced(msgspec.Struct, frozen=True, gc=False):
    """The place of one event. `tree_size`: of the signed head that first holds it; `prev`: leaf hash of the
    interaction's event before, zeros for the first."""

    index: int
    seq: int
    tree_size: int
    leaf_hash: bytes
    prev: bytes


Records = Callable[[Sequence[Sequenced]], Sequence[Record]]


class Outcome(Protocol):
    """Who is told what became of a submission, from the thread that committed; a `concurrent.futures.Future` can be."""

    def set_running_or_notify_cancel(self) -> bool:
        """Asked once, before anything is done: whether it is still wanted."""
        ...

    def done(self) -> bool:
        """Whether it has been told."""
        ...

    def set_result(self, result: tuple[Sequenced, ...], /) -> None: ...

    def set_exception(self, exception: Exception, /) -> None: ...


class Submission(msgspec.Struct, frozen=True):
    """`size`: events in all."""

    drafts: tuple[Draft, ...]
    size: int
    records: Records | None
    outcome: Outcome


Tail = tuple[bytes, int, bytes]
"""Where an interaction goes on: its raw id, the next sequence number, the last leaf hash."""


class Tails:
    """Where interactions end: of those last written to in memory, of the others from the store. True while the log is
    as known."""

    def __init__(self, store: EventStore, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        self._known: dict[str, Tail] = {}

    def find(self, interaction: str) -> Tail:
        """Errors: DraftError where it is no interaction id; StorageError."""
        known = self._known.get(interaction)
        if known is not None:
            return known
        try:
            raw = ids.raw(interaction)
        except ValueError as error:
            raise DraftError("the interaction has no id of this product's form") from error
        row = self._store.last(self._tenant, interaction)
        return (raw, 0, leaf.NO_PREVIOUS) if row is None else (raw, row.seq + 1, leaf_hash(row.entry))

    def update(self, tails: dict[str, Tail]) -> None:
        for name, tail in tails.items():
            self._known.pop(name, None)
            self._known[name] = tail
        while len(self._known) > _MAX_TAILS:
            del self._known[next(iter(self._known))]

    def forget(self) -> None:
        self._known.clear()


class Built(NamedTuple):
    """A group ready to be stored, and what holds once it is."""

    group: Group
    state: State
    tails: dict[str, Tail]
    placed: list[tuple[Sequenced, ...]]


class _Assembly:
    """A group in the making, of `size` leaves in all once it is stored."""

    def __init__(self, start: int, size: int, known: Tails) -> None:
        self._start = start
        self._size = size
        self._known = known
        self.tails: dict[str, Tail] = {}
        self.runs: list[Run] = []
        self.leaves: list[bytes] = []
        self.records: list[Record] = []
        self.placed: list[tuple[Sequenced, ...]] = []

    def add(self, submission: Submission) -> None:
        """Errors: DraftError, StorageError, and what the submission's callback raises; the assembly is then void."""
        places = self._place(submission.drafts)
        self.placed.append(places)
        if submission.records is not None:
            self.records.extend(submission.records(places))

    def _place(self, drafts: Sequence[Draft]) -> tuple[Sequenced, ...]:
        tails, leaves, size = self.tails, self.leaves, self._size
        index = self._start + len(leaves)
        places: list[Sequenced] = []
        for draft in drafts:
            name = draft.interaction
            raw, first, prev = tails.get(name) or self._known.find(name)
            entries, hashes = leaf.chain(raw, first, prev, draft.commitments)
            for seq, own in enumerate(hashes, first):
                places.append(Sequenced(index, seq, size, own, prev))
                prev = own
                index += 1
            leaves += hashes
            tails[name] = (raw, first + len(hashes), prev)
            self.runs.append(Run(name, first, draft.uid, draft.keys, draft.sealed, draft.marks, entries))
        return tuple(places)


def build(log: StoredLog, known: Tails, submissions: list[Submission]) -> Built | None:
    """A group of all of `submissions` but those that fail by their own fault: these are told and taken out of the list.
    None where none is left."""
    before = log.state
    while submissions:
        size = before.head.size + sum(submission.size for submission in submissions)
        assembly = _Assembly(before.head.size, size, known)
        failed = _fill(assembly, submissions)
        if failed is not None:
            submissions.remove(failed)
            continue
        edge, full = before.edge.extended(assembly.leaves)
        root = edge.root()
        head = HeadRow(edge.size, root, log.sign(edge.size, root))
        tiles = [TileRow(level, n, blob) for level, n, blob in full]
        group = Group(log.tenant, before.head.size, assembly.runs, tiles, head, assembly.records)
        return Built(group, State(head, edge), assembly.tails, assembly.placed)
    return None


def _fill(assembly: _Assembly, submissions: Sequence[Submission]) -> Submission | None:
    """The first submission that fails, already told why; None where all fit."""
    for submission in submissions:
        try:
            assembly.add(submission)
        except Exception as error:  # noqa: BLE001 - a callback may raise anything, and its caller alone hears of it
            submission.outcome.set_exception(error)
            return submission
    return None
