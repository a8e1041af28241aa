"""Recovery is the normal path: every start takes up what the last end left, however it ended."""

import asyncio

from onrecord.base.ids import new_artifact_id
from onrecord.capture.accounting import Accounting
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.permission import Shut
from onrecord.capture.track import TrackGate
from onrecord.interaction.events import Internal
from onrecord.interaction.record import Stage, TrackEntry
from onrecord.signal.encoding import Encoding
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.erase import resume_erasures
from onrecord.workflow.find import find
from onrecord.workflow.live import Live, Track
from onrecord.workflow.purge import resume_purges
from onrecord.workflow.segments import seal_rest
from onrecord.workflow.side_records import RecordKind, opened
from onrecord.workflow.stream import drain


async def recover(d: Deployment) -> None:
    """Takes up every interaction that is not sealed: its tracks as their last durable account leaves them, gates shut;
    and every purge and erasure that was begun. Errors: StorageError, VaultError, LogInconsistentError."""
    for record in d.store.records(d.tenant, RecordKind.UNSEALED):
        live = await find(d, record.interaction)
        await _take_up(d, live)
        await resume_purges(d, live)
        await resume_erasures(d, live)
        if live.conversation.seal is not None:
            d.store.delete(d.tenant, RecordKind.UNSEALED, record.id)


async def _take_up(d: Deployment, live: Live) -> None:
    c = live.conversation
    live.epochs = len(c.streams)
    counted = d.store.record(d.tenant, RecordKind.ACCOUNTING, c.interaction)
    snapshots = {} if counted is None else opened(d.vault, d.tenant, counted)["tracks"]
    if c.started_at is not None and c.seal is None:
        live.shut.append(Shut(0.0))
    for name, entry in c.tracks.items():
        live.tracks[name] = _restored(live, name, entry, snapshots.get(name))
    if c.started_at is None or c.seal is not None:
        return
    if c.stage is Stage.OPEN or c.open_streams:
        data = {"accounting": {name: track.gate.snapshot() for name, track in live.tracks.items()}}
        async with live.lock:
            await journal.append(d, live, [journal.internal(live, d, Internal.INTERRUPTED, data, t=live.media_head())])
        await seal_rest(d, live)


def _restored(live: Live, name: str, entry: TrackEntry, later: dict[str, int] | None) -> Track:
    c = live.conversation
    artifact = next((a.artifact for a in c.artifacts.values() if a.track == name), new_artifact_id())
    gate = TrackGate.restore_after_crash(
        Encoding(entry.encoding),
        ClockMap(entry.rate),
        live.permission(),
        c.hold_back,
        snapshot=_account(entry.accounting, later),
        durable_end=max((end for _, end, _ in entry.runs), default=0),
    )
    return Track(name, gate, artifact, entry.persons, entry.rate, entry.encoding)


def _account(told: dict[str, int], kept: dict[str, int] | None) -> dict[str, int]:
    """The later of two accounts: what the last event told, or what was kept beside the log. The one kept may have been
    taken while a segment that an event names was still under way: what an event says was written was."""
    if kept is None:
        return told or Accounting().snapshot()
    if not told:
        return kept
    older = kept["received"] + kept["missing"] < told["received"] + told["missing"]
    if older or kept["purged"] != told["purged"]:
        return told
    more = max(0, told["written"] - kept["written"])
    return {**kept, "written": kept["written"] + more, "held": kept["held"] - more}


async def rest(d: Deployment) -> None:
    """An orderly end: what is held is decided and made durable."""
    async with asyncio.TaskGroup() as group:
        for live in tuple(d.live.values()):
            if live.tracks and live.conversation.seal is None:
                group.create_task(drain(d, live))
