"""Brings something outside to a wish: tells it again and again until it is read back as following, and says once where
it does not in time. Times are seconds of a monotonic clock."""

from typing import Generic, NamedTuple, TypeVar

DEADLINE_S = 5.0
AUDIT_S = 15.0
_FIRST_RETRY_S = 0.25
LAST_RETRY_S = 5.0

W = TypeVar("W")


class Turn(NamedTuple):
    """What is to be put on record: whether the wish is followed, `seconds` since it was first asked, and after how many
    attempts."""

    followed: bool
    seconds: float
    attempts: int


class Pursuit(Generic[W]):
    """How far one wish has been followed. `done`: nothing more will come of it."""

    def __init__(
        self, wish: W, now: float, *, deadline: float = DEADLINE_S, audit: float = AUDIT_S, rarer: int = 0
    ) -> None:
        """`deadline` in seconds; `audit`: how long after it was followed it is read again, twice as long each time for
        `rarer` times. `slowest`: the longest that is waited before another attempt."""
        self._deadline = deadline
        self._audit = audit
        self._rarer = rarer
        self.slowest = LAST_RETRY_S
        self._begin(wish, now)
        self.done = False

    def _begin(self, wish: W, now: float) -> None:
        self.wish = wish
        self._since = self._due = now
        self._attempts = self._audits = 0
        self.followed = self._told = False

    def ask(self, wish: W, now: float) -> None:
        """What is asked at present. Another wish than before is due at once."""
        if wish != self.wish:
            self._begin(wish, now)

    def due_in(self, now: float) -> float:
        return max(0.0, self._due - now)

    def known(self, *, followed: bool) -> None:
        """What of the present wish is on record from before."""
        self.followed, self._told = followed, not followed

    @property
    def told(self) -> bool:
        """Whether it was put on record that the wish was not followed in time."""
        return self._told

    def waited(self, now: float) -> float:
        """Seconds since the wish was first asked."""
        return max(0.0, now - self._since)

    @property
    def audits(self) -> int:
        """How often it was read as following since it first was."""
        return self._audits

    def read(self, now: float, *, follows: bool) -> Turn | None:
        """The end of an attempt that brought an answer; what is to be put on record of it."""
        self._attempts += 1
        if follows:
            first, self.followed = not self.followed, True
            self._audits += not first
            self._due = now + self._audit * 2 ** min(self._audits, self._rarer)
            return self._turn(now) if first else None
        if self.followed:  # it did, and does not any more
            self._begin(self.wish, now)
            self._told = True
            return self._turn(now)
        return self._later(now)

    def missed(self, now: float) -> Turn | None:
        """An attempt that brought no answer."""
        self._attempts += 1
        return self._later(now)

    def overdue(self, now: float) -> Turn | None:
        """Without an attempt: once, where the time is up."""
        if self._told or self.followed or now - self._since < self._deadline:
            return None
        self._told = True
        return self._turn(now)

    def give_up(self, now: float) -> Turn:
        """It cannot be brought to it any more."""
        self.done = True
        self.followed = False
        return self._turn(now)

    def _later(self, now: float) -> Turn | None:
        self._due = now + min(self.slowest, _FIRST_RETRY_S * 2 ** min(self._attempts - 1, 10))
        overdue = now - self._since >= self._deadline or self.done
        if self._told or self.followed or not overdue:
            return None
        self._told = True
        return self._turn(now)

    def _turn(self, now: float) -> Turn:
        return Turn(self.followed, round(now - self._since, 3), self._attempts)
