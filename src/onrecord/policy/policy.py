"""Packs and overlay, compiled: what holds for one set of places, as a table from situations to verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onrecord.policy.assertion import Source, narrowed
from onrecord.policy.clauses import Rule, Treatment
from onrecord.policy.errors import InvalidOverlayError, InvalidPackError
from onrecord.policy.facts import Head
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.options import (
    CONTINUE,
    EXPLICIT,
    PAUSE_ALWAYS,
    RETENTION,
    TRAINING_NEVER,
    Overlay,
    baseline,
    parse_overlay,
    words,
)
from onrecord.policy.pack import Pack, Reach
from onrecord.policy.period import most
from onrecord.policy.purposes import ORDER
from onrecord.policy.situations import LIFECYCLE, MEANING, Situation
from onrecord.policy.verdict import Verdict

_OPT_OUT = {
    "stop": Verdict.STOP,
    "route_non_recorded": Verdict.STOP,
    "pause": Verdict.PAUSE,
    "ephemeral": Verdict.EPHEMERAL,
}
_NO_TREATMENT = Treatment("core", frozenset(), "unspecified", "unspecified", "core/P0D")


@dataclass(frozen=True, slots=True)
class Judgment:
    """One kind under some situations. `reason` is None where nothing restricts."""

    verdict: Verdict
    reason: str | None
    rules: tuple[str, ...]
    can_end: bool


class Book:
    """The rules that apply to calls between certain places. Tables only; the cache changes no answer."""

    def __init__(self, policy: "Policy", packs: Sequence[Pack], *, explicit: bool, unknown: bool) -> None:
        self.unknown = unknown
        self.explicit = explicit
        self._packs = packs
        self._overlay = policy.overlay
        self.training_allowed = self._choice("training") != TRAINING_NEVER
        self.opt_out = _OPT_OUT[self._choice("opt_out_action")]
        self._rules: dict[tuple[Situation, Kind], list[Rule]] = {}
        for pack in packs:
            for rule in pack.rules:
                for kind in rule.kinds:
                    self._rules.setdefault((rule.when, kind), []).append(rule)
        self._treatments = {kind: self._treatment(kind) for kind in ORDER}
        self._segments: Kept[str, bool] = Kept()
        self._judged: Kept[tuple[Kind, int, frozenset[str], Verdict], Judgment] = Kept()

    def _choice(self, option: str) -> str:
        """The overlay's choice where every pack of places that applies declares it and no other pack that applies
        declares the option without it; a choice stricter than the baseline always."""
        base = baseline(option)
        chosen = self._overlay.chosen.get(option, base)
        known = words(option) or (base,)
        if known.index(chosen) <= known.index(base):
            return chosen
        for pack in self._packs:
            declared = pack.options.get(option)
            local = pack.reach in {Reach.PLACES, Reach.DEFAULT}
            if (declared is None and local) or (declared is not None and chosen not in declared):
                return base
        return chosen if self._packs else base

    def pauses_always(self, segment: str) -> bool:
        found = self._segments.get(segment)
        if found is None:
            found = self._segments.keep(segment, self._choice(f"sensitive_segments.{segment}") == PAUSE_ALWAYS)
        return found

    def treatment(self, kind: Kind) -> Treatment:
        return self._treatments[kind]

    def _treatment(self, kind: Kind) -> Treatment:
        """The one that the tenant chose; else of the first in each pack the shortest, of equal ones that of the most
        particular pack: sectors, then places, then the default, then the rest."""
        order = (Reach.SECTORS, Reach.PLACES, Reach.DEFAULT, Reach.ALWAYS)
        for choice in (self._choice(RETENTION), None):
            packs = sorted(self._packs, key=lambda pack: (order.index(pack.reach), pack.id))
            found = [[t for t in pack.treatments if kind in t.kinds and t.choice == choice] for pack in packs]
            firsts = [treatments[0] for treatments in found if treatments]
            if firsts:
                return min(firsts, key=lambda treatment: most(treatment.period))
        return _NO_TREATMENT

    def judge(self, kind: Kind, bits: int, segments: frozenset[str], source: Verdict) -> Judgment:
        """`bits`: the situations that hold; `segments`: types of the open ones; `source`: what the sources allow."""
        key = (kind, bits, segments, source)
        found = self._judged.get(key)
        if found is None:
            found = self._judged.keep(key, self._judge(kind, bits, segments, source))
        return found

    def _judge(self, kind: Kind, bits: int, segments: frozenset[str], source: Verdict) -> Judgment:
        lowest, reason, can_end = Verdict.CAPTURE, None, True
        ids: list[str] = []
        rest = Situation.HANDLING_RECORD if kind in HANDLING_RECORDS else Situation.IN_FORCE
        holding = bits | Situation.ALWAYS.bit | rest.bit | (Situation.SEGMENT_OPEN.bit if segments else 0)
        for situation in Situation:
            if not holding & situation.bit:
                continue
            verdict, given = self._ruling(situation, kind, segments, source)
            if verdict < Verdict.CAPTURE and situation is not rest:
                reason = reason or MEANING[situation].reason
                can_end = can_end and not MEANING[situation].final
            if verdict < lowest:
                lowest, ids = verdict, list(given)
            elif verdict == lowest:
                ids += [name for name in given if name not in ids]
        return Judgment(lowest, reason, tuple(ids), can_end)

    def _ruling(
        self, situation: Situation, kind: Kind, segments: frozenset[str], source: Verdict
    ) -> tuple[Verdict, list[str]]:
        floor = MEANING[situation].floor
        if situation in {Situation.OPTED_OUT, Situation.OPTED_OUT_SCOPED}:
            floor = self.opt_out
        elif situation is Situation.SOURCE_STOPPED:
            floor = source
        lowest, ids = floor, [] if situation in {Situation.ALWAYS, Situation.SEGMENT_OPEN} else [_core(situation)]
        for rule in self._rules.get((situation, kind), ()):
            if rule.segments and not rule.segments & segments:
                continue
            verdict = self.opt_out if rule.verdict is None else rule.verdict
            if verdict < lowest or (verdict == lowest and ids == [_core(situation)]):
                lowest, ids = verdict, [rule.id]
            elif verdict == lowest:
                ids.append(rule.id)
        return lowest, ids

    def open_to_derivation(self, kind: Kind, bits: int, source: Verdict) -> Verdict:
        """What a source allows to what is made of it, end and segments aside: those hold for both alike."""
        return self.judge(kind, bits & ~LIFECYCLE, frozenset(), source).verdict


def _core(situation: Situation) -> str:
    return f"core.{situation.word.replace('_', '-')}"


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """What the packs make of one place: those of places or the default that cover it, whether one of them knows no
    regime for it, and whether consent there must be explicit by them; `regime` is the strictest."""

    covering: tuple[Pack, ...]
    unknown: bool
    mode: str
    regime: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Compiled packs and overlay, for one interaction. `derivation`: derived kinds, each after its sources. What is
    kept beside them changes no answer."""

    packs: tuple[Pack, ...]
    overlay: Overlay
    derivation: tuple[Kind, ...]
    _places: Kept[str, _Place] = field(default_factory=Kept, repr=False, compare=False)
    _bound: Kept[tuple[str, frozenset[str]], Book] = field(default_factory=Kept, repr=False, compare=False)
    _books: Kept[tuple[tuple[str, ...], bool, bool], Book] = field(default_factory=Kept, repr=False, compare=False)

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
            within = {pack.id: regime for pack in self.packs if (regime := self._within(pack, place)) is not None}
            covering = [p for p in self.packs if p.reach is Reach.PLACES and p.id in within]
            covering = covering or [pack for pack in self.packs if pack.reach is Reach.DEFAULT]
            regimes = [within.get(pack.id, "unknown") for pack in covering] or ["unknown"]
            granted = [self._may_continue(p, regime) for p, regime in zip(covering, regimes, strict=False)]
            mode = CONTINUE if covering and all(granted) else EXPLICIT
            strictest = min(within.values(), key=("gdpr", "all_party", "one_party").index) if within else "unknown"
            found = self._places.keep(place, _Place(tuple(covering), "unknown" in regimes, mode, strictest))
        return found

    def _bind(self, sector: str, places: frozenset[str]) -> Book:
        """Calls between other places may come under the same book."""
        found = {self._place(place) for place in places}
        applying = [p for p in self.packs if p.reach is Reach.ALWAYS or sector in p.sectors]
        covering = [pack for place in found for pack in place.covering]
        if not places:
            covering = [pack for pack in self.packs if pack.reach is Reach.DEFAULT]
        ids = {pack.id for pack in (*applying, *covering)}
        vetoes = [p for p in self.packs if p.id in ids and p.reach not in {Reach.PLACES, Reach.DEFAULT}]
        explicit = not places or any(place.mode == EXPLICIT or _vetoed(vetoes, place.regime) for place in found)
        unknown = not places or any(place.unknown for place in found)
        ordered = [pack for pack in self.packs if pack.id in ids]
        key = (tuple(pack.id for pack in ordered), explicit, unknown)
        found_book = self._books.get(key)
        return found_book or self._books.keep(key, Book(self, ordered, explicit=explicit, unknown=unknown))

    def _may_continue(self, pack: Pack, regime: str) -> bool:
        option = f"consent_mode.{regime}"
        return self.overlay.chosen.get(option) == CONTINUE and CONTINUE in pack.options.get(option, ())


def _vetoed(packs: Sequence[Pack], regime: str) -> bool:
    option = f"consent_mode.{regime}"
    return any(option in pack.options and CONTINUE not in pack.options[option] for pack in packs)


def compile_policy(packs: Sequence[Pack], head: Head) -> Policy:
    """Errors: InvalidOverlayError where the head's overlay makes a choice that no pack declares; InvalidPackError where
    two packs or rules share an id."""
    chosen = parse_overlay(head.overlay)
    _distinct(packs)
    for option, choice in chosen.chosen.items():
        declared = any(_declares(pack, option, choice) for pack in packs)
        known = words(option) or ()
        if not declared and known.index(choice) > known.index(baseline(option)):
            raise InvalidOverlayError(f"no pack leaves this choice of `{option.partition('.')[0]}` to a tenant")
    ordered = tuple(sorted(packs, key=lambda pack: (pack.id, pack.effective)))
    return Policy(ordered, chosen, _derivation(chosen.derived_from))


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


def _derivation(derived_from: Mapping[Kind, tuple[Kind, ...]]) -> tuple[Kind, ...]:
    """Kinds with sources, each after its sources; training, which has always some, among them."""
    sources = {Kind.TRAINING_DATA: (), **derived_from}
    result: list[Kind] = []
    waiting = sorted(sources)
    while waiting:
        ready = [kind for kind in waiting if not any(source in waiting for source in sources[kind])]
        if not ready:
            raise InvalidOverlayError("`derived_from` goes in a circle")
        result += ready
        waiting = [kind for kind in waiting if kind not in ready]
    return tuple(result)
