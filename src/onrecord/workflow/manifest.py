"""A recording as the manifest of its live segments, and the gaps in it with their reasons."""

from onrecord.base.stretch import Stretch, intersect, normalise, subtract
from onrecord.capture.manifest import Manifest, Sealed
from onrecord.interaction.record import ArtifactEntry
from onrecord.policy.kinds import Kind
from onrecord.workflow.live import Live

PASSED = "passed"


def manifest_of(entry: ArtifactEntry) -> Manifest:
    manifest = Manifest()
    for segment in entry.segments.values():
        manifest = manifest.add(Sealed(segment.segment, segment.start, segment.samples))
    return manifest


def gaps_of(live: Live, entry: ArtifactEntry, length: float) -> list[list[object]]:
    """[start, end, why] in seconds, in order: everything up to `length` that is not stored sound. `why` is the reason
    of the decision where the verdict closes it, else the fate that the track recorded."""
    rate = entry.rate
    stored = normalise((s.start / rate, (s.start + s.samples) / rate) for s in entry.segments.values())
    inner = normalise((a / rate, b / rate) for s in entry.segments.values() for a, b, _ in s.gaps)
    holes = normalise([*subtract([Stretch(0.0, length)], stored), *inner])
    closed = normalise(live.timeline.closed(Kind.AUDIO_RECORDING, 0.0, length))
    found = [(s, e, _reason(live, s)) for s, e in intersect(holes, closed)]
    rest = subtract(holes, closed)
    for start, end, fate in reversed(live.conversation.tracks[entry.track or ""].runs):
        if fate != PASSED:
            run = normalise([(start / rate, end / rate)])
            found += [(s, e, fate) for s, e in intersect(rest, run)]
            rest = subtract(rest, run)
    found += [(s, e, "gap") for s, e in rest]
    return [[start, end, why] for start, end, why in sorted(found)]


def _reason(live: Live, t: float) -> str:
    return live.timeline.at(t)[Kind.AUDIO_RECORDING].reason.lower()
