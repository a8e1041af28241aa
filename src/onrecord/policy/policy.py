"""Packs and overlay, compiled: which packs bind on a day, and apply to a call between certain places."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from onrecord.policy.assertion import Source, narrowed
from onrecord.policy.book import Book
from onrecord.policy.clauses import Dated, binds
from onrecord.policy.derivation import in_order, merged
from onrecord.policy.errors import InvalidOverlayError, InvalidPackError
from onrecord.policy.facts import UNKNOWN_PLACE, Head
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import Kind
from onrecord.policy.options import CONTINUE, EXPLICIT, Overlay, baseline, parse_overlay, words
from onrecord.policy.pack import LOCAL, Pack, Reach
from onrecord.policy.sectors import among

C = TypeVar("C", bound=Dated)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """What the packs make of one place: those of places or the default that cover it (by their place in `packs`),
    whether one of them knows no regime for it, and whether consent there must be explicit by them; `regime` is the
    strictest."""

    covering: tuple[int, ...]
    unknown: bool
    mode: str
    regime: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Compiled packs and overlay. `packs`: what binds on `day`, sorted by id and date; `given`: all of them;
    `derivation`: derived kinds, each after its sources. What is kept beside them changes no answer."""

    given: tuple[Pack, ...]
    day: date | None
    packs: tuple[Pack, ...]
    overlay: Overlay
    derivation: tuple[Kind, ...]
    _places: Kept[str, _Place] = field(default_factory=Kept, repr=False, compare=False)
    _bound: Kept[tuple[str, frozenset[str]], Book] = field(default_factory=Kept, repr=False, compare=False)
    _books: Kept[tuple[tuple[int, ...], bool, bool], Book] = field(default_factory=Kept, repr=False, compare=False)

    def on(self, day: date | None) -> "Policy":
        return Policy(self.given, day, _binding(self.given, day), self.overlay, self.derivation)

    def asserters(self, fact_type: str) -> frozenset[Source] | None:
        return narrowed(pack.asserters.get(fact_type) for pack in self.packs)

    def regime(self, place: str) -> str:
        """The regime by the pack that covers the place; `unknown` where none does."""
        return self._place(place).regime

    def book(self, sector: str, places: frozenset[str]) -> Book:
        key = (sector, places)
        return self._bound.get(key) or self._bound.keep(key, self._bind(sector, places))

    def _within(self, pack: Pack, place: str) -> str | None:
        regime = pack.places.get(place)
        if regime is None:
            country, dash, _ = place.partition("-")
            return pack.places.get(f"{country}-*") if dash else None
        choices = pack.disputed.get(place)
        if choices is None:
            return regime
        chosen = self.overlay.chosen.get(f"regimes.{place}")
        if chosen in choices:
            return chosen
        by_regime = any(option.startswith("consent_mode.") for option in self.overlay.chosen)
        return regime if by_regime else choices[0]

    def _place(self, place: str) -> _Place:
        found = self._places.get(place)
        if found is None:
            within = [self._within(pack, place) for pack in self.packs]
            named = [regime for regime in within if regime is not None]
            local = [n for n, p in enumerate(self.packs) if p.reach is Reach.PLACES and within[n] is not None]
            covering = local or [n for n, pack in enumerate(self.packs) if pack.reach is Reach.DEFAULT]
            regimes = [within[n] or "unknown" for n in covering] or ["unknown"]
            granted = [self._may_continue(self.packs[n], within[n] or "unknown") for n in covering]
            mode = CONTINUE if covering and all(granted) else EXPLICIT
            strictest = min(named, key=("gdpr", "all_party", "one_party").index, default="unknown")
            found = self._places.keep(place, _Place(tuple(covering), "unknown" in regimes, mode, strictest))
        return found

    def _bind(self, sector: str, places: frozenset[str]) -> Book:
        """Calls between other places may come under the same book."""
        found = {self._place(place) for place in places}
        applying = {n for n, pack in enumerate(self.packs) if _applies(pack, sector, places)}
        for place in found:
            applying.update(place.covering)
        if not places:
            applying.update(n for n, pack in enumerate(self.packs) if pack.reach is Reach.DEFAULT)
        ordered = [pack for n, pack in enumerate(self.packs) if n in applying]
        vetoes = [pack for pack in ordered if pack.reach not in LOCAL]
        explicit = not places or any(place.mode == EXPLICIT or _vetoed(vetoes, place.regime) for place in found)
        unknown = not places or any(place.unknown for place in found)
        key = (tuple(sorted(applying)), explicit, unknown)
        known = self._books.get(key)
        return known or self._books.keep(key, Book(self.overlay, ordered, explicit=explicit, unknown=unknown))

    def _may_continue(self, pack: Pack, regime: str) -> bool:
        option = f"consent_mode.{regime}"
        return self.overlay.chosen.get(option) == CONTINUE and CONTINUE in pack.options.get(option, ())


def _applies(pack: Pack, sector: str, places: frozenset[str]) -> bool:
    """Whether a pack that is not of jurisdictions does. A place that is not known may be any."""
    if pack.reach is not Reach.SECTORS:
        return pack.reach is Reach.ALWAYS
    if pack.sectors and not among(sector, pack.sectors):
        return False
    return not pack.bounds or not places or any(_within(place, pack.bounds) for place in places)


def _within(place: str, bounds: frozenset[str]) -> bool:
    country, dash, _ = place.partition("-")
    return place in bounds or place == UNKNOWN_PLACE or (bool(dash) and f"{country}-*" in bounds)


def _binding(packs: Sequence[Pack], day: date | None) -> tuple[Pack, ...]:
    if day is None:
        return tuple(packs)
    return tuple(_on(pack, day) for pack in packs if binds(pack, day))


def _on(pack: Pack, day: date) -> Pack:
    def kept(listed: tuple[C, ...]) -> tuple[C, ...]:
        return tuple(clause for clause in listed if binds(clause, day))

    clauses: Iterable[Dated] = (*pack.rules, *pack.duties, *pack.documentation, *pack.disclosures, *pack.rights)
    if all(binds(clause, day) for clause in clauses):
        return pack
    return replace(
        pack,
        rules=kept(pack.rules),
        duties=kept(pack.duties),
        documentation=kept(pack.documentation),
        disclosures=kept(pack.disclosures),
        rights=kept(pack.rights),
    )


def _vetoed(packs: Sequence[Pack], regime: str) -> bool:
    option = f"consent_mode.{regime}"
    return any(option in pack.options and CONTINUE not in pack.options[option] for pack in packs)


def compile_policy(packs: Sequence[Pack], head: Head) -> Policy:
    """Errors: InvalidOverlayError where the head's overlay makes a choice that no pack declares, on whatever day it
    binds; InvalidPackError where two packs or rules share an id, or what packs derive from what goes in a circle."""
    chosen = parse_overlay(head.overlay)
    _distinct(packs)
    for option, choice in chosen.chosen.items():
        declared = any(_declares(pack, option, choice) for pack in packs)
        known = words(option) or ()
        if not declared and known.index(choice) > known.index(baseline(option)):
            raise InvalidOverlayError(f"no pack leaves this choice of `{option.partition('.')[0]}` to a tenant")
    ordered = tuple(sorted(packs, key=lambda pack: (pack.id, pack.effective)))
    derivation = _derivation(packs, chosen)
    return Policy(ordered, head.date, _binding(ordered, head.date), chosen, derivation)


def _distinct(packs: Sequence[Pack]) -> None:
    """Versions of one pack may stand beside one another where no day has two of them."""
    owners: dict[str, str] = {}
    last: dict[str, Pack] = {}
    for pack in sorted(packs, key=lambda pack: (pack.id, pack.effective)):
        before = last.get(pack.id)
        if before is not None and (before.until is None or pack.effective < before.until):
            raise InvalidPackError("two packs or rules have one id")
        last[pack.id] = pack
        for name in pack.clause_ids():
            if owners.setdefault(name, pack.id) != pack.id:
                raise InvalidPackError("two packs or rules have one id")


def _declares(pack: Pack, option: str, choice: str) -> bool:
    group, _, member = option.partition(".")
    if group == "regimes":
        return choice in pack.disputed.get(member, ())
    return choice in pack.options.get(option, ())


def _derivation(packs: Sequence[Pack], overlay: Overlay) -> tuple[Kind, ...]:
    of_packs = merged(pack.derived_from for pack in packs)
    if in_order(of_packs) is None:
        raise InvalidPackError("`derived_from` of the packs together goes in a circle")
    found = in_order(merged((of_packs, overlay.derived_from)))
    if found is None:
        raise InvalidOverlayError("`derived_from` goes in a circle")
    return found
