"""`media.json` and `accounting.json`: what was stored of each track, in samples, and what became of the rest."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from onrecord.base import canonical
from onrecord.evidence.case import Case
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactEntry, SegmentEntry, TrackEntry

RECEIVED = ("received", "missing")
FATES = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
COUNTERS = (*RECEIVED, *FATES, "purged")


def accounting_json(case: Case) -> bytes:
    """{"kind", "version", "interaction", "tracks": {NAME: {"unit": "samples", COUNTER: n}}}."""
    tracks = {name: {"unit": "samples", **counters(track)} for name, track in case.conversation.tracks.items()}
    body = {"kind": "onrecord/accounting", "version": 1, "interaction": case.interaction, "tracks": tracks}
    return canonical.dumps(body) + b"\n"


def counters(track: TrackEntry) -> dict[str, int]:
    return {name: track.accounting.get(name, 0) for name in COUNTERS}


def balances(track: TrackEntry) -> bool:
    """received + missing = written + silenced + discarded + held + lost (purged is shown apart)."""
    held = counters(track)
    return sum(held[name] for name in RECEIVED) == sum(held[name] for name in FATES)


def fates(track: TrackEntry) -> list[tuple[int, int, str]]:
    """The fate of every sample of which one was told, in order: where runs lie over one another the later one holds."""
    kept: list[tuple[int, int, str]] = []
    for start, end, why in track.runs:
        low = bisect_right(kept, start, key=lambda run: run[1])
        high = bisect_left(kept, end, key=lambda run: run[0])
        under = kept[low:high]
        before = [(s, start, told) for s, _, told in under[:1] if s < start]
        after = [(end, e, told) for _, e, told in under[-1:] if end < e]
        kept[low:high] = [*before, (start, end, why), *after]
    return kept


def stored(segments: Iterable[SegmentEntry]) -> list[tuple[int, int]]:
    """The stretches of samples that stand in these segments as received: no gap, in order."""
    result: list[tuple[int, int]] = []
    for segment in sorted(segments, key=lambda s: s.start):
        position, end = segment.start, segment.start + segment.samples
        for gap_start, gap_end, _ in sorted(segment.gaps):
            if gap_start > position:
                result.append((position, min(gap_start, end)))
            position = max(position, gap_end)
        if position < end:
            result.append((position, end))
    return result


def media_json(case: Case) -> bytes:
    """Tracks with their runs of fates, artifacts with their segments, live and superseded, and purges."""
    c = case.conversation
    successors = _successors(case)
    body = {
        "kind": "onrecord/media",
        "version": 1,
        "interaction": case.interaction,
        "tracks": [_track(name, track) for name, track in sorted(c.tracks.items())],
        "artifacts": [_artifact(case, entry, successors) for entry in c.artifacts.values()],
        "purges": [
            {"seq": seq, "event": event.type, "t": event.t, "at": str(event.at), "data": event.data}
            for seq, event in case.of_type(Internal.PURGE_INTENDED, Internal.PURGE_COMPLETED)
        ],
    }
    return canonical.dumps(body) + b"\n"


def _track(name: str, track: TrackEntry) -> dict[str, Any]:
    runs = [list(run) for run in track.runs]
    return {"name": name, "rate": track.rate, "encoding": track.encoding, "runs": runs}


def _successors(case: Case) -> dict[str, str]:
    """The superseding segment of each superseded one."""
    sealed = case.of_type(Internal.SEGMENT_SEALED)
    return {old: event.data["segment"] for _, event in sealed for old in event.data["supersedes"]}


def _artifact(case: Case, entry: ArtifactEntry, successors: Mapping[str, str]) -> dict[str, Any]:
    both = [*entry.segments.values(), *entry.superseded.values()]
    return {
        "artifact": entry.artifact,
        "kind": entry.kind,
        "track": entry.track,
        "media_type": entry.media_type,
        "rate": entry.rate,
        "encoding": entry.encoding,
        "state": entry.state,
        "classification": entry.classification,
        "start": entry.start,
        "end": _end(entry),
        "sources": [list(source) for source in entry.sources],
        "withheld": [list(stretch) for stretch in entry.withheld],
        "sound": f"sound/{entry.artifact}.wav" if entry.artifact in case.sound else None,
        "segments": [_segment(s, successors) for s in sorted(both, key=lambda s: (s.start, s.segment))],
    }


def _end(entry: ArtifactEntry) -> float:
    """Seconds; of a recording where its last live segment ends."""
    if entry.track is None:
        return entry.end
    return max(((s.start + s.samples) / entry.rate for s in entry.segments.values()), default=0.0)


def _segment(segment: SegmentEntry, successors: Mapping[str, str]) -> dict[str, Any]:
    return {
        "segment": segment.segment,
        "object": segment.object_id,
        "key": segment.key_id,
        "size": segment.size,
        "chunks": segment.chunks,
        "tags": segment.tags,
        "start": segment.start,
        "samples": segment.samples,
        "gaps": [list(gap) for gap in segment.gaps],
        "superseded_by": successors.get(segment.segment),
    }
