"""Scenarios: a conversation as it was told of, and what must have held. `docs/design/scenarios.md` has the format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onrecord.base.clock import day_of, parse_rfc3339
from onrecord.policy import scenariotext
from onrecord.policy.assertion import PROMPT_NAMED_IN, closes, opens, parse_event
from onrecord.policy.call import STAFF
from onrecord.policy.clauses import Disclosed
from onrecord.policy.errors import InvalidScenarioError, PolicyError
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.flags import FLAGS
from onrecord.policy.kinds import Kind
from onrecord.policy.purposes import Purpose
from onrecord.policy.verdict import State

FORMAT = "onrecord-policy-1"
CONVENTION = "convention"
LAST_SECOND = 10_000_000.0
_MOST_PARTIES = 100
_MOST_PROMPTS = 1000
_MOST_EVENTS = 20_000
_MOST_CHECKPOINTS = 10_000
_FIXED = ("event_id", "t", "received", "type")
_CONTACT = ("party_id", "name", "phone", "email", "external_id")
_KINDS = {kind.value: kind for kind in Kind}
_PURPOSES = frozenset(purpose.value for purpose in Purpose)
_DISCLOSED = frozenset(what.value for what in Disclosed)
_STATES = {state.value for state in State}


@dataclass(frozen=True, slots=True)
class Expectation:
    """`convention`: asked for by agreement alone, and counted apart."""

    kind: Kind
    state: str
    reason: str
    convention: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What must hold at `t`, as known at `as_of`; `flags` must be raised by then and `not_flags` must not."""

    t: float
    as_of: float
    expected: tuple[Expectation, ...]
    flags: tuple[str, ...]
    not_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`facts` in the order in which they were received; of one instant as they stand in the file."""

    id: str
    head: Head
    facts: tuple[Fact, ...]
    checkpoints: tuple[Checkpoint, ...]


def parse(data: bytes) -> Scenario:
    """The scenario in a file's bytes. Errors: InvalidScenarioError says what is wrong and where."""
    return read(scenariotext.read(data))


def read(tree: Any) -> Scenario:
    """As `parse`, of what JSON holds. Every key that has a meaning must be there, and what else there is says nothing:
    no misspelt key makes a scenario hold."""
    where = "the scenario"
    _of(tree, dict, where)
    if tree.get("schema", FORMAT) != FORMAT:
        raise InvalidScenarioError("`schema` is not onrecord-policy-1")
    name = _text(tree, "id", where)
    started = _started(tree, where)
    register, current = _prompts(tree, where)
    head = Head(
        _text(tree, "sector", where),
        _parties(_list(tree, "parties", where, _MOST_PARTIES)),
        frozenset(_kind(item, where) for item in _list(tree, "artifacts_enabled", where, 1000)),
        _member(tree, "policy", dict, where),
        prompts=current,
        date=None if started is None else day_of(started),
        started=started,
    )
    told = _list(tree, "events", where, _MOST_EVENTS)
    facts = [_fact(item, register, f"event {number}") for number, item in enumerate(told, 1)]
    facts.sort(key=lambda fact: fact.received)
    _check_erasures(head, facts)
    asked = _list(tree, "checkpoints", where, _MOST_CHECKPOINTS)
    checkpoints = tuple(_checkpoint(item, f"checkpoint {number}") for number, item in enumerate(asked, 1))
    return Scenario(name, head, tuple(facts), checkpoints)


def _of(value: Any, kind: type, where: str) -> None:
    if not isinstance(value, kind):
        raise InvalidScenarioError(f"{where} is not of its form")


def _member(tree: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    if name not in tree:
        raise InvalidScenarioError(f"{where}: `{name}` is missing")
    if not isinstance(tree[name], kind):
        raise InvalidScenarioError(f"{where}: `{name}` is not of its form")
    return tree[name]


def _list(tree: Mapping[str, Any], name: str, where: str, most: int) -> list[Any]:
    found: list[Any] = _member(tree, name, list, where)
    if len(found) > most:
        raise InvalidScenarioError(f"{where}: `{name}` is too long")
    return found


def _text(tree: Mapping[str, Any], name: str, where: str, most: int = 80) -> str:
    found: str = _member(tree, name, str, where)
    if not 1 <= len(found) <= most:
        raise InvalidScenarioError(f"{where}: `{name}` is not of its form")
    return found


def _seconds(tree: Mapping[str, Any], name: str, where: str) -> float:
    found = _member(tree, name, object, where)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= LAST_SECOND:
        raise InvalidScenarioError(f"{where}: `{name}` is not a number of seconds from 0 to 10000000")
    return float(found)


def _kind(value: Any, where: str) -> Kind:
    if not isinstance(value, str) or value not in _KINDS:
        raise InvalidScenarioError(f"{where}: a kind is not known")
    return _KINDS[value]


def _started(tree: Mapping[str, Any], where: str) -> int | None:
    """Second 0 of the clock in nanoseconds since the epoch, where the scenario says when that was."""
    if "started_at" not in tree:
        return None
    try:
        started = parse_rfc3339(_text(tree, "started_at", where))
        day_of(started)
    except (ValueError, OverflowError) as error:
        raise InvalidScenarioError(f"{where}: `started_at` is no RFC 3339 date-time") from error
    return started


def _prompts(tree: Mapping[str, Any], where: str) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """What the scenario's own register says of each `PROMPT_ID@VERSION`, and which of them are current."""
    items = _list(tree, "prompts", where, _MOST_PROMPTS) if "prompts" in tree else []
    found: dict[str, dict[str, Any]] = {}
    current: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        where = f"prompt {number}"
        _of(item, dict, where)
        if item.keys() - {"prompt_id", "version", "purposes", "discloses", "current"}:
            raise InvalidScenarioError(f"{where} has a key that the format does not know")
        prompt, version = _text(item, "prompt_id", where), _text(item, "version", where)
        name = f"{prompt}@{version}"
        if name in found or (_said(item, "current", where) and prompt in current):
            raise InvalidScenarioError(f"{where}: the version, or another that is current, stands twice")
        found[name] = {
            "prompt_id": prompt,
            "version": version,
            "purposes": _some_of(item, "purposes", _PURPOSES, where),
            "discloses": _some_of(item, "discloses", _DISCLOSED, where),
        }
        if item.get("current"):
            current[prompt] = name
    return found, tuple(current[prompt] for prompt in sorted(current))


def _said(item: Mapping[str, Any], name: str, where: str) -> bool:
    return bool(_member(item, name, bool, where)) if name in item else False


def _some_of(item: Mapping[str, Any], name: str, words: frozenset[str], where: str) -> list[str]:
    found = _list(item, name, where, len(words)) if name in item else []
    if not all(isinstance(word, str) and word in words for word in found):
        raise InvalidScenarioError(f"{where}: `{name}` has a word that is not known")
    return sorted(set(found))


def _parties(items: list[Any]) -> tuple[Party, ...]:
    """Of the same form as the API takes; only what the kernel is told of is kept. Nobody but staff: a customer too."""
    found: list[Party] = []
    for number, item in enumerate(items, 1):
        where = f"party {number}"
        _of(item, dict, where)
        if item.keys() - {"role", "jurisdiction", *_CONTACT}:
            raise InvalidScenarioError(f"{where} has a key that the format does not know")
        for name in _CONTACT:
            if item.get(name) is not None:
                _text(item, name, where, 200)
        place = _text(item, "jurisdiction", where) if "jurisdiction" in item else "unknown"
        found.append(Party(_text(item, "role", where), place, item.get("party_id")))
    if all(party.role in STAFF for party in found):
        found.insert(0, Party("customer"))
    return tuple(found)


def _fact(item: Any, register: Mapping[str, Any], where: str) -> Fact:
    _of(item, dict, where)
    identifier = _text(item, "event_id", where, 200)
    if not identifier.isprintable():
        raise InvalidScenarioError(f"{where}: `event_id` is not of its form")
    kind = _member(item, "type", str, where)
    t, received = _seconds(item, "t", where), _seconds(item, "received", where)
    try:
        data = parse_event(kind, {name: value for name, value in item.items() if name not in _FIXED})
    except PolicyError as error:
        raise InvalidScenarioError(f"{where}: {error.message}") from error
    return Fact(identifier, kind, t, received, _completed(kind, data, register, where))


def _completed(kind: str, data: dict[str, Any], register: Mapping[str, Any], where: str) -> dict[str, Any]:
    """With what the register says of a version that is named; what may close is taken whatever it names."""
    name = data.get(PROMPT_NAMED_IN.get(kind, ""))
    if not isinstance(name, str) or "@" not in name:
        return data
    if name in register:
        return {**data, "registered": register[name]}
    if opens(kind, data) and not closes(kind, data):
        raise InvalidScenarioError(f"{where} names a version of a prompt that `prompts` does not hold")
    return data


def _check_erasures(head: Head, facts: list[Fact]) -> None:
    """Whoever asks for erasure takes part, or nobody would know whose content goes."""
    known = {name for party in head.parties for name in (party.role, party.party_id)}
    for fact in facts:
        if fact.type == "party_join":
            known |= {fact.data.get("role"), fact.data.get("party_id")}
        named = fact.data.get("party_id") or fact.data.get("party")
        if fact.type == "erasure_request" and named is not None and named not in known:
            raise InvalidScenarioError("an erasure is asked for by somebody who takes no part")


def _checkpoint(item: Any, where: str) -> Checkpoint:
    _of(item, dict, where)
    expected: dict[str, Any] = _member(item, "expected", dict, where)
    return Checkpoint(
        _seconds(item, "t", where),
        _seconds(item, "as_of", where),
        tuple(_expectation(name, told, where) for name, told in expected.items()),
        _flags(item, "flags", where),
        _flags(item, "not_flags", where),
    )


def _expectation(name: str, told: Any, where: str) -> Expectation:
    kind = _kind(name, where)
    where = f"{where}, {kind.value}"
    _of(told, dict, where)
    state, basis = _text(told, "state", where), told.get("basis", "")
    if state not in _STATES:
        raise InvalidScenarioError(f"{where}: `state` is not a state")
    if not isinstance(basis, str):
        raise InvalidScenarioError(f"{where}: `basis` is not of its form")
    return Expectation(kind, state, _text(told, "reason", where), basis == CONVENTION)


def _flags(item: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    found = _words(item, name, where)
    if not FLAGS.issuperset(found):
        raise InvalidScenarioError(f"{where}: `{name}` names a flag that there is not")
    return found


def _words(item: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    found = _list(item, name, where, 1000)
    if not all(isinstance(word, str) and word for word in found):
        raise InvalidScenarioError(f"{where}: `{name}` is not a list of words")
    return tuple(dict.fromkeys(found))
