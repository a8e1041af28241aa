"""Stops and pauses that a capture system must acknowledge."""

import math
from bisect import bisect_left
from itertools import pairwise

from onrecord.policy.fold import data_of
from onrecord.policy.folded import Folded
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.purposes import INDEX, ORDER
from onrecord.policy.verdict import Flag, State

_ACKNOWLEDGE = tuple(
    kind for kind in ORDER if kind not in HANDLING_RECORDS | {Kind.TRAINING_DATA, Kind.WORKFLOW_ACTION}
)

_ACKS = frozenset({"capture_ack", "system_acknowledged"})
"""As a client says it, and as this product has read it back."""


def missing_acks(
    folded: Folded, timeout: float, as_of: float, start: float = -math.inf, end: float = math.inf
) -> list[Flag]:
    """STOP_NOT_ACKNOWLEDGED and PARTIAL_STOP of what stopped from `start` to `end`, each at the instant when the time
    was up. A closing that was heard of late can be answered only from then on; the end of the call needs no answer."""
    due: list[tuple[float, float, str, set[Kind]]] = []
    for at, stopped in sorted(_stops(folded, start, end).items()):
        step = folded.steps[folded.position(at)]
        if step.effect is not None and step.call.ended is None:
            fact = step.effect.fact
            due.append((at, max(at, fact.received) + timeout, fact.event_id, stopped))
    acks = _acks(folded, due[0][0], max(deadline for _, deadline, _, _ in due)) if due else {}
    found: list[Flag] = []
    for at, deadline, cause, stopped in due:
        answered = {kind for kind in stopped if _within(acks.get(kind.value, []), at, deadline)}
        if deadline <= as_of and stopped - answered:
            found.append(Flag("STOP_NOT_ACKNOWLEDGED", deadline, cause))
            if answered:
                found.append(Flag("PARTIAL_STOP", deadline, cause))
    return found


def _stops(folded: Folded, start: float, end: float) -> dict[float, set[Kind]]:
    """The kinds that ceased to capture from `start` to `end`, by instant."""
    found: dict[float, set[Kind]] = {}
    for kind in _ACKNOWLEDGE:
        listed = folded.changes[INDEX[kind]]
        within = listed.part(max(listed.before(start) - 1, 0), listed.upto(end))
        for old, new in pairwise(within):
            if old.ruling.state is State.CAPTURING and new.ruling.state is not State.CAPTURING:
                found.setdefault(new.at, set()).add(kind)
    return found


def _acks(folded: Folded, start: float, end: float) -> dict[str, list[float]]:
    """When each kind was acknowledged from `start` to `end`, sorted."""
    found: dict[str, list[float]] = {}
    steps = folded.steps
    for step in steps.part(steps.before(start), steps.upto(end)):
        if step.effect is None or step.effect.fact.type not in _ACKS:
            continue
        listed = data_of(step.effect.fact).get("kinds")
        for kind in listed if isinstance(listed, list | tuple) else ():
            if isinstance(kind, str):
                found.setdefault(kind, []).append(step.at)
    return found


def _within(times: list[float], start: float, end: float) -> bool:
    place = bisect_left(times, start)
    return place < len(times) and times[place] <= end
