"""What a handling record may say without being content."""

import re
from collections.abc import Mapping

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_DIGITS = 3
_PARTS = 32


def is_codes(content: object) -> bool:
    """Whether it has no room for free text: nothing at all, one code, or a flat object of up to 32 codes, truth values,
    nulls, and numbers below 1000 with up to three decimals, under names that are codes too. A code has up to 64
    letters, digits and `_.:-`, and of digits up to three: no number of a card, a phone or a person."""
    if content is None:
        return True
    if isinstance(content, Mapping):
        return len(content) <= _PARTS and all(_code(name) and _part(value) for name, value in content.items())
    return _code(content)


def _part(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return abs(value) < 1000 and round(value, _DIGITS) == value
    return _code(value)


def _code(value: object) -> bool:
    return (
        isinstance(value, str)
        and _CODE.fullmatch(value) is not None
        and sum(letter.isdigit() for letter in value) <= _DIGITS
    )
