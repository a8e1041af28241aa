"""Packs: policy as data. `docs/design/policy-packs.md` describes the format with an example."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar

from onrecord.policy import clauses, options
from onrecord.policy.assertion import OPENING_TYPES, Source
from onrecord.policy.clauses import Disclosure, Documentation, Duty, Right, Rule, Treatment
from onrecord.policy.derivation import in_order
from onrecord.policy.errors import InvalidPackError
from onrecord.policy.kinds import Kind
from onrecord.policy.packform import PLACE, binding, keys, kinds, listed, mapping, match, name, status, text
from onrecord.policy.packtext import Tree, read
from onrecord.policy.sectors import written

FORMAT = "onrecord-policy-pack/1"
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_NEEDED = {"format", "id", "version", "title", "status", "effective", "scope"}
_CLAUSES = {"rules", "treatments", "duties", "documentation", "disclosures", "rights"}
_ALLOWED = _CLAUSES | {"until", "regimes", "disputed", "options", "asserters", "derived_from"}
T = TypeVar("T")


class Reach(StrEnum):
    """Where a pack applies: always, in the places of its regimes, in its sectors (and bounds), or where no pack of
    places does."""

    ALWAYS = "always"
    PLACES = "jurisdictions"
    SECTORS = "sectors"
    DEFAULT = "default"


LOCAL = frozenset({Reach.PLACES, Reach.DEFAULT})
"""Of these one speaks for each place."""


@dataclass(frozen=True, slots=True)
class Pack:
    """`digest`: SHA-256 of the file's bytes, hex. `sectors`, `bounds`: where a pack of sectors applies, both at once;
    empty: any. `places`: jurisdiction or `US-*` to regime. `disputed`: jurisdiction to the choices, strictest first.
    `options`: option to the choices that an overlay may take. `asserters`: opening type to the sources that may make
    it. `until`: the first day on which it no longer binds. `derived_from`: kind to all its sources."""

    id: str
    version: str
    title: str
    status: str
    effective: date
    reach: Reach
    digest: str
    sectors: frozenset[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)
    disputed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asserters: Mapping[str, frozenset[Source]] = field(default_factory=dict)
    treatments: tuple[Treatment, ...] = ()
    rules: tuple[Rule, ...] = ()
    until: date | None = None
    bounds: frozenset[str] = frozenset()
    duties: tuple[Duty, ...] = ()
    disclosures: tuple[Disclosure, ...] = ()
    rights: tuple[Right, ...] = ()
    documentation: tuple[Documentation, ...] = ()
    derived_from: Mapping[Kind, tuple[Kind, ...]] = field(default_factory=dict)

    def clause_ids(self) -> list[str]:
        names = [rule.id for rule in self.rules] + [treatment.id for treatment in self.treatments]
        names += [duty.id for duty in self.duties] + [clause.id for clause in self.documentation]
        return names + [clause.id for clause in self.disclosures] + [right.id for right in self.rights]


def parse(data: bytes) -> Pack:
    """The pack in a file's bytes. Errors: InvalidPackError says what is wrong and in which rule or key."""
    tree = keys(read(data), "the pack", _NEEDED, _ALLOWED)
    if tree["format"] != FORMAT:
        raise InvalidPackError("the format is not onrecord-policy-pack/1")
    reach, sectors, bounds = _scope(tree["scope"])
    places = _places(tree.get("regimes", {}))
    disputed = _disputed(tree.get("disputed", {}))
    if (places and reach not in {Reach.PLACES, Reach.DEFAULT}) or (reach is Reach.PLACES and not places):
        raise InvalidPackError("`regimes` belongs to packs of jurisdictions and to the default, and to no other")
    if disputed.keys() - places.keys():
        raise InvalidPackError("`disputed` names a place that `regimes` does not")
    rules = _all(tree, "rules", clauses.rule)
    treatments = _all(tree, "treatments", clauses.treatment)
    duties = _all(tree, "duties", clauses.duty)
    disclosures = _all(tree, "disclosures", clauses.disclosure)
    rights = _all(tree, "rights", clauses.right)
    documentation = _all(tree, "documentation", clauses.documentation)
    if not (rules or duties or documentation or disclosures or rights):
        raise InvalidPackError("a pack without rules says nothing")
    effective, until = binding(tree)
    pack = Pack(
        id=name(tree["id"]),
        version=match(tree["version"], _VERSION, "version"),
        title=text(tree["title"], "title"),
        status=status(tree["status"]),
        effective=effective,
        reach=reach,
        digest=hashlib.sha256(data).hexdigest(),
        sectors=sectors,
        places=places,
        disputed=disputed,
        options=_options(tree.get("options", {})),
        asserters=_asserters(tree.get("asserters", {})),
        treatments=treatments,
        rules=rules,
        until=until,
        bounds=bounds,
        duties=duties,
        disclosures=disclosures,
        rights=rights,
        documentation=documentation,
        derived_from=_sources(tree.get("derived_from", {})),
    )
    names = pack.clause_ids()
    if len(set(names)) != len(names):
        raise InvalidPackError("an id stands twice")
    return pack


def _all(tree: Mapping[str, Tree], key: str, parsed: Callable[[Tree], T]) -> tuple[T, ...]:
    return tuple(parsed(item) for item in listed(tree.get(key, []), key))


def _sector(told: str) -> str:
    """`medic*` stays the beginning of a word, `hospital_*` a whole one."""
    plain = written(told.rstrip("*"))
    if not plain:
        raise InvalidPackError("`sectors` names a sector, or with `*` the beginning of one of its words")
    return plain + ("_*" if told.endswith("_*") else "*" if told.endswith("*") else "")


def _scope(value: Tree) -> tuple[Reach, frozenset[str], frozenset[str]]:
    if isinstance(value, str) and value in {Reach.ALWAYS, Reach.PLACES, Reach.DEFAULT}:
        return Reach(value), frozenset(), frozenset()
    if isinstance(value, dict) and value and value.keys() <= {"sectors", "places"}:
        sectors = frozenset(_sector(text(item, "sectors")) for item in listed(value.get("sectors", []), "sectors"))
        bounds = frozenset(match(item, PLACE, "places") for item in listed(value.get("places", []), "places"))
        if bool(sectors) == ("sectors" in value) and bool(bounds) == ("places" in value):
            return Reach.SECTORS, sectors, bounds
    raise InvalidPackError("`scope` is not always, default, jurisdictions or a list of sectors, of places or of both")


def _places(value: Tree) -> dict[str, str]:
    result: dict[str, str] = {}
    for regime, places in mapping(value, "regimes").items():
        if regime not in options.REGIMES or regime == "unknown":
            raise InvalidPackError("`regimes` names a regime that does not exist")
        for place in listed(places, "regimes"):
            named = match(place, PLACE, "regimes")
            if named in result:
                raise InvalidPackError("a place stands in two regimes")
            result[named] = regime
    return result


def _disputed(value: Tree) -> dict[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    for place, choices in mapping(value, "disputed").items():
        named = {text(choice, "disputed") for choice in listed(choices, "disputed")}
        if not named or not named <= set(options.REGIMES):
            raise InvalidPackError("`disputed` names a regime that does not exist")
        result[place] = tuple(regime for regime in options.REGIMES if regime in named)
    return result


def _options(value: Tree) -> dict[str, frozenset[str]]:
    result: dict[str, frozenset[str]] = {}
    for option, choices in options.flatten(mapping(value, "options")):
        known = options.words(option)
        if known is None or option.startswith("regimes") or not isinstance(choices, list) or not choices:
            raise InvalidPackError("`options` names an option that does not exist, or no choice")
        named = frozenset(text(choice, "options") for choice in choices)
        if not named <= frozenset(known):
            raise InvalidPackError("`options` names a choice that does not exist")
        result[option] = named
    return result


def _sources(value: Tree) -> dict[Kind, tuple[Kind, ...]]:
    result: dict[Kind, tuple[Kind, ...]] = {}
    for made, named in mapping(value, "derived_from").items():
        sources = tuple(sorted(kinds(named)))
        result |= dict.fromkeys(kinds([made]), sources)
    if in_order(result) is None:
        raise InvalidPackError("`derived_from` goes in a circle")
    return result


def _asserters(value: Tree) -> dict[str, frozenset[Source]]:
    result: dict[str, frozenset[Source]] = {}
    sources = {source.value for source in Source}
    for fact_type, choices in mapping(value, "asserters").items():
        named = {text(item, "asserters") for item in listed(choices, "asserters")}
        if fact_type not in OPENING_TYPES or not named <= sources:
            raise InvalidPackError("`asserters` names a type that opens nothing, or no source")
        result[fact_type] = frozenset(Source(word) for word in named)
    return result
