"""On what a purpose rests beside consent, and for a legitimate interest the balancing test that weighed it (GDPR, Art.
6(1)(f)). Fixed once registered; another assessment is another record. Instants in nanoseconds since the epoch."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onrecord.base import canonical
from onrecord.base.canonical import NotCanonicalError
from onrecord.base.clock import parse_rfc3339
from onrecord.governance.errors import InvalidLegalBasisError
from onrecord.policy.purposes import Purpose, opened

MAX_TEXT = 20_000
MAX_WORD = 500
MAX_FIELDS = 30
_AHEAD_NS = 300 * 10**9
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PURPOSES = frozenset(purpose.value for purpose in Purpose)


class Basis(StrEnum):
    """The grounds of Art. 6(1) GDPR that need no consent."""

    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """`purpose`: a word of the purposes of consent, or a text; `balancing`: texts by name, for a legitimate interest at
    least one. `reviewed_at` and `expires` as given (RFC 3339)."""

    id: str
    basis: Basis
    purpose: str
    necessity: str
    balancing: Mapping[str, str]
    reviewed_by: str
    reviewed_at: str
    expires: str | None = None

    def fixed(self) -> dict[str, Any]:
        """All fields, absent ones as null: what the digest is over."""
        return {
            "id": self.id,
            "basis": self.basis.value,
            "purpose": self.purpose,
            "necessity": self.necessity,
            "balancing": dict(self.balancing),
            "reviewed_by": self.reviewed_by,
            "reviewed_at": self.reviewed_at,
            "expires": self.expires,
        }

    @property
    def sha256(self) -> str:
        """Hex, of the canonical JSON (RFC 8785) of `fixed`."""
        return hashlib.sha256(canonical.dumps(self.fixed())).hexdigest()

    def is_reviewed(self, now: int) -> bool:
        """By a clock that may be a little ahead."""
        return parse_rfc3339(self.reviewed_at) <= now + _AHEAD_NS

    def is_live(self, now: int) -> bool:
        return self.is_reviewed(now) and (self.expires is None or now < parse_rfc3339(self.expires))

    def weighs(self, purpose: str) -> bool:
        """Whether its assessment is about that purpose: a text may be about any."""
        return self.purpose not in _PURPOSES or purpose in {each.value for each in opened((self.purpose,))}

    def relied_on(self) -> dict[str, Any]:
        """What a conversation that rests on it carries: no name, and no text but the purpose."""
        return {
            "id": self.id,
            "sha256": self.sha256,
            "basis": self.basis.value,
            "purpose": self.purpose,
            "reviewed_at": self.reviewed_at,
            "expires": self.expires,
        }


def parse(raw: Mapping[str, Any]) -> LegalBasis:
    """Errors: InvalidLegalBasisError, which names a field and never its value."""
    identifier, basis = raw.get("id"), raw.get("basis")
    if not isinstance(identifier, str) or _ID.fullmatch(identifier) is None:
        raise InvalidLegalBasisError("`id` is not of its form")
    if not isinstance(basis, str) or basis not in set(Basis):
        raise InvalidLegalBasisError("`basis` is not one of those known")
    balancing = _balancing(raw.get("balancing"))
    if basis == Basis.LEGITIMATE_INTERESTS and not balancing:
        raise InvalidLegalBasisError("a legitimate interest needs its balancing test")
    reviewed_at = _instant(raw.get("reviewed_at"), "reviewed_at")
    expires = None if raw.get("expires") is None else _instant(raw["expires"], "expires")
    if expires is not None and parse_rfc3339(expires) <= parse_rfc3339(reviewed_at):
        raise InvalidLegalBasisError("`expires` is not after `reviewed_at`")
    made = LegalBasis(
        identifier,
        Basis(basis),
        _text(raw.get("purpose"), MAX_WORD, "purpose"),
        _text(raw.get("necessity"), MAX_TEXT, "necessity"),
        balancing,
        _text(raw.get("reviewed_by"), MAX_WORD, "reviewed_by"),
        reviewed_at,
        expires,
    )
    try:
        canonical.dumps(made.fixed())
    except NotCanonicalError as error:
        raise InvalidLegalBasisError("a text is not Unicode text") from error
    return made


def _balancing(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > MAX_FIELDS:
        raise InvalidLegalBasisError("`balancing` is not of its form")
    for name, text in value.items():
        if not isinstance(name, str) or _FIELD.fullmatch(name) is None:
            raise InvalidLegalBasisError("`balancing` has a field that is no name")
        _text(text, MAX_TEXT, "balancing")
    return dict(value)


def _text(value: object, most: int, field: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise InvalidLegalBasisError(f"`{field}` is not of its form")
    return value


def _instant(value: object, field: str) -> str:
    try:
        parse_rfc3339(value if isinstance(value, str) else "")
    except ValueError as error:
        raise InvalidLegalBasisError(f"`{field}` is not an RFC 3339 date-time") from error
    return str(value)
