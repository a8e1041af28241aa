"""What every derived member is made from: the openings read, folded and replayed, beside the pack's own head."""

from collections.abc import Mapping
from dataclasses import dataclass

from onrecord.evidence.dossier import Missing, Opening
from onrecord.evidence.replay import Replay
from onrecord.interaction.events import Event
from onrecord.interaction.record import Conversation


@dataclass(frozen=True, slots=True)
class Log:
    """Where the proofs end: the checkpoint's origin, tree size and root hash (hex)."""

    origin: str
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class PolicyPack:
    """`digest`: SHA-256 (hex) of the YAML file's bytes."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Case:
    """`events` are the readable openings by seq; `erased` the seqs of the others; `sound` WAV files by artifact."""

    interaction: str
    product: str
    exported_at: int
    missing: tuple[Missing, ...]
    log: Log
    openings: tuple[Opening, ...]
    events: Mapping[int, Event]
    erased: tuple[int, ...]
    conversation: Conversation
    replay: Replay
    packs: tuple[PolicyPack, ...]
    sound: Mapping[str, bytes]

    def of_type(self, *types: str) -> list[tuple[int, Event]]:
        """The readable events of these types with their seqs, by `t`, then seq."""
        found = [(seq, event) for seq, event in self.events.items() if event.type in types]
        return sorted(found, key=lambda pair: (pair[1].t, pair[0]))
