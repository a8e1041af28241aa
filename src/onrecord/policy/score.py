"""Scores: what packs decide of a scenario, beside what it expects."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import Pack
from onrecord.policy.policy import compile_policy
from onrecord.policy.scenario import Checkpoint, Scenario


@dataclass(frozen=True, slots=True)
class Failure:
    """`field`: `state`, `reason`, `flags` (`expected` was not raised) or `not_flags` (`got` was)."""

    t: float
    as_of: float
    kind: Kind | None
    field: str
    expected: str | None
    got: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    right: int = 0
    all: int = 0

    def counted(self, *, right: bool) -> "Tally":
        return Tally(self.right + right, self.all + 1)

    def plus(self, other: "Tally") -> "Tally":
        return Tally(self.right + other.right, self.all + other.all)


@dataclass(frozen=True, slots=True)
class Score:
    """`conventions`: expectations by agreement alone, each right where state and reason are; the others count in
    `states` and `reasons`."""

    states: Tally = Tally()
    reasons: Tally = Tally()
    conventions: Tally = Tally()
    flags_right: int = 0
    flags_missing: int = 0
    flags_forbidden: int = 0
    failures: tuple[Failure, ...] = ()

    def plus(self, other: "Score") -> "Score":
        return Score(
            self.states.plus(other.states),
            self.reasons.plus(other.reasons),
            self.conventions.plus(other.conventions),
            self.flags_right + other.flags_right,
            self.flags_missing + other.flags_missing,
            self.flags_forbidden + other.flags_forbidden,
            (*self.failures, *other.failures),
        )


def score(packs: Sequence[Pack], scenario: Scenario) -> Score:
    """Errors: InvalidOverlayError, InvalidPackError."""
    begun = Timeline(compile_policy(packs, scenario.head), scenario.head)
    total = Score()
    for checkpoint, timeline in _known(begun, scenario):
        total = total.plus(_judge(checkpoint, timeline))
    return total


def _known(timeline: Timeline, scenario: Scenario) -> Iterator[tuple[Checkpoint, Timeline]]:
    """Each checkpoint, as they stand in the file, with the facts received by its `as_of`."""
    made: dict[float, Timeline] = {}
    heard = 0
    for as_of in sorted({checkpoint.as_of for checkpoint in scenario.checkpoints}):
        new = [fact for fact in scenario.facts[heard:] if fact.received <= as_of]
        heard += len(new)
        made[as_of] = timeline = timeline.with_facts(new)
    return ((checkpoint, made[checkpoint.as_of]) for checkpoint in scenario.checkpoints)


def _judge(checkpoint: Checkpoint, timeline: Timeline) -> Score:
    states, reasons, conventions = Tally(), Tally(), Tally()
    failures: list[Failure] = []

    def failed(kind: Kind | None, field: str, expected: str | None, got: str | None) -> None:
        failures.append(Failure(checkpoint.t, checkpoint.as_of, kind, field, expected, got))

    for expectation in checkpoint.expected:
        made = timeline.decision(expectation.kind, checkpoint.t)
        state, reason = made.state.value == expectation.state, made.reason == expectation.reason
        if expectation.convention:
            conventions = conventions.counted(right=state and reason)
        else:
            states, reasons = states.counted(right=state), reasons.counted(right=reason)
        if not state:
            failed(expectation.kind, "state", expectation.state, made.state.value)
        if not reason:
            failed(expectation.kind, "reason", expectation.reason, made.reason)
    raised = {flag.flag for flag in timeline.flags(checkpoint.as_of)}
    missing = [flag for flag in checkpoint.flags if flag not in raised]
    forbidden = [flag for flag in checkpoint.not_flags if flag in raised]
    for flag in missing:
        failed(None, "flags", flag, None)
    for flag in forbidden:
        failed(None, "not_flags", None, flag)
    right = len(checkpoint.flags) - len(missing)
    return Score(states, reasons, conventions, right, len(missing), len(forbidden), tuple(failures))


def shown(done: Sequence[tuple[str, Score]]) -> dict[str, Any]:
    """Scores by name, as JSON."""
    every = total(result for _, result in done)
    return {
        "states": _tally(every.states),
        "reasons": _tally(every.reasons),
        "flags": {"right": every.flags_right, "missing": every.flags_missing, "forbidden": every.flags_forbidden},
        "conventions": _tally(every.conventions),
        "failures": [_failure(name, failure) for name, result in done for failure in result.failures],
    }


def _tally(tally: Tally) -> dict[str, int]:
    return {"right": tally.right, "all": tally.all}


def _failure(name: str, failure: Failure) -> dict[str, Any]:
    return {
        "file": name,
        "t": failure.t,
        "as_of": failure.as_of,
        "kind": None if failure.kind is None else failure.kind.value,
        "field": failure.field,
        "expected": failure.expected,
        "got": failure.got,
    }


def total(scores: Iterable[Score]) -> Score:
    found = Score()
    for each in scores:
        found = found.plus(each)
    return found
