"""Accepts what sources say of a conversation. A closing acts on the gates before it is durable, an opening after."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, NoReturn

from onrecord.base.errors import OnRecordError
from onrecord.capture.permission import Shut
from onrecord.interaction.events import INTERNAL, PRODUCT, Event, Internal
from onrecord.ledger.sequencer import Sequenced
from onrecord.policy.assertion import entitled
from onrecord.policy.stepwise import Steps
from onrecord.storage.ports import Record
from onrecord.workflow.changes import messages, publish
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.erase import erase_on_request
from onrecord.workflow.errors import (
    ContentErasedError,
    EventConflictError,
    GatesShutError,
    IdempotencyMismatchError,
    InvalidRequestError,
    SealedError,
    SourceNotEntitledError,
)
from onrecord.workflow.feed import Message
from onrecord.workflow.hearing import claimed
from onrecord.workflow.idempotency import Replies
from onrecord.workflow.introduce import introduce
from onrecord.workflow.journal import append, internal
from onrecord.workflow.live import Live, Said
from onrecord.workflow.outbox import intend, issue
from onrecord.workflow.principal import ANY_SOURCE, Principal, Scope
from onrecord.workflow.profiles import told_in
from onrecord.workflow.purge import purge_closed
from onrecord.workflow.reply import Reply
from onrecord.workflow.settle import SETTLE, settle
from onrecord.workflow.side_records import RecordKind
from onrecord.workflow.statement import Statement, new_closings, parse, sort
from onrecord.workflow.stream import drain_if_ended, recheck
from onrecord.workflow.systems_key import check_event, report_after_stop
from onrecord.workflow.systems_review import moved
from onrecord.workflow.turns import SLICE, Place, in_turns, turn
from onrecord.workflow.withdraw import reach_live

MAX_EVENTS = 1000
MAX_FACTS = 20_000
MOVES = frozenset({"party_join", "jurisdiction_update", "segment_start", "segment_end"})
CREATED, REPEATED, CONFLICT = 201, 200, 409
Recorder = Callable[[int, dict[str, Any]], Sequence[Record]]
NOTHING_CLOSES = 0


class Told(NamedTuple):
    """The answer to one post. `status` 201 for something new, 200 where everything was a repetition; `news`: what is
    yet to be published; `withdrawn`: records of what it takes back of profiles."""

    status: int
    body: dict[str, Any]
    news: Steps[list[Message]] | None = None
    withdrawn: tuple[str, ...] = ()


async def tell(
    d: Deployment,
    live: Live,
    principal: Principal,
    raw: Sequence[Mapping[str, Any]],
    key: str | None,
    arrived: float | None = None,
) -> Told:
    """All of `raw` is accepted, or none of it but what closes. `arrived`: when it came, by `perf_counter`.
    Errors: ForbiddenError, InvalidRequestError, InvalidEventError, SourceNotEntitledError (logged), EventConflictError,
    IdempotencyMismatchError, SealedError, GatesShutError, StorageError. Whatever else happens (memory ran out, whoever
    waited was cancelled) halts `live`: what was to close may have done nothing yet."""
    principal.need(Scope.EVENTS_WRITE)
    if not 1 <= len(raw) <= MAX_EVENTS:
        raise InvalidRequestError("a post holds between 1 and 1000 events")
    try:
        return await _tell(d, live, principal, raw, key, perf_counter() if arrived is None else arrived)
    except OnRecordError:
        raise
    except BaseException:
        live.halt()
        raise


async def _tell(
    d: Deployment, live: Live, principal: Principal, raw: Sequence[Mapping[str, Any]], key: str | None, arrived: float
) -> Told:
    """What is unexpected leaves the closings under way, for whoever takes the conversation up anew."""
    place = Place(live.lock)
    if len(raw) > SLICE:
        place.take()
    try:
        statements, refusal = await _read(d, live, principal, raw)
        if refusal is not None:
            statements = [statement for statement in statements if statement.closing]
        number = await _close(d, live, new_closings(live, statements), arrived)
    except BaseException:
        place.leave()
        raise
    try:
        async with place:
            if refusal is None:
                told, refusal = await _answer(
                    d, live, statements, partial(Replies, d, live, principal, "events", key, raw)
                )
            else:
                told = await _accept_closings(d, live, statements)
            _done(live, number)
            if told.news is not None:
                await publish(d.feed, told.news)
            if refusal is not None:
                await _log_refusal(d, live, principal, refusal)
    except OnRecordError:
        _done(live, number)
        raise
    await reach_live(d, told.withdrawn, tell)
    await _bring_under(d, live, statements)
    if principal.system is not None:
        report_after_stop(d, live, principal.system, [statement.event for statement in statements])
    if refusal is not None:
        raise refusal
    if told.status == CONFLICT:
        raise EventConflictError("this `event_id` was used for another event")
    return told


async def _read(
    d: Deployment, live: Live, principal: Principal, raw: Sequence[Mapping[str, Any]]
) -> tuple[list[Statement], OnRecordError | None]:
    """What may be said, and the first reason why not all of it may."""
    refusals: list[OnRecordError] = []
    now_ns = live.clock_ns(d.clock)

    def read(items: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
        for item in items:
            try:
                statement = parse(d, live, principal, item, now_ns)
                _check(live, principal, statement)
            except OnRecordError as error:
                refusals.append(error)
            else:
                yield statement

    return await in_turns(read, raw), refusals[0] if refusals else None


async def _close(d: Deployment, live: Live, closing: Sequence[Event], arrived: float) -> int:
    """What closes acts on the gates; the number of the post, none where nothing does."""
    if not closing:
        return NOTHING_CLOSES
    number, live.closings = live.closings.accept(closing[:SLICE])
    recheck(live)
    for start in range(SLICE, len(closing), SLICE):
        await turn()
        live.closings = live.closings.accept_more(number, closing[start : start + SLICE])
        recheck(live)
    d.measures.close_seconds.observe(perf_counter() - arrived)
    return number


def _done(live: Live, number: int) -> None:
    if number != NOTHING_CLOSES:
        live.closings = live.closings.done(number)
    recheck(live)


def _check(live: Live, principal: Principal, statement: Statement) -> None:
    event = statement.event
    policy = live.timeline.policy
    if principal.source != ANY_SOURCE and not entitled(principal.source, event.type, event.data, policy):
        raise SourceNotEntitledError("this source may not assert that", event.type)
    check_event(live, principal, event)
    if (live.conversation.erased or live.conversation.unreadable) and not statement.closing:
        raise ContentErasedError("of what was erased nothing more is taken but what closes")
    if live.conversation.seal is not None and not statement.closing and event.event_id not in live.said:
        raise SealedError("a sealed interaction takes nothing more but what closes")
    if len(live.timeline.facts) >= MAX_FACTS and not statement.closing:
        raise InvalidRequestError("this interaction has as many events as one may have", code="too_many_events")


async def _answer(
    d: Deployment, live: Live, statements: Sequence[Statement], before: Callable[[], Replies]
) -> tuple[Told, OnRecordError | None]:
    """Under the lock. Another request under a key that was used is refused, but what closes in it is stored."""
    try:
        replies = before()
        earlier = replies.earlier()
    except IdempotencyMismatchError as error:
        return await _accept_closings(d, live, statements), error
    except OnRecordError as error:
        _refuse(d, live, statements, error)
    if earlier is not None:
        return Told(*earlier, None), None
    return await _accept(d, live, statements, replies.record if replies.keyed else None), None


async def _accept_closings(d: Deployment, live: Live, statements: Sequence[Statement]) -> Told:
    closing = [statement for statement in statements if statement.closing]
    return await _accept(d, live, closing, None) if closing else Told(REPEATED, {})


async def _log_refusal(d: Deployment, live: Live, principal: Principal, refusal: OnRecordError) -> None:
    if isinstance(refusal, SourceNotEntitledError):
        data = {"type": refusal.asserted, "source": principal.source, "principal": principal.id}
        await append(d, live, [internal(live, d, Internal.ASSERTION_REFUSED, data)])


async def _accept(
    d: Deployment,
    live: Live,
    statements: Sequence[Statement],
    record: Recorder | None,
) -> Told:
    """Under the lock. Closings that could not be stored before go first."""
    post = sort(d, live, statements)
    reply = await Reply.to(d, live, post)
    status = CONFLICT if post.conflict else CREATED if post.fresh else REPEATED
    if not post.events:
        return Told(status, reply.finish(()))
    latest = max(event.t for event in post.events)
    opens = any(fresh.event.principal != PRODUCT for fresh in post.fresh)
    commands = intend(d, live, reply.after, latest=latest, opens=opens)
    try:
        await introduce(d, live, post)
        taken = told_in(d, live, post.events)
        beside = [*taken, *(intent.record for intent in commands)]
        done = await append(d, live, post.events, _records(record, status, reply, beside))
    except OnRecordError as error:
        _refuse(d, live, statements, error)
    for event, place in zip(post.events, done, strict=True):
        if event.type not in INTERNAL:
            live.said[event.event_id] = Said(event, place.index)
    live.unsettled.update(SETTLE for event in live.closings.owed if event in post.events)
    live.closings = live.closings.settle(post.events)
    if opens:
        live.reopen()
    issue(d, live, commands)
    claimed(d, live, [fresh.event for fresh in post.fresh])
    d.measures.recorded((), reply.raised)
    indices = {event.event_id: place.index for event, place in zip(post.events, done, strict=True)}
    news = messages(live.conversation.interaction, reply.before, live.timeline, indices, done[-1].index)
    withdrawn = tuple(each.id for each in taken if each.kind == RecordKind.REACHING)
    return Told(status, reply.finish(done), news, withdrawn)


def _records(
    record: Recorder | None, status: int, reply: Reply, beside: Sequence[Record]
) -> Callable[[Sequence[Sequenced]], Sequence[Record]]:
    """What is stored with the events: the answer, and `beside`: what they say of profiles, the commands they cause."""
    return lambda places: [*beside, *(record(status, reply.kept(places)) if record else ())]


def _refuse(d: Deployment, live: Live, statements: Sequence[Statement], error: OnRecordError) -> NoReturn:
    """Errors: GatesShutError where a closing is among the statements, else `error`."""
    owed = new_closings(live, statements)
    if not owed:
        raise error
    _keep_shut(d, live, owed)
    raise GatesShutError("the event could not be stored; the gates are shut") from error


def _keep_shut(d: Deployment, live: Live, closing: Sequence[Event]) -> None:
    """A closing that could not be stored holds: its gates are shut, and the next post stores it. It is owed by whoever
    stands for the conversation now."""
    for each in {id(one): one for one in (live, d.live.get(live.conversation.interaction, live))}.values():
        each.closings = each.closings.owe(closing)
        each.shut.append(Shut(min(event.t - event.uncertainty for event in closing)))
        recheck(each)


async def _bring_under(d: Deployment, live: Live, statements: Sequence[Statement]) -> None:
    """What is stored already comes under what was said, and under what was owed before it."""
    closing = [statement.event for statement in statements if statement.closing]
    if SETTLE in live.unsettled:
        await settle(d, live)
        live.unsettled.discard(SETTLE)
    elif closing:
        for event in closing:
            if event.type == "erasure_request":
                await erase_on_request(d, live, event)
        await purge_closed(d, live, closing[0].event_id)
    if any(statement.event.type in MOVES for statement in statements):
        await moved(d, live)
    await drain_if_ended(d, live)
