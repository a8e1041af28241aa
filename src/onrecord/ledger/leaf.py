"""The log entry: 112 bytes that name no person and hold no content (docs/design/ledger.md).

0   24  domain "onrecord/leaf/v1", zero-padded
24  16  the interaction's random id, raw
40   8  sequence number within the interaction, from 0, big-endian
48  32  leaf hash of the interaction's event before, zeros for the first
80  32  commitment to the event's payload (base.digests, Domain.EVENT)
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from onrecord.ledger.errors import DraftError, MalformedError
from onrecord.ledger.tree import HASH_BYTES, leaf_hash

DOMAIN = b"onrecord/leaf/v1".ljust(24, b"\0")
ENTRY_BYTES = 112
NO_PREVIOUS = bytes(HASH_BYTES)


class Leaf(NamedTuple):
    interaction: bytes
    seq: int
    previous: bytes
    commitment: bytes


def encode(interaction: bytes, seq: int, previous: bytes, commitment: bytes) -> bytes:
    """Errors: DraftError where a length or the range of `seq` is wrong."""
    if len(interaction) != 16 or len(previous) != HASH_BYTES or len(commitment) != HASH_BYTES:
        raise DraftError("an id has 16 bytes and a digest 32")
    if (seq == 0) != (previous == NO_PREVIOUS):
        raise DraftError("only the first event has no event before it")
    try:
        return DOMAIN + interaction + seq.to_bytes(8, "big") + previous + commitment
    except OverflowError as error:
        raise DraftError("the sequence number is out of range") from error


def chain(
    interaction: bytes, seq: int, previous: bytes, commitments: Sequence[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """Entries of consecutive events, at least one, the first of them numbered `seq`; and their leaf hashes
    (tree.leaf_hash written out: it is a hot loop). Errors: DraftError as by `encode`."""
    first = encode(interaction, seq, previous, commitments[0])
    own = leaf_hash(first)
    entries, hashes = [first], [own]
    if len(commitments) == 1:
        return entries, hashes
    stem = DOMAIN + interaction
    for number, commitment in enumerate(commitments[1:], seq + 1):
        if len(commitment) != HASH_BYTES:
            raise DraftError("a digest has 32 bytes")
        entry = stem + number.to_bytes(8) + own + commitment
        own = sha256(b"\0" + entry).digest()
        entries.append(entry)
        hashes.append(own)
    return entries, hashes


def parse(entry: bytes) -> Leaf:
    """Errors: MalformedError (leaf_malformed)."""
    if len(entry) != ENTRY_BYTES or not entry.startswith(DOMAIN):
        raise MalformedError("not a log entry of this version", code="leaf_malformed")
    leaf = Leaf(entry[24:40], int.from_bytes(entry[40:48], "big"), entry[48:80], entry[80:])
    if (leaf.seq == 0) != (leaf.previous == NO_PREVIOUS):
        raise MalformedError("the sequence number does not fit the previous digest", code="leaf_malformed")
    return leaf
