"""The decisions of an interaction: replayed from its facts, and as a pack states them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onrecord.base.clock import day_of
from onrecord.base.stretch import FOREVER
from onrecord.evidence.errors import BadMemberError
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import Conversation
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.kernel import KERNEL, Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import Pack
from onrecord.policy.policy import compile_policy
from onrecord.policy.verdict import Decision, Flag

ALARMS = frozenset({"RECORDING_GAP", "MEDIA_UNWANTED"})
_INTERNAL = frozenset(Internal)
_FACTS = frozenset({Internal.EVENT_REPEATED, Internal.SYSTEM_BARRED, Internal.PROMPT_HEARD})
_OF_SYSTEMS = {
    Internal.SYSTEM_BARRED: "VENDOR_WITHOUT_CONTRACT",
    Internal.SYSTEM_DISOBEYED: "CAPTURED_AFTER_STOP",
    Internal.SYSTEM_ANSWERED: "COMMAND_NOT_ACKNOWLEDGED",
}
_DISOBEYED = {
    "pause: none": "PAUSE_NOT_ACKNOWLEDGED",
    "pause: media": "MEDIA_WHILE_PAUSED",
    "resume: none": "RESUME_NOT_ACKNOWLEDGED",
}
"""By what a source was told and what it answered."""


class Status(StrEnum):
    """Complete: every fact is open. Partial: some openings are erased, client facts remain. Erased: none of them
    remains. Kernel unknown: another kernel decided than the one here."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    ERASED = "erased"
    KERNEL_UNKNOWN = "kernel_unknown"


@dataclass(frozen=True, slots=True)
class Replay:
    """`transitions` are {"t", "kind", "verdict", "state", "reason", "cause", "rules", "purpose", "legal_basis",
    "retention", "can_end"} by t, with all evidence known; the first of each kind, at second 0 or where the first change
    lies before it, is what held before any fact. `flags` are {"flag", "t", "event_id"}. Both are empty where facts are
    erased: what would follow from the rest says nothing of what was decided."""

    status: Status
    kernel: str
    transitions: Sequence[Mapping[str, Any]]
    flags: Sequence[Mapping[str, Any]]


def fact_of(event: Event) -> Fact | None:
    """What the kernel is told of an event; nothing of most of the product's own. A closing that came under an id
    already used for something else still closes, under an id of its own."""
    kind, data = event.type, event.data
    if kind == Internal.EVENT_CONFLICTED:
        kind, data = data["type"], data["data"]
    elif kind == Internal.SYSTEM_ANSWERED and data["acknowledged"] and data["answered"]:
        kind, data = "system_acknowledged", {"kinds": data["answered"]}
    elif kind in _INTERNAL and kind not in _FACTS:
        return None
    return Fact(event.event_id, str(kind), event.t, event.received, data, event.uncertainty)


def flag_of(event: Event) -> Flag | None:
    """What an event of the product's own flags by itself."""
    if event.type not in _INTERNAL:
        return None
    if event.type == Internal.INTERRUPTED:
        return Flag("INTERRUPTED", event.t, event.event_id)
    if event.type == Internal.COMMAND_ANSWERED and not event.data.get("followed"):
        return Flag("COMMAND_NOT_FOLLOWED", event.t, event.event_id)
    if event.type in _OF_SYSTEMS:
        return _of_system(event)
    if event.type == Internal.SOURCE_ANSWERED:
        disobeyed = _DISOBEYED.get(f"{event.data.get('wish')}: {event.data.get('answer')}")
        return None if disobeyed is None else Flag(disobeyed, event.t, event.event_id)
    if event.type == Internal.OVERLOADED:
        return Flag("OVERLOAD", event.t, event.event_id)
    if event.type == Internal.MEDIA_LOST:
        return Flag("MEDIA_LOST", event.t, event.event_id)
    if event.type == Internal.ALARM_RAISED and event.data.get("alarm") in ALARMS:
        return Flag(event.data["alarm"], event.t, event.event_id)
    if event.type == Internal.STREAM_CLOSED and event.data.get("refused"):
        return Flag("INVALID_MEDIA", event.t, event.event_id)
    return None


def _of_system(event: Event) -> Flag | None:
    """A system that ended what it had acknowledged captures after its stop; one that follows, or is only told that all
    contracts are there again, flags nothing."""
    name, data = _OF_SYSTEMS[Internal(event.type)], event.data
    if event.type == Internal.SYSTEM_BARRED and not data["systems"]:
        return None
    if event.type == Internal.SYSTEM_ANSWERED:
        if data["acknowledged"]:
            return None
        if data["resurrected"]:
            name = "CAPTURED_AFTER_STOP"
        elif data["closes"]:
            name = "STOP_NOT_ACKNOWLEDGED"
    return Flag(name, event.t, event.event_id)


def head_of(c: Conversation) -> Head:
    """What was known before the first event: whoever joins later is told of by an event."""
    parties = tuple(Party(p.role, p.jurisdiction, p.party_id) for p in c.parties if not p.joined)
    enabled = frozenset(Kind(kind) for kind in c.enabled)
    day = None if c.started_at is None else day_of(c.started_at)
    return Head(c.sector, parties, enabled, c.overlay, c.prompts, day, c.started_at)


def status_of(erased: int, events: Iterable[Event], kernel: str) -> Status:
    if erased:
        told = any(event.type not in _INTERNAL for event in events)
        return Status.PARTIAL if told else Status.ERASED
    return Status.COMPLETE if kernel == KERNEL else Status.KERNEL_UNKNOWN


def replay(conversation: Conversation, events: Sequence[Event], packs: Sequence[Pack], exported_at: int) -> Replay:
    """The decisions by this kernel, as known at export. The caller knows that every fact is open."""
    head = head_of(conversation)
    facts = [fact for fact in map(fact_of, events) if fact is not None]
    timeline = Timeline(compile_policy(packs, head), head).with_facts(facts)
    changes = timeline.transitions()
    first = min([0.0, *(t for t, _, _ in changes)])  # an uncertain instant near 0 may take effect before it
    transitions = [_transition(first, kind, made) for kind, made in timeline.at(-FOREVER).items()]
    transitions += [_transition(t, kind, made) for t, kind, made in changes]
    flags = [_flag(flag) for flag in timeline.flags(_known(conversation, exported_at))]
    flags += [_flag(flag) for flag in map(flag_of, events) if flag is not None]
    return Replay(Status.COMPLETE, KERNEL, transitions, flags)


def _known(c: Conversation, exported_at: int) -> float:
    """The instant of export on the conversation's clock; not before the last event that was heard of."""
    elapsed = 0.0 if c.started_at is None else (exported_at - c.started_at) / 1e9
    return max(elapsed, c.last_received)


def _transition(t: float, kind: Kind, made: Decision) -> dict[str, Any]:
    return {
        "t": t,
        "kind": kind.value,
        "verdict": made.verdict.word,
        "state": made.state.value,
        "reason": made.reason,
        "cause": made.cause,
        "rules": list(made.rules),
        "purpose": made.purpose,
        "legal_basis": made.legal_basis,
        "retention": made.retention,
        "can_end": made.can_end,
    }


def _flag(flag: Flag) -> dict[str, Any]:
    return {"flag": flag.flag, "t": flag.t, "event_id": flag.event_id}


def stated(evidence: Any) -> Replay:
    """What an `evidence.json` (parsed) states. Errors: BadMemberError."""
    try:
        decisions, flags = evidence["decisions"], evidence["flags"]
        status, kernel = Status(decisions["replay"]), decisions["kernel"]
        transitions = decisions["transitions"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadMemberError("evidence.json states no decisions") from error
    if not isinstance(kernel, str) or not isinstance(transitions, list) or not isinstance(flags, list):
        raise BadMemberError("the decisions in evidence.json are out of form")
    return Replay(status, kernel, transitions, flags)
