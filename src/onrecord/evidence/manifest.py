"""`manifest.json` and the text that `manifest.note` signs."""

from dataclasses import dataclass

from onrecord.base import canonical, ids
from onrecord.base.digests import sha256
from onrecord.evidence import wire
from onrecord.evidence.dossier import Missing
from onrecord.evidence.errors import BadMemberError

KIND = "onrecord/evidence-pack"
VERSION = 1
_FIELDS = frozenset(
    {"exported_at", "interaction", "kind", "log_vkey", "members", "missing", "product", "version"},
)


@dataclass(frozen=True, slots=True)
class Member:
    """`sha256` in lower-case hex, of the raw bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`members` in the container's order, without the manifest and its note. `exported_at` in nanoseconds since the
    epoch. `version` fixes every derived member byte for byte, so another version is another builder."""

    interaction: str
    product: str
    exported_at: int
    log_vkey: str
    missing: tuple[Missing, ...]
    members: tuple[Member, ...]


def member(name: str, data: bytes) -> Member:
    return Member(name, len(data), sha256(data).hex())


def to_bytes(manifest: Manifest) -> bytes:
    body = {
        "kind": KIND,
        "version": VERSION,
        "interaction": manifest.interaction,
        "product": manifest.product,
        "exported_at": str(manifest.exported_at),
        "log_vkey": manifest.log_vkey,
        "missing": [{"item": m.item, "reason": m.reason} for m in manifest.missing],
        "members": [{"name": m.name, "size": m.size, "sha256": m.sha256} for m in manifest.members],
    }
    return canonical.dumps(body)


def parse(data: bytes) -> Manifest:
    """The inverse of `to_bytes`. Errors: BadMemberError, also for another version."""
    body = wire.fields(wire.loads(data), _FIELDS)
    if body["kind"] != KIND or body["version"] != VERSION:
        raise BadMemberError("not a manifest of this version")
    if not isinstance(body["missing"], list) or not isinstance(body["members"], list):
        raise BadMemberError("the manifest's lists are not lists")
    manifest = Manifest(
        interaction=_interaction(body["interaction"]),
        product=wire.text(body["product"]),
        exported_at=_nanoseconds(body["exported_at"]),
        log_vkey=wire.text(body["log_vkey"]),
        missing=tuple(_missing(item) for item in body["missing"]),
        members=tuple(_member(item) for item in body["members"]),
    )
    if to_bytes(manifest) != data:
        raise BadMemberError("a field of the manifest is of another type than its form")
    return manifest


def note_text(interaction: str, manifest: bytes) -> bytes:
    """What `manifest.note` signs: kind, interaction and the digest of `manifest.json`, a line each."""
    return f"{KIND}/v{VERSION}\n{interaction}\n{sha256(manifest).hex()}\n".encode()


def _interaction(value: object) -> str:
    identifier = wire.text(value)
    try:
        ids.raw(identifier)
    except ValueError as error:
        raise BadMemberError("the interaction's id is out of form") from error
    if not identifier.startswith("int_"):
        raise BadMemberError("the interaction's id is out of form")
    return identifier


def _nanoseconds(value: object) -> int:
    digits = wire.text(value)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and str(int(digits)) == digits):
        raise BadMemberError("an instant is out of form")
    return int(digits)


def _missing(value: object) -> Missing:
    body = wire.fields(value, {"item", "reason"})
    return Missing(wire.text(body["item"]), wire.text(body["reason"]))


def _member(value: object) -> Member:
    body = wire.fields(value, {"name", "sha256", "size"})
    return Member(wire.text(body["name"]), wire.count(body["size"]), wire.text(body["sha256"]))
