"""One thing that a source says: parsed and timed, and what it is beside what was said before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onrecord.interaction.events import Event, Internal
from onrecord.policy.assertion import closes, parse_event
from onrecord.policy.facts import Fact
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError
from onrecord.workflow.journal import internal
from onrecord.workflow.live import Live, Said
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.when import instant, received_at

MAX_ID = 200


@dataclass(frozen=True, slots=True)
class Statement:
    event: Event

    @property
    def closing(self) -> bool:
        return closes(self.event.type, self.event.data)

    def fact(self) -> Fact:
        e = self.event
        return Fact(e.event_id, e.type, e.t, e.received, e.data, e.uncertainty)


@dataclass(slots=True)
class Sorted:
    """What a post comes to. `events` are to be appended, in order; `fresh` are those of them that are new."""

    events: list[Event] = field(default_factory=list)
    fresh: list[Statement] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    conflict: bool = False


def parse(d: Deployment, live: Live, principal: Principal, item: Mapping[str, Any]) -> Statement:
    """Errors: InvalidRequestError, InvalidEventError, ForbiddenError (`received` without the scope `replay`)."""
    kind = item.get("type")
    if not isinstance(kind, str):
        raise InvalidRequestError("an event needs a `type`")
    fields = {k: v for k, v in item.items() if k not in {"event_id", "t", "received", "type"}}
    data = parse_event(kind, fields)
    now_ns = d.clock.now_ns()
    started = live.conversation.started_at
    t, uncertainty = instant(item.get("t"), started if started is not None else now_ns, live.now(now_ns))
    given = item.get("received")
    if given is not None:
        principal.need(Scope.REPLAY)
    received = received_at(given, now_ns, started)
    identifier = _identifier(d, live, item.get("event_id"))
    event = Event(identifier, kind, t, received, now_ns, principal.source, principal.id, data, uncertainty)
    return Statement(event)


def _identifier(d: Deployment, live: Live, given: object) -> str:
    if given is None:
        return internal(live, d, Internal.EVENT_REPEATED, {}).event_id
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_ID or not given.isprintable():
        raise InvalidRequestError("`event_id` is a string of 1 to 200 printable characters")
    return given


def effective(live: Live, statements: Sequence[Statement]) -> list[Fact]:
    """What may act on the gates: what is new, and a closing under an id that was used for something else."""
    return [
        s.fact()
        for s in statements
        if (said := live.said.get(s.event.event_id)) is None or (s.closing and not said.repeats(s.event))
    ]


def sort(d: Deployment, live: Live, statements: Sequence[Statement]) -> Sorted:
    """New, repeated or conflicting. In a conflict nothing is accepted but what closes, each under an id of its own."""
    result = Sorted()
    batch: dict[str, Said] = {}
    for statement in statements:
        event = statement.event
        known = live.said.get(event.event_id) or batch.get(event.event_id)
        if known is None:
            batch[event.event_id] = Said(event, -1)
            result.fresh.append(statement)
            result.events.append(event)
        elif known.repeats(event):
            result.repeated.append(event.event_id)
            result.events.append(_repetition(d, live, event))
        else:
            result.conflict = True
    if result.conflict:
        closing = [_conflict(d, live, s.event) for s in statements if s.closing]
        return Sorted(events=closing, conflict=True)
    return result


def _repetition(d: Deployment, live: Live, event: Event) -> Event:
    made = internal(live, d, Internal.EVENT_REPEATED, {"of": event.event_id}, t=event.t)
    return Event(made.event_id, made.type, event.t, event.received, made.at, made.source, made.principal, made.data)


def _conflict(d: Deployment, live: Live, e: Event) -> Event:
    data = {"of": e.event_id, "type": e.type, "data": dict(e.data)}
    made = internal(live, d, Internal.EVENT_CONFLICTED, data)
    return Event(made.event_id, made.type, e.t, e.received, made.at, e.source, e.principal, data, e.uncertainty)
