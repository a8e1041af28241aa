"""A recording as the manifest of its live segments, and the gaps in it with their reasons."""

from onrecord.base.stretch import Stretch, normalise, subtract
from onrecord.capture.manifest import Manifest, Sealed
from onrecord.interaction.record import ArtifactEntry
from onrecord.policy.kinds import Kind
from onrecord.workflow.live import Live


def manifest_of(entry: ArtifactEntry) -> Manifest:
    manifest = Manifest()
    for segment in entry.segments.values():
        manifest = manifest.add(Sealed(segment.segment, segment.start, segment.samples))
    return manifest


def gaps_of(live: Live, entry: ArtifactEntry, length: float) -> list[list[object]]:
    """[start, end, why] in seconds, in order: everything up to `length` that is not stored sound. `why` is the fate
    that the track recorded, or the reason of the decision where the verdict closes it."""
    rate = entry.rate
    stored = normalise((s.start / rate, (s.start + s.samples) / rate) for s in entry.segments.values())
    inner = normalise((a / rate, b / rate) for s in entry.segments.values() for a, b, _ in s.gaps)
    holes = normalise([*subtract([Stretch(0.0, length)], stored), *inner])
    closed = live.closed(Kind.AUDIO_RECORDING, 0.0, length)
    runs = live.conversation.tracks[entry.track or ""].runs
    result: list[list[object]] = []
    for hole in holes:
        for part in (*_within(closed, hole), *subtract([hole], closed)):
            why = _why(live, part, runs, rate, closed)
            result.append([part.start, part.end, why])
    return sorted(result, key=lambda gap: (gap[0], gap[1]))


def _within(closed: list[Stretch], hole: Stretch) -> list[Stretch]:
    return [Stretch(max(s, hole.start), min(e, hole.end)) for s, e in closed if max(s, hole.start) < min(e, hole.end)]


def _why(live: Live, part: Stretch, runs: list[tuple[int, int, str]], rate: int, closed: list[Stretch]) -> str:
    middle = (part.start + part.end) / 2
    if any(s <= middle < e for s, e in closed):
        return live.timeline.at(middle)[Kind.AUDIO_RECORDING].reason.lower()
    fates = [why for start, end, why in runs if start / rate <= middle < end / rate]
    return fates[-1] if fates else "gap"
