"""Verdicts over combinations of packs: places and sectors by what has been asked, answered and taken back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from onrecord.policy.book import Book
from onrecord.policy.facts import UNKNOWN_PLACE, Fact, Head, Party
from onrecord.policy.fold import Fold
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import Pack
from onrecord.policy.policy import compile_policy
from onrecord.policy.trace import empty
from onrecord.policy.verdict import Ruling

_STEP = 10.0
_TOLD = ("verdict", "state", "reason", "rules", "purpose", "legal_basis", "retention", "can_end")
Told = tuple[str, Mapping[str, Any]]
_NOTICE: Told = ("prompt_delivered", {"prompt_version": "p1", "channel": "ivr"})


def _consent(result: str, **fields: Any) -> Told:
    return "consent", {"result": result, "method": "verbal", "prompt_version": "p1", **fields}


_YES = _consent("accepted")
_ALL = _consent("accepted", scope=["recording", "video", "video_analysis", "training"])
# Each as told, one event after the other; all begin with the call.
SITUATIONS: Mapping[str, tuple[Told, ...]] = {
    "nothing_said": (),
    "notice_read": (_NOTICE,),
    "stayed_on_the_line": (_NOTICE, _consent("implied", method="continued")),
    "accepted_without_notice": (_YES,),
    "accepted": (_NOTICE, _YES),
    "accepted_with_video_and_training": (_NOTICE, _ALL),
    "declined": (_NOTICE, _consent("declined")),
    "objected": (_NOTICE, _YES, ("objection", {})),
    "opted_out": (_NOTICE, _YES, ("opt_out", {"method": "verbal"})),
    "withdrawn": (_NOTICE, _YES, ("consent_withdrawn", {"method": "verbal"})),
    "text_changed": (_NOTICE, _YES, ("prompt_version_changed", {"to": "p2"})),
    "transfer_without_consent": (_NOTICE, _YES, ("transfer", {"carries_consent": False})),
    "payment_stretch": (_NOTICE, _YES, ("segment_start", {"segment": "payment", "n": 1})),
    "medical_stretch": (_NOTICE, _YES, ("segment_start", {"segment": "medical", "n": 1})),
    "medical_stretch_agreed": (
        _NOTICE,
        _YES,
        ("segment_start", {"segment": "medical", "n": 1}),
        ("segment_consent", {"segment": "medical", "n": 1, "result": "accepted", "method": "verbal"}),
    ),
    "unrecorded_workflow": (_NOTICE, _YES, ("workflow", {"recorded": False})),
    "call_ended": (_NOTICE, _YES, ("call_end", {})),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What holds in calls between these places, in these sectors, in one situation: `packs` as `ID@VERSION`."""

    places: tuple[str, ...]
    sectors: tuple[str, ...]
    packs: tuple[str, ...]
    situation: str
    rulings: Mapping[Kind, Ruling]

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        told = {kind.value: {name: ruling.words[name] for name in _TOLD} for kind, ruling in self.rulings.items()}
        combination = {"places": list(self.places), "sectors": list(self.sectors), "packs": list(self.packs)}
        return {**combination, "situation": self.situation, "decisions": told}


def named_places(packs: Iterable[Pack]) -> tuple[str, ...]:
    """Every place that a pack names (`US-*` for the others of its kind), and one that none knows."""
    return (*sorted({place for pack in packs for place in (*pack.places, *pack.bounds)}), UNKNOWN_PLACE)


def named_sectors(packs: Iterable[Pack]) -> tuple[str, ...]:
    """Every sector that a pack names as a whole, the first of a pack that names none so, and one that none knows."""
    found: set[str] = set()
    for pack in packs:
        found.update({each for each in pack.sectors if not each.endswith("*")} or sorted(pack.sectors)[:1])
    return (*sorted(each.rstrip("_*") for each in found), "unknown")


def matrix(
    packs: Sequence[Pack],
    head: Head,
    places: Sequence[str],
    sectors: Sequence[str],
    situations: Sequence[str],
    kinds: Sequence[Kind],
) -> Iterator[Row]:
    """Customer and agent are in the same place; of `head` day, overlay and kinds count. Places and sectors of which
    all says the same are one row. Errors: InvalidOverlayError, InvalidPackError."""
    fold = Fold(compile_policy(packs, head))
    groups: dict[tuple[Any, ...], tuple[list[str], list[str], Sequence[str], list[Timeline]]] = {}
    for sector in sectors:
        for book, several in _by_book(fold, head, sector, places).items():
            made = [_told(fold, _head(head, sector, several[0]), SITUATIONS[name]) for name in situations]
            ids = [f"{pack.id}@{pack.version}" for pack in book.packs]
            rulings = tuple(timeline.trace.folded.steps.last.decided.rulings for timeline in made)
            key = (tuple(several), tuple(ids), rulings)
            groups.setdefault(key, (several, [], ids, made))[1].append(sector)
    for together, found, names, timelines in groups.values():
        for name, timeline in zip(situations, timelines, strict=True):
            last = timeline.trace.folded.steps.last.decided.rulings
            chosen = {ruling.kind: ruling for ruling in last if ruling.kind in kinds}
            yield Row(tuple(together), tuple(found), tuple(names), name, chosen)


def _head(head: Head, sector: str, place: str) -> Head:
    return replace(head, sector=sector, parties=(Party("customer", place), Party("agent", place)))


def _by_book(fold: Fold, head: Head, sector: str, places: Sequence[str]) -> dict[Book, list[str]]:
    found: dict[Book, list[str]] = {}
    for place in places:
        first = fold.first(_head(head, sector, place))
        found.setdefault(first.book, []).append(place)
    return found


def _told(fold: Fold, head: Head, told: Sequence[Told]) -> Timeline:
    facts = [Fact("e0", "call_start", 0.0, 0.0)]
    for number, (kind, data) in enumerate(told, 1):
        facts.append(Fact(f"e{number}", kind, number * _STEP, number * _STEP, data))
    return Timeline(fold.policy, head, empty(fold, head)).with_facts(facts)
