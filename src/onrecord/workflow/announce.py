"""What an event makes known to subscribers: changes of verdicts, what agent and bot are to do, flags. Ids, words of
closed lists and times; never what a client said.

Order: the messages are on record in the transaction of the event, and go out after it."""

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from onrecord.capture.orders import Message, envelope
from onrecord.evidence.replay import flag_of
from onrecord.interaction.events import INTERNAL, Event
from onrecord.policy.kernel import Timeline
from onrecord.policy.verdict import Flag
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live, facts_of
from onrecord.workflow.side_records import RecordKind, sealed
from onrecord.workflow.subscribers import DROPPED, KEPT, MAX_ON_RECORD, Subscriber, Waiting

CHANGES = 100  # of one message
MESSAGES = 50  # of one post and subscriber
CHANGED, DIRECTED, ALERTED = "onrecord.decision", "onrecord.directive", "onrecord.alert"


class News(NamedTuple):
    """One message on its way to one subscriber, and its record."""

    subscriber: str
    message: Message
    record: Record


def announce(d: Deployment, live: Live, events: Sequence[Event]) -> list[News]:
    """What is to be told of events that are about to be stored. Where nobody has subscribed nothing is looked at."""
    if not d.subscribers.known:
        return []
    before = live.timeline
    facts = facts_of(events)
    after = before.with_facts(facts) if facts else before
    bodies = list(islice(_bodies(d, live, before, after, events), MESSAGES))
    found: list[News] = []
    for subscriber in d.subscribers.known.values():
        wanted = [(kind, data) for word, kind, data in bodies if word in subscriber.events]
        if subscriber.on_record >= MAX_ON_RECORD:
            d.subscribers.results[DROPPED] += len(wanted)
        else:
            found += [_news(d, live, subscriber, kind, data) for kind, data in wanted]
    return found


def _bodies(
    d: Deployment, live: Live, before: Timeline, after: Timeline, events: Sequence[Event]
) -> Iterable[tuple[str, str, dict[str, Any]]]:
    interaction = live.conversation.interaction
    moment = max([live.now(live.clock_ns(d.clock)), *(event.t for event in events)])
    if d.subscribers.wants("alert"):
        for flag in _flags(d, live, before, after, events):
            yield "alert", ALERTED, {"interaction": interaction, "flag": flag.flag, "t": flag.t}
    if d.subscribers.wants("directive"):
        new, old = after.directives(moment), before.directives(moment)
        if new != old:
            told = [{"directive": each.directive, "why": each.why, "t": each.t} for each in new]
            yield "directive", DIRECTED, {"interaction": interaction, "directives": told}
    if d.subscribers.wants("decision") and after is not before:
        changes = iter(after.changes_since(before))
        while part := list(islice(changes, CHANGES)):
            yield "decision", CHANGED, {"interaction": interaction, "changes": [_change(t, c) for t, _, c in part]}


def _change(t: float, change: Any) -> dict[str, Any]:
    words = change.ruling.words
    kind = change.ruling.kind.value
    return {"kind": kind, "t": t, **{name: words[name] for name in ("verdict", "state", "reason")}}


def _flags(d: Deployment, live: Live, before: Timeline, after: Timeline, events: Sequence[Event]) -> list[Flag]:
    found = [flag for flag in map(flag_of, events) if flag is not None]
    if after is before:
        return found
    own = {event.event_id for event in events if event.type not in INTERNAL}
    now = live.now(live.clock_ns(d.clock))
    known = max([now, live.conversation.last_received, *(event.received for event in events)])
    return [*found, *dict.fromkeys(after.flags_since(before, known, own))]


def _news(d: Deployment, live: Live, subscriber: Subscriber, kind: str, data: dict[str, Any]) -> News:
    d.subscribers.number += 1
    at = d.clock.now_ns()
    message = Message(f"msg_{os.urandom(16).hex()}", envelope(kind, at, data))
    name = f"{subscriber.id}/{at:020d}{d.subscribers.number:012d}"
    body = {"id": message.id, "body": message.body.decode()}
    interaction = live.conversation.interaction
    record = sealed(d.vault, d.tenant, RecordKind.MESSAGE, name, body, interaction=interaction)
    return News(subscriber.id, message, record)


def publish_news(d: Deployment, news: Iterable[News]) -> None:
    """What is on record now goes out."""
    for subscriber, message, record in news:
        known = d.subscribers.known.get(subscriber)
        if known is None:
            continue
        known.on_record += 1
        if known.more or known.kept >= KEPT:
            known.more = known.missed = True
        else:
            known.add(record.interaction, Waiting(record.id, message))
        known.wake.set()
