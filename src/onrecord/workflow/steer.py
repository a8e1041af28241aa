"""Steers a source that can be paused: it is to send while the recording is permitted at the present of its stream, and
to pause while it is not. A second line: what comes all the same is judged by the gate."""

import asyncio
from collections.abc import Callable

from onrecord.capture.permission import Judge
from onrecord.capture.source import Source, Told, Wish
from onrecord.interaction.events import Internal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.notices import notice
from onrecord.workflow.stream import Stream

MAX_TOLD = 1000  # answers that one stream puts on record
LOOK_SECONDS = 30.0  # how far ahead of the present a verdict is looked at


class Steering:
    """Of one stream. Positions are samples of the stream, from its own second 0. While nothing comes its present goes
    on with the wall. `tell` gives the source an order and returns the number of that message; `gone` is called where
    the stream was ended from elsewhere, or answers without end.

    Verdicts that change by time alone are looked at with every frame, and where none comes by a timer."""

    def __init__(
        self, d: Deployment, stream: Stream, tell: Callable[[Wish], int], gone: Callable[[str], None], position: int
    ) -> None:
        clock = next(iter(stream.clocks.values()))
        self._d = d
        self._stream = stream
        self._tell = tell
        self._gone = gone
        self._clock = clock
        self._slot = clock.rate // 50
        self._position = position
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._moved = self._now()
        self._judge = Judge(stream.live.permission(), clock.rate)
        self._source = Source(Wish.RESUME, 0, self._moved)
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0
        self._ended = False

    def wish(self) -> Wish:
        """What the source is to do at the present."""
        at = self._clock.position(self._present())
        closed = self._judge.touches(at - self._clock.uncertainty, at + self._slot + self._clock.uncertainty)
        return Wish.PAUSE if closed else Wish.RESUME

    def begin(self, wish: Wish, seq: int) -> None:
        """The source was opened by our message `seq`, told to begin so."""
        self._source = Source(wish, seq, self._now())
        self._stream.live.watchers.add(self._changed)
        self._look()

    def end(self) -> None:
        self._ended = True
        self._stream.live.watchers.discard(self._changed)
        if self._timer is not None:
            self._timer.cancel()

    def heard(self, position: int) -> None:
        """Sound came, up to `position`."""
        self._position = position
        if self.still:
            self._moved = self._now()
            broken = self._source.media(self._moved)
            if broken is not None:
                self._keep(broken)
                self._order(Wish.PAUSE)
        if self.wish() is not self._source.wish:
            self._look()

    def stands(self, position: int) -> None:
        """Where the source says that it is, while it sends nothing."""
        if self.still and position > self._present():
            self._position, self._moved = position, self._now()
            self._look()

    @property
    def still(self) -> bool:
        """Whether the source sends nothing by its own word, is to send nothing, or was not heard since."""
        return self._source.paused or self._source.wish is Wish.PAUSE or not self._source.answered

    def said_paused(self, seen: int) -> None:
        """`seen`: the last of our messages that the source knew of."""
        now = self._now()
        if not self.still:
            self._moved = now
        self._keep(self._source.said_paused(seen, now))
        self._look()

    def said_resumed(self, start: int, discarded: int, seen: int) -> None:
        now = self._now()
        told = self._source.said_resumed(start, discarded, seen, now)
        self._position, self._moved = max(self._position, start + discarded), now
        self._keep(told)
        self._look()

    def said_discarded(self, start: int, discarded: int) -> None:
        now = self._now()
        told = self._source.said_discarded(start, discarded, now)
        self._position, self._moved = max(self._position, start + discarded), now
        self._keep(told)
        self._look()

    def _present(self) -> int:
        if not self.still:
            return self._position
        return self._position + int((self._now() - self._moved) * self._clock.rate)

    def _changed(self) -> None:
        if all(track.stream != self._stream.id for track in self._stream.tracks.values()):
            self._gone("interaction_sealed")
            return
        self._judge = Judge(self._stream.live.permission(), self._clock.rate)
        self._look()

    def _look(self) -> None:
        wish = self.wish()
        if wish is not self._source.wish:
            self._order(wish)
        self._arm()

    def _order(self, wish: Wish) -> None:
        if not self.still:
            self._moved = self._now()
        self._source.tell(wish, self._tell(wish), self._now())

    def _tick(self) -> None:
        now = self._now()
        if self._source.due_in(now) == 0.0:
            self._keep(self._source.overdue(now))
            self._order(self._source.wish)
        self._changed()

    def _arm(self) -> None:
        """Comes back when an answer is due, and where no frame will ask, when the verdict may be another."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ended:
            return
        due = self._source.due_in(self._now())
        waits = [] if due is None else [due]
        if self._source.wish is Wish.PAUSE:
            waits.append(self._opens_in())
        self._timer = self._loop.call_later(min(waits), self._tick) if waits else None

    def _opens_in(self) -> float:
        """Seconds until the recording is permitted again by time alone, LOOK_SECONDS at most."""
        rate, uncertainty = self._clock.rate, self._clock.uncertainty
        at = now = self._clock.position(self._present())
        horizon = now + round(LOOK_SECONDS * rate)
        for start, end in self._judge.closed(at - uncertainty, horizon):
            if start < at + self._slot + uncertainty:
                at = max(at, end + uncertainty)
        return max(min(at, horizon) - now, self._slot) / rate

    def _keep(self, told: Told | None) -> None:
        if told is None:
            return
        self._told += 1
        if self._told > MAX_TOLD:
            self._gone("too_many_bad_messages")
            return
        data = {
            "stream": self._stream.id,
            "wish": told.wish.value,
            "answer": told.answer.value,
            "seconds": told.seconds,
        }
        if told.start is not None and told.discarded is not None:
            data["start"] = self._seconds(told.start)
            data["discarded"] = told.discarded / self._clock.rate
        notice(self._d, self._stream.live, Internal.SOURCE_ANSWERED, data, self._seconds(self._present()))

    def _seconds(self, position: int) -> float:
        """On the interaction's clock."""
        return self._clock.seconds(self._clock.position(position))
