"""The file of a pack, read for the lint: where the format refuses it, what is wrong is named as a finding."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from onrecord.policy.derivation import in_order
from onrecord.policy.errors import InvalidPackError, InvalidPromptsError
from onrecord.policy.kinds import Kind
from onrecord.policy.lint import Finding, Read, Stated
from onrecord.policy.pack import parse
from onrecord.policy.packform import GROUPS
from onrecord.policy.packtext import Tree, read
from onrecord.policy.period import PERIOD
from onrecord.policy.purposes import opened

LARGEST_PROMPTS = 4 * 1024 * 1024
SOURCED = ("rules", "duties", "documentation", "disclosures", "rights")
_LETTER = re.compile(r"[^\W\d_]")
_KINDS = {kind.value for kind in Kind}
_Clause = tuple[str | None, Mapping[str, Tree]]


def read_pack(file: str, data: bytes) -> tuple[Read | None, list[Finding]]:
    """The pack, None where it is none, and what its text alone shows. Errors: InvalidPackError where the bytes are not
    even the text of one."""
    tree = read(data)
    named = tree.get("id")
    pack_id = named if isinstance(named, str) else None
    found = [Finding(file, pack_id, clause, code, said) for clause, code, said in _shown(tree)]
    try:
        return Read(file, parse(data)), found
    except InvalidPackError as error:
        return None, found or [Finding(file, pack_id, None, error.code, error.message)]


def read_prompts(data: bytes) -> list[Stated]:
    """Registered prompts, as `GET /v1/prompts` lists them or as a bare list. One that names no purpose asks for the
    conversation as a whole. Errors: InvalidPromptsError."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidPromptsError("the file of prompts is not JSON") from error
    listed = tree.get("prompts") if isinstance(tree, dict) else tree
    if len(data) > LARGEST_PROMPTS or not isinstance(listed, list):
        raise InvalidPromptsError("the file of prompts is larger than 4 MiB, or no list of prompts")
    return [_stated(version) for item in listed for version in _versions(item)]


def _versions(item: Any) -> list[Any]:
    """Each version by itself, as a bare list has it."""
    versions = item.get("versions") if isinstance(item, dict) else None
    if not isinstance(versions, list):
        return [item]
    named = {"prompt_id": item.get("prompt_id")}
    return [{**each, **named} if isinstance(each, dict) else each for each in versions]


def _stated(item: Any) -> Stated:
    fields = item if isinstance(item, dict) else {}
    name, version, retention = fields.get("prompt_id"), fields.get("version"), fields.get("retention")
    if not isinstance(name, str) or not isinstance(version, str | None):
        raise InvalidPromptsError("a prompt has no `prompt_id`, or a `version` that is no text")
    if retention is not None and not (isinstance(retention, str) and PERIOD.fullmatch(retention)):
        raise InvalidPromptsError(
            "the `retention` of a prompt is no ISO 8601 duration in years, months, weeks and days"
        )
    purposes = fields.get("purposes")
    if not isinstance(purposes, list | None):
        raise InvalidPromptsError("the `purposes` of a prompt are no list")
    return Stated(f"{name}@{version}" if version else name, opened(purposes or None), retention)


def _shown(tree: Mapping[str, Tree]) -> Iterator[tuple[str | None, str, str]]:
    seen: dict[str, Mapping[str, Tree]] = {}
    for key in (*SOURCED, "treatments"):
        for clause, told in _clauses(tree.get(key)):
            citation = told.get("citation")
            if key in SOURCED and not (isinstance(citation, str) and _LETTER.search(citation)):
                yield clause, "uncited", "it names no source"
            if any(kind not in _KINDS and kind not in GROUPS for kind in _words(told.get("kinds"))):
                yield clause, "unknown_kind", "`kinds` names no kind and no group"
            if clause is not None and clause in seen:
                code = "overlapping" if _overlap(seen[clause], told) else "id_repeated"
                yield clause, code, "its id stands twice"
            elif clause is not None:
                seen[clause] = told
    yield from _circle(tree.get("derived_from"))


def _circle(value: Tree | None) -> Iterator[tuple[str | None, str, str]]:
    derived = value if isinstance(value, dict) else {}
    sources = {made: _words(named) for made, named in derived.items()}
    every = {*sources, *(word for named in sources.values() for word in named)}
    if every - _KINDS:
        yield None, "unknown_kind", "`derived_from` names no kind"
    elif in_order({Kind(made): tuple(map(Kind, named)) for made, named in sources.items()}) is None:
        yield None, "cycle", "`derived_from` goes in a circle"


def _clauses(value: Tree | None) -> Iterator[_Clause]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            named = item.get("id")
            yield (named if isinstance(named, str) else None), item


def _words(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _overlap(one: Mapping[str, Tree], other: Mapping[str, Tree]) -> bool:
    first, second = _period(one), _period(other)
    return max(first[0], second[0]) < min(first[1], second[1])


def _period(clause: Mapping[str, Tree]) -> tuple[date, date]:
    return _day(clause.get("effective"), date.min), _day(clause.get("until"), date.max)


def _day(value: Tree | None, absent: date) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else absent
    except ValueError:
        return absent
