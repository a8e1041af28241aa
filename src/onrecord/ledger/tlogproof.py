"""Self-contained proof of one entry (c2sp.org/tlog-proof@v1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from onrecord.ledger import checkpoint, note, proof, strict64
from onrecord.ledger.errors import MalformedError
from onrecord.ledger.tree import HASH_BYTES

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_MAX_PATH = 63


def _malformed(why: str) -> MalformedError:
    return MalformedError(why, code="tlog_proof_malformed")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """`checkpoint` is a signed note, verbatim; `path` sibling hashes from the leaf up; `extra` is not authenticated."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def encode(self) -> bytes:
        lines = [_FIRST_LINE]
        if self.extra:
            lines.append(f"extra {strict64.encode(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(strict64.encode(value) for value in self.path)
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint


def parse(data: bytes) -> TlogProof:
    """Errors: MalformedError (tlog_proof_malformed). Says nothing of whether proof or signatures hold."""
    head, blank, signed = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
        checkpoint.parse(note.parse(signed).text)
        if not blank or lines.pop(0) != _FIRST_LINE:
            raise _malformed("not a tlog-proof of this version")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = strict64.decode(lines.pop(0).removeprefix("extra "))
            if not extra:
                raise _malformed("an extra line without data is left out")
        if not lines or not lines[0].startswith("index "):
            raise _malformed("the index line is missing")
        index = checkpoint.parse_size(lines.pop(0).removeprefix("index "))
        path = tuple(strict64.decode(line) for line in lines)
    except (MalformedError, UnicodeDecodeError) as error:
        raise _malformed("a line of the tlog-proof is wrong") from error
    if len(path) > _MAX_PATH or any(len(value) != HASH_BYTES for value in path):
        raise _malformed("a proof has at most 63 hashes of 32 bytes")
    return TlogProof(index, path, signed, extra)


def verify(
    data: bytes, leaf: bytes, origin: str, verifiers: Iterable[note.Verifier]
) -> tuple[TlogProof, checkpoint.OpenedCheckpoint]:
    """Returns where the proof shows `leaf` (a leaf hash) in a tree of `origin` that one of `verifiers` signed.
    Errors: MalformedError, SignatureError, ProofError."""
    parsed = parse(data)
    opened = checkpoint.open_checkpoint(parsed.checkpoint, origin, verifiers)
    proof.verify_inclusion(leaf, parsed.index, opened.checkpoint.size, parsed.path, opened.checkpoint.root)
    return parsed, opened
