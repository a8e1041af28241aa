"""Which row of the table of routes a request is for."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from onrecord.entrypoints.api.route import Route

T = TypeVar("T")


class Table(Generic[T]):
    """The first row of which method and path agree; `{name}` stands for one part of a path, which is not empty."""

    def __init__(self, rows: Iterable[tuple[Route, T]]) -> None:
        self._rows: dict[tuple[str, int], list[tuple[list[tuple[int, str]], list[tuple[int, str]], T]]] = {}
        for route, found in rows:
            parts = list(enumerate(route.path.split("/")))
            fixed = [(at, part) for at, part in parts if not part.startswith("{")]
            named = [(at, part[1:-1]) for at, part in parts if part.startswith("{")]
            self._rows.setdefault((route.method, len(parts)), []).append((fixed, named, found))

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """With what the names stand for."""
        parts = path.split("/")
        for fixed, named, found in self._rows.get((method, len(parts)), ()):
            if all(parts[at] == part for at, part in fixed):
                given = {name: parts[at] for at, name in named}
                return (found, given) if all(given.values()) else None
        return None
