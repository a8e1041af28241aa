"""Where every sample of a track went."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter

from onrecord.capture.errors import CaptureError


@dataclass(slots=True)
class Accounting:
    """Samples of one track. Always: received + missing = written + silenced_policy + silenced_gap + late + duplicate +
    invalid + held + lost. `purged` is a part of silenced_policy, shown apart. `held` is what is in memory, or handed
    over and not yet known to be durable."""

    received: int = 0
    missing: int = 0
    written: int = 0
    silenced_policy: int = 0
    silenced_gap: int = 0
    late: int = 0
    duplicate: int = 0
    invalid: int = 0
    held: int = 0
    lost: int = 0
    purged: int = 0

    @classmethod
    def restore(cls, counts: Mapping[str, int]) -> "Accounting":
        """What `snapshot` gave. Errors: bad_accounting where one is absent or negative, or they do not add up."""
        try:
            result = cls(*(int(counts[name]) for name in _NAMES))
        except (KeyError, TypeError, ValueError) as error:
            raise CaptureError("not the counts of a track", code="bad_accounting") from error
        if min(_counts(result)) < 0 or not result.balanced:
            raise CaptureError("the counts of a track do not add up", code="bad_accounting")
        return result

    @property
    def balanced(self) -> bool:
        known = self.written + self.silenced_policy + self.silenced_gap + self.late + self.duplicate
        return self.received + self.missing == known + self.invalid + self.held + self.lost

    @property
    def mark(self) -> tuple[int, ...]:
        """Another one whenever a count has changed, and quicker than a snapshot: each of the others moves with one of
        these."""
        return (self.received, self.missing, self.held, self.written, self.silenced_policy, self.lost, self.purged)

    def snapshot(self) -> dict[str, int]:
        return dict(zip(_NAMES, _counts(self), strict=True))

    def refuse(self, samples: int) -> None:
        """A wire message that was no audio of its protocol, counted as so many invalid samples."""
        self.received += samples
        self.invalid += samples


_NAMES = tuple(field.name for field in fields(Accounting))
_counts = attrgetter(*_NAMES)
