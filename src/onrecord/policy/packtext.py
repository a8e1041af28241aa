"""The text of a pack: a small, strict part of YAML, so that two readers cannot see two packs in one file."""

import re
from collections.abc import Iterator

import yaml

from onrecord.policy.errors import InvalidPackError

LARGEST = 262_144
_DEEPEST = 8
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff]")

Tree = str | list["Tree"] | dict[str, "Tree"]


def read(data: bytes) -> dict[str, Tree]:
    """The one document of `data`: mappings, lists and scalars, every scalar as the text that stands there. Refused:
    what is no note text (C2SP signed-note: UTF-8, no control character but newline, newline last), anchors, aliases,
    tags, directives, merge keys, a key twice, several documents."""
    if len(data) > LARGEST:
        raise InvalidPackError("the file is larger than 256 KiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidPackError("the file is not UTF-8") from error
    if not text.endswith("\n") or _CONTROL.search(text):
        raise InvalidPackError("the file is no note text: a control character, or no newline at its end")
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        tree = _document(events)
    except yaml.YAMLError as error:
        raise InvalidPackError("the file is not YAML") from error
    if not isinstance(tree, dict):
        raise InvalidPackError("the file is not a mapping")
    return tree


def _document(events: Iterator[yaml.Event]) -> Tree:
    tree: Tree | None = None
    for event in events:
        if isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
            continue
        if isinstance(event, yaml.DocumentStartEvent):
            if tree is not None or event.version or event.tags:
                raise InvalidPackError("the file has a directive or more than one document")
            continue
        tree = _node(event, events, 0)
    if tree is None:
        raise InvalidPackError("the file is empty")
    return tree


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Tree:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
        raise InvalidPackError("the file has an anchor, an alias or a tag")
    if depth > _DEEPEST:
        raise InvalidPackError("the file is nested too deeply")
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Tree] = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_node(inner, events, depth + 1))
        return items
    mapping: dict[str, Tree] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _node(inner, events, depth + 1)
        if not isinstance(key, str) or key == "<<":
            raise InvalidPackError("a key is not plain text")
        if key in mapping:
            raise InvalidPackError("a key stands twice")
        mapping[key] = _node(next(events), events, depth + 1)
    return mapping
