"""Samples of a recording, as they may be played: what is stored, and digital silence where nothing is."""

from collections.abc import Sequence
from dataclasses import dataclass

from onrecord.capture.manifest import Manifest, Sealed
from onrecord.interaction.record import ArtifactEntry, SegmentEntry
from onrecord.signal.encoding import Encoding
from onrecord.signal.wav import pcm16, wav_header
from onrecord.workflow.contents import read_range
from onrecord.workflow.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Piece:
    """`samples` of a stored segment, from its sample `offset` on; or of silence."""

    entry: SegmentEntry | None
    offset: int
    samples: int


def plan(entry: ArtifactEntry, first: int, last: int) -> list[Piece]:
    """Pieces that render exactly samples [first, last), as the record is now."""
    manifest = Manifest()
    for segment in entry.segments.values():
        if segment.start < last and first < segment.start + segment.samples:
            manifest = manifest.add(Sealed(segment.segment, segment.start, segment.samples))
    return [
        Piece(None if span.segment is None else entry.segments[span.segment.id], span.offset, span.samples)
        for span in manifest.plan(first, last)
    ]


def render(d: Deployment, entry: ArtifactEntry, pieces: Sequence[Piece]) -> bytes:
    """PCM16. Waits for the disk: not on the event loop. Errors: ErasedError, TamperedError, StorageError."""
    encoding = Encoding(entry.encoding)
    parts: list[bytes] = []
    for piece in pieces:
        if piece.entry is None:
            parts.append(bytes(2 * piece.samples))
        else:
            low, high = piece.offset * encoding.width, (piece.offset + piece.samples) * encoding.width
            parts.append(pcm16(read_range(d, entry.artifact, piece.entry, low, high), encoding))
    return b"".join(parts)


def wav(d: Deployment, entry: ArtifactEntry, seconds: float) -> bytes:
    """A whole recording of that length. Errors: as `render`, SignalError (wav_too_long)."""
    samples = round(seconds * entry.rate)
    return wav_header(entry.rate, samples) + render(d, entry, plan(entry, 0, samples))
