"""Capture systems of a tenant and the contracts of their vendors: which a conversation needs, and which still hold.

Sources: HIPAA 45 CFR 164.504(e) (BAA), GDPR and UK GDPR Art. 28 (DPA), India DPDP Act s. 8(2)."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from onrecord.base.addresses import written_inside
from onrecord.governance.errors import InvalidSystemError
from onrecord.governance.places import need_contract
from onrecord.policy.kinds import Kind
from onrecord.policy.sectors import is_health, written

MAX_TEXT = 200
MAX_CONTRACTS = 16
MAX_SUB_PROCESSORS = 64
DEADLINE_S = 5.0
MAX_DEADLINE_S = 300.0
MIN_DEADLINE_S = 0.1
SECRET_PREFIX = "whsec_"  # noqa: S105  the beginning of every secret, no secret
SECRET_BYTES = range(24, 65)  # Standard Webhooks: between 24 and 64 bytes


class ContractType(StrEnum):
    DPA = "dpa"
    BAA = "baa"


@dataclass(frozen=True, slots=True)
class Contract:
    """`expires`: nanoseconds since the epoch, the first instant at which it holds no more; None: it does not end."""

    type: ContractType
    expires: int | None = None

    def holds(self, at: int) -> bool:
        return self.expires is None or at < self.expires


@dataclass(frozen=True, slots=True)
class Vendor:
    name: str
    contracts: tuple[Contract, ...] = ()
    sub_processors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    """`deadline` in seconds: by when a command is to be read back as followed. `vendor`: None for one of the tenant's
    own. `kinds` are sorted. `sectors`: the only ones whose conversations it makes artifacts of; empty: all."""

    id: str
    name: str
    kinds: tuple[Kind, ...]
    control_url: str
    state_url: str
    deadline: float = DEADLINE_S
    vendor: Vendor | None = None
    sectors: frozenset[str] = frozenset()

    def serves(self, sector: str) -> bool:
        return not self.sectors or written(sector) in map(written, self.sectors)

    def lacks(self, sector: str, places: Iterable[str], at: int, segments: Iterable[str] = ()) -> list[str]:
        """The contracts that this conversation needs and the vendor has not, or not any more; sorted. `segments`: types
        of the sensitive ones that are open."""
        if self.vendor is None:
            return []
        held = {contract.type for contract in self.vendor.contracts if contract.holds(at)}
        return sorted(needed(sector, places, segments) - held)

    def next_expiry(self, after: int) -> int | None:
        """When, after that instant, one of its contracts ends; nanoseconds since the epoch."""
        vendor = self.vendor
        ends = [] if vendor is None else [c.expires for c in vendor.contracts if c.expires is not None]
        return min((end for end in ends if end > after), default=None)


def needed(sector: str, places: Iterable[str], segments: Iterable[str] = ()) -> set[ContractType]:
    """Which contracts a vendor must have to be told anything of a conversation, while such segments are open."""
    found: set[ContractType] = set()
    if is_health(sector) or any(map(is_health, segments)):
        found.add(ContractType.BAA)
    if need_contract(places):
        found.add(ContractType.DPA)
    return found


def barred_kinds(enabled: Iterable[str], made_by: Mapping[str, Sequence[str]], barred: Iterable[str]) -> list[str]:
    """Kinds that only systems without their contracts would make. `made_by`: kinds by the system's id."""
    out = set(barred)
    makers: dict[str, list[bool]] = {}
    for system, kinds in made_by.items():
        for kind in kinds:
            makers.setdefault(kind, []).append(system in out)
    return sorted(kind for kind in enabled if makers.get(kind) and all(makers[kind]))


def parse(identifier: str, raw: Mapping[str, Any]) -> System:
    """Of a registration whose fields have their types. Errors: InvalidSystemError."""
    kinds = raw["kinds"]
    if not kinds or len(set(kinds)) != len(kinds):
        raise InvalidSystemError("`kinds` names at least one kind, each once")
    deadline = float(raw.get("deadline_s") or DEADLINE_S)
    if not MIN_DEADLINE_S <= deadline <= MAX_DEADLINE_S:
        raise InvalidSystemError("`deadline_s` is between 0.1 and 300 seconds")
    refuse_inside(raw["control_url"])
    refuse_inside(raw["state_url"])
    vendor = raw.get("vendor")
    return System(
        identifier,
        raw["name"],
        tuple(sorted(Kind(kind) for kind in kinds)),
        raw["control_url"],
        raw["state_url"],
        deadline,
        None if vendor is None else _vendor(vendor),
        frozenset(raw.get("sectors") or ()),
    )


def refuse_inside(url: str) -> None:
    """Of an address in digits; a name is judged whenever it is asked. Errors: InvalidSystemError origin_refused."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError as error:
        raise InvalidSystemError("an address is https://host[:port]/path", code="origin_refused") from error
    if written_inside(host):
        raise InvalidSystemError("an address is a public one, or loopback", code="origin_refused")


def _vendor(raw: Mapping[str, Any]) -> Vendor:
    contracts = raw.get("contracts") or ()
    sub_processors = tuple(raw.get("sub_processors") or ())
    if len(contracts) > MAX_CONTRACTS or len(sub_processors) > MAX_SUB_PROCESSORS:
        raise InvalidSystemError("a vendor has at most 16 contracts and 64 sub-processors")
    read = tuple(Contract(ContractType(each["type"]), _instant(each.get("expires"))) for each in contracts)
    return Vendor(raw["name"], read, sub_processors)


def _instant(text: str | None) -> int | None:
    """A date is its first instant in UTC: a contract that expires on a day does not hold on it."""
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            moment = datetime.combine(date.fromisoformat(text), time(), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidSystemError("`expires` is a date, or an RFC 3339 date-time") from error
    if moment.tzinfo is None:
        raise InvalidSystemError("`expires` is a date, or an RFC 3339 date-time")
    return round(moment.timestamp()) * 1_000_000_000


def secret_key(secret: str) -> bytes:
    """The bytes that sign (Standard Webhooks, symmetric). Errors: InvalidSystemError."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSystemError("`secret` is `whsec_` and base64") from error
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise InvalidSystemError("`secret` is `whsec_` and the base64 of 24 to 64 bytes")
    return key


def secret_of(key: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(key).decode()


def kept(system: System) -> dict[str, Any]:
    """As it is stored and shown, without its secret; `expires` in nanoseconds since the epoch, as text."""
    vendor = system.vendor
    return {
        "id": system.id,
        "name": system.name,
        "kinds": [kind.value for kind in system.kinds],
        "control_url": system.control_url,
        "state_url": system.state_url,
        "deadline_s": system.deadline,
        "sectors": sorted(system.sectors),
        "vendor": None
        if vendor is None
        else {
            "name": vendor.name,
            "contracts": [
                {"type": c.type.value, "expires": None if c.expires is None else str(c.expires)}
                for c in vendor.contracts
            ],
            "sub_processors": list(vendor.sub_processors),
        },
    }


def unkept(body: Mapping[str, Any]) -> System:
    """The inverse of `kept`."""
    vendor = body["vendor"]
    return System(
        body["id"],
        body["name"],
        tuple(Kind(kind) for kind in body["kinds"]),
        body["control_url"],
        body["state_url"],
        float(body["deadline_s"]),
        None
        if vendor is None
        else Vendor(
            vendor["name"],
            tuple(
                Contract(ContractType(c["type"]), None if c["expires"] is None else int(c["expires"]))
                for c in vendor["contracts"]
            ),
            tuple(vendor["sub_processors"]),
        ),
        frozenset(body["sectors"]),
    )
