"""Single byte ranges (RFC 9110 section 14). Anything else that is asked for gets the whole."""

import re
from dataclasses import dataclass

_SINGLE = re.compile(r"bytes=[ \t]*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FromTo:
    """Bytes from `first` to `last` inclusive, None for the last there is."""

    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Suffix:
    """The last `length` bytes."""

    length: int


def parse_range(header: str | None) -> FromTo | Suffix | None:
    """None where there is no range or one that this server ignores: several ranges, another unit, not well formed."""
    match = _SINGLE.fullmatch(header or "")
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return Suffix(int(suffix))
    if last is not None and int(last) < int(first):
        return None
    return FromTo(int(first), None if last is None else int(last))
