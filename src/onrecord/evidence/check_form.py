"""Checks 1 to 5 of `verify`: the file, its manifest, who signed it, and the log's checkpoint."""

import re

from onrecord.base.digests import sha256
from onrecord.evidence import build, manifest, read
from onrecord.evidence.trial import FailedError, SkippedError, Trial, need, require
from onrecord.ledger import note
from onrecord.ledger.errors import LedgerError

_FIXED = frozenset({*build.DERIVED, "events.jsonl", "checkpoint"})
_OPTIONAL = re.compile(r"proofs/[0-9]{8,}\.tlog-proof|policy/[^/]+\.note|sound/[^/]+\.wav")


def container(trial: Trial) -> str:
    """1. `onrecord.evidence.container.read` has accepted the one form; the checksums are left."""
    damaged = trial.container.damaged
    require(not damaged, f"the checksum of {_listed(damaged)} is wrong")
    return f"{len(trial.container.members)} stored members in the one form"


def members(trial: Trial) -> str:
    """2. The manifest lists exactly the members, each with its size and digest."""
    names = list(trial.container.members)[2:]
    listed = [m.name for m in trial.manifest.members]
    require(listed == names, "the manifest lists other members than the file has")
    unknown = [name for name in names if name not in _FIXED and not _OPTIONAL.fullmatch(name)]
    require(not unknown, f"{_listed(unknown)} does not belong in a pack")
    absent = _FIXED.difference(names)
    require(not absent, f"{_listed(sorted(absent))} is not in the pack")
    changed = [
        m.name
        for m in trial.manifest.members
        for data in [trial.container.members[m.name]]
        if m.size != len(data) or m.sha256 != sha256(data).hex()
    ]
    require(not changed, f"{_listed(changed)} is not what the manifest's digest says")
    return f"{len(names)} members, each with its SHA-256"


def manifest_note(trial: Trial) -> str:
    """3. One signature by the key that the manifest names, over the manifest's digest."""
    head = trial.container.members["manifest.json"]
    opened = read.opened_note(trial.container.members["manifest.note"], trial.manifest.log_vkey)
    expected = manifest.note_text(trial.manifest.interaction, head)
    require(opened.text.encode() == expected, "the note signs another manifest")
    trial.signed = True
    return f"signed by {note.Verifier.parse(trial.manifest.log_vkey).name}"


def signer(trial: Trial) -> str:
    """4. That key is the one trusted beforehand."""
    if trial.trust is None:
        raise SkippedError("SIGNER NOT VERIFIED: no key was given to trust")
    require(trial.trust == trial.manifest.log_vkey, "the pack is signed by another key than the trusted one")
    if not trial.signed:
        raise SkippedError("the trusted key is named, and its signature does not hold")
    trial.trusted = True
    return "signed by the trusted key"


def checkpoint(trial: Trial) -> str:
    """5. The checkpoint is of the log that the key is named for, and signed by it."""
    trial.log = read.log_of(trial.member("checkpoint"), trial.manifest.log_vkey)
    return f"{trial.log.origin}, {trial.log.size} entries"


def witness(trial: Trial) -> str:
    """20. Cosignatures on the checkpoint by the witnesses that the verifier knows."""
    need(trial.log)
    if not trial.witnesses:
        raise SkippedError("no witness key was given")
    data = trial.member("checkpoint")
    present = {(s.name, s.key_id) for s in note.parse(data).signatures}
    held: list[tuple[str, int]] = []
    for vkey in trial.witnesses:
        verifier = note.Verifier.parse(vkey)
        if (verifier.name, verifier.key_id) not in present:
            continue
        try:
            held.extend(note.open_note(data, [verifier]).times)
        except LedgerError as error:
            raise FailedError(f"the cosignature by {verifier.name} does not hold") from error
    if not held:
        raise SkippedError("none of the given witnesses has cosigned")
    trial.witnessed = True
    return f"cosigned by {', '.join(name for name, _ in held)}"


def _listed(names: object) -> str:
    shown = [f"`{name}`" for name in names] if isinstance(names, list | tuple) else []
    rest = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return ", ".join(shown[:5]) + rest
