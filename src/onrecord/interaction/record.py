"""The fold: what a conversation's events add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onrecord.interaction.entries import (
    ArtifactEntry,
    ArtifactState,
    CommandedEntry,
    PartyEntry,
    Seal,
    SegmentEntry,
    Stage,
    SystemEntry,
    TrackEntry,
    segment_of,
)
from onrecord.interaction.errors import UnreadableEventError
from onrecord.interaction.events import INTERNAL, PRODUCT, Event, Internal
from onrecord.interaction.systems import SYSTEM_EVENTS, apply_system

__all__ = [
    "ArtifactEntry",
    "ArtifactState",
    "CommandedEntry",
    "Conversation",
    "PartyEntry",
    "Seal",
    "SegmentEntry",
    "Stage",
    "SystemEntry",
    "TrackEntry",
    "apply",
    "fold",
]

_MOST_ASKED = 64
_PARTY_FIELDS = frozenset({"role", "jurisdiction", "person", "party_id"})


@dataclass(slots=True)
class Conversation:
    """The state of one interaction. Made and changed by `apply` alone."""

    interaction: str
    sector: str = "unknown"
    enabled: tuple[str, ...] = ()
    overlay: Mapping[str, Any] = field(default_factory=dict)
    packs: tuple[Mapping[str, Any], ...] = ()
    prompts: tuple[str, ...] = ()
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
    commanded: dict[str, CommandedEntry] = field(default_factory=dict)
    systems: dict[str, SystemEntry] = field(default_factory=dict)
    pending_purges: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pending_erasures: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    seal: Seal | None = None
    last_t: float = 0.0
    last_received: float = 0.0
    unreadable: int = 0
    erased: bool = False
    asked: dict[tuple[str | None, int], tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def person_of(self, name: str | None) -> tuple[str, ...]:
        """The persons behind a role or party_id; none where nobody bears it. Without a name the customers, or else
        everybody who is known. Kept as long as nobody joins."""
        asked = name, len(self.parties)
        found = self.asked.get(asked)
        if found is None:
            if len(self.asked) >= _MOST_ASKED:
                self.asked.clear()
            found = self.asked[asked] = self._person_of(name)
        return found

    def _person_of(self, name: str | None) -> tuple[str, ...]:
        if name is not None:
            return tuple(dict.fromkeys([p.person for p in self.parties if name in (p.party_id, p.role)]))
        customers = [p.person for p in self.parties if p.role == "customer"]
        return tuple(dict.fromkeys(customers)) or self.everybody()

    def everybody(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p.person for p in self.parties))

    def persons_in(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Whom the data of a client's event names: by `party_id`, else by `party` or `role`."""
        name = data.get("party_id") or data.get("party") or data.get("role")
        return self.person_of(name if isinstance(name, str) else None)


def fold(interaction: str, events: Iterable[Event]) -> Conversation:
    conversation = Conversation(interaction)
    for event in events:
        apply(conversation, event)
    return conversation


def apply(c: Conversation, event: Event) -> None:
    """Changes `c` by one event. Types that change nothing here (the policy kernel reads them) only move the clock.

    Errors: UnreadableEventError where the data have not the form of the type; `c` is then as it was. What an event
    says of artifacts or segments whose own events were erased is passed over."""
    try:
        _apply(c, event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableEventError("a stored event lacks what its type needs, or has it in another form") from error


def _apply(c: Conversation, event: Event) -> None:
    if event.type in INTERNAL:
        _happen(c, event)
    else:
        _take(c, event)
    c.last_received = max(c.last_received, event.received)


def _happen(c: Conversation, event: Event) -> None:
    """Each case reads all that it needs of `data` before it changes anything."""
    data = event.data
    match event.type:
        case Internal.INTERACTION_OPENED:
            _open(c, event)
        case Internal.PARTY_ADDED | Internal.PARTY_JOINED:
            c.parties.append(_party(data, joined=event.type == Internal.PARTY_JOINED))
        case Internal.STREAM_OPENED:
            _open_stream(c, event)
        case Internal.STREAM_CLOSED:
            c.open_streams.discard(data["stream"])
        case Internal.SEGMENT_SEALED:
            _seal_segment(c, event)
        case Internal.TRACK_ACCOUNTED:
            _account(*_accounted(c, data))
        case Internal.PURGE_INTENDED:
            c.pending_purges[data["purge"]] = data
        case Internal.PURGE_COMPLETED:
            c.pending_purges.pop(data["purge"], None)
        case Internal.ARTIFACT_STORED:
            _store_artifact(c, event)
        case Internal.ARTIFACT_QUARANTINED:
            for known in _known(c, [data["artifact"]]):
                if known.state is not ArtifactState.ERASED:
                    known.state = ArtifactState.QUARANTINED
        case Internal.ERASURE_INTENDED:
            _erase(c, data)
        case Internal.ERASURE_COMPLETED:
            c.pending_erasures.pop(data["erasure"], None)
        case Internal.INTERRUPTED:
            _interrupt(c, event)
        case Internal.RECORDING_COMMANDED:
            c.commanded[data["recording"]] = CommandedEntry(data["platform"], data["call"], data["platform_recording"])
        case Internal.COMMAND_ANSWERED:
            if data["recording"] in c.commanded:
                c.commanded[data["recording"]].answer = data
        case kind if kind in SYSTEM_EVENTS:
            apply_system(c.systems, event)
        case Internal.SEALED:
            c.seal = Seal(data["events"], data["last_digest"])
            c.stage = Stage.SEALED


def _take(c: Conversation, event: Event) -> None:
    """What was told from outside."""
    _resume(c, event, own=event.principal == PRODUCT)
    if event.type == "call_end" and c.seal is None:
        c.ended_t = event.t if c.ended_t is None else min(c.ended_t, event.t)
        c.stage = Stage.ENDED


def _open(c: Conversation, event: Event) -> None:
    data = event.data
    c.sector, c.enabled, c.overlay, c.packs, c.prompts, c.hold_back, c.created_at = (
        data["sector"],
        tuple(data["artifacts_enabled"]),
        data["overlay"],
        tuple(data["packs"]),
        tuple(data.get("prompts", ())),
        data["hold_back"],
        event.at,
    )


def _open_stream(c: Conversation, event: Event) -> None:
    data = event.data
    tracks = {
        told["name"]: TrackEntry(told["rate"], told["encoding"], tuple(told.get("persons", ())))
        for told in data["tracks"]
    }
    c.streams[data["stream"]] = data
    c.open_streams.add(data["stream"])
    for name, track in tracks.items():
        c.tracks.setdefault(name, track)
    _resume(c, event)


def _erase(c: Conversation, data: Mapping[str, Any]) -> None:
    erased = _known(c, data["artifacts"])
    c.pending_erasures[data["erasure"]] = data
    c.erased = True
    for known in erased:
        known.state = ArtifactState.ERASED


def _known(c: Conversation, artifacts: Iterable[str]) -> list[ArtifactEntry]:
    return [c.artifacts[artifact] for artifact in artifacts if artifact in c.artifacts]


def _party(data: Mapping[str, Any], *, joined: bool) -> PartyEntry:
    contact = {k: v for k, v in data.items() if k not in _PARTY_FIELDS}
    return PartyEntry(data["role"], data["jurisdiction"], data["person"], data.get("party_id"), contact, joined)


def _resume(c: Conversation, event: Event, *, own: bool = False) -> None:
    """The first event or frame starts the clock; an accepted event ends an interruption. What the product says by
    itself does neither."""
    c.started_at = event.at if c.started_at is None and not own else c.started_at
    if event.type == Internal.STREAM_OPENED or c.started_at is None:
        return
    c.last_t = max(c.last_t, event.t)
    if c.stage is Stage.INTERRUPTED and not own:
        c.stage = Stage.OPEN


def _interrupt(c: Conversation, event: Event) -> None:
    counted = [(c.tracks[name], dict(counters)) for name, counters in event.data["accounting"].items()]
    if c.stage is Stage.OPEN:
        c.stage = Stage.INTERRUPTED
    c.interruptions.append(event.t)
    c.open_streams.clear()
    for track, counters in counted:
        track.accounting = counters


def _accounted(
    c: Conversation, data: Mapping[str, Any]
) -> tuple[TrackEntry, list[tuple[int, int, str]], dict[str, int]]:
    runs = [(start, end, fate) for start, end, fate in data["runs"]]
    return c.tracks[data["track"]], runs, dict(data["accounting"])


def _account(track: TrackEntry, runs: list[tuple[int, int, str]], accounting: dict[str, int]) -> None:
    track.runs.extend(runs)
    track.accounting = accounting


def _seal_segment(c: Conversation, event: Event) -> None:
    data = event.data
    account = track, _, _ = _accounted(c, data)
    added = {data["segment"]: segment_of(data)} if data["samples"] else {}
    superseded = dict.fromkeys(data["supersedes"])
    first = ArtifactEntry(
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
    artifact = c.artifacts.setdefault(first.artifact, first)
    for old in [name for name in superseded if name in artifact.segments]:
        artifact.superseded[old] = artifact.segments.pop(old)
    artifact.segments.update(added)
    _account(*account)


def _store_artifact(c: Conversation, event: Event) -> None:
    """A second event for the same artifact replaces its content; what was erased stays erased."""
    data = event.data
    before = c.artifacts.get(data["artifact"])
    state, erased = ArtifactState(data["state"]), before is not None and before.state is ArtifactState.ERASED
    gone = {} if before is None else {**before.superseded, **before.segments}
    c.artifacts[data["artifact"]] = ArtifactEntry(
        artifact=data["artifact"],
        kind=data["kind"],
        media_type=data["media_type"],
        persons=tuple(data["persons"]),
        event_id=event.event_id,
        start=data["start"],
        end=data["end"],
        stated=data.get("stated", True),
        state=ArtifactState.ERASED if erased else state,
        classification=data["classification"],
        form=data["form"],
        sources=tuple((artifact, start, end) for artifact, start, end in data["sources"]),
        withheld=tuple((start, end) for start, end in data["withheld"]),
        segments={data["segment"]: segment_of(data)},
        superseded=gone,
    )
