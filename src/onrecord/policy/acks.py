"""Stops and pauses that a capture system must acknowledge."""

from collections.abc import Sequence

from onrecord.policy.fold import Step, data_of
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.purposes import ORDER
from onrecord.policy.verdict import Flag, State

_ACKNOWLEDGE = frozenset(ORDER) - HANDLING_RECORDS - {Kind.TRAINING_DATA, Kind.WORKFLOW_ACTION}


def missing_acks(steps: Sequence[Step], timeout: float, as_of: float) -> list[Flag]:
    """STOP_NOT_ACKNOWLEDGED and PARTIAL_STOP, each at the instant when the time was up. A closing that was heard of
    late can be answered only from then on; the end of the call needs no answer."""
    told = [step for step in steps if step.cause is not None and step.cause.type == "capture_ack"]
    acks = [(step.at, _kinds(step)) for step in told]
    found: list[Flag] = []
    for number, step in enumerate(steps):
        fact = step.cause
        ends = number + 1 == len(steps) or steps[number + 1].at > step.at
        if fact is None or not ends:
            continue
        stopped = {
            kind
            for kind, old, new in zip(ORDER, step.before, step.decisions, strict=True)
            if kind in _ACKNOWLEDGE and old.state is State.CAPTURING and new.state is not State.CAPTURING
        }
        if not stopped or step.call.ended is not None:
            continue
        deadline = max(step.at, fact.received) + timeout
        answered = {kind for at, kinds in acks if step.at <= at <= deadline for kind in kinds}
        if deadline <= as_of and stopped - answered:
            found.append(Flag("STOP_NOT_ACKNOWLEDGED", deadline, fact.event_id))
            if stopped & answered:
                found.append(Flag("PARTIAL_STOP", deadline, fact.event_id))
    return found


def _kinds(step: Step) -> frozenset[str]:
    listed = data_of(step.cause).get("kinds") if step.cause is not None else None
    if not isinstance(listed, list | tuple):
        return frozenset()
    return frozenset(kind for kind in listed if isinstance(kind, str))
