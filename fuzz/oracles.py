"""What must hold whatever comes in."""

from collections.abc import Callable
from typing import Any, TypeVar

from onrecord.capture.errors import WireError

CODES = frozenset(
    {
        "bad_json",
        "unknown_event",
        "missing_field",
        "bad_field",
        "bad_base64",
        "wrong_codec",
        "unknown_track",
        "frame_too_large",
        "frame_too_short",
        "uneven_frame",
        "bad_fragment",
    }
)
MOST_LINES = 60  # a parser has so many things to say; one that quotes what came in soon says more
M = TypeVar("M")
Outcome = tuple[str, bool, object]


class BrokenError(Exception):
    """A law that does not hold."""


class Refusals:
    """All that one parser ever said."""

    def __init__(self) -> None:
        self._lines: set[str] = set()

    def of(self, parse: Callable[[Any], M], raw: object) -> tuple[M | None, Outcome]:
        """The message, and what can be compared. Raises what is not a WireError, and BrokenError for one that is not as
        it should be."""
        try:
            message = parse(raw)
        except WireError as error:
            self._check(error)
            return None, (error.code, error.media, None)
        return message, ("", False, message)

    def _check(self, error: WireError) -> None:
        line = error.diagnostics()
        self._lines.add(line)
        if error.code not in CODES:
            raise BrokenError("an error without a code of the closed list")
        if "\n" in line or not line.isprintable() or len(line) > 200:
            raise BrokenError("an error that is not one line")
        if error.__cause__ is not None or not (error.__suppress_context__ or error.__context__ is None):
            raise BrokenError("an error that brings the decoder's along")
        if len(self._lines) > MOST_LINES:
            raise BrokenError("more errors than a parser has that quotes nothing")


def holds(law: object, name: str) -> None:
    if not law:
        raise BrokenError(name)
