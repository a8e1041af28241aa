"""A stream whose input is handled slower than real time: its gates shut from there on until it has caught up.

Late is what has waited without a break while the media went on slower than the clock. A recording that is sent as fast
as it is taken always has input waiting, and is ahead of the clock; one that is sent slowly has none."""

from dataclasses import dataclass

from onrecord.capture.permission import Shut
from onrecord.interaction.events import Internal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Lag
from onrecord.workflow.notices import notice
from onrecord.workflow.stream import Stream, recheck

BEHIND_SECONDS = 0.5
CALM_SECONDS = 1.0
"""After so long without anything waiting the gates open again: what is at the edge of its means does not flutter."""


@dataclass(slots=True)
class Overload:
    """Of one stream. `now` is a steady clock in seconds, the same in all calls."""

    d: Deployment
    stream: Stream
    _since: float = 0.0
    _calm: float = 0.0
    _shut: Shut | None = None

    def waits(self, now: float) -> None:
        """Input waits, or may wait."""
        if self.stream.id not in self.stream.live.lags:
            self.restarts(now)

    def restarts(self, now: float) -> None:
        """Nothing waits at this moment, or for nothing that is this process's fault; but more may wait than is seen."""
        self._since = now
        lag = Lag(self.stream.live.clock_ns(self.d.clock), self.stream.head)
        self.stream.live.lags[self.stream.id] = lag

    def caught_up(self, now: float) -> None:
        if self.stream.live.lags.pop(self.stream.id, None) is not None:
            self._calm = now

    def judge(self, now: float) -> tuple[bool, bool]:
        """(whether input waits or may wait, whether the stream is overloaded)."""
        lag = self.stream.live.lags.get(self.stream.id)
        if lag is not None and self._shut is None:
            if now - self._since - (self.stream.head - lag.head) > BEHIND_SECONDS:
                self._begin()
        elif lag is None and now - self._calm >= CALM_SECONDS:
            self.end()
        return lag is not None, self._shut is not None

    def _begin(self) -> None:
        live = self.stream.live
        self._shut = Shut(self.stream.head)
        live.overloads[self.stream.id] = self._shut
        recheck(live)
        notice(self.d, live, Internal.OVERLOADED, {"stream": self.stream.id}, self._shut.start)

    def end(self) -> None:
        """Also where the stream ends. What came meanwhile stays withheld."""
        live, shut = self.stream.live, self._shut
        live.lags.pop(self.stream.id, None)
        if shut is None:
            return
        self._shut = None
        ended = shut.ended(self.stream.head)
        del live.overloads[self.stream.id]
        live.shut.append(ended)
        recheck(live)
        data = {"stream": self.stream.id, "start": ended.start, "end": ended.end}
        notice(self.d, live, Internal.OVERLOAD_ENDED, data, ended.end)
