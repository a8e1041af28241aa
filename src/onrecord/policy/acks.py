"""Stops and pauses that a capture system must acknowledge."""

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


def missing_acks(folded: Folded, timeout: float, as_of: float) -> list[Flag]:
    """STOP_NOT_ACKNOWLEDGED and PARTIAL_STOP, each at the instant when the time was up. A closing that was heard of
    late can be answered only from then on; the end of the call needs no answer."""
    acks = _acks(folded)
    found: list[Flag] = []
    for at, stopped in sorted(_stops(folded).items()):
        step = folded.steps[folded.position(at)]
        if step.effect is None or step.call.ended is not None:
            continue
        fact = step.effect.fact
        deadline = max(at, fact.received) + timeout
        answered = {kind for kind in stopped if _within(acks.get(kind.value, []), at, deadline)}
        if deadline <= as_of and stopped - answered:
            found.append(Flag("STOP_NOT_ACKNOWLEDGED", deadline, fact.event_id))
            if answered:
                found.append(Flag("PARTIAL_STOP", deadline, fact.event_id))
    return found


def _stops(folded: Folded) -> dict[float, set[Kind]]:
    """The kinds that ceased to capture, by instant."""
    found: dict[float, set[Kind]] = {}
    for kind in _ACKNOWLEDGE:
        for old, new in pairwise(folded.changes[INDEX[kind]]):
            if old.ruling.state is State.CAPTURING and new.ruling.state is not State.CAPTURING:
                found.setdefault(new.at, set()).add(kind)
    return found


def _acks(folded: Folded) -> dict[str, list[float]]:
    """When each kind was acknowledged, sorted."""
    found: dict[str, list[float]] = {}
    for step in folded.steps:
        if step.effect is None or step.effect.fact.type != "capture_ack":
            continue
        listed = data_of(step.effect.fact).get("kinds")
        for kind in listed if isinstance(listed, list | tuple) else ():
            if isinstance(kind, str):
                found.setdefault(kind, []).append(step.at)
    return found


def _within(times: list[float], start: float, end: float) -> bool:
    place = bisect_left(times, start)
    return place < len(times) and times[place] <= end
