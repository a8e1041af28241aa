"""The state of one verification: what is read from the pack, as far as the checks have got."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from onrecord.evidence.case import Case, Log
from onrecord.evidence.container import Container
from onrecord.evidence.dossier import Opening
from onrecord.evidence.errors import EvidenceError
from onrecord.evidence.manifest import Manifest
from onrecord.evidence.replay import Status
from onrecord.interaction.events import Event
from onrecord.interaction.record import Conversation
from onrecord.policy.pack import Pack

T = TypeVar("T")


class FailedError(EvidenceError):
    """What a check found wrong."""

    code = "check_failed"


class SkippedError(EvidenceError):
    """Why a check cannot say anything."""

    code = "check_skipped"


@dataclass(slots=True)
class Trial:
    """`trust` and `witnesses` are vkeys of the verifier's own; the fields after them are set by the check that
    reads them, and stay None where it failed."""

    container: Container
    manifest: Manifest
    trust: str | None
    witnesses: tuple[str, ...]
    signed: bool = False
    trusted: bool = False
    witnessed: bool = False
    log: Log | None = None
    openings: tuple[Opening, ...] | None = None
    events: Mapping[int, Event] | None = None
    conversation: Conversation | None = None
    packs: tuple[Pack, ...] | None = None
    case: Case | None = None
    replay: Status = Status.PARTIAL

    @property
    def replay_is_partial(self) -> bool:
        return self.replay in {Status.PARTIAL, Status.ERASED}

    def member(self, name: str) -> bytes:
        if name not in self.container.members:
            raise FailedError(f"`{name}` is not in the pack")
        return self.container.members[name]

    def folder(self, folder: str, suffix: str) -> dict[str, bytes]:
        """Members of one folder by what stands between folder and suffix."""
        return {
            name[len(folder) : len(name) - len(suffix)]: data
            for name, data in self.container.members.items()
            if name.startswith(folder) and name.endswith(suffix)
        }


def need(value: T | None) -> T:
    if value is None:
        raise SkippedError("an earlier check did not get far enough")
    return value


def require(condition: object, why: str) -> None:
    if not condition:
        raise FailedError(why)
