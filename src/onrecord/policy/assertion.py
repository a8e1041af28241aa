"""Who may say what. Closings are free to all who are in the conversation; openings need a source that is entitled to
them; a source outside the conversation says only what is its own to say."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from onrecord.base.clock import parse_rfc3339
from onrecord.policy.errors import InvalidEventError
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import Purpose


class Source(StrEnum):
    TELEPHONY = "telephony"
    IVR = "ivr"
    BOT = "bot"
    AGENT = "agent"
    CUSTOMER = "customer"
    COMPLIANCE = "compliance"
    PLATFORM = "platform"
    CAPTURE_SYSTEM = "capture_system"
    CRM = "crm"
    PAYMENT = "payment"


class Restricts(Protocol):
    """What a policy adds: for an opening type the only sources that its packs name, or None."""

    def asserters(self, fact_type: str) -> frozenset[Source] | None: ...


PROMPT_NAMED_IN = {"prompt_delivered": "prompt_version", "consent": "prompt_version", "prompt_version_changed": "to"}
"""By event type the field that names the version of a prompt: with an `@` one that is registered."""

_S = Source
_ASKERS = frozenset({_S.TELEPHONY, _S.IVR, _S.BOT, _S.AGENT, _S.COMPLIANCE, _S.PLATFORM})
_MATRIX: Mapping[str, frozenset[Source]] = {
    "prompt_delivered": _ASKERS - {_S.COMPLIANCE},
    "consent": _ASKERS | {_S.CUSTOMER, _S.CRM},
    "segment_consent": _ASKERS | {_S.CUSTOMER},
    "opt_in": _ASKERS | {_S.CUSTOMER},
    "segment_end": frozenset({_S.TELEPHONY, _S.IVR, _S.BOT, _S.AGENT, _S.PLATFORM, _S.PAYMENT}),
    "jurisdiction_update": frozenset({_S.TELEPHONY, _S.PLATFORM, _S.CRM, _S.COMPLIANCE}),
    "transfer": frozenset({_S.TELEPHONY, _S.IVR, _S.BOT, _S.PLATFORM}),
    "workflow": frozenset({_S.PLATFORM, _S.COMPLIANCE}),
    "prompt_version_changed": frozenset({_S.PLATFORM, _S.COMPLIANCE}),
    # An acknowledgement opens nothing but clears a charge, so only who can know it may say it.
    "capture_ack": frozenset({_S.CAPTURE_SYSTEM, _S.PLATFORM}),
}
# Sources that are not in the conversation, and what they may assert beside the openings above: what a person has asked
# for elsewhere, and what a system of capture knows of itself.
_OUTSIDE: Mapping[Source, frozenset[str]] = {
    _S.CRM: frozenset({"opt_out", "consent_withdrawn", "objection", "erasure_request"}),
    _S.CAPTURE_SYSTEM: frozenset({"capture_report", "bypass"}),
}
# A consent out of a standing profile is for who keeps profiles.
_PROFILE_KEEPERS = frozenset({_S.CRM, _S.PLATFORM, _S.COMPLIANCE})
OPENING_TYPES = frozenset(_MATRIX)
_ALWAYS_OPEN = OPENING_TYPES - {"consent", "segment_consent", "transfer", "workflow"}
_NEUTRAL = frozenset({"call_start"})
_CLOSING_TYPES = frozenset(
    {
        "call_end",
        "party_join",
        "segment_start",
        "opt_out",
        "consent_withdrawn",
        "objection",
        "erasure_request",
        "bypass",
    }
    | {"capture_report"}
)
CLIENT_TYPES = OPENING_TYPES | _NEUTRAL | _CLOSING_TYPES


def opens(fact_type: str, data: Mapping[str, object]) -> bool:
    """Whether the event may raise a verdict or clear a charge, so that its source must be entitled to it."""
    if fact_type in {"consent", "segment_consent"}:
        return data.get("result") in ("accepted", "implied")
    if fact_type == "transfer":
        return data.get("carries_consent") is True
    if fact_type == "workflow":
        return data.get("recorded") is True
    return fact_type in _ALWAYS_OPEN


def closes(fact_type: str, data: Mapping[str, object]) -> bool:
    """Whether the event may lower a verdict. A new place or text may do either, so both are true of it."""
    if fact_type in {"jurisdiction_update", "prompt_version_changed"}:
        return True
    if fact_type in {"consent", "segment_consent"}:
        return data.get("result") == "declined"
    return fact_type in CLIENT_TYPES and fact_type not in _NEUTRAL and not opens(fact_type, data)


def entitled(source: str, fact_type: str, data: Mapping[str, object], policy: Restricts | None = None) -> bool:
    """False for every source and type that is not of the closed lists."""
    if source not in set(Source) or fact_type not in CLIENT_TYPES:
        return False
    if not opens(fact_type, data):
        own = _OUTSIDE.get(Source(source))
        refusal = source == _S.CRM and fact_type == "consent" and data.get("result") == "declined"
        return own is None or fact_type in own or refusal
    allowed = _MATRIX[fact_type]
    if fact_type == "consent":
        allowed = _PROFILE_KEEPERS if data.get("method") == "stored_profile" else allowed - {_S.CRM}
    named = policy.asserters(fact_type) if policy is not None else None
    return source in (allowed if named is None else allowed & named)


def narrowed(named: Iterable[frozenset[Source] | None]) -> frozenset[Source] | None:
    """What several packs name together: the sources in all of them."""
    result: frozenset[Source] | None = None
    for sources in named:
        if sources is not None:
            result = sources if result is None else result & sources
    return result


_METHODS = frozenset(
    {"ivr_notice", "keypad", "verbal", "bot_confirmed", "agent_script", "continued", "screen", "web_form", "email"}
    | {"chat", "stored_profile"}
)  # fmt: skip
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
# What follows the `@` names no domain.
_PROMPT = re.compile(rf"{_IDENTIFIER.pattern}(@(?![^@]*\.[A-Za-z]{{2}})[A-Za-z0-9][A-Za-z0-9_.:-]{{0,63}})?")
_LONGEST = 256
_MOST = 64


def _name(value: object) -> bool:
    """A word that programs exchange; neither a sentence nor an address fits."""
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None


def _prompt(value: object) -> bool:
    """A word of the platform's own, or `PROMPT_ID@VERSION`."""
    return isinstance(value, str) and _PROMPT.fullmatch(value) is not None


def _text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**31


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= _MOST and all(map(_text, value))


def _one_of(words: Iterable[str]) -> Callable[[object], bool]:
    closed = frozenset(words)
    return lambda value: isinstance(value, str) and value in closed


def _some_of(words: Iterable[str]) -> Callable[[object], bool]:
    one = _one_of(words)
    return lambda value: isinstance(value, list) and len(value) <= _MOST and all(map(one, value))


def _expiry(value: object) -> bool:
    """Seconds on the clock of the call, or an instant (RFC 3339)."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return _seconds(value)
    try:
        parse_rfc3339(value)
    except ValueError:
        return False
    return True


_Fields = Mapping[str, Callable[[object], bool]]
_method = _one_of(_METHODS)
_kinds = _some_of(Kind)
_WHO: _Fields = {"party": _text, "party_id": _text}
_PROOF: _Fields = {
    "prompt_id": _name,
    "prompt_hash": _name,
    "language": _name,
    "grade": _one_of({"claimed", "sent", "heard"}),
    "offset": _seconds,
}
_RESULT = _one_of({"accepted", "declined", "implied", "no_response"})
# Per type: fields that must be there, fields that may be. Text is free only where it is sealed under the keys of those
# whom it is about: whom an event names, and what a person's own closing says of its method, scope and kinds (what the
# kernel does not know it takes for everything, so that no such closing is lost over a word).
_FORMS: Mapping[str, tuple[_Fields, _Fields]] = {
    "call_start": ({}, {}),
    "call_end": ({}, {}),
    "prompt_delivered": (
        {"prompt_version": _prompt},
        {
            "channel": _one_of({"ivr", "bot", "agent", "modal"}),
            "to": _text,
            "party_id": _text,
            **_PROOF,
            "grade": _one_of({"claimed", "sent"}),
        },
    ),
    "consent": (
        {"result": _RESULT},
        {
            "method": _method,
            "prompt_version": _prompt,
            "scope": _some_of(Purpose),
            "address": _text,
            "user_agent": _text,
            "expires": _expiry,
            **_WHO,
            **_PROOF,
        },
    ),
    "prompt_version_changed": ({"to": _prompt}, {}),
    "transfer": ({"carries_consent": _flag}, {"from": _text, "to": _text}),
    "party_join": ({"role": _name}, {"jurisdiction": _name, "party_id": _text}),
    "jurisdiction_update": ({"jurisdiction": _name}, _WHO),
    "segment_start": ({"segment": _text}, {"n": _count}),
    "segment_end": ({"segment": _text}, {"n": _count}),
    "segment_consent": ({"segment": _text, "result": _RESULT}, {"method": _method, "n": _count, **_WHO}),
    "opt_out": ({}, {"method": _text, "reason_code": _text, "kinds": _texts, **_WHO}),
    "opt_in": ({}, {"method": _method, "kinds": _kinds, **_WHO}),
    "consent_withdrawn": ({}, {"method": _text, "scope": _texts, **_WHO}),
    "objection": ({}, {"method": _text, "reason_code": _text, "scope": _texts, **_WHO}),
    "erasure_request": ({}, {"method": _text, **_WHO}),
    "workflow": ({"recorded": _flag}, {}),
    "bypass": ({}, {"by": _text, "action": _text, "kinds": _kinds}),
    "capture_ack": ({"kinds": _kinds}, {"action": _one_of({"stop", "pause"})}),
    "capture_report": ({"kinds": _kinds}, {"state": _one_of({"capturing", "paused", "stopped"})}),
}


def parse_event(fact_type: str, data: Mapping[str, object]) -> dict[str, object]:
    """The fields of a client's event. Errors: InvalidEventError names a known field that is missing or wrong; what is
    not known is refused without its name."""
    form = _FORMS.get(fact_type)
    if form is None:
        raise InvalidEventError("no such event type")
    needed, allowed = form
    for name in needed:
        if name not in data:
            raise InvalidEventError(f"`{name}` is missing")
    for name, value in data.items():
        right = needed.get(name) or allowed.get(name)
        if right is None:
            raise InvalidEventError("a field that this type does not know")
        if not right(value):
            raise InvalidEventError(f"`{name}` is not of its form")
    return dict(data)
