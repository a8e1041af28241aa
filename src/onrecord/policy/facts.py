"""What the kernel is told: the head of an interaction and its events, as plain facts."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from onrecord.policy.kinds import Kind

UNKNOWN_PLACE = "unknown"


@dataclass(frozen=True, slots=True)
class Party:
    role: str
    jurisdiction: str = "unknown"
    party_id: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What is known before the first event. `overlay` is a scenario's `policy` (corpora README, part B) or empty.
    `prompts`: the current version of each registered prompt that has one, as `PROMPT_ID@VERSION`;
    `date`: the day of the call, in UTC; `started`: second 0 of its clock, in nanoseconds since the
    epoch."""

    sector: str = "unknown"
    parties: tuple[Party, ...] = ()
    artifacts_enabled: frozenset[Kind] = frozenset()
    overlay: Mapping[str, Any] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    date: dt.date | None = None
    started: int | None = None


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One event. `t`: when it happened, seconds; `uncertainty`: seconds either side; `received`: when it was heard of,
    seconds on the interaction's clock; `data`: the fields of its type."""

    event_id: str
    type: str
    t: float
    received: float
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)
    uncertainty: float = 0.0
