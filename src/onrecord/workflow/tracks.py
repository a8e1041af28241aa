"""Tracks made again from what is on record of them."""

from onrecord.base.ids import new_artifact_id
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.track import TrackGate
from onrecord.interaction.entries import ArtifactState, TrackEntry
from onrecord.signal.encoding import Encoding
from onrecord.workflow.live import Live, Track


def restored(live: Live, name: str, entry: TrackEntry, account: dict[str, int]) -> Track:
    """As its last durable account leaves it."""
    c = live.conversation
    own = (a for a in c.artifacts.values() if a.track == name and a.state is not ArtifactState.ERASED)
    artifact = next((a.artifact for a in own), new_artifact_id())
    gate = TrackGate.restore_after_crash(
        Encoding(entry.encoding),
        ClockMap(entry.rate),
        live.permission(),
        c.hold_back,
        snapshot=account,
        durable_end=_told(entry),
    )
    return Track(name, gate, artifact, entry.persons, entry.rate, entry.encoding)


def _told(entry: TrackEntry) -> int:
    return max((end for _, end, _ in entry.runs), default=0)


def on_record(live: Live) -> bool:
    """Whether the call has ended and no stream is open, and all that its gates know stands in its events: so that its
    tracks can be made again."""
    c = live.conversation
    goes_on = c.ended_t is None or live.closing or live.lags or live.overloads or c.open_streams
    if goes_on or c.erased or c.unreadable:
        return False
    return all(_is_told(track, c.tracks[name]) for name, track in live.tracks.items())


def _is_told(track: Track, entry: TrackEntry) -> bool:
    gate = track.gate
    idle = track.stream is None and not track.unsealed and not gate.accounting.held and not gate.peek_runs()
    return idle and gate.head == _told(entry) and gate.snapshot() == entry.accounting
