"""Packs: policy as data. `docs/design/policy-packs.md` describes the format with an example."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from onrecord.policy import options
from onrecord.policy.assertion import OPENING_TYPES, Source
from onrecord.policy.errors import InvalidPackError
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.packtext import Tree, read
from onrecord.policy.purposes import CONTENT, VISUAL
from onrecord.policy.situations import BY_WORD, MEANING, Situation
from onrecord.policy.verdict import Verdict

FORMAT = "onrecord-policy-pack/1"
BY_OPTION = "by_option"

GROUPS: Mapping[str, frozenset[Kind]] = {
    "all": frozenset(Kind),
    "content": CONTENT,
    "handling": HANDLING_RECORDS,
    "visual": VISUAL,
}
_VERDICTS = {verdict.word: verdict for verdict in Verdict}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_PLACE = re.compile(r"[A-Z]{2}(-([A-Z0-9]{1,3}|\*))?")
_PERIOD = re.compile(r"P(?=[0-9])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?")
_OPTED = (Situation.OPTED_OUT, Situation.OPTED_OUT_SCOPED)
_PERMITTING = (Situation.IN_FORCE, Situation.HANDLING_RECORD)


class Reach(StrEnum):
    """Where a pack applies: always, in its places or sectors, or where no pack of places does."""

    ALWAYS = "always"
    PLACES = "jurisdictions"
    SECTORS = "sectors"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Rule:
    """`verdict` None: what the option `opt_out_action` says. `segments`: for `segment_open` only."""

    id: str
    when: Situation
    kinds: frozenset[Kind]
    verdict: Verdict | None
    reason: str
    citation: str
    effective: date
    status: str
    segments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Treatment:
    """`retention` is `ID/PERIOD` with an ISO 8601 duration."""

    id: str
    kinds: frozenset[Kind]
    purpose: str
    legal_basis: str
    retention: str


@dataclass(frozen=True, slots=True)
class Pack:
    """`digest`: SHA-256 of the file's bytes, hex. `places`: jurisdiction or `US-*` to regime. `disputed`: jurisdiction
    to the choices, strictest first. `options`: option to the choices that an overlay may take. `asserters`: opening
    type to the sources that may make it."""

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


def parse(data: bytes) -> Pack:
    """The pack in a file's bytes. Errors: InvalidPackError says what is wrong and in which rule or key."""
    tree = read(data)
    _keys(tree, "the pack", {"format", "id", "version", "title", "status", "effective", "scope", "rules"},
          {"regimes", "disputed", "options", "asserters", "treatments"})  # fmt: skip
    if tree["format"] != FORMAT:
        raise InvalidPackError("the format is not onrecord-policy-pack/1")
    reach, sectors = _scope(tree["scope"])
    places = _places(tree.get("regimes", {}))
    disputed = _disputed(tree.get("disputed", {}))
    if bool(places) != (reach in {Reach.PLACES, Reach.DEFAULT}):
        raise InvalidPackError("`regimes` belongs to packs of jurisdictions and to the default, and to no other")
    if disputed.keys() - places.keys():
        raise InvalidPackError("`disputed` names a place that `regimes` does not")
    rules = tuple(_rule(item) for item in _list(tree["rules"], "rules"))
    if not rules:
        raise InvalidPackError("a pack without rules says nothing")
    treatments = tuple(_treatment(item) for item in _list(tree.get("treatments", []), "treatments"))
    named = [rule.id for rule in rules] + [treatment.id for treatment in treatments]
    if len(set(named)) != len(named):
        raise InvalidPackError("an id stands twice")
    return Pack(
        id=_match(tree["id"], _ID, "id"),
        version=_match(tree["version"], _VERSION, "version"),
        title=_text(tree["title"], "title"),
        status=_status(tree["status"]),
        effective=_date(tree["effective"]),
        reach=reach,
        digest=hashlib.sha256(data).hexdigest(),
        sectors=sectors,
        places=places,
        disputed=disputed,
        options=_options(tree.get("options", {})),
        asserters=_asserters(tree.get("asserters", {})),
        treatments=treatments,
        rules=rules,
    )


def _keys(value: Tree, where: str, needed: set[str], allowed: set[str]) -> dict[str, Tree]:
    if not isinstance(value, dict):
        raise InvalidPackError(f"{where} is not a mapping")
    if needed - value.keys():
        raise InvalidPackError(f"{where} lacks `{min(needed - value.keys())}`")
    if value.keys() - needed - allowed:
        raise InvalidPackError(f"{where} has a key that the format does not know")
    return value


def _list(value: Tree, where: str) -> list[Tree]:
    if not isinstance(value, list):
        raise InvalidPackError(f"`{where}` is not a list")
    return value


def _mapping(value: Tree, where: str) -> dict[str, Tree]:
    if not isinstance(value, dict):
        raise InvalidPackError(f"`{where}` is not a mapping")
    return value


def _text(value: Tree, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidPackError(f"`{where}` is not text")
    return value


def _match(value: Tree, pattern: re.Pattern[str], where: str) -> str:
    text = _text(value, where)
    if not pattern.fullmatch(text):
        raise InvalidPackError(f"`{where}` has not the form it must have")
    return text


def _status(value: Tree) -> str:
    if value not in ("draft", "reviewed"):
        raise InvalidPackError("`status` is neither draft nor reviewed")
    return str(value)


def _date(value: Tree) -> date:
    text = _match(value, re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "effective")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidPackError("`effective` is no date") from error


def _scope(value: Tree) -> tuple[Reach, frozenset[str]]:
    if isinstance(value, str) and value in {Reach.ALWAYS, Reach.PLACES, Reach.DEFAULT}:
        return Reach(value), frozenset()
    if isinstance(value, dict) and set(value) == {"sectors"}:
        sectors = frozenset(_text(item, "sectors") for item in _list(value["sectors"], "sectors"))
        if sectors:
            return Reach.SECTORS, sectors
    raise InvalidPackError("`scope` is not always, default, jurisdictions or a list of sectors")


def _places(value: Tree) -> dict[str, str]:
    result: dict[str, str] = {}
    for regime, places in _mapping(value, "regimes").items():
        if regime not in options.REGIMES or regime == "unknown":
            raise InvalidPackError("`regimes` names a regime that does not exist")
        for place in _list(places, "regimes"):
            name = _match(place, _PLACE, "regimes")
            if name in result:
                raise InvalidPackError("a place stands in two regimes")
            result[name] = regime
    return result


def _disputed(value: Tree) -> dict[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    for place, choices in _mapping(value, "disputed").items():
        named = {_text(choice, "disputed") for choice in _list(choices, "disputed")}
        if not named or not named <= set(options.REGIMES):
            raise InvalidPackError("`disputed` names a regime that does not exist")
        result[place] = tuple(regime for regime in options.REGIMES if regime in named)
    return result


def _options(value: Tree) -> dict[str, frozenset[str]]:
    result: dict[str, frozenset[str]] = {}
    for option, choices in options.flatten(_mapping(value, "options")):
        known = options.words(option)
        if known is None or option.startswith("regimes") or not isinstance(choices, list) or not choices:
            raise InvalidPackError("`options` names an option that does not exist, or no choice")
        named = frozenset(_text(choice, "options") for choice in choices)
        if not named <= frozenset(known):
            raise InvalidPackError("`options` names a choice that does not exist")
        result[option] = named
    return result


def _asserters(value: Tree) -> dict[str, frozenset[Source]]:
    result: dict[str, frozenset[Source]] = {}
    sources = {source.value for source in Source}
    for fact_type, listed in _mapping(value, "asserters").items():
        named = {_text(item, "asserters") for item in _list(listed, "asserters")}
        if fact_type not in OPENING_TYPES or not named <= sources:
            raise InvalidPackError("`asserters` names a type that opens nothing, or no source")
        result[fact_type] = frozenset(Source(name) for name in named)
    return result


def _kinds(value: Tree) -> frozenset[Kind]:
    result: set[Kind] = set()
    words = {kind.value for kind in Kind}
    for item in _list(value, "kinds"):
        name = _text(item, "kinds")
        if name in GROUPS:
            result |= GROUPS[name]
        elif name in words:
            result.add(Kind(name))
        else:
            raise InvalidPackError("`kinds` names no kind and no group")
    if not result:
        raise InvalidPackError("`kinds` is empty")
    return frozenset(result)


def _treatment(value: Tree) -> Treatment:
    tree = _keys(value, "a treatment", {"id", "kinds", "purpose", "legal_basis", "retention"}, set())
    name = _match(tree["id"], _ID, "id")
    period = _match(tree["retention"], _PERIOD, "retention")
    return Treatment(
        id=name,
        kinds=_kinds(tree["kinds"]),
        purpose=_match(tree["purpose"], re.compile(r"[a-z_]+"), "purpose"),
        legal_basis=_match(tree["legal_basis"], re.compile(r"[a-z_]+"), "legal_basis"),
        retention=f"{name}/{period}",
    )


def _rule(value: Tree) -> Rule:
    needed = {"id", "when", "kinds", "verdict", "reason", "citation", "effective", "status"}
    tree = _keys(value, "a rule", needed, {"segments"})
    name = _match(tree["id"], _ID, "id")
    when = BY_WORD.get(_text(tree["when"], "when"))
    if when is None:
        raise InvalidPackError(f"rule `{name}`: `when` is not a condition")
    segments = frozenset(_text(item, "segments") for item in _list(tree.get("segments", []), "segments"))
    if bool(segments) != (when is Situation.SEGMENT_OPEN):
        raise InvalidPackError(f"rule `{name}`: `segments` belongs to `segment_open`, and to no other condition")
    word = _text(tree["verdict"], "verdict")
    if word not in _VERDICTS and (word != BY_OPTION or when not in _OPTED):
        raise InvalidPackError(f"rule `{name}`: `verdict` is not a verdict that it may have")
    kinds, verdict = _kinds(tree["kinds"]), _VERDICTS.get(word)
    if verdict is Verdict.REDACT and kinds & VISUAL:
        raise InvalidPackError(f"rule `{name}`: pictures are not redacted, they pause")
    if when in _PERMITTING and verdict not in (Verdict.CAPTURE, Verdict.REDACT):
        raise InvalidPackError(f"rule `{name}`: its condition restricts nothing; `always` does")
    if tree["reason"] != MEANING[when].reason:
        raise InvalidPackError(f"rule `{name}`: `reason` is not that of its condition")
    return Rule(
        id=name,
        when=when,
        kinds=kinds,
        verdict=verdict,
        reason=MEANING[when].reason,
        citation=_text(tree["citation"], "citation"),
        effective=_date(tree["effective"]),
        status=_status(tree["status"]),
        segments=segments,
    )
