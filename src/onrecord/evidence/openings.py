"""`events.jsonl`: one opening a line, canonical JSON, in order of seq.

    {"entry": base64, "index": n, "payload": object or null, "salt": base64 or null, "seq": n}

The payload stands as an object; its bytes are its own canonical form, so nothing else need be kept of it."""

from collections.abc import Iterable

from onrecord.base import canonical
from onrecord.base.digests import SALT_BYTES
from onrecord.evidence import wire
from onrecord.evidence.dossier import Opening
from onrecord.evidence.errors import BadMemberError
from onrecord.ledger import strict64
from onrecord.ledger.leaf import ENTRY_BYTES

_FIELDS = frozenset({"entry", "index", "payload", "salt", "seq"})


def to_bytes(openings: Iterable[Opening]) -> bytes:
    """Errors: BadMemberError where a payload is not canonical JSON."""
    return b"".join(_line(opening) for opening in openings)


def _line(opening: Opening) -> bytes:
    body = {
        "entry": strict64.encode(opening.entry),
        "index": opening.index,
        "payload": None if opening.payload is None else wire.loads(opening.payload),
        "salt": None if opening.salt is None else strict64.encode(opening.salt),
        "seq": opening.seq,
    }
    return canonical.dumps(body) + b"\n"


def parse(data: bytes) -> tuple[Opening, ...]:
    """The inverse of `to_bytes`. Errors: BadMemberError."""
    *lines, last = data.split(b"\n")
    if last or not lines:
        raise BadMemberError("events.jsonl is empty or its last line is cut off")
    return tuple(_opening(line) for line in lines)


def _opening(line: bytes) -> Opening:
    body = wire.fields(wire.loads(line), _FIELDS)
    payload, salt = body["payload"], body["salt"]
    if (payload is None) != (salt is None) or not isinstance(payload, dict | None):
        raise BadMemberError("an opening has a salt without a payload, or a payload without a salt")
    return Opening(
        index=wire.count(body["index"]),
        seq=wire.count(body["seq"]),
        entry=wire.unb64(body["entry"], ENTRY_BYTES),
        salt=None if salt is None else wire.unb64(salt, SALT_BYTES),
        payload=None if payload is None else canonical.dumps(payload),
    )
