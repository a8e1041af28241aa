"""A conversation held in memory by the process that owns its gates."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from onrecord.base.clock import Clock
from onrecord.base.stretch import FOREVER, Stretch, intersect, normalise
from onrecord.capture.permission import Permission, Shut, Union
from onrecord.capture.segment import Segment
from onrecord.capture.track import TrackGate
from onrecord.evidence.replay import fact_of, flag_of
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import Conversation, apply
from onrecord.policy.assertion import CLIENT_TYPES, closes
from onrecord.policy.facts import Fact
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.verdict import Flag
from onrecord.workflow.closings import Closings
from onrecord.workflow.listening import Listening
from onrecord.workflow.prompt_register import without_register


def facts_of(events: Iterable[Event]) -> list[Fact]:
    """What the kernel is told of them."""
    return [fact for fact in map(fact_of, events) if fact is not None]


class Said(NamedTuple):
    """An accepted event, and where its leaf stands."""

    event: Event
    leaf_index: int

    def repeats(self, other: Event) -> bool:
        """Whether `other` says the same under the same id; senders that repeat themselves may time it anew."""
        mine, others = self.event.data, other.data
        same = mine == others or without_register(mine) == without_register(others)
        return self.event.type == other.type and same


@dataclass(slots=True)
class Track:
    """One gated track. `artifact` is the id its recording has, or will have with its first stored sample. `unsealed`
    waits for the disk, in order."""

    name: str
    gate: TrackGate
    artifact: str
    persons: tuple[str, ...]
    rate: int
    encoding: str
    stream: str | None = None
    unsealed: deque[Segment] = field(default_factory=deque)
    sealing: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """Input of a stream waits to be handled: without a break since `since_ns`, when its media had come to `head`, in
    seconds."""

    since_ns: int
    head: float

    def reach(self, now_ns: int) -> float:
        """How far its media goes, were all of it handled, where it comes at its own pace."""
        return self.head + max(0, now_ns - self.since_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A timeline, and what closes beside it, as a permission for one kind. Folded when it is asked."""

    timeline: Timeline
    kind: Kind
    closings: Closings = field(default_factory=Closings)

    def closed(self, start: float, end: float) -> Sequence[Stretch]:
        timelines = [self.timeline, *self.closings.over(self.timeline)]
        return [stretch for timeline in timelines for stretch in timeline.closed(self.kind, start, end)]


@dataclass(slots=True)
class Live:
    """`lock` orders what is appended; the gates in `tracks` are judged on the event loop without it. `unsettled` are
    purges and erasures that a failed write left undone. Once `halted`, it takes nothing any more; once `closing`, no
    media. `opened` is the latest instant, in seconds, of what does not close. `watchers` are called, on the event loop,
    whenever the gates may have changed; they must not raise. By stream: `lags` where input waits, `overloads` what is
    shut until it has caught up. `unsaid` are events of the product's own that the record has not taken yet. `unsealed`
    counts the segments in `sealing`, of which the last was settled at `settled`, in seconds of the event loop's clock;
    while `giving_up` nothing is added to them. `losing`: the last that was to be stored was not.
    `wall`: see `clock_ns`. `listening`: for prompts, from the first stream or claim on."""

    conversation: Conversation
    timeline: Timeline
    closings: Closings = field(default_factory=Closings)
    shut: list[Shut] = field(default_factory=list)
    said: dict[str, Said] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    tracks: dict[str, Track] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sealing: set[asyncio.Task[None]] = field(default_factory=set)
    watchers: set[Callable[[], None]] = field(default_factory=set)
    tokens_used: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    halted: bool = False
    closing: bool = False
    epochs: int = 0
    opened: float = 0.0
    lags: dict[str, Lag] = field(default_factory=dict)
    overloads: dict[str, Shut] = field(default_factory=dict)
    unsaid: list[Event] = field(default_factory=list)
    unsealed: int = 0
    settled: float = 0.0
    giving_up: bool = False
    losing: bool = False
    wall: int | None = None
    listening: Listening | None = None

    def permission(self) -> Permission:
        """What the gates of recordings ask, as a value: the union of everything that closes. A closing counts from the
        moment it is accepted, before it is durable; an opening only once `timeline` has it."""
        verdicts = Verdicts(self.timeline, Kind.AUDIO_RECORDING, self.closings)
        return Union((verdicts, *self.shut, *self.overloads.values()))

    def closed(self, kind: Kind, start: float, end: float) -> list[Stretch]:
        """Closed stretches within [start, end) for words and derived artifacts: everything while the gates are shut,
        which ends with the next event and leaves late words their place, and everything once erasure was asked for."""
        if self.is_shut or self.conversation.erased:
            return normalise([(start, end)])
        found = Verdicts(self.timeline, kind, self.closings).closed(start, end)
        return intersect(normalise(found), [Stretch(start, end)])

    def apply(self, events: Sequence[Event]) -> None:
        """Durable events: into the record, and into the timeline those that are facts for the kernel."""
        for event in events:
            apply(self.conversation, event)
            flag = flag_of(event)
            if flag is not None:
                self.flags.append(flag)
        started = self.conversation.started_at
        if started is not None and self.timeline.head.started is None:
            self.timeline = self.timeline.begun(started)
        self.tell(events)

    def tell(self, events: Sequence[Event]) -> None:
        """Into the timeline alone."""
        facts = facts_of(events)
        opening = [event.t for event in events if event.type in CLIENT_TYPES and not closes(event.type, event.data)]
        self.opened = max([self.opened, *opening])
        if facts:
            self.timeline = self.timeline.with_facts(facts)

    def clock_ns(self, clock: Clock) -> int:
        """The wall clock as this conversation has it, in nanoseconds since the epoch: as it stood when it was first
        asked, but after all that is on record, and steady from then on. Setting the machine's clock changes no call."""
        steady = clock.steady_ns()
        if self.wall is None:
            c = self.conversation
            known = 0 if c.started_at is None else c.started_at + round(c.last_received * 1e9)
            self.wall = max(clock.now_ns(), known) - steady
        return self.wall + steady

    def media_head(self) -> float:
        """Seconds of media heard so far, over all tracks."""
        return max((track.gate.head / track.rate for track in self.tracks.values()), default=0.0)

    def now(self, now_ns: int) -> float:
        """The present on the interaction's clock: what has passed of it by the wall, or by its media where that is
        ahead; without media, by its events."""
        started = self.conversation.started_at
        if started is None:
            return 0.0
        elapsed = (now_ns - started) / 1e9
        if self.conversation.streams:
            return max(elapsed, self.media_head())
        return max(elapsed, self.conversation.last_t)

    def present(self, now_ns: int, *, closing: bool) -> float:
        """When an event without a time of its own happens: where the media stands while there is any, else by the wall.
        What closes comes after all that does not, and what does not after everything; what is to close one day does not
        put off what closes now. While input waits, the media stands further on than it was heard: nothing opens for
        what is still to be handled."""
        head = self.media_head()
        started = self.conversation.started_at
        behind = self.lags and not closing
        if started is not None and (behind or all(track.stream is None for track in self.tracks.values())):
            head = max(head, (now_ns - started) / 1e9)
        if behind:
            head = max(head, *(lag.reach(now_ns) for lag in self.lags.values()))
        return max(head, self.opened if closing else self.conversation.last_t)

    @property
    def is_shut(self) -> bool:
        return any(shut.end == FOREVER for shut in self.shut)

    def overloaded(self, kind: Kind) -> bool:
        """Whether its gates are shut for want of capacity: those of what is recorded from media."""
        return kind is Kind.AUDIO_RECORDING and bool(self.overloads)

    def leaf_of(self, event_id: str) -> int | None:
        """Where the closing of this id stands in the log; none where the id was taken by something else before."""
        said = self.said.get(event_id)
        if said is None:
            return None
        event = said.event
        return said.leaf_index if event.type == Internal.EVENT_CONFLICTED or closes(event.type, event.data) else None

    def halt(self) -> None:
        """What is on record is not known any more: the gates shut for good, and another takes this one's place."""
        self.halted = True
        for track in self.tracks.values():
            track.stream = None
        self.shut.append(Shut(0.0))
        for track in self.tracks.values():
            track.gate.permission = self.permission()
        self.told()

    def told(self) -> None:
        for watcher in tuple(self.watchers):
            watcher()

    def forget_sound(self) -> None:
        """No prompt is listened for any more, and no claim judged."""
        if self.listening is not None:
            self.listening.forget()
        self.listening = None

    def reopen(self) -> None:
        """An accepted event ends what was shut; what came until then stays withheld."""
        head = self.media_head()
        ended = normalise((shut.start, min(shut.end, head)) for shut in self.shut)
        self.shut = [Shut(start, end) for start, end in ended]
