"""Accepts what sources say of a conversation. A closing acts on the gates before it is durable, an opening after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import new_person_id
from onrecord.capture.permission import Shut
from onrecord.evidence.replay import fact_of
from onrecord.interaction.events import Event, Internal
from onrecord.ledger.sequencer import Sequenced
from onrecord.policy.assertion import entitled
from onrecord.policy.kernel import Timeline
from onrecord.policy.verdict import Flag
from onrecord.workflow import views
from onrecord.workflow.changes import messages
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.erase import erase_on_request
from onrecord.workflow.errors import EventConflictError, GatesShutError, InvalidRequestError, SourceNotEntitledError
from onrecord.workflow.idempotency import Replies
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live, Said
from onrecord.workflow.principal import ANY_SOURCE, Principal, Scope
from onrecord.workflow.purge import purge_closed
from onrecord.workflow.statement import Sorted, Statement, effective, parse, sort
from onrecord.workflow.stream import drain_if_ended, recheck

MAX_EVENTS = 1000
CREATED, REPEATED, CONFLICT = 201, 200, 409


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to one post. `status` 201 for something new, 200 where everything was a repetition."""

    status: int
    body: dict[str, Any]


async def tell(
    d: Deployment, live: Live, principal: Principal, raw: Sequence[Mapping[str, Any]], key: str | None
) -> Told:
    """All of `raw` is accepted, or none of it but what closes. Errors: ForbiddenError, InvalidRequestError,
    InvalidEventError, SourceNotEntitledError (logged), EventConflictError, IdempotencyMismatchError, GatesShutError,
    StorageError."""
    principal.need(Scope.EVENTS_WRITE)
    if not 1 <= len(raw) <= MAX_EVENTS:
        raise InvalidRequestError("a post holds between 1 and 1000 events")
    replies = Replies(d, live, principal, "events", key, raw)
    statements = [parse(d, live, principal, item) for item in raw]
    await _refuse_unentitled(d, live, principal, statements)
    candidate = live.pending[-1] if live.pending else live.timeline
    for fact in effective(live, statements):
        candidate = candidate.with_fact(fact)
    live.pending.append(candidate)
    recheck(live)
    try:
        async with live.lock:
            told = replies.earlier()
            if told is None:
                told = await _accept(d, live, statements, replies)
    finally:
        live.pending.remove(candidate)
        recheck(live)
    await _bring_under(d, live, statements)
    status, body = told
    if status == CONFLICT:
        raise EventConflictError("this `event_id` was used for another event")
    return Told(status, body)


async def _refuse_unentitled(d: Deployment, live: Live, principal: Principal, statements: Sequence[Statement]) -> None:
    if principal.source == ANY_SOURCE:
        return
    for statement in statements:
        event = statement.event
        if not entitled(principal.source, event.type, event.data, live.timeline.policy):
            data = {"type": event.type, "source": principal.source, "principal": principal.id}
            async with live.lock:
                await append(d, live, [internal(live, d, Internal.ASSERTION_REFUSED, data)])
            raise SourceNotEntitledError("this source may not assert that")


async def _accept(
    d: Deployment, live: Live, statements: Sequence[Statement], replies: Replies
) -> tuple[int, dict[str, Any]]:
    """Under the lock. Closings that could not be stored before go first."""
    post = sort(d, live, statements)
    again = {statement.event.event_id for statement in statements}
    owed = [event for event in live.unstored if event.event_id not in again]
    events = [*owed, *post.events]
    before = live.timeline
    reply = _Reply(d, live, events, post)
    status = CONFLICT if post.conflict else CREATED if post.fresh else REPEATED
    if events:
        try:
            await _introduce(d, live, post)
            done = await append(d, live, events, lambda places: replies.record(status, reply.finish(places)))
        except OnRecordError as error:
            _keep_shut(live, owed, statements)
            if any(statement.closing for statement in statements):
                raise GatesShutError("the event could not be stored; the gates are shut") from error
            raise
        for event, place in zip(events, done, strict=True):
            if event.type not in set(Internal):
                live.said[event.event_id] = Said(event, place.index)
        live.unstored.clear()
        live.owed = None
        if post.fresh or owed:
            live.reopen()
        _publish(d, live, before, list(zip(events, done, strict=True)))
        return status, reply.finish(done)
    return status, reply.finish(())


async def _introduce(d: Deployment, live: Live, post: Sorted) -> None:
    """Whoever joins has keys of their own before anything is said of them."""
    joining = [s.event.data for s in post.fresh if s.event.type == "party_join"]
    known = {p.role for p in live.conversation.parties}
    roles = {data["role"]: data.get("jurisdiction", "unknown") for data in joining if data["role"] not in known}
    events = [
        internal(live, d, Internal.PARTY_JOINED, {"role": role, "jurisdiction": place, "person": new_person_id()})
        for role, place in roles.items()
    ]
    if events:
        await append(d, live, events)


def _keep_shut(live: Live, owed: Sequence[Event], statements: Sequence[Statement]) -> None:
    """A closing that could not be stored holds: its gates are shut, and the next post stores it."""
    closing = [statement.event for statement in statements if statement.closing]
    live.unstored[:] = [*owed, *closing]
    if closing:
        owed_timeline = live.timeline
        for event in live.unstored:
            owed_timeline = owed_timeline.with_fact(Statement(event).fact())
        live.owed = owed_timeline
        live.shut.append(Shut(min(event.t - event.uncertainty for event in closing)))
        recheck(live)


class _Reply:
    """The body of an answer: made before the commit, so that it can be stored with it; indices come after."""

    def __init__(self, d: Deployment, live: Live, events: Sequence[Event], post: Sorted) -> None:
        after = before = live.timeline
        for event in events:
            fact = fact_of(event)
            if fact is not None:
                after = after.with_fact(fact)
        now = live.now(d.clock.now_ns())
        known = max([now, live.conversation.last_received, *(event.received for event in events)])
        own = {event.event_id for event in events}
        old = set(before.flags(known))
        raised: list[Flag] = [flag for flag in after.flags(known) if flag not in old or flag.event_id in own]
        self._body: dict[str, Any] = {
            "decisions": views.decisions(after, max([now, *(event.t for event in events)])),
            "flags": views.flags(raised),
        }
        first = live.said.get(post.repeated[0]) if post.repeated and not post.fresh else None
        self._first = None if first is None else first.leaf_index

    def finish(self, places: Sequence[Sequenced]) -> dict[str, Any]:
        """A repetition names the leaf of what it repeats."""
        last = places[-1] if places else None
        index = self._first if self._first is not None or last is None else last.index
        return {**self._body, "leaf_index": index, "tree_size": None if last is None else last.tree_size}


def _publish(d: Deployment, live: Live, before: Timeline, placed: Sequence[tuple[Event, Sequenced]]) -> None:
    indices = {event.event_id: place.index for event, place in placed}
    last = placed[-1][1].index
    d.feed.publish(messages(live.conversation.interaction, before, live.timeline, indices, last))


async def _bring_under(d: Deployment, live: Live, statements: Sequence[Statement]) -> None:
    """What is stored already comes under what was said; what goes as a whole first."""
    closing = [statement.event for statement in statements if statement.closing]
    for event in closing:
        if event.type == "erasure_request":
            await erase_on_request(d, live, event)
    if closing:
        await purge_closed(d, live, closing[0].event_id)
    await drain_if_ended(d, live)
