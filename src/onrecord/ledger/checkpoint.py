"""Checkpoints (c2sp.org/tlog-checkpoint@v1.0.0): the text of the note that commits to a tree."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from onrecord.ledger import note, strict64
from onrecord.ledger.errors import MalformedError
from onrecord.ledger.tree import HASH_BYTES

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


def _malformed(why: str) -> MalformedError:
    return MalformedError(why, code="checkpoint_malformed")


def parse_size(text: str) -> int:
    """A decimal without sign or leading zeros, below 2^63. Errors: MalformedError (checkpoint_malformed)."""
    if not _SIZE.fullmatch(text) or int(text) >= 2**63:
        raise _malformed("a number is not a plain decimal below 2^63")
    return int(text)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`size` leaves under `root` (32 bytes) in the log `origin`; `extensions` are lines that say nothing to us."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Errors: MalformedError where a field cannot stand in a checkpoint."""
        if not 0 <= self.size < 2**63 or len(self.root) != HASH_BYTES:
            raise _malformed("a tree size is below 2^63 and a root has 32 bytes")
        lines = (self.origin, str(self.size), strict64.encode(self.root), *self.extensions)
        if any(not line or "\n" in line for line in lines):
            raise _malformed("a checkpoint line is empty or broken")
        return "\n".join(lines) + "\n"


def parse(text: str) -> Checkpoint:
    """Errors: MalformedError (checkpoint_malformed)."""
    if not text.endswith("\n"):
        raise _malformed("a checkpoint ends in a newline")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise _malformed("a checkpoint has at least three lines, none empty")
    try:
        root = strict64.decode(lines[2])
    except MalformedError as error:
        raise _malformed("the root is not canonical base64") from error
    if len(root) != HASH_BYTES:
        raise _malformed("the root has not 32 bytes")
    return Checkpoint(lines[0], parse_size(lines[1]), root, tuple(lines[3:]))


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    checkpoint: Checkpoint
    opened: note.Opened


def open_checkpoint(data: bytes, origin: str, verifiers: Iterable[note.Verifier]) -> OpenedCheckpoint:
    """A checkpoint of `origin` that some key of `verifiers` signed.
    Errors: MalformedError (for another origin too), SignatureError."""
    opened = note.open_note(data, verifiers)
    checkpoint = parse(opened.note.text)
    if checkpoint.origin != origin:
        raise _malformed("the checkpoint is of another log")
    return OpenedCheckpoint(checkpoint, opened)
