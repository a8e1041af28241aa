"""The fold: what a conversation's events add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from onrecord.interaction.events import Event, Internal


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
    """`person` is the random id that this party's keys belong to. `contact` holds what the client told of the party."""

    role: str
    jurisdiction: str
    person: str
    party_id: str | None = None
    contact: Mapping[str, str] = field(default_factory=dict)


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
    """`sources` are (artifact, start, end) in seconds; a recording has none. `segments` are the live ones, by start."""

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
    state: ArtifactState = ArtifactState.ACTIVE
    classification: str = ""
    form: str = "audio"
    sources: tuple[tuple[str, float, float], ...] = ()
    withheld: tuple[tuple[float, float], ...] = ()
    segments: dict[str, SegmentEntry] = field(default_factory=dict)
    superseded: dict[str, SegmentEntry] = field(default_factory=dict)


@dataclass(slots=True)
class TrackEntry:
    """`runs` are (start, end, fate) in samples as decided; `accounting` the last durable counters, in samples."""

    rate: int
    encoding: str
    runs: list[tuple[int, int, str]] = field(default_factory=list)
    accounting: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seal:
    """`events` counts those before the seal, `last_digest` is the leaf hash (hex) of the last of them."""

    events: int
    last_digest: str


@dataclass(slots=True)
class Conversation:
    """The state of one interaction. Made and changed by `apply` alone."""

    interaction: str
    sector: str = "unknown"
    enabled: tuple[str, ...] = ()
    overlay: Mapping[str, Any] = field(default_factory=dict)
    packs: tuple[Mapping[str, Any], ...] = ()
    hold_back: float = 0.0
    created_at: int = 0
    started_at: int | None = None
    ended_t: float | None = None
    stage: Stage = Stage.OPEN
    parties: list[PartyEntry] = field(default_factory=list)
    artifacts: dict[str, ArtifactEntry] = field(default_factory=dict)
    tracks: dict[str, TrackEntry] = field(default_factory=dict)
    streams: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    open_streams: set[str] = field(default_factory=set)
    interruptions: list[float] = field(default_factory=list)
    pending_purges: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pending_erasures: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    seal: Seal | None = None
    last_t: float = 0.0
    last_received: float = 0.0
    unreadable: int = 0

    def person_of(self, name: str | None) -> tuple[str, ...]:
        """The persons behind a role or party_id; the customers, or else everybody who is known, where none is named."""
        if name is not None:
            named = [p.person for p in self.parties if name in {p.party_id, p.role}]
            if named:
                return tuple(dict.fromkeys(named))
        customers = [p.person for p in self.parties if p.role == "customer"]
        return tuple(dict.fromkeys(customers or [p.person for p in self.parties]))


def fold(interaction: str, events: Iterable[Event]) -> Conversation:
    conversation = Conversation(interaction)
    for event in events:
        apply(conversation, event)
    return conversation


def apply(c: Conversation, event: Event) -> None:
    """Changes `c` by one event. Types that change nothing here (the policy kernel reads them) only move the clock."""
    data = event.data
    match event.type:
        case Internal.INTERACTION_OPENED:
            c.sector = data["sector"]
            c.enabled = tuple(data["artifacts_enabled"])
            c.overlay = data["overlay"]
            c.packs = tuple(data["packs"])
            c.hold_back = data["hold_back"]
            c.created_at = event.at
        case Internal.PARTY_ADDED:
            known = {"role", "jurisdiction", "person", "party_id"}
            contact = {k: v for k, v in data.items() if k not in known}
            entry = PartyEntry(data["role"], data["jurisdiction"], data["person"], data.get("party_id"), contact)
            c.parties.append(entry)
        case Internal.STREAM_OPENED:
            c.streams[data["stream"]] = data
            c.open_streams.add(data["stream"])
            for track in data["tracks"]:
                c.tracks.setdefault(track["name"], TrackEntry(track["rate"], track["encoding"]))
            _resume(c, event)
        case Internal.STREAM_CLOSED:
            c.open_streams.discard(data["stream"])
        case Internal.SEGMENT_SEALED:
            _seal_segment(c, event)
        case Internal.TRACK_ACCOUNTED:
            _account(c, data)
        case Internal.PURGE_INTENDED:
            c.pending_purges[data["purge"]] = data
        case Internal.PURGE_COMPLETED:
            c.pending_purges.pop(data["purge"], None)
        case Internal.ARTIFACT_STORED:
            _store_artifact(c, event)
        case Internal.ARTIFACT_QUARANTINED:
            c.artifacts[data["artifact"]].state = ArtifactState.QUARANTINED
        case Internal.ERASURE_INTENDED:
            c.pending_erasures[data["erasure"]] = data
            for artifact in [name for name in data["artifacts"] if name in c.artifacts]:
                c.artifacts[artifact].state = ArtifactState.ERASED
        case Internal.ERASURE_COMPLETED:
            c.pending_erasures.pop(data["erasure"], None)
        case Internal.INTERRUPTED:
            _interrupt(c, event)
        case Internal.SEALED:
            c.seal = Seal(data["events"], data["last_digest"])
            c.stage = Stage.SEALED
        case _:
            if event.type not in set(Internal):
                _resume(c, event)
                if event.type == "call_end" and c.seal is None:
                    c.ended_t = event.t if c.ended_t is None else min(c.ended_t, event.t)
                    c.stage = Stage.ENDED
    c.last_received = max(c.last_received, event.received)


def _resume(c: Conversation, event: Event) -> None:
    """The first event or frame starts the clock; an accepted event ends an interruption."""
    if c.started_at is None:
        c.started_at = event.at
    if event.type == Internal.STREAM_OPENED:
        return
    c.last_t = max(c.last_t, event.t)
    if c.stage is Stage.INTERRUPTED:
        c.stage = Stage.OPEN if c.ended_t is None else Stage.ENDED


def _interrupt(c: Conversation, event: Event) -> None:
    if c.stage is Stage.OPEN:
        c.stage = Stage.INTERRUPTED
    c.interruptions.append(event.t)
    c.open_streams.clear()
    for name, counters in event.data["accounting"].items():
        c.tracks[name].accounting = dict(counters)


def _account(c: Conversation, data: Mapping[str, Any]) -> None:
    track = c.tracks[data["track"]]
    track.runs.extend((start, end, fate) for start, end, fate in data["runs"])
    track.accounting = dict(data["accounting"])


def _segment(data: Mapping[str, Any]) -> SegmentEntry:
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


def _seal_segment(c: Conversation, event: Event) -> None:
    data = event.data
    track = c.tracks[data["track"]]
    artifact = c.artifacts.get(data["artifact"])
    if artifact is None:
        artifact = ArtifactEntry(
            artifact=data["artifact"],
            kind="audio_recording",
            media_type="audio/wav",
            persons=tuple(data["persons"]),
            event_id=event.event_id,
            track=data["track"],
            rate=track.rate,
            encoding=track.encoding,
            classification=data["classification"],
        )
        c.artifacts[artifact.artifact] = artifact
    for old in [name for name in data["supersedes"] if name in artifact.segments]:
        artifact.superseded[old] = artifact.segments.pop(old)
    if data["samples"]:
        artifact.segments[data["segment"]] = _segment(data)
    _account(c, data)


def _store_artifact(c: Conversation, event: Event) -> None:
    """A second event for the same artifact replaces its content, where it names what it supersedes."""
    data = event.data
    before = c.artifacts.get(data["artifact"])
    gone = {} if before is None else {**before.superseded, **before.segments}
    c.artifacts[data["artifact"]] = ArtifactEntry(
        artifact=data["artifact"],
        kind=data["kind"],
        media_type=data["media_type"],
        persons=tuple(data["persons"]),
        event_id=event.event_id,
        start=data["start"],
        end=data["end"],
        state=ArtifactState(data["state"]),
        classification=data["classification"],
        form=data["form"],
        sources=tuple((artifact, start, end) for artifact, start, end in data["sources"]),
        withheld=tuple((start, end) for start, end in data["withheld"]),
        segments={data["segment"]: _segment(data)},
        superseded=gone,
    )
