"""Lists as values, each sharing what it can with the one that it was made from."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
_at = attrgetter("at")


class _Origin(NamedTuple):
    """The list of the series that one was made from, and which part of it, [left, right), was replaced."""

    items: list[Any]
    length: int
    left: int
    right: int


class Series(Generic[T]):
    """The first so many items of a list that only ever grows. To add at the end costs what is added; a second series
    made from the same end, and one that is changed elsewhere, has a list of its own. Items that are asked for by time
    have an instant `at` and lie by it. Made from one another in one thread alone; `items` and `length` are for its own
    kind."""

    __slots__ = ("items", "length", "origin")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self.items: list[T] = list(items)
        self.length = len(self.items)
        self.origin: _Origin | None = None

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[T]:
        return iter(self.items[: self.length])

    def __getitem__(self, index: int) -> T:
        """From 0 to below the length."""
        return self.items[index]

    @property
    def last(self) -> T:
        return self.items[self.length - 1]

    def part(self, left: int, right: int) -> list[T]:
        return self.items[left : min(right, self.length)]

    def before(self, t: float, end: int | None = None) -> int:
        """How many lie before instant `t`, of the first `end`."""
        return bisect_left(self.items, t, 0, self.length if end is None else end, key=_at)

    def upto(self, t: float, start: int = 0) -> int:
        """How many lie before instant `t` or at it; at least `start`, which are known to."""
        if self.length and _at(self.items[self.length - 1]) <= t:
            return self.length
        return bisect_right(self.items, t, start, self.length, key=_at)

    def followed(self, item: T) -> "Series[T]":
        """With one more at the end."""
        items = self.items
        if len(items) != self.length:
            return self.spliced(self.length, (item,), self.length)
        items.append(item)
        made: Series[T] = Series.__new__(Series)
        made.items, made.length, made.origin = items, self.length + 1, None
        return made

    def grown(self, new: Sequence[T]) -> "Series[T]":
        if not new:
            return self
        if len(self.items) != self.length:
            return self.spliced(self.length, new, self.length)
        made: Series[T] = Series.__new__(Series)
        made.origin = None
        self.items.extend(new)
        made.items, made.length = self.items, len(self.items)
        return made

    def spliced(self, left: int, new: Sequence[T], right: int) -> "Series[T]":
        """With `new` in place of [left, right)."""
        if left == len(self.items):
            return self.grown(new)
        made = Series([*self.items[:left], *new, *self.items[right : self.length]])
        made.origin = _Origin(self.items, self.length, left, right)
        return made

    def unlike(self, other: "Series[T]") -> tuple[int, int, int]:
        """(left, right, other's right): outside of these two ranges both have the same items. Narrow where one was made
        from the other at once."""
        if self.items is other.items:
            return min(self.length, other.length), self.length, other.length
        origin = self.origin
        if origin is not None and origin.items is other.items and origin.length == other.length:
            return origin.left, origin.right + self.length - origin.length, origin.right
        return 0, self.length, other.length
