"""Full decisions a second on one core: of a fact that is heard of, all kinds, by the shipped packs.

Calls of some places begin one after the other; each hears of the same facts, one at a time, and after each all of
`Timeline.at` is asked for: of 18 kinds verdict, state, reason, rules, purpose, legal basis, retention, since. The
baseline decides each time from nothing but the facts heard so far, with the same compiled packs.
"""

import time
from collections.abc import Callable
from importlib import resources

from bench.measure import report, rounds
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.fold import Fold
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.trace import empty

_ROUNDS = 7
_CALLS = 150
_GOAL = 20_000.0
_PLACES = ("IE", "GB", "US-CA", "US-NY", "IN")
_CONSENT = ("consent", {"result": "accepted", "method": "verbal", "prompt_version": "p1"})
_STRETCH = [("segment_start", {"segment": "payment"}), ("segment_end", {"segment": "payment"})]
_MIX: list[tuple[str, dict[str, object]]] = [
    ("call_start", {}),
    ("prompt_delivered", {"prompt_version": "p1", "channel": "ivr"}),
    _CONSENT,
    *_STRETCH,
    ("opt_out", {"kinds": ["sentiment", "qa_score"]}),
    ("capture_ack", {"kinds": ["sentiment", "qa_score"], "action": "stop"}),
    ("opt_in", {"kinds": ["sentiment", "qa_score"]}),
    ("transfer", {"carries_consent": False, "from": "bot", "to": "desk-2"}),
    _CONSENT,
    *_STRETCH,
    ("opt_out", {}),
    ("call_end", {}),
]
_FACTS = [Fact(f"e{n}", kind, 2.0 * n, 2.0 * n, data) for n, (kind, data) in enumerate(_MIX)]
_HEADS = [Head("retail", (Party("customer", p), Party("agent", "IE")), frozenset(Kind)) for p in _PLACES]


def _folds() -> list[tuple[Head, Fold]]:
    folder = resources.files("onrecord.policy") / "packs"
    packs = [parse(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".yaml")]
    return [(head, Fold(compile_policy(packs, head))) for head in _HEADS]


def _rate(decide: Callable[[Head, Fold], int], folds: list[tuple[Head, Fold]], calls: int) -> float:
    start, count = time.process_time(), 0
    for _ in range(calls):
        for head, fold in folds:
            count += decide(head, fold)
    return count / (time.process_time() - start)


def _as_heard(head: Head, fold: Fold) -> int:
    timeline = Timeline(fold.policy, head, empty(fold, head))
    for fact in _FACTS:
        timeline = timeline.with_fact(fact)
        timeline.at(fact.t)
    return len(_FACTS)


def _anew(head: Head, fold: Fold) -> int:
    for count in range(1, len(_FACTS) + 1):
        timeline = Timeline(fold.policy, head, empty(fold, head))
        for fact in _FACTS[:count]:
            timeline = timeline.with_fact(fact)
        timeline.at(_FACTS[count - 1].t)
    return len(_FACTS)


def _decisions() -> None:
    folds = _folds()
    _rate(_as_heard, folds, 5)
    cases = {
        "as heard": lambda: _rate(_as_heard, folds, _CALLS),
        "anew": lambda: _rate(_anew, folds, _CALLS // 10),
    }
    found = rounds(cases, _ROUNDS)
    report("decisions", "full decisions/s of CPU", found["as heard"], found["anew"], goal_min=_GOAL)


FIGURES = {"decisions": _decisions}
