"""The rules that apply to calls between certain places, as a table from situations to verdicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from onrecord.policy.clauses import Disclosed, Duty, Rule, Treatment
from onrecord.policy.derivation import merged
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.options import (
    BASES,
    CONSENT,
    GRADES,
    INTERESTS,
    OBLIGATION,
    PAUSE_ALWAYS,
    RETENTION,
    TRAINING_NEVER,
    Overlay,
    baseline,
    words,
)
from onrecord.policy.pack import LOCAL, Pack, Reach
from onrecord.policy.period import most
from onrecord.policy.purposes import BASE, ORDER, SEPARATE, Purpose
from onrecord.policy.situations import LIFECYCLE, MEANING, RESTING, Situation
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


class Ground(NamedTuple):
    """One situation: its verdict, and the ids of the rules that say so."""

    situation: Situation
    verdict: Verdict
    rules: Sequence[str]


class Book:
    """Tables only; the cache changes no answer. `packs`: those that apply. `explicit`: whether consent must be;
    `unknown`: whether no pack knows a regime for one of the places. `sources`: what kinds are made of. `grade`: the
    least grade of delivery that proves a notice, by its place in `GRADES`. `unrecorded`: whether an opt-out moves the
    call to an unrecorded workflow; `informed`: whether a notice is enough for some purpose."""

    def __init__(self, overlay: Overlay, packs: Sequence[Pack], *, explicit: bool, unknown: bool) -> None:
        self.unknown = unknown
        self.explicit = explicit
        self.packs = packs
        self.sources = merged((overlay.derived_from, *(pack.derived_from for pack in packs)))
        self._overlay = overlay
        self.training_allowed = self._choice("training") != TRAINING_NEVER
        self.emotion_allowed = self._choice("emotion_inference") != "never"
        self.grade = GRADES.index(self._choice("notice_grade"))
        self.opt_out = _OPT_OUT[self._choice("opt_out_action")]
        self.unrecorded = self._choice("opt_out_action") == "route_non_recorded"
        self.duties: tuple[Duty, ...] = tuple(duty for pack in packs for duty in pack.duties)
        self.disclosures: frozenset[Disclosed] = frozenset(owed.what for pack in packs for owed in pack.disclosures)
        self._bases = {purpose: self._basis(purpose) for purpose in Purpose}
        self.informed = any(basis != CONSENT for basis in self._bases.values())
        self._rules: dict[tuple[Situation, Kind], list[Rule]] = {}
        for pack in packs:
            for rule in pack.rules:
                for kind in rule.kinds:
                    self._rules.setdefault((rule.when, kind), []).append(rule)
        self._treatments = {kind: self._treatment(kind) for kind in ORDER}
        self._segments: Kept[str, bool] = Kept()
        self._judged: Kept[tuple[Kind, int, frozenset[str], Verdict], Judgment] = Kept()

    def _choice(self, option: str) -> str:
        """The overlay's choice where a pack of places applies, every such pack declares it and no other pack that
        applies declares the option without it; a stricter one than the baseline always. No pack that applies and
        declares the option leaves room for a laxer one than all of its own."""
        known = words(option) or (baseline(option),)
        base = known.index(baseline(option))
        place = known.index(self._overlay.chosen.get(option, known[base]))
        if place > base and not self._declared(option, known[place]):
            place = base
        for pack in self.packs:
            if option in pack.options:
                place = min(place, max(known.index(choice) for choice in pack.options[option]))
        return known[place]

    def _declared(self, option: str, choice: str) -> bool:
        for pack in self.packs:
            declared = pack.options.get(option)
            local = pack.reach in LOCAL
            if (declared is None and local) or (declared is not None and choice not in declared):
                return False
        return any(pack.reach in LOCAL for pack in self.packs)

    def _basis(self, purpose: Purpose) -> str:
        """Legitimate interests that nobody has weighed are none, nor is an obligation that no duty states."""
        chosen = self._choice(f"legal_basis.{purpose}") if words(f"legal_basis.{purpose}") else CONSENT
        if chosen == OBLIGATION and not any(BASE.get(k) == purpose for duty in self.duties for k in duty.kinds):
            return CONSENT
        return CONSENT if chosen == INTERESTS and self._overlay.balancing is None else chosen

    def basis(self, purpose: Purpose) -> str:
        return self._bases[purpose]

    def basis_of(self, kind: Kind) -> str:
        """The strictest of those of its purposes."""
        named = {self._bases[purpose] for purpose in (BASE[kind], *SEPARATE.get(kind, ()))} if kind in BASE else ()
        return min(named, key=BASES.index, default=CONSENT)

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
            packs = sorted(self.packs, key=lambda pack: (order.index(pack.reach), pack.id))
            found = [[t for t in pack.treatments if kind in t.kinds and t.choice == choice] for pack in packs]
            firsts = [treatments[0] for treatments in found if treatments]
            if firsts:
                return self._based(kind, min(firsts, key=lambda treatment: most(treatment.period)))
        return self._based(kind, _NO_TREATMENT)

    def _based(self, kind: Kind, treatment: Treatment) -> Treatment:
        basis = self.basis_of(kind)
        return treatment if basis == CONSENT else replace(treatment, legal_basis=basis)

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
        for situation, verdict, given in self.grounds(kind, bits, segments, source):
            if verdict < Verdict.CAPTURE and situation not in RESTING:
                reason = reason or MEANING[situation].reason
                can_end = can_end and not MEANING[situation].final
            if verdict < lowest:
                lowest, ids = verdict, list(given)
            elif verdict == lowest:
                ids += [name for name in given if name not in ids]
        return Judgment(lowest, reason, tuple(ids), can_end)

    def grounds(self, kind: Kind, bits: int, segments: frozenset[str], source: Verdict) -> Iterator[Ground]:
        """What each situation that holds comes to, in their order. As by `judge`."""
        rest = Situation.HANDLING_RECORD if kind in HANDLING_RECORDS else Situation.IN_FORCE
        holding = bits | Situation.ALWAYS.bit | rest.bit | (Situation.SEGMENT_OPEN.bit if segments else 0)
        for situation in Situation:
            if holding & situation.bit:
                yield Ground(situation, *self._ruling(situation, kind, segments, source))

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
