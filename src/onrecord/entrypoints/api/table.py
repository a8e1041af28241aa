"""Which row of the table of routes a request is for."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from onrecord.entrypoints.api.route import Route

T = TypeVar("T")


class _Row(NamedTuple, Generic[T]):
    """`fixed` is what `pick` finds in the parts of a path that is this one's; `named` what stands elsewhere in it."""

    pick: Callable[[Sequence[str]], Any]
    fixed: Any
    named: tuple[tuple[int, str], ...]
    found: T


class Table(Generic[T]):
    """The first row of which method and path agree; `{name}` stands for one part of a path, which is not empty."""

    def __init__(self, rows: Iterable[tuple[Route, T]]) -> None:
        self._rows: dict[tuple[str, int], list[_Row[T]]] = {}
        for route, found in rows:
            parts = route.path.split("/")
            pick = itemgetter(*[at for at, part in enumerate(parts) if not part.startswith("{")])
            named = tuple((at, part[1:-1]) for at, part in enumerate(parts) if part.startswith("{"))
            self._rows.setdefault((route.method, len(parts)), []).append(_Row(pick, pick(parts), named, found))

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """With what the names stand for."""
        parts = path.split("/")
        for pick, fixed, named, found in self._rows.get((method, len(parts)), ()):
            if pick(parts) == fixed:
                given = {name: parts[at] for at, name in named}
                return (found, given) if all(given.values()) else None
        return None
