"""Strict forms shared by the members: canonical JSON objects with known fields, and base64 with one spelling."""

from collections.abc import Set as AbstractSet
from typing import Any

from onrecord.base import canonical
from onrecord.evidence.errors import BadMemberError
from onrecord.ledger import strict64
from onrecord.ledger.errors import MalformedError

LARGEST = 2**53 - 1


def loads(data: bytes) -> Any:
    """Errors: BadMemberError where it is not canonical JSON (RFC 8785), or nested beyond reason."""
    try:
        return canonical.loads(data)
    except (canonical.NotCanonicalError, RecursionError) as error:
        raise BadMemberError("not canonical JSON") from error


def fields(value: Any, names: AbstractSet[str]) -> dict[str, Any]:
    """The object itself. Errors: BadMemberError where it is none or has other fields than these."""
    if not isinstance(value, dict) or value.keys() != names:
        raise BadMemberError("an object has other fields than its form")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadMemberError("a field is not a string")
    return value


def count(value: Any) -> int:
    """An integer from 0 to 2^53 - 1."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise BadMemberError("a field is not a count")
    return value


def unb64(value: Any, size: int) -> bytes:
    """Exactly `size` bytes from their one base64 form (RFC 4648, section 4, zero pad bits)."""
    try:
        data = strict64.decode(text(value))
    except MalformedError as error:
        raise BadMemberError("a field is not canonical base64") from error
    if len(data) != size:
        raise BadMemberError("a field has another length than its form")
    return data
