"""The text of a scenario: strict JSON (RFC 8259 in UTF-8), so that two readers cannot see two scenarios in one file."""

import json
import math
from typing import Any, NoReturn

from onrecord.policy.errors import InvalidScenarioError

LARGEST = 8 * 1024 * 1024
_DEEPEST = 32


def read(data: bytes) -> Any:
    """The value of `data`. Errors: InvalidScenarioError for what is no JSON in UTF-8, a key twice in one object, NaN, a
    number beyond a double, text that UTF-8 cannot write, more than 8 MiB or 32 levels."""
    if len(data) > LARGEST:
        raise InvalidScenarioError("larger than 8 MiB")
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_once, **_NUMBERS)
    except UnicodeDecodeError as error:
        raise InvalidScenarioError("not UTF-8") from error
    except RecursionError as error:
        raise InvalidScenarioError("nested too deeply") from error
    except ValueError as error:
        raise InvalidScenarioError("not JSON") from error
    _check(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidScenarioError("an object has a key twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise InvalidScenarioError("a number is NaN or infinite")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise InvalidScenarioError("a number is larger than a double can be")
    return value


def _integer(digits: str) -> int | float:
    """Beyond 2^53 - 1 every JSON number is a double (RFC 8785, 3.2.2.3)."""
    return int(digits) if len(digits) < 16 else _finite(digits)


_NUMBERS: dict[str, Any] = {"parse_constant": _no_number, "parse_float": _finite, "parse_int": _integer}


def _check(value: Any) -> None:
    """Breadth first: the depth of what JSON's reader took is not bounded by ours."""
    level = [value]
    for _ in range(_DEEPEST):
        if not level:
            return
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item, *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str) and not _writable(item):
                raise InvalidScenarioError("a text has half of a surrogate pair")
        level = below
    if level:
        raise InvalidScenarioError("nested too deeply")


def _writable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
