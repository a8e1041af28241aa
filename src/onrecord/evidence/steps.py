"""Decisions as step functions of media time, read from the transitions that a pack states."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from onrecord.base.stretch import FOREVER, Stretch, normalise

Transitions = Sequence[Mapping[str, Any]]


class Step(NamedTuple):
    """One decision on one kind, from `start` up to `end` (seconds; infinity where nothing follows)."""

    start: float
    end: float
    transition: Mapping[str, Any]


def kinds(transitions: Transitions) -> list[str]:
    return sorted({transition["kind"] for transition in transitions})


def steps(transitions: Transitions, kind: str) -> list[Step]:
    """In order of time, without the steps of no length."""
    own = sorted((t for t in transitions if t["kind"] == kind), key=lambda t: t["t"])
    starts = [t["t"] for t in own]
    ends = [*starts, FOREVER][1:]
    return [Step(start, end, t) for t, start, end in zip(own, starts, ends, strict=True) if start < end]


def closed(transitions: Transitions, kind: str) -> list[Stretch]:
    """Where nothing of this kind may be stored as it is: by any verdict but capture, and wherever none is known."""
    own = steps(transitions, kind)
    first = own[0].start if own else FOREVER
    shut = [(step.start, step.end) for step in own if step.transition["verdict"] != "capture"]
    return normalise([(-FOREVER, first), *shut])


def withheld(transitions: Transitions, until: float | None, *, from_the_start: bool = True) -> list[dict[str, Any]]:
    """The stretches in which a kind was not capturing, each with its reason and cause; `end` is None where it was not
    again up to `until` (the call's end). Without `from_the_start` only those after it had captured."""
    result: list[dict[str, Any]] = []
    for kind in kinds(transitions):
        was_on = from_the_start
        for start, end, transition in steps(transitions, kind):
            on = transition["state"] == "capturing"
            was_on = was_on or on
            if on or not was_on or (until is not None and start >= until):
                continue
            fields = {name: transition[name] for name in ("verdict", "state", "reason", "cause")}
            last = end == FOREVER or (until is not None and end >= until)
            result.append({"kind": kind, "start": start, "end": None if last else end, **fields})
    return result
