"""What a person has agreed to for good, and taken back: statements that hold over conversations until they expire or
are withdrawn. Instants in nanoseconds since the epoch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onrecord.base.clock import parse_rfc3339, rfc3339
from onrecord.governance.errors import InvalidProfileError
from onrecord.policy.purposes import Purpose, closed, opened

MAX_CONSENTS = 50
METHODS = frozenset(
    {"ivr_notice", "keypad", "verbal", "bot_confirmed", "agent_script", "screen", "web_form", "email", "chat"}
)
"""By which a standing consent may have been given: somebody has said yes to it. Staying on a line is not for good."""
_AHEAD_NS = 300 * 10**9
_FIELDS = frozenset({"purposes", "method", "prompt_version", "given_at", "expires"})


class Standing(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Given:
    """One consent. `purposes` as in the scope of a consent event: `recording` alone brings transcription and analysis
    with it. `registered`: what the register of prompts says of the version. `by`: the id of the credential that told
    of it."""

    purposes: tuple[str, ...]
    method: str
    given_at: int
    expires: int | None = None
    prompt_version: str | None = None
    registered: Mapping[str, Any] | None = None
    by: str = ""

    def covers(self) -> frozenset[Purpose]:
        return opened(self.purposes)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """`scope` as in an event: None, or a word that is not known, for everything."""

    at: int
    scope: tuple[str, ...] | None = None

    def covers(self) -> frozenset[Purpose]:
        return closed(self.scope, frozenset(Purpose))


@dataclass(frozen=True, slots=True)
class Profile:
    consents: tuple[Given, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()

    def left(self, given: Given) -> frozenset[Purpose]:
        """What of a consent was not taken back after it was given, or at that very instant."""
        taken = [w.covers() for w in self.withdrawals if w.at >= given.given_at]
        return given.covers().difference(*taken)

    def standing(self, given: Given, now: int) -> Standing:
        if not self.left(given):
            return Standing.WITHDRAWN
        return Standing.EXPIRED if given.expires is not None and given.expires <= now else Standing.LIVE

    def withdrawn(self) -> frozenset[Purpose]:
        """What was taken back and not agreed to again since, expired or not."""
        taken = frozenset[Purpose]().union(*(w.covers() for w in self.withdrawals))
        return taken.difference(*(self.left(given) for given in self.consents))

    def states(self, now: int) -> dict[str, str]:
        """Per purpose of which something is known, the best that holds."""
        found = {purpose.value: Standing.WITHDRAWN.value for purpose in self.withdrawn()}
        for state in (Standing.EXPIRED, Standing.LIVE):
            for given in self.consents:
                if self.standing(given, now) is state:
                    found |= dict.fromkeys((p.value for p in self.left(given)), state.value)
        return dict(sorted(found.items()))


def scope_of(purposes: Iterable[Purpose]) -> list[str]:
    return sorted(purpose.value for purpose in purposes)


def parse_consents(raw: Sequence[Mapping[str, Any]], now: int) -> tuple[Given, ...]:
    """As a client gives them; `given_at` is now where it is absent, or by a clock that is a little ahead: what is taken
    back from now on comes after it. Errors: InvalidProfileError, which names a field and never its value."""
    if len(raw) > MAX_CONSENTS:
        raise InvalidProfileError("a profile holds at most 50 consents")
    return tuple(_parse(item, now) for item in raw)


def _parse(raw: Mapping[str, Any], now: int) -> Given:
    if not raw.keys() <= _FIELDS:
        raise InvalidProfileError("a consent has a field that is not known")
    purposes = raw.get("purposes")
    known = {purpose.value for purpose in Purpose}
    if not isinstance(purposes, list | tuple) or not purposes or not known.issuperset(purposes):
        raise InvalidProfileError("`purposes` is no list of known purposes")
    if raw.get("method") not in METHODS:
        raise InvalidProfileError("`method` is none by which a standing consent can be given")
    given_at = now if raw.get("given_at") is None else _instant(raw["given_at"], "given_at")
    if given_at > now + _AHEAD_NS:
        raise InvalidProfileError("`given_at` is yet to come")
    expires = None if raw.get("expires") is None else _instant(raw["expires"], "expires")
    if expires is not None and expires <= given_at:
        raise InvalidProfileError("`expires` is not after `given_at`")
    version = raw.get("prompt_version")
    return Given(tuple(sorted(set(purposes))), raw["method"], min(given_at, now), expires, version)


def _instant(value: object, field: str) -> int:
    try:
        return parse_rfc3339(value if isinstance(value, str) else "")
    except ValueError as error:
        raise InvalidProfileError(f"`{field}` is not an RFC 3339 date-time") from error


def encoded(given: Given) -> dict[str, Any]:
    """To be kept; instants as strings of digits."""
    return {
        "purposes": list(given.purposes),
        "method": given.method,
        "given_at": str(given.given_at),
        "expires": None if given.expires is None else str(given.expires),
        "prompt_version": given.prompt_version,
        "registered": None if given.registered is None else dict(given.registered),
        "by": given.by,
    }


def decoded(body: Mapping[str, Any]) -> Given:
    """The inverse of `encoded`."""
    return Given(
        tuple(body["purposes"]),
        body["method"],
        int(body["given_at"]),
        None if body["expires"] is None else int(body["expires"]),
        body["prompt_version"],
        body["registered"],
        body["by"],
    )


def shown(profile: Profile, given: Given, now: int) -> dict[str, Any]:
    """One consent as people read it; `state` is what holds of it now, `left` what of it was not taken back."""
    return {
        "purposes": list(given.purposes),
        "method": given.method,
        "given_at": rfc3339(given.given_at),
        "expires": None if given.expires is None else rfc3339(given.expires),
        "prompt_version": given.prompt_version,
        "registered": None if given.registered is None else dict(given.registered),
        "by": given.by,
        "state": profile.standing(given, now).value,
        "left": scope_of(profile.left(given)),
    }
