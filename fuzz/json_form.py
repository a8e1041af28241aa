"""Targets whose messages are JSON texts: laws that all share, and changes that keep a text JSON."""

import copy
import json
import random
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import atheris

from fuzz.engine import Mutator, Target
from fuzz.oracles import Outcome, Refusals, holds

Path = list[str | int]
VALUES: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    2**53,
    2**63,
    2**64,
    10**30,
    "",
    "0",
    "1",
    "-1",
    "8000",
    "16000",
    "1e3",
    "1_0",
    " 7 ",
    "\u0667",
    "nan",
    "true",
    "null",
    "AAAA",
    "AAA",
    "A===",
    "A\nAA",
    "\ud800",
    "\x00",
    "x" * 65,
    [],
    {},
    [[]],
)


HOSTILE = (
    b"",
    b"[" * 2000,
    b'{"event":"media","media":' + b'{"a":' * 600,
    b'{"event":"stop","stop":' + b"9" * 3000 + b"}",
)


class Laws:
    """Of a module with `parse` and one with `render`."""

    def __init__(self, form: ModuleType, printer: ModuleType) -> None:
        self._form = form
        self._printer = printer
        self._said = Refusals()

    def check(self, data: bytes) -> Any:
        """The message, or None; BrokenError where a law does not hold."""
        message, outcome = self._said.of(self._form.parse, data)
        taken_alike(self._said, self._form.parse, data, outcome)
        if message is not None:
            holds(repr(message) == f"{type(message).__name__}()", "a message shows its type only")
            again, _ = self._said.of(self._form.parse, self._printer.render(message))
            holds(again == message, "parse of print is identity")
        return message


def taken_alike(said: Refusals, parse: Callable[[Any], Any], data: bytes, outcome: Outcome) -> None:
    """A text has the outcome that its bytes have. What is no text is refused, or is not where anything is read."""
    try:
        text, readable = data.decode(), True
    except UnicodeDecodeError:
        text, readable = data.decode("utf-8", "replace"), False
    if readable or outcome[2] is not None:
        holds(said.of(parse, text)[1] == outcome, "a text is taken as its bytes are")


def document_of(data: bytes) -> dict[str, Any]:
    """As another decoder reads it; empty where it cannot."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def mutator(seeds: Sequence[bytes]) -> Mutator:
    """Changes bytes, or values and names of the document that they spell; now and then it begins again with a seed."""

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311  no secret: the engine's own number, so that a run can be repeated
        begun = chance.choice(seeds) if chance.random() < 0.3 else data
        if chance.random() < 0.2 or not begun.startswith(b"{"):
            return bytes(atheris.Mutate(begun, most))
        try:
            document = json.loads(begun)
            for _ in range(chance.choice((1, 1, 1, 2, 4))):
                _change(document, chance)
            changed = json.dumps(document, ensure_ascii=chance.random() < 0.9)
        except (ValueError, RecursionError):
            return bytes(atheris.Mutate(begun, most))
        return changed.encode("utf-8", "surrogatepass")[:most]

    return mutate


def target(check: Callable[[bytes], None], seeds: Sequence[bytes]) -> Target:
    return Target(check, [*HOSTILE, *seeds], mutator(seeds))


def _change(document: dict[str, Any], chance: random.Random) -> None:
    places = list(_places(document))
    if not places:
        return
    holder, name = chance.choice(places)
    names = [each for _, each in places if isinstance(each, str)]
    match chance.randint(0, 7):
        case 0:
            del holder[name]
        case 1 | 2:
            holder[name] = copy.deepcopy(chance.choice(VALUES))
        case 3:
            holder[name] = _other_type(holder[name], chance)
        case 4 if isinstance(holder, dict):
            holder[chance.choice(names)] = holder.pop(name)
        case 5:
            other, at = chance.choice(places)
            holder[name] = copy.deepcopy(other[at])
        case 6 if isinstance(holder[name], str):
            holder[name] = _other_sound(holder[name])
        case _:
            told = json.dumps(holder[name]).encode()
            holder[name] = bytes(atheris.Mutate(told, len(told) + 16)).decode("utf-8", "replace")


def _places(value: Any) -> Any:
    """Every holder with every name or index in it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in list(inside):
        yield value, name
        yield from _places(inner)


def _other_sound(value: str) -> str:
    try:
        sound = b64decode(value, validate=True)
    except ValueError:
        sound = b""
    return b64encode(atheris.Mutate(sound, len(sound) + 8)).decode()


def _other_type(value: Any, chance: random.Random) -> Any:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else [value]
    if isinstance(value, int | float):
        return str(value) if chance.random() < 0.7 else -value
    return json.dumps(value)
