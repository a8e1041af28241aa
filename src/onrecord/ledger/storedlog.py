"""The log of one tenant as the store holds it: read, checked against its signed head, proved from."""

from functools import lru_cache
from typing import NamedTuple

from onrecord.ledger import checkpoint, note, proof, tile, tlogproof
from onrecord.ledger.edge import Edge
from onrecord.ledger.errors import InconsistentError, LedgerError, MalformedError, SignatureError
from onrecord.ledger.note import NoteSigner
from onrecord.ledger.tree import leaf_hash
from onrecord.storage.ports import EventStore, HeadRow

_CATCH_UP_ENTRIES = 4096
_CACHED_TILES = 64


class State(NamedTuple):
    """A durable head and the edge of the tree under it. Never changed, so readers need no lock."""

    head: HeadRow
    edge: Edge


class StoredLog:
    """Not written here: the sequencer sets `state` after it has committed, and calls `refresh`, one thread at a time.
    Proofs may be asked for from any thread."""

    def __init__(self, store: EventStore, tenant: str, signer: NoteSigner, origin: str) -> None:
        """Errors: InconsistentError (log_inconsistent, log_key_mismatch); StorageError."""
        self._store = store
        self.tenant = tenant
        self._signer = signer
        self._origin = origin
        self._verifiers = (signer.verifier,)
        self._tile = lru_cache(_CACHED_TILES)(self._read_tile)
        self.state = self._load()

    def sign(self, size: int, root: bytes) -> bytes:
        """A signed note. It must not leave the process before it is durable as the head."""
        text = checkpoint.Checkpoint(self._origin, size, root).text()
        return note.Note(text, (self._signer.sign(text),)).encode()

    def _load(self) -> State:
        head = self._store.head(self.tenant)
        if head is None:
            edge = Edge()
            return State(HeadRow(0, edge.root(), self.sign(0, edge.root())), edge)
        leaves = self._leaves(head.size - head.size % tile.WIDTH, head.size)
        try:
            edge = Edge.load(head.size, leaves, self._tile)
        except LedgerError as error:
            raise InconsistentError("the stored tiles are not those of the log") from error
        self._check(head, edge)
        return State(head, edge)

    def refresh(self) -> None:
        """Takes over what is stored now, if it continues what was known. Errors: StorageError (nothing changed),
        InconsistentError."""
        head = self._store.head(self.tenant)
        if head is None:
            if self.state.head.size:
                raise InconsistentError("the log has vanished")
            return
        edge = self.state.edge
        while edge.size < head.size:
            end = min(head.size, edge.size + _CATCH_UP_ENTRIES)
            edge, _ = edge.extended(self._leaves(edge.size, end))
        self._check(head, edge)
        self.state = State(head, edge)

    def _leaves(self, start: int, end: int) -> list[bytes]:
        entries = self._store.entries(self.tenant, start, end)
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

    def inclusion_path(self, index: int, size: int) -> tuple[bytes, ...]:
        """Errors: ProofError outside the log; StorageError."""
        return proof.inclusion_path(index, size, self._nodes())

    def consistency_path(self, old: int, new: int) -> tuple[bytes, ...]:
        """Errors: ProofError outside the log; StorageError."""
        return proof.consistency_path(old, new, self._nodes())

    def tlog_proof(self, index: int, size: int, signed: bytes) -> bytes:
        return tlogproof.TlogProof(index, self.inclusion_path(index, size), signed).encode()

    def _nodes(self) -> proof.NodeReader:
        edge = self.state.edge

        def read(height: int, index: int) -> bytes:
            found = edge.node(height, index)
            if found is not None:
                return found
            level, row = divmod(height, tile.HEIGHT)
            n, within = divmod(index, tile.WIDTH >> row)
            return tile.node_of(self._tile(level, n), row, within)

        return read

    def _read_tile(self, level: int, n: int) -> bytes:
        blob = self._store.tile(self.tenant, level, n)
        if blob is None:
            raise InconsistentError("a tile of the log is missing")
        return blob
