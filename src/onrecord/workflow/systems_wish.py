"""What a capture system is to do in one conversation, at present."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from onrecord.interaction.record import SystemEntry
from onrecord.policy.fold import Step
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.verdict import Verdict
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live
from onrecord.workflow.outboxes import Registered


class View(NamedTuple):
    """A conversation as it is judged: `timelines` of which the lowest verdict holds, `shut` gates, `now` in seconds."""

    timelines: tuple[Timeline, ...]
    shut: bool
    now: float


def present(d: Deployment, live: Live) -> View:
    """As it stands: what closes counts from the moment it was accepted."""
    timelines = (live.timeline, *live.closings.over(live.timeline))
    return View(timelines, live.is_shut, live.now(live.clock_ns(d.clock)))


def wishes(d: Deployment, live: Live, view: View) -> dict[str, dict[str, str]]:
    """Verdicts by kind, by system; without those that are to be told nothing: they lack a contract, or the conversation
    is over and they were told so, or were never told of it."""
    c = live.conversation
    over = c.seal is not None or bool(c.erased or c.unreadable)
    ended = over or (c.ended_t is not None and c.ended_t <= view.now)
    found: dict[str, dict[str, str]] = {}
    for name, entry in c.systems.items():
        registered = d.outbox.registered.get(name)
        pair = d.outbox.pair(name, c.interaction)
        if registered is None or (pair is None and (ended or entry.command is not None or registered.retired)):
            continue
        barred = bool(lacking(d, live, registered, view))
        if barred and (pair is None or (pair.told is None and entry.command is None)):
            continue
        stop = over or barred or registered.retired
        found[name] = _verdicts(entry, view, stop=stop, pause=view.shut or d.outbox.leaving)
    return found


def _verdicts(entry: SystemEntry, view: View, *, stop: bool, pause: bool) -> dict[str, str]:
    highest = Verdict.STOP if stop else Verdict.PAUSE if pause else Verdict.CAPTURE
    kinds = [Kind(kind) for kind in entry.kinds]
    return {
        kind.value: min(highest, *(timeline.decision(kind, view.now).verdict for timeline in view.timelines)).word
        for kind in kinds
    }


def lacking(d: Deployment, live: Live, registered: Registered, view: View) -> list[str]:
    """The contracts that this conversation needs now and the system's vendor has not. A sensitive segment counts from
    when it is known until it has ended."""
    system = registered.system
    if system.vendor is None:
        return []
    places = {place for timeline in view.timelines for place in timeline.trace.folded.steps.last.call.places()}
    segments = {segment.type for step in _from_now(view) for segment in step.call.segments}
    return system.lacks(live.conversation.sector, places, d.clock.now_ns(), segments)


def _from_now(view: View) -> Iterator[Step]:
    """What holds now, and what is known to follow."""
    for timeline in view.timelines:
        folded = timeline.trace.folded
        for number in range(folded.position(view.now), len(folded.steps)):
            yield folded.steps[number]


def next_change(live: Live, view: View) -> float:
    """The next instant, in seconds, at which by what is known a verdict of a commanded kind changes, or a sensitive
    segment ends; inf: never."""
    kinds = {Kind(kind) for entry in live.conversation.systems.values() for kind in entry.kinds}
    found = min((step.at for step in _from_now(view) if step.at > view.now and _ends_segment(step)), default=math.inf)
    for timeline in view.timelines:
        for kind in kinds:
            first = next(timeline.trace.folded.pieces(kind, view.now, math.inf), None)
            if first is not None:
                found = min(found, first[0].end)
    return found


def _ends_segment(step: Step) -> bool:
    return step.effect is not None and step.effect.fact.type == "segment_end"
