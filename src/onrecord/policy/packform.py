"""The parts of a pack's tree that every clause is made of, read strictly. Errors: InvalidPackError alone."""

import re
from collections.abc import Mapping
from datetime import date

from onrecord.policy.errors import InvalidPackError
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.packtext import Tree
from onrecord.policy.period import PERIOD
from onrecord.policy.purposes import CONTENT, VISUAL

GROUPS: Mapping[str, frozenset[Kind]] = {
    "all": frozenset(Kind),
    "content": CONTENT,
    "handling": HANDLING_RECORDS,
    "visual": VISUAL,
}
PLACE = re.compile(r"[A-Z]{2}(-([A-Z0-9]{1,3}|\*))?")
WORD = re.compile(r"[a-z_]+")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def keys(value: Tree, where: str, needed: set[str], allowed: set[str]) -> dict[str, Tree]:
    if not isinstance(value, dict):
        raise InvalidPackError(f"{where} is not a mapping")
    if needed - value.keys():
        raise InvalidPackError(f"{where} lacks `{min(needed - value.keys())}`")
    if value.keys() - needed - allowed:
        raise InvalidPackError(f"{where} has a key that the format does not know")
    return value


def listed(value: Tree, where: str) -> list[Tree]:
    if not isinstance(value, list):
        raise InvalidPackError(f"`{where}` is not a list")
    return value


def mapping(value: Tree, where: str) -> dict[str, Tree]:
    if not isinstance(value, dict):
        raise InvalidPackError(f"`{where}` is not a mapping")
    return value


def text(value: Tree, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidPackError(f"`{where}` is not text")
    return value


def match(value: Tree, pattern: re.Pattern[str], where: str) -> str:
    told = text(value, where)
    if not pattern.fullmatch(told):
        raise InvalidPackError(f"`{where}` has not the form it must have")
    return told


def name(value: Tree) -> str:
    return match(value, _ID, "id")


def status(value: Tree) -> str:
    if value not in ("draft", "reviewed"):
        raise InvalidPackError("`status` is neither draft nor reviewed")
    return str(value)


def period(value: Tree, where: str) -> str:
    return match(value, PERIOD, where)


def _day(value: Tree, where: str) -> date:
    told = match(value, _DATE, where)
    try:
        return date.fromisoformat(told)
    except ValueError as error:
        raise InvalidPackError(f"`{where}` is no date") from error


def binding(tree: Mapping[str, Tree]) -> tuple[date, date | None]:
    """The first day on which a clause binds, and the first on which it no longer does."""
    effective = _day(tree["effective"], "effective")
    if "until" not in tree:
        return effective, None
    until = _day(tree["until"], "until")
    if until <= effective:
        raise InvalidPackError("`until` is not after `effective`")
    return effective, until


def kinds(value: Tree) -> frozenset[Kind]:
    result: set[Kind] = set()
    words = {kind.value for kind in Kind}
    for item in listed(value, "kinds"):
        named = text(item, "kinds")
        if named in GROUPS:
            result |= GROUPS[named]
        elif named in words:
            result.add(Kind(named))
        else:
            raise InvalidPackError("`kinds` names no kind and no group")
    if not result:
        raise InvalidPackError("`kinds` is empty")
    return frozenset(result)
