"""The folded state of a call: parties, their answers, segments, opt-outs. Values only; `effects` changes them.

Every moment is kept as a span: early and late edge of when it may have happened, in seconds. An opening counts only
against closings that are known to have happened before it: where the order is unknown the lower verdict holds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from onrecord.policy.facts import UNKNOWN_PLACE, Head
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import CONTENT, ORDER, Purpose

BEFORE = float("-inf")
CUSTOMER = "customer"
NOWHERE = "\0"
"""The version that a text was changed to where that is not understood: no consent is to it."""
STAFF = frozenset(
    {"agent", "human_agent", "ai_agent", "virtual_agent", "bot", "voicebot", "voice_bot", "ivr", "supervisor"}
    | {"manager", "team_lead", "coach", "trainer", "specialist", "back_office", "interviewer", "recruiter"}
    | {"voice_agent", "ai_bot", "chatbot", "assistant", "human", "compliance", "system"}
)


class Span(NamedTuple):
    early: float
    late: float


class Holding(NamedTuple):
    """A value that may hold, since some moment."""

    value: str
    span: Span


Holdings = tuple[Holding, ...]


def settled(holdings: Holdings, new: Holding) -> Holdings:
    """`new` in place of what is known to be older; what may be younger stays beside it."""
    return beside(tuple(old for old in holdings if old.span.late > new.span.early), new)


def beside(holdings: Holdings, new: Holding) -> Holdings:
    """`new` and all that was there; of one value only the youngest, since it goes last."""
    same = [old for old in holdings if old.value == new.value]
    youngest = max([new, *same], key=lambda holding: holding.span.late)
    return (*(old for old in holdings if old.value != new.value), youngest)


def prompt_of(version: str | None) -> str:
    """The id of a registered prompt; words of the platform's own, without `@`, are all versions of one."""
    return "" if version is None else version.rpartition("@")[0]


class Grant(NamedTuple):
    """`grade`: of the delivery of its notice, by its place in `GRADES`; below all of them where none is proven, above
    where it carries its own proof. `expires`: from when on it counts no more, seconds."""

    version: str | None
    explicit: bool
    grade: int
    expires: float = math.inf


class Record(NamedTuple):
    """One party's answers for one purpose. The moments are late edges of closings not answered since; `expired`:
    whether a grant ran out and none came after."""

    grants: tuple[Grant, ...] = ()
    declined: float | None = None
    withdrawn: float | None = None
    objected: float | None = None
    lost: float | None = None
    expired: bool = False
    ever_granted: bool = False
    decisions: tuple[tuple[str | None, bool], ...] = ()

    @property
    def refused(self) -> bool:
        return any(late is not None for late in (self.declined, self.withdrawn, self.objected))


@lru_cache(maxsize=1024)
def staffed(role: str) -> bool:
    return role.rstrip("0123456789_-# ") in STAFF


NO_RECORD = Record()


class Heard(NamedTuple):
    """A prompt that was read to a party. `grade` as of a grant. What the register says of it: `purposes` that it asks
    for, and what it `discloses`; None where it is not registered."""

    version: str
    span: Span
    grade: int
    purposes: frozenset[Purpose] | None = None
    discloses: frozenset[str] | None = None


Views = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A party in the call. `joined`: late edge of a joining in mid-call; `heard`: what was read to it; `renotice`: late
    edge of what asks for a notice anew. `views` keeps, by all else that counts, what `standing` makes of `records`, and
    changes no answer."""

    key: str
    role: str
    party_id: str | None
    places: Holdings
    joined: float | None = None
    heard: tuple[Heard, ...] = ()
    records: Mapping[Purpose, Record] = field(default_factory=dict)
    renotice: float = BEFORE
    views: dict[object, Views] = field(default_factory=dict, repr=False, compare=False)

    @property
    def staff(self) -> bool:
        return staffed(self.role)

    def answered(self, records: Mapping[Purpose, Record], renotice: float | None = None) -> "Member":
        since = self.renotice if renotice is None else max(self.renotice, renotice)
        return Member(self.key, self.role, self.party_id, self.places, self.joined, self.heard, records, since)

    def told(self, heard: tuple[Heard, ...]) -> "Member":
        kept = (self.records, self.renotice, self.views)
        return Member(self.key, self.role, self.party_id, self.places, self.joined, heard, *kept)

    def moved(self, places: Holdings) -> "Member":
        kept = (self.records, self.renotice, self.views)
        return Member(self.key, self.role, self.party_id, places, self.joined, self.heard, *kept)

    def rejoined(self, places: Holdings, late: float) -> "Member":
        """Perhaps another person: what was agreed to counts no more; perhaps the same: what was refused does."""
        kept = {p: r._replace(grants=(), lost=None, expired=False) for p, r in self.records.items() if r.refused}
        return Member(self.key, self.role, self.party_id, places, joined=late, records=kept)

    def record(self, purpose: Purpose) -> Record:
        return self.records.get(purpose, NO_RECORD)


class OptOut(NamedTuple):
    key: str
    late: float
    scoped: bool


class Segment(NamedTuple):
    """`consent`: True, False or not asked; `declined`: late edge of a refusal."""

    type: str
    n: int
    late: float
    consent: bool | None = None
    declined: float = BEFORE


class Call(NamedTuple):
    """`marks`: per kind in the order of `ORDER`, what last made it capture beyond the consent itself, or "".
    `unrecorded`, `transferred`: late edges; `ended`: the end as told; `barred`: kinds that only vendors without a
    contract make; `spoken`: whether a bot has; `registered`: whether a prompt of the register was read; `expires`:
    when the first grant runs out."""

    sector: str
    enabled: frozenset[Kind]
    members: tuple[Member, ...]
    versions: Holdings = ()
    opt_outs: Mapping[Kind, tuple[OptOut, ...]] = MappingProxyType({})
    segments: tuple[Segment, ...] = ()
    counted: Mapping[str, int] = MappingProxyType({})
    erased: bool = False
    barred: frozenset[Kind] = frozenset()
    unrecorded: float | None = None
    transferred: float = BEFORE
    ended: float | None = None
    marks: tuple[str, ...] = ("",) * len(ORDER)
    spoken: bool = False
    registered: bool = False
    expires: float = math.inf
    started: int | None = None

    def places(self) -> frozenset[str]:
        return frozenset(holding.value for member in self.members for holding in member.places)

    def asked(self) -> tuple[Member, ...]:
        """Those whose consent counts."""
        return tuple(member for member in self.members if not member.staff)

    def named(self, name: object, party_id: object = None) -> tuple[int, ...]:
        """Indices of the parties that an event speaks of: by id, else by role, else the customer. Empty where nobody is
        known by it."""
        for given in (party_id, name):
            if given is None:
                continue
            if not isinstance(given, str):
                return ()
            found = tuple(i for i, member in enumerate(self.members) if member.party_id == given)
            return found or tuple(i for i, member in enumerate(self.members) if member.role == given)
        found = tuple(i for i, member in enumerate(self.members) if member.role == CUSTOMER)
        return found or tuple(i for i, member in enumerate(self.members) if not member.staff)


def opening(head: Head) -> Call:
    """The state before the first event. A conversation has somebody to ask: a customer whom the head does not name is
    there all the same, at a place not known."""
    always = Span(BEFORE, BEFORE)
    members: list[Member] = []
    for party in head.parties:
        key = unused(party.party_id or party.role, members)
        place = party.jurisdiction or UNKNOWN_PLACE
        members.append(Member(key, party.role, party.party_id, (Holding(place, always),)))
    if all(member.staff for member in members):
        members.append(Member(CUSTOMER, CUSTOMER, None, (Holding(UNKNOWN_PLACE, always),)))
    versions = tuple(Holding(name, always) for name in head.prompts)
    return Call(head.sector, frozenset(head.artifacts_enabled), tuple(members), versions, started=head.started)


def unused(name: str, members: list[Member]) -> str:
    taken = {member.key for member in members}
    key, number = name, 2
    while key in taken:
        key, number = f"{name}#{number}", number + 1
    return key


def marked(call: Call, reason: str, kinds: frozenset[Kind] = CONTENT) -> tuple[str, ...]:
    """The call's marks, with that of `kinds` changed."""
    return _marked(call.marks, reason, kinds)


@lru_cache(maxsize=512)
def _marked(marks: tuple[str, ...], reason: str, kinds: frozenset[Kind]) -> tuple[str, ...]:
    return tuple(reason if kind in kinds else mark for kind, mark in zip(ORDER, marks, strict=True))
