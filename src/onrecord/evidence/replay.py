"""The decisions of an interaction, as recorded in a pack and as replayed from its facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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
    "retention", "can_end"} by t, with all evidence known; `flags` are {"flag", "t", "event_id"}. Both are empty
    where facts are erased: what would follow from the rest says nothing of what was decided."""

    status: Status
    kernel: str
    transitions: Sequence[Mapping[str, Any]]
    flags: Sequence[Mapping[str, Any]]
