"""Verifies a pack offline: bytes in, a report out. Nothing but the pack and the verifier's own keys is believed.

 1  container       one zip form: stored members, fixed headers, right checksums
 2  members         the manifest lists exactly the members with their digests
 3  manifest_note   one signature over the manifest, by the key that it names
 4  signer          that key is the one trusted beforehand
 5  checkpoint      the log's checkpoint is signed by that key
 6  entries         every opening has a log entry of this interaction
 7  commitments     salt and payload open the entry's commitment
 8  inclusion       every entry is in the log under that checkpoint
 9  sequence        no event is left out, repeated or moved
10  events          every payload is an event; together they are a conversation
11  seal            the seal counts the events before it
12  erasures        what is not opened is covered by an erasure
13  policy          the policy packs are signed and those of the interaction
14  decisions       the stated decisions follow from the facts
15  derived         the readable members follow from the openings, byte for byte
16  accounting      every sample has one fate
17  closed_sound    no stored sample at a closed instant
18  closed_derived  no derived artifact over a closed instant
19  sound           included sound is silent where nothing is stored
20  witness         cosignatures by known witnesses

A check is skipped where it has no object (nothing sealed, no sound, nobody to trust) or where an earlier one failed to
read what it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.base.errors import OnRecordError
from onrecord.evidence import check_form, check_log, check_story, container, manifest
from onrecord.evidence.errors import BadMemberError, UnreadablePackError
from onrecord.evidence.read import SHAPE
from onrecord.evidence.trial import FailedError, SkippedError, Trial

_CHECKS: tuple[tuple[int, str, Callable[[Trial], str]], ...] = (
    (1, "container", check_form.container),
    (2, "members", check_form.members),
    (3, "manifest_note", check_form.manifest_note),
    (4, "signer", check_form.signer),
    (5, "checkpoint", check_form.checkpoint),
    (6, "entries", check_log.entries),
    (7, "commitments", check_log.commitments),
    (8, "inclusion", check_log.inclusion),
    (9, "sequence", check_log.sequence),
    (10, "events", check_log.events),
    (11, "seal", check_log.seal),
    (12, "erasures", check_log.erasures),
    (13, "policy", check_story.policy),
    (14, "decisions", check_story.decisions),
    (15, "derived", check_story.rederived),
    (16, "accounting", check_story.accounting),
    (17, "closed_sound", check_story.closed_sound),
    (18, "closed_derived", check_story.closed_derived),
    (19, "sound", check_story.sound),
    (20, "witness", check_form.witness),
)


@dataclass(frozen=True, slots=True)
class Check:
    """`result` is pass, fail or skip; `detail` one line, never content of the conversation."""

    n: int
    id: str
    result: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """`signer`: trusted, unverified or mismatch. `assurance`: what the pack has, of operator, trusted, witnessed and
    timestamped; empty where it is not consistent. `replay`: complete, partial, erased or kernel_unknown."""

    ok: bool
    signer: str
    assurance: tuple[str, ...]
    replay: str
    checks: tuple[Check, ...]
    first_failure: str | None

    def as_json(self) -> dict[str, Any]:
        checks = [{"n": c.n, "id": c.id, "result": c.result, "detail": c.detail} for c in self.checks]
        return {
            "ok": self.ok,
            "signer": self.signer,
            "assurance": list(self.assurance),
            "replay": self.replay,
            "checks": checks,
            "first_failure": self.first_failure,
        }


def verify(pack: bytes, trust: str | None = None, witnesses: Sequence[str] = ()) -> Report:
    """`trust` and `witnesses` are vkeys. Errors: UnreadablePackError where the bytes are no pack at all."""
    found = container.read(pack)
    try:
        head = manifest.parse(found.members["manifest.json"])
    except BadMemberError as error:
        raise UnreadablePackError(f"the manifest cannot be read: {error.message}") from error
    trial = Trial(found, head, trust, tuple(witnesses))
    checks = tuple(_run(n, name, check, trial) for n, name, check in _CHECKS)
    failed = [check.id for check in checks if check.result == "fail"]
    signer = "trusted" if trial.trusted else "mismatch" if "signer" in failed else "unverified"
    held = (("operator", True), ("trusted", trial.trusted), ("witnessed", trial.witnessed))
    return Report(
        ok=not failed,
        signer=signer,
        assurance=() if failed else tuple(name for name, has in held if has),
        replay=trial.replay,
        checks=checks,
        first_failure=failed[0] if failed else None,
    )


def _run(n: int, name: str, check: Callable[[Trial], str], trial: Trial) -> Check:
    """One check. A pack may come from an opponent: whatever shape trips a check over is a failure of that check."""
    try:
        result, detail = "pass", check(trial)
    except SkippedError as skipped:
        result, detail = "skip", skipped.message
    except FailedError as failed:
        result, detail = "fail", failed.message
    except OnRecordError as error:
        result, detail = "fail", error.diagnostics()
    except SHAPE as error:
        result, detail = "fail", f"a value is of another shape than its form ({type(error).__name__})"
    return Check(n, name, result, "".join(c if c.isprintable() else "?" for c in detail))
