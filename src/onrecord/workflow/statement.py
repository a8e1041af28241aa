"""One thing that a source says: parsed and timed, and what it is beside what was said before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from onrecord.interaction.events import Event, Internal
from onrecord.policy.assertion import closes, parse_event
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import InvalidRequestError
from onrecord.workflow.journal import internal
from onrecord.workflow.live import Live, Said
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.when import instant, received_at

MAX_ID = 200


class Statement(NamedTuple):
    event: Event
    closing: bool


@dataclass(slots=True)
class Sorted:
    """What a post comes to. `events` are to be appended, in order; `fresh` is what of them this post says for the
    first time, `repeated` what it says again."""

    events: list[Event] = field(default_factory=list)
    fresh: list[Statement] = field(default_factory=list)
    repeated: list[Event] = field(default_factory=list)
    conflict: bool = False


def parse(d: Deployment, live: Live, principal: Principal, item: Mapping[str, Any], now_ns: int) -> Statement:
    """Errors: InvalidRequestError, InvalidEventError, PromptUnknownError, ForbiddenError (`received` without the scope
    `replay`)."""
    kind = item.get("type")
    if not isinstance(kind, str):
        raise InvalidRequestError("an event needs a `type`")
    fields = {k: v for k, v in item.items() if k not in {"event_id", "t", "received", "type"}}
    data = d.prompts.completed(kind, parse_event(kind, fields))
    started = live.conversation.started_at
    closing = closes(kind, data)
    present = live.present(now_ns, closing=closing)
    t, uncertainty = instant(item.get("t"), started if started is not None else now_ns, present)
    given = item.get("received")
    if given is not None:
        principal.need(Scope.REPLAY)
    received = received_at(given, now_ns, started)
    if kind == "erasure_request" and not live.conversation.persons_in(data):
        raise InvalidRequestError("nobody of that name takes part")
    identifier = _identifier(d, live, item.get("event_id"))
    event = Event(identifier, kind, t, received, now_ns, principal.source, principal.id, data, uncertainty)
    return Statement(event, closing)


def _identifier(d: Deployment, live: Live, given: object) -> str:
    if given is None:
        return internal(live, d, Internal.EVENT_REPEATED, {}).event_id
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_ID or not given.isprintable():
        raise InvalidRequestError("`event_id` is a string of 1 to 200 printable characters")
    return given


def new_closings(live: Live, statements: Sequence[Statement]) -> list[Event]:
    """What acts on the gates at once: closings that are not on record, also one under an id used for something else."""
    return [
        s.event
        for s in statements
        if s.closing and ((said := live.said.get(s.event.event_id)) is None or not said.repeats(s.event))
    ]


def sort(d: Deployment, live: Live, statements: Sequence[Statement]) -> Sorted:
    """What is owed goes first. Then what is new, repeated or conflicting; in a conflict nothing is accepted but what
    closes, under an id of its own where its own is taken."""
    events, given = _with_owed(live, statements)
    result = Sorted()
    batch = {event.event_id: Said(event, -1) for event in events}
    conflicting: list[Statement] = []
    for statement in given:
        event = statement.event
        known = live.said.get(event.event_id) or batch.get(event.event_id)
        if known is None:
            batch[event.event_id] = Said(event, -1)
            result.fresh.append(statement)
        elif known.repeats(event):
            result.repeated.append(event)
        else:
            conflicting.append(statement)
    if conflicting:
        result.conflict = True
        result.repeated = []
        result.fresh = [s for s in result.fresh if s.closing]
        events += [_conflict(d, live, s.event) for s in conflicting if s.closing]
    events += [s.event for s in result.fresh]
    events += [_repetition(d, live, event) for event in result.repeated]
    result.events = events
    return result


def _with_owed(live: Live, statements: Sequence[Statement]) -> tuple[list[Event], list[Statement]]:
    """(owed closings to go first, the statements): a statement that says an owed closing again stands for it, from the
    earlier of the two instants."""
    again: list[Event] = []
    given: list[Statement] = []
    for statement in statements:
        owed = live.closings.owed_as(statement.event)
        if owed is None:
            given.append(statement)
        else:
            again.append(owed)
            earlier = min(owed, statement.event, key=lambda event: event.t - event.uncertainty)
            given.append(Statement(earlier, statement.closing))
    return [event for event in live.closings.owed if event not in again], given


def _repetition(d: Deployment, live: Live, event: Event) -> Event:
    made = internal(live, d, Internal.EVENT_REPEATED, {"of": event.event_id}, t=event.t)
    return Event(made.event_id, made.type, event.t, event.received, made.at, made.source, made.principal, made.data)


def _conflict(d: Deployment, live: Live, e: Event) -> Event:
    data = {"of": e.event_id, "type": e.type, "data": dict(e.data)}
    made = internal(live, d, Internal.EVENT_CONFLICTED, data)
    return Event(made.event_id, made.type, e.t, e.received, made.at, e.source, e.principal, data, e.uncertainty)
