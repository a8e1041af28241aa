"""The closed vocabulary of choices that packs may leave to a tenant, and the reading of an overlay."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from onrecord.policy.errors import InvalidOverlayError
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import Purpose

EXPLICIT = "explicit"
CONTINUE = "notice_and_continue"
PAUSE_ALWAYS = "pause_always"
UNLESS_CONSENT = "pause_unless_segment_consent"
TRAINING_NEVER = "never"
OPT_OUT_DERIVED = "opt_out_derived"
QUARANTINE = "quarantine"
REGIMES = ("gdpr", "all_party", "one_party", "unknown")
CONSENT = "consent"
INTERESTS = "legitimate_interests"
OBLIGATION = "legal_obligation"
BASES = (CONSENT, INTERESTS, OBLIGATION)
GRADES = ("claimed", "sent", "heard")
RETENTION = "recording_retention"

_GROUPS = {
    "consent_mode": (EXPLICIT, CONTINUE),
    "sensitive_segments": (PAUSE_ALWAYS, UNLESS_CONSENT),
    "regimes": REGIMES,
    "legal_basis": BASES,
}
_SINGLE = {
    "opt_out_action": ("stop", "route_non_recorded", "pause", "ephemeral"),
    OPT_OUT_DERIVED: (QUARANTINE, "keep"),
    "training": (TRAINING_NEVER, "separate_explicit"),
    "stale_consent_in_call": ("pause_until_renewed",),
    "jurisdiction_conflict": ("strictest",),
    "opt_out_scope_default": ("all",),
    "operational_records": ("continue_without_content",),
    "notice_grade": tuple(reversed(GRADES)),
    "emotion_inference": ("never", "customers"),
    RETENTION: ("as_treated", "documentation_period"),
}
_LAXEST = (OPT_OUT_DERIVED, "notice_grade", "emotion_inference", "training")
_NUMBERS = {"stop_ack_timeout_s": 5.0, "late_event_after_s": 10.0}
_PURPOSES = frozenset(purpose.value for purpose in Purpose) - {Purpose.TRAINING, Purpose.SHARING}
_ACKS = ("required", "not_required")
_LONGEST_NUMBER = 3600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")


def words(option: str) -> tuple[str, ...] | None:
    """The choices that an option knows, strictest first; None where there is no such option. A member of a group is
    written `group.member`."""
    group, dot, member = option.partition(".")
    if dot:
        if group == "consent_mode" and member not in REGIMES:
            return None
        if group == "legal_basis" and member not in _PURPOSES:
            return None
        return _GROUPS.get(group) if member else None
    return _SINGLE.get(option)


def baseline(option: str) -> str:
    """The choice without any overlay. Never laxer by a pack."""
    if option == "sensitive_segments.medical":
        return UNLESS_CONSENT
    known = words(option)
    if not known:
        return ""
    return known[-1] if option in _LAXEST else known[0]


def laxer(option: str) -> tuple[str, ...]:
    """The choices laxer than the baseline."""
    known = words(option) or ()
    return known[known.index(baseline(option)) + 1 :] if known else ()


def flatten(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """`{"group": {"member": choice}}` as `("group.member", choice)`."""
    for name, choice in value.items():
        if name in _GROUPS:
            if not isinstance(choice, Mapping):
                yield name, None
                continue
            for member, inner in choice.items():
                yield f"{name}.{member}", inner
        else:
            yield name, choice


@dataclass(frozen=True, slots=True)
class Overlay:
    """A tenant's choices. `chosen`: option to choice; seconds for the two limits; `balancing`: the id of the record
    that weighs legitimate interests; `derived_from`: kind to all its sources."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    stop_ack_timeout_s: float = _NUMBERS["stop_ack_timeout_s"]
    late_event_after_s: float = _NUMBERS["late_event_after_s"]
    acks_required: bool = False
    balancing: str | None = None
    derived_from: Mapping[Kind, tuple[Kind, ...]] = field(default_factory=dict)


def parse_overlay(raw: Mapping[str, object]) -> Overlay:
    """Errors: InvalidOverlayError names the option, never the value."""
    chosen: dict[str, str] = {}
    numbers = dict(_NUMBERS)
    acks = False
    balancing: str | None = None
    derived: Mapping[Kind, tuple[Kind, ...]] = {}
    for option, choice in flatten(raw):
        if option in _NUMBERS:
            numbers[option] = _number(option, choice)
        elif option == "capture_acks":
            if choice not in _ACKS:
                raise InvalidOverlayError("`capture_acks` is not one of its choices")
            acks = choice == "required"
        elif option == "balancing":
            if not isinstance(choice, str) or not _NAME.fullmatch(choice):
                raise InvalidOverlayError("`balancing` is not the id of a record")
            balancing = choice
        elif option == "derived_from":
            derived = _derivations(choice)
        else:
            known = words(option)
            if known is None:
                raise InvalidOverlayError("the overlay names an option that does not exist")
            if not isinstance(choice, str) or choice not in known:
                raise InvalidOverlayError(f"`{option.partition('.')[0]}` is not one of its choices")
            chosen[option] = choice
    return Overlay(chosen, numbers["stop_ack_timeout_s"], numbers["late_event_after_s"], acks, balancing, derived)


def _number(option: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_NUMBER:
        raise InvalidOverlayError(f"`{option}` is not a number of seconds from 0 to 3600")
    return float(value)


def _derivations(value: object) -> Mapping[Kind, tuple[Kind, ...]]:
    message = "`derived_from` does not map kinds to kinds"
    if not isinstance(value, Mapping):
        raise InvalidOverlayError(message)
    result: dict[Kind, tuple[Kind, ...]] = {}
    kinds = {kind.value for kind in Kind}
    for name, sources in value.items():
        listed = [sources] if isinstance(sources, str) else sources
        if name not in kinds or not isinstance(listed, list | tuple):
            raise InvalidOverlayError(message)
        if not all(isinstance(source, str) and source in kinds for source in listed):
            raise InvalidOverlayError(message)
        result[Kind(name)] = tuple(Kind(source) for source in listed)
    return result
