"""Recordings that a platform writes itself: they are commanded and read back, not gated.

A platform is brought to what the verdict asks for again and again until it is read back; that an order was accepted is
no acknowledgement."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

DEADLINE_S = 5.0
AUDIT_S = 15.0
_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 5.0


class Wish(StrEnum):
    """What a platform is to do."""

    RECORD = "record"
    PAUSE = "pause"
    STOP = "stop"


class Status(StrEnum):
    """What a platform says that it does. Ended: nothing more will be recorded, whatever is asked."""

    RECORDING = "recording"
    PAUSED = "paused"
    ENDED = "ended"

    def follows(self, wish: Wish) -> bool:
        match wish:
            case Wish.RECORD:
                return self is Status.RECORDING
            case Wish.PAUSE:
                return self is not Status.RECORDING
            case Wish.STOP:
                return self is Status.ENDED


@dataclass(frozen=True, slots=True)
class Target:
    """One recording by the platform's own ids; `recording` is None for the one that goes on in the call."""

    call: str
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """`recording`: which one it was, by the platform's id."""

    status: Status
    recording: str


class RecordingControl(Protocol):
    """A platform's control of its recordings. Both calls end within seconds.

    Errors: ControlError (control_unreachable, control_refused, control_unreadable)."""

    async def command(self, target: Target, wish: Wish) -> str:
        """Gives the order; the platform's id of the recording that took it."""
        ...

    async def read(self, target: Target) -> Reading:
        """What it does now."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """To be put on record. `seconds` since the platform was first to do it; `status` None where it could not be read,
    and `code` then says why."""

    wish: Wish
    followed: bool
    status: Status | None
    code: str | None
    seconds: float
    attempts: int


class Following:
    """How far one recording has followed a wish. Times are seconds of a monotonic clock. `done`: nothing more will come
    of it. What paused on another's word is not told to record: only an order of this side is taken back by one."""

    def __init__(self, wish: Wish, now: float, *, deadline: float = DEADLINE_S, paused: bool = False) -> None:
        """`deadline` in seconds; `paused`: it had been told to pause before."""
        self._deadline = deadline
        self._paused = paused
        self._begin(wish, now)
        self.done = False

    def _begin(self, wish: Wish, now: float) -> None:
        self.wish = wish
        self._since = self._due = now
        self._attempts = 0
        self.followed = self._told = False

    def ask(self, wish: Wish, now: float) -> None:
        """What the verdict asks at present. Another wish than before is due at once."""
        if wish is not self.wish:
            self._begin(wish, now)

    @property
    def commands(self) -> bool:
        """Whether the next attempt begins with an order."""
        return not self.followed and (self.wish is not Wish.RECORD or self._paused)

    def due_in(self, now: float) -> float:
        return max(0.0, self._due - now)

    def seen(self, status: Status, now: float) -> Outcome | None:
        """The end of an attempt; what is to be put on record of it."""
        self._attempts += 1
        self._paused = self._paused or self.wish is Wish.PAUSE
        self.done = status is Status.ENDED
        if status.follows(self.wish):
            first, self.followed, self._due = not self.followed, True, now + AUDIT_S
            return self._outcome(status, None, now) if first else None
        if self.followed:  # it did, and does not any more
            self._begin(self.wish, now)
            self._told = True
            return self._outcome(status, None, now)
        return self._later(status, None, now)

    def failed(self, code: str, now: float) -> Outcome | None:
        """An attempt that brought no answer."""
        self._attempts += 1
        self._paused = self._paused or self.wish is Wish.PAUSE
        return self._later(None, code, now)

    def given_up(self, code: str, now: float) -> Outcome:
        """It cannot be commanded any more."""
        self.done = True
        self.followed = False
        return self._outcome(None, code, now)

    def _later(self, status: Status | None, code: str | None, now: float) -> Outcome | None:
        self._due = now + min(_LAST_RETRY_S, _FIRST_RETRY_S * 2 ** min(self._attempts - 1, 10))
        overdue = now - self._since >= self._deadline or self.done
        if self._told or self.followed or not overdue:
            return None
        self._told = True
        return self._outcome(status, code, now)

    def _outcome(self, status: Status | None, code: str | None, now: float) -> Outcome:
        return Outcome(self.wish, self.followed, status, code, round(now - self._since, 3), self._attempts)
