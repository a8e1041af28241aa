"""Accepts what sources say of a conversation. A closing acts on the gates before it is durable, an opening after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.capture.permission import Shut
from onrecord.interaction.events import Event, Internal
from onrecord.ledger.sequencer import Sequenced
from onrecord.policy.assertion import closes, entitled, parse_event
from onrecord.policy.facts import Fact
from onrecord.policy.kernel import Timeline
from onrecord.policy.verdict import Flag
from onrecord.storage.ports import StorageError
from onrecord.workflow import views
from onrecord.workflow.changes import messages
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.erase import erase_on_request
from onrecord.workflow.errors import EventConflictError, GatesShutError, InvalidRequestError, SourceNotEntitledError
from onrecord.workflow.idempotency import Replies
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live, Said, fact_of
from onrecord.workflow.principal import ANY_SOURCE, Principal, Scope
from onrecord.workflow.purge import purge_closed
from onrecord.workflow.stream import drain_if_ended, recheck
from onrecord.workflow.when import instant, received_at

MAX_EVENTS = 1000
MAX_ID = 200


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to one post. `status` 201 for something new, 200 where everything was a repetition."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Parsed:
    event: Event
    timed: bool


async def tell(
    d: Deployment, live: Live, principal: Principal, raw: Sequence[Mapping[str, Any]], key: str | None
) -> Told:
    """Errors: ForbiddenError, InvalidRequestError, PolicyError, SourceNotEntitledError (logged), EventConflictError,
    IdempotencyMismatchError, GatesShutError, StorageError. All of `raw` is accepted, or none of it."""
    principal.need(Scope.EVENTS_WRITE)
    if not 1 <= len(raw) <= MAX_EVENTS:
        raise InvalidRequestError("a post holds between 1 and 1000 events")
    replies = Replies(d, live, principal, "events", key, raw)
    parsed = [_parse(d, live, principal, item) for item in raw]
    await _refuse_unentitled(d, live, principal, parsed)
    candidate = live.pending[-1] if live.pending else live.timeline
    for item in parsed:
        said = live.said.get(item.event.event_id)
        conflicting = said is not None and not said.repeats(item.event, timed=item.timed)
        if said is None or (conflicting and closes(item.event.type, item.event.data)):
            candidate = candidate.with_fact(_fact(item.event))
    live.pending.append(candidate)
    try:
        recheck(live)
        async with live.lock:
            earlier = replies.earlier()
            if earlier is not None:
                return Told(*earlier)
            told = await _append(d, live, parsed, replies)
    finally:
        live.pending.remove(candidate)
        recheck(live)
    await _afterwards(d, live, parsed)
    return told


def _parse(d: Deployment, live: Live, principal: Principal, item: Mapping[str, Any]) -> _Parsed:
    kind = item.get("type")
    if not isinstance(kind, str):
        raise InvalidRequestError("an event needs a `type`")
    fields = {k: v for k, v in item.items() if k not in {"event_id", "t", "received", "type"}}
    data = parse_event(kind, fields)
    identifier = item.get("event_id")
    if identifier is None:
        identifier = internal(live, d, Internal.EVENT_REPEATED, {}).event_id
    if not isinstance(identifier, str) or not 1 <= len(identifier) <= MAX_ID or not identifier.isprintable():
        raise InvalidRequestError("`event_id` is a string of 1 to 200 printable characters")
    now_ns = d.clock.now_ns()
    started = live.conversation.started_at
    t, uncertainty = instant(item.get("t"), started if started is not None else now_ns, live.now(now_ns))
    given = item.get("received")
    if given is not None:
        principal.need(Scope.REPLAY)
    received = received_at(given, now_ns, started)
    event = Event(identifier, kind, t, received, now_ns, principal.source, principal.id, data, uncertainty)
    return _Parsed(event, timed=item.get("t") is not None)


async def _refuse_unentitled(d: Deployment, live: Live, principal: Principal, parsed: Sequence[_Parsed]) -> None:
    if principal.source == ANY_SOURCE:
        return
    for item in parsed:
        if not entitled(principal.source, item.event.type, item.event.data, live.timeline.policy):
            data = {"type": item.event.type, "source": principal.source, "principal": principal.id}
            async with live.lock:
                await append(d, live, [internal(live, d, Internal.ASSERTION_REFUSED, data)])
            raise SourceNotEntitledError("this source may not assert that")


async def _append(d: Deployment, live: Live, parsed: Sequence[_Parsed], replies: Replies) -> Told:
    """Under the lock: sorts new from repeated and conflicting, appends, and answers."""
    fresh: list[_Parsed] = []
    events: list[Event] = []
    conflict = False
    repeated: list[str] = []
    batch: dict[str, Said] = {}
    for item in parsed:
        known = live.said.get(item.event.event_id) or batch.get(item.event.event_id)
        if known is None:
            batch[item.event.event_id] = Said(item.event, -1)
            fresh.append(item)
            events.append(item.event)
        elif known.repeats(item.event, timed=item.timed):
            repeated.append(item.event.event_id)
            events.append(_repetition(live, d, item.event))
        else:
            conflict = True
            if closes(item.event.type, item.event.data):
                events.append(_conflict(live, d, item.event))
    before = live.timeline
    if conflict:
        events = [event for event in events if event.type == Internal.EVENT_CONFLICTED]
        fresh = []
    body = _Reply(d, live, before, events, repeated)
    done = await _commit(d, live, events, body, replies, status=201 if fresh else 200)
    for event, place in zip(events, done, strict=True):
        for item in fresh:
            if item.event is event:
                live.said[event.event_id] = Said(item.event, place.index)
    if done:
        live.reopen()
        _publish(d, live, before, list(zip(events, done, strict=True)))
    if conflict:
        raise EventConflictError("this `event_id` was used for another event")
    return Told(201 if fresh else 200, body.finish(done))


async def _commit(
    d: Deployment, live: Live, events: list[Event], body: "_Reply", replies: Replies, status: int
) -> tuple[Sequenced, ...]:
    if not events:
        return ()
    try:
        return await append(d, live, events, lambda done: replies.record(status, body.finish(done)))
    except StorageError as error:
        closing = [event.t - event.uncertainty for event in events if closes(event.type, event.data)]
        if closing:
            live.shut.append(Shut(min(closing)))
            recheck(live)
            raise GatesShutError("the event could not be stored; the gates are shut") from error
        raise


def _repetition(live: Live, d: Deployment, event: Event) -> Event:
    made = internal(live, d, Internal.EVENT_REPEATED, {"of": event.event_id}, t=event.t)
    return Event(made.event_id, made.type, event.t, event.received, made.at, made.source, made.principal, made.data)


def _conflict(live: Live, d: Deployment, event: Event) -> Event:
    data = {"of": event.event_id, "type": event.type, "data": dict(event.data)}
    made = internal(live, d, Internal.EVENT_CONFLICTED, data)
    return Event(
        made.event_id,
        made.type,
        event.t,
        event.received,
        made.at,
        event.source,
        event.principal,
        data,
        event.uncertainty,
    )


class _Reply:
    """The body of an answer: made before the commit, so that it can be stored with it; indices come after."""

    def __init__(
        self, d: Deployment, live: Live, before: Timeline, events: Sequence[Event], repeated: Sequence[str]
    ) -> None:
        after = before
        for event in events:
            fact = fact_of(event)
            if fact is not None:
                after = after.with_fact(fact)
        own = {event.event_id for event in events}
        now = live.now(d.clock.now_ns())
        moment = max([now, *(event.t for event in events)])
        known = max([now, live.conversation.last_received, *(event.received for event in events)])
        old = set(before.flags(known))
        raised: list[Flag] = [f for f in after.flags(known) if f not in old or f.event_id in own]
        self._body: dict[str, Any] = {
            "decisions": views.decisions(after, moment),
            "flags": views.flags(raised),
        }
        self._first = live.said[repeated[0]].leaf_index if repeated and repeated[0] in live.said else None
        self._only_repeated = all(event.type == Internal.EVENT_REPEATED for event in events)

    def finish(self, done: Sequence[Sequenced]) -> dict[str, Any]:
        index = done[-1].index if done else None
        if self._only_repeated and self._first is not None:
            index = self._first
        size = done[-1].tree_size if done else None
        return {**self._body, "leaf_index": index, "tree_size": size}


def _fact(event: Event) -> Fact:
    return Fact(event.event_id, event.type, event.t, event.received, event.data, event.uncertainty)


def _publish(d: Deployment, live: Live, before: Timeline, placed: Sequence[tuple[Event, Sequenced]]) -> None:
    indices = {event.event_id: place.index for event, place in placed}
    last = placed[-1][1].index
    d.feed.publish(messages(live.conversation.interaction, before, live.timeline, indices, last))


async def _afterwards(d: Deployment, live: Live, parsed: Sequence[_Parsed]) -> None:
    closing = [item.event.event_id for item in parsed if closes(item.event.type, item.event.data)]
    if closing:
        await purge_closed(d, live, closing[0])
    for item in parsed:
        if item.event.type == "erasure_request":
            await erase_on_request(d, live, item.event)
    await drain_if_ended(d, live)
