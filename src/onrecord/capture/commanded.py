"""Recordings that a platform writes itself: they are commanded and read back, not gated.

A platform is brought to what the verdict asks for again and again until it is read back; that an order was accepted is
no acknowledgement."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from onrecord.capture.pursuit import DEADLINE_S, Pursuit, Turn


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

    Errors: ControlError."""

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


class Following(Pursuit[Wish]):
    """How far one recording has followed a wish. What paused on another's word is not told to record: only an order of
    this side is taken back by one."""

    def __init__(self, wish: Wish, now: float, *, deadline: float = DEADLINE_S, paused: bool = False) -> None:
        """`deadline` in seconds; `paused`: it had been told to pause before."""
        super().__init__(wish, now, deadline=deadline)
        self._paused = paused

    @property
    def commands(self) -> bool:
        """Whether the next attempt begins with an order."""
        return not self.followed and (self.wish is not Wish.RECORD or self._paused)

    def seen(self, status: Status, now: float) -> Outcome | None:
        """The end of an attempt; what is to be put on record of it."""
        self._paused = self._paused or self.wish is Wish.PAUSE
        self.done = status is Status.ENDED
        return self._outcome(self.read(now, follows=status.follows(self.wish)), status, None)

    def failed(self, code: str, now: float) -> Outcome | None:
        """An attempt that brought no answer."""
        self._paused = self._paused or self.wish is Wish.PAUSE
        return self._outcome(self.missed(now), None, code)

    def given_up(self, code: str, now: float) -> Outcome | None:
        """It cannot be commanded any more."""
        return self._outcome(self.give_up(now), None, code)

    def _outcome(self, turn: Turn | None, status: Status | None, code: str | None) -> Outcome | None:
        return None if turn is None else Outcome(self.wish, turn.followed, status, code, turn.seconds, turn.attempts)
