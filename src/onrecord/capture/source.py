"""A source that can be told to pause, and says what it discarded meanwhile.

That it was told is no acknowledgement: it has answered when it says so, and obeys as long as no sound comes."""

from dataclasses import dataclass
from enum import StrEnum

DEADLINE_S = 5.0


class Wish(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"


class Answer(StrEnum):
    """`none`: nothing within the deadline. `media`: sound after it had said that it paused."""

    PAUSED = "paused"
    RESUMED = "resumed"
    DISCARDED = "discarded"
    NONE = "none"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Told:
    """To be put on record. `wish` is what the source was last told, `seconds` ago, whether this answers it or not;
    `start` and `discarded` in samples of the stream."""

    wish: Wish
    answer: Answer
    seconds: float
    start: int | None = None
    discarded: int | None = None


class Source:
    """What the source was told last, by the count of our messages, and what it answered. Times are seconds of a
    monotonic clock."""

    def __init__(self, wish: Wish, seq: int, now: float) -> None:
        self.wish = wish
        self.paused = False  # by its own word
        self._seq = seq
        self._since = self._asked = now
        self._answered = wish is Wish.RESUME
        self._complained = False

    def tell(self, wish: Wish, seq: int, now: float) -> None:
        """Our message `seq` tells it so; the same again only asks for the answer."""
        if wish is not self.wish:
            self.wish, self._seq, self._since = wish, seq, now
            self._answered = self._complained = False
        self._asked = now

    @property
    def answered(self) -> bool:
        return self._answered

    def due_in(self, now: float) -> float | None:
        """Seconds until it should have answered; None where it has."""
        return None if self._answered else max(0.0, self._asked + DEADLINE_S - now)

    def said_paused(self, seen: int, now: float) -> Told | None:
        """`seen`: the last of our messages that it knew of. What answers an earlier wish than the last says nothing
        new; what answers a resume says that the source keeps a pause of its own."""
        self.paused = True
        if seen < self._seq or (self._answered and self.wish is Wish.PAUSE):
            return None
        self._answered = True
        return self._told(Answer.PAUSED, now)

    def said_resumed(self, start: int, discarded: int, seen: int, now: float) -> Told:
        self.paused = False
        if seen >= self._seq:
            self._answered = self.wish is Wish.RESUME
        return self._told(Answer.RESUMED, now, start, discarded)

    def said_discarded(self, start: int, discarded: int, now: float) -> Told:
        return self._told(Answer.DISCARDED, now, start, discarded)

    def media(self, now: float) -> Told | None:
        """Sound came: told where the source is to pause and had said that it did."""
        broken = self.paused and self.wish is Wish.PAUSE
        self.paused = False
        if not broken:
            return None
        self._answered = False
        return self._told(Answer.MEDIA, now)

    def overdue(self, now: float) -> Told | None:
        """The first time that it has not answered by the deadline."""
        if self._answered or now < self._asked + DEADLINE_S or self._complained:
            return None
        self._complained = True
        return self._told(Answer.NONE, now)

    def _told(self, answer: Answer, now: float, start: int | None = None, discarded: int | None = None) -> Told:
        return Told(self.wish, answer, round(now - self._since, 3), start, discarded)
