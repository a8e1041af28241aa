"""What every driver of the object store refuses before it touches anything."""

import re

from onrecord.storage.ports import StorageError

_ID = re.compile(r"[a-z]+_[0-9a-f]{32}")


def check_id(identifier: str) -> None:
    """Errors: StorageError (object_id) where it is not a prefix and 32 lower-case hexadecimal digits."""
    if not _ID.fullmatch(identifier):
        raise StorageError("not the id of an object", code="object_id")


def check_range(start: int, end: int | None) -> None:
    """Errors: StorageError (object_range) where a bound counts from the end."""
    if start < 0 or (end is not None and end < 0):
        raise StorageError("a range counts from the start", code="object_range")
