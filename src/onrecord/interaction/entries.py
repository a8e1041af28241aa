"""What a conversation's record is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Stage(StrEnum):
    OPEN = "open"
    INTERRUPTED = "interrupted"
    ENDED = "ended"
    SEALED = "sealed"


class ArtifactState(StrEnum):
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class PartyEntry:
    """`person` is the random id that this party's keys belong to. `contact` holds what the client told of the party.
    `joined`: during the call; the policy learns of it by the event that says so."""

    role: str
    jurisdiction: str
    person: str
    party_id: str | None = None
    contact: Mapping[str, str] = field(default_factory=dict)
    joined: bool = False


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One sealed object of a recording, or the whole content of a derived artifact. `start` and `samples` count the
    track's samples on the conversation's axis; `gaps` are (start, end, why) in samples, digital silence in the
    object."""

    segment: str
    object_id: str
    key_id: str
    size: int
    chunks: int
    tags: str
    start: int = 0
    samples: int = 0
    gaps: tuple[tuple[int, int, str], ...] = ()
    epoch: int = 0
    uncertainty: int = 0


@dataclass(slots=True)
class ArtifactEntry:
    """`sources` are (artifact, start, end) in seconds; a recording has none. `stated`: `start` and `end` were given,
    not taken from the sources. `segments` are the live ones, by start."""

    artifact: str
    kind: str
    media_type: str
    persons: tuple[str, ...]
    event_id: str
    track: str | None = None
    rate: int = 0
    encoding: str = ""
    start: float = 0.0
    end: float = 0.0
    stated: bool = True
    state: ArtifactState = ArtifactState.ACTIVE
    classification: str = ""
    form: str = "audio"
    sources: tuple[tuple[str, float, float], ...] = ()
    withheld: tuple[tuple[float, float], ...] = ()
    segments: dict[str, SegmentEntry] = field(default_factory=dict)
    superseded: dict[str, SegmentEntry] = field(default_factory=dict)


@dataclass(slots=True)
class TrackEntry:
    """`persons` are heard on it; `runs` are (start, end, fate) in samples as decided; `accounting` the last durable
    counters, in samples."""

    rate: int
    encoding: str
    persons: tuple[str, ...] = ()
    runs: list[tuple[int, int, str]] = field(default_factory=list)
    accounting: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class CommandedEntry:
    """A recording that a platform makes itself, by the platform's own ids of its call and of itself (None: the one that
    went on when it was told of). `answer`: the last that came of commanding it."""

    platform: str
    call: str
    recording: str | None
    answer: Mapping[str, Any] | None = None


@dataclass(slots=True)
class SystemEntry:
    """A capture system of this conversation: its name, kinds, deadline (seconds) and vendor as they were when it was
    attached. `lacking`: the contracts for want of which it is told nothing; `command`: the last that was sent,
    `answer`: the last that came of one."""

    name: str
    kinds: tuple[str, ...]
    deadline: float
    vendor: Mapping[str, Any] | None = None
    lacking: tuple[str, ...] = ()
    command: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """`events` counts those before the seal, `last_digest` is the leaf hash (hex) of the last of them."""

    events: int
    last_digest: str


def segment_of(data: Mapping[str, Any]) -> SegmentEntry:
    """As an event names it. Errors: KeyError, TypeError, ValueError where a field is missing or of another form."""
    return SegmentEntry(
        segment=data["segment"],
        object_id=data["object"],
        key_id=data["key"],
        size=data["size"],
        chunks=data["chunks"],
        tags=data["tags"],
        start=data.get("start", 0),
        samples=data.get("samples", 0),
        gaps=tuple((start, end, why) for start, end, why in data.get("gaps", ())),
        epoch=data.get("epoch", 0),
        uncertainty=data.get("uncertainty", 0),
    )
