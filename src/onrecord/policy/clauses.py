"""What a pack is made of: rules, treatments, duties to record, disclosures that are owed, rights of persons."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from onrecord.policy import packform
from onrecord.policy.errors import InvalidPackError
from onrecord.policy.kinds import Kind
from onrecord.policy.options import RETENTION, laxer
from onrecord.policy.packtext import Tree
from onrecord.policy.purposes import VISUAL
from onrecord.policy.situations import BY_WORD, MEANING, Situation
from onrecord.policy.verdict import Verdict

BY_OPTION = "by_option"
_VERDICTS = {verdict.word: verdict for verdict in Verdict}
_OPTED = (Situation.OPTED_OUT, Situation.OPTED_OUT_SCOPED)
_PERMITTING = (Situation.IN_FORCE, Situation.HANDLING_RECORD)
_SOURCED = {"id", "citation", "effective", "status"}


class Dated(Protocol):
    @property
    def effective(self) -> date: ...

    @property
    def until(self) -> date | None: ...


def binds(clause: Dated, day: date | None) -> bool:
    """`day`: that of the call, in UTC; of a call whose day is not known everything binds."""
    return day is None or (clause.effective <= day and (clause.until is None or day < clause.until))


class Disclosed(StrEnum):
    RECORDING = "recording"
    AI = "ai"
    EMOTION = "emotion"
    VOICE_COPY = "voice_copy"


class Entitlement(StrEnum):
    VOICE_COPY = "voice_copy"
    ERASURE = "erasure"
    ACCESS = "access"
    OBJECTION = "objection"


@dataclass(frozen=True, slots=True)
class Rule:
    """`verdict` None: what the option `opt_out_action` says. `segments`: for `segment_open` only. `until`: the first
    day on which it no longer binds."""

    id: str
    when: Situation
    kinds: frozenset[Kind]
    verdict: Verdict | None
    reason: str
    citation: str
    effective: date
    status: str
    segments: frozenset[str] = frozenset()
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Treatment:
    """`retention` is `ID/PERIOD` with an ISO 8601 duration. `choice`: of the option `recording_retention`, where it
    holds only for a tenant that chose it; `note`: what that tenant has to know."""

    id: str
    kinds: frozenset[Kind]
    purpose: str
    legal_basis: str
    retention: str
    choice: str | None = None
    note: str | None = None

    @property
    def period(self) -> str:
        return self.retention.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty to record. `retention`: the statutory minimum, an ISO 8601 duration."""

    id: str
    kinds: frozenset[Kind]
    retention: str
    citation: str
    effective: date
    status: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Documentation:
    """How long what is written about conversations (authorisations, contracts, logs of access) is kept at least; it
    says nothing of what was recorded."""

    id: str
    retention: str
    citation: str
    effective: date
    status: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the person must be told."""

    id: str
    what: Disclosed
    citation: str
    effective: date
    status: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Right:
    """What the person may ask for; `within`: an ISO 8601 duration, where the source names one."""

    id: str
    what: Entitlement
    within: str | None
    citation: str
    effective: date
    status: str
    until: date | None = None


def treatment(value: Tree) -> Treatment:
    needed = {"id", "kinds", "purpose", "legal_basis", "retention"}
    tree = packform.keys(value, "a treatment", needed, {"choice", "note"})
    name = packform.name(tree["id"])
    period = packform.period(tree["retention"], "retention")
    choice = packform.text(tree["choice"], "choice") if "choice" in tree else None
    if ("note" in tree) != (choice is not None) or choice not in (None, *laxer(RETENTION)):
        raise InvalidPackError(
            "`choice` is a laxer one of `recording_retention`, with a `note`, and neither stands alone"
        )
    return Treatment(
        id=name,
        kinds=packform.kinds(tree["kinds"]),
        purpose=packform.match(tree["purpose"], packform.WORD, "purpose"),
        legal_basis=packform.match(tree["legal_basis"], packform.WORD, "legal_basis"),
        retention=f"{name}/{period}",
        choice=choice,
        note=packform.text(tree["note"], "note") if "note" in tree else None,
    )


def documentation(value: Tree) -> Documentation:
    tree = packform.keys(value, "a documentation", _SOURCED | {"retention"}, {"until"})
    effective, until = packform.binding(tree)
    return Documentation(
        id=packform.name(tree["id"]),
        retention=packform.period(tree["retention"], "retention"),
        citation=packform.text(tree["citation"], "citation"),
        effective=effective,
        status=packform.status(tree["status"]),
        until=until,
    )


def duty(value: Tree) -> Duty:
    tree = packform.keys(value, "a duty", _SOURCED | {"kinds", "retention"}, {"until"})
    effective, until = packform.binding(tree)
    return Duty(
        id=packform.name(tree["id"]),
        kinds=packform.kinds(tree["kinds"]),
        retention=packform.period(tree["retention"], "retention"),
        citation=packform.text(tree["citation"], "citation"),
        effective=effective,
        status=packform.status(tree["status"]),
        until=until,
    )


def disclosure(value: Tree) -> Disclosure:
    tree = packform.keys(value, "a disclosure", _SOURCED | {"what"}, {"until"})
    if tree["what"] not in set(Disclosed):
        raise InvalidPackError("`what` is nothing that a disclosure may tell")
    effective, until = packform.binding(tree)
    return Disclosure(
        id=packform.name(tree["id"]),
        what=Disclosed(str(tree["what"])),
        citation=packform.text(tree["citation"], "citation"),
        effective=effective,
        status=packform.status(tree["status"]),
        until=until,
    )


def right(value: Tree) -> Right:
    tree = packform.keys(value, "a right", _SOURCED | {"what"}, {"until", "within"})
    if tree["what"] not in set(Entitlement):
        raise InvalidPackError("`what` is no right that the format knows")
    effective, until = packform.binding(tree)
    return Right(
        id=packform.name(tree["id"]),
        what=Entitlement(str(tree["what"])),
        within=packform.period(tree["within"], "within") if "within" in tree else None,
        citation=packform.text(tree["citation"], "citation"),
        effective=effective,
        status=packform.status(tree["status"]),
        until=until,
    )


def rule(value: Tree) -> Rule:
    tree = packform.keys(value, "a rule", _SOURCED | {"when", "kinds", "verdict", "reason"}, {"segments", "until"})
    name = packform.name(tree["id"])
    when = BY_WORD.get(packform.text(tree["when"], "when"))
    if when is None:
        raise InvalidPackError(f"rule `{name}`: `when` is not a condition")
    listed = packform.listed(tree.get("segments", []), "segments")
    segments = frozenset(packform.text(item, "segments") for item in listed)
    if bool(segments) != (when is Situation.SEGMENT_OPEN):
        raise InvalidPackError(f"rule `{name}`: `segments` belongs to `segment_open`, and to no other condition")
    word = packform.text(tree["verdict"], "verdict")
    if word not in _VERDICTS and (word != BY_OPTION or when not in _OPTED):
        raise InvalidPackError(f"rule `{name}`: `verdict` is not a verdict that it may have")
    kinds, verdict = packform.kinds(tree["kinds"]), _VERDICTS.get(word)
    if verdict is Verdict.REDACT and kinds & VISUAL:
        raise InvalidPackError(f"rule `{name}`: pictures are not redacted, they pause")
    if when in _PERMITTING and verdict not in (Verdict.CAPTURE, Verdict.REDACT):
        raise InvalidPackError(f"rule `{name}`: its condition restricts nothing; `always` does")
    if tree["reason"] != MEANING[when].reason:
        raise InvalidPackError(f"rule `{name}`: `reason` is not that of its condition")
    effective, until = packform.binding(tree)
    return Rule(
        id=name,
        when=when,
        kinds=kinds,
        verdict=verdict,
        reason=MEANING[when].reason,
        citation=packform.text(tree["citation"], "citation"),
        effective=effective,
        status=packform.status(tree["status"]),
        segments=segments,
        until=until,
    )
