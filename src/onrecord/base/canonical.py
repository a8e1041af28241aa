"""RFC 8785 canonical JSON (JCS): one byte form for one value."""

import json
from typing import Any

import orjson
import rfc8785

from onrecord.base.errors import OnRecordError

_SAFE_INTEGER = 2**53 - 1
_FOUR_BYTES = tuple(bytes([first]) for first in range(0xF0, 0xF5))
"""First bytes of what UTF-8 writes in four. Without them the order of UTF-8 is that of UTF-16, which JCS sorts by."""


class NotCanonicalError(OnRecordError):
    code = "not_canonical"


class _NeedsSlowPathError(Exception):
    pass


def _as_it_stands(container: Any) -> bool:
    """Whether orjson writes every member of a dict or list as JCS does, so that none is copied."""
    for item in container.values() if type(container) is dict else container:
        kind = type(item)
        if kind is str:
            continue
        if kind is float:
            if not (1e-4 <= item < 1e15 or -1e15 < item <= -1e-4) or item % 1 == 0:
                return False
        elif kind is dict or kind is list:
            if not _as_it_stands(item):
                return False
        elif kind is int:
            if not -_SAFE_INTEGER <= item <= _SAFE_INTEGER:
                return False
        elif item is not None and kind is not bool:
            return False
    return True


def _fast(value: Any) -> Any:
    """The value with integral floats as integers, so that orjson writes it as JCS does."""
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
            raise _NeedsSlowPathError
        return value
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return int(value)
        if not 1e-4 <= abs(value) < 1e15:
            raise _NeedsSlowPathError
        return value
    if isinstance(value, dict):
        return {key: _fast(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fast(item) for item in value]
    raise _NeedsSlowPathError


def dumps(value: Any) -> bytes:
    """JCS bytes (RFC 8785). Errors: NotCanonicalError for NaN, infinities, integers beyond 2^53 - 1, lone surrogates,
    other types and nesting beyond the interpreter's stack."""
    try:
        same = type(value) is dict and _as_it_stands(value)
        data = orjson.dumps(value if same else _fast(value), option=orjson.OPT_SORT_KEYS)
        if data.isascii() or not any(first in data for first in _FOUR_BYTES):
            return data
    except (_NeedsSlowPathError, TypeError, RecursionError):
        pass
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise NotCanonicalError("the value has no canonical JSON form") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise NotCanonicalError("an object has a key twice")
    return result


def _number(digits: str) -> int | float:
    """Beyond 2^53 - 1 every JSON number is a double (RFC 8785, 3.2.2.3), written without a point below 1e21."""
    if len(digits) > 17:
        return float(digits)
    value = int(digits)
    return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else float(value)


def loads(data: bytes) -> Any:
    """The value of JCS bytes, and only of those. Errors: NotCanonicalError on another form or a double key."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_int=_number)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotCanonicalError("not JSON in UTF-8") from error
    if dumps(value) != data:
        raise NotCanonicalError("not in canonical form")
    return value
