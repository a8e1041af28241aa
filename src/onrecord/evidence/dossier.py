"""What a pack is made of, as plain data that the workflow hands over."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Opening:
    """One event of the interaction: its place in the log, its log entry (112 bytes) and what opens the entry's
    commitment: salt (32 bytes) and payload (canonical JSON). Both are None where the event has been erased."""

    index: int
    seq: int
    entry: bytes
    salt: bytes | None
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Missing:
    """An item of evidence that nothing produces yet, and why."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """`openings` in order of seq; `proofs` by seq, each a c2sp.org/tlog-proof@v1 file to the one `checkpoint`;
    `policy` by pack id, each a signed note whose text is the pack's YAML file; `sound` by artifact id, WAV files
    (PCM16, one track, from second 0). `log_vkey` is the key of checkpoint, notes and manifest. `exported_at` in
    nanoseconds since the epoch."""

    interaction: str
    product: str
    exported_at: int
    log_vkey: str
    checkpoint: bytes
    openings: tuple[Opening, ...]
    proofs: Mapping[int, bytes]
    policy: Mapping[str, bytes]
    missing: tuple[Missing, ...] = ()
    sound: Mapping[str, bytes] = field(default_factory=dict)
