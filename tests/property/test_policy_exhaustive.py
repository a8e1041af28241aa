"""The laws of the kernel over every order of a small universe of facts, up to six of them, not over samples.

The universe: a notice (text p1), a customer's yes to it, and a later yes to the text p2 that carries its own proof; and
with these three, five at a time, whatever closes and opens again:

- answers: a refusal, a withdrawal, an objection, an opt-out, an opt-in;
- course: a transfer that leaves the consent behind, somebody who joins, their yes, a change of the text to p2, the end;
- stretches: a health stretch, the consent to it, its end, an unrecorded workflow, the recorded one;
- ends: a withdrawal, an opt-out, an erasure, a payment stretch, the end.

Each order of up to six out of eight facts (28,961 of them, with all that they share folded once) is judged twice: by
the shipped packs, and by those and one pack more. What must be is worked out here a second time, by sets of causes,
without anything of the kernel. The answers are judged once more where the basis is legitimate interests.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from onrecord.policy.assertion import Source, entitled, opens
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.fold import Fold, Step, effects
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.purposes import INDEX, ORDER, ConsentState, Purpose
from onrecord.policy.standing import consent_state
from onrecord.policy.verdict import Verdict

FOLDER = Path(__file__).resolve().parents[2] / "src" / "onrecord" / "policy" / "packs"
SHIPPED = [parse(path.read_bytes()) for path in sorted(FOLDER.glob("*.yaml"))]
LONGEST = 6
ORDERS = 28_961
OUTSIDE = {Source.CRM, Source.CAPTURE_SYSTEM}
CONTENT = [INDEX[kind] for kind in ORDER if kind not in HANDLING_RECORDS]
AUDIO = INDEX[Kind.AUDIO_RECORDING]
ONE_MORE = """format: onrecord-policy-pack/1
id: one-more
version: 1.0.0
title: One more
status: draft
effective: 2020-01-01
scope: always
options:
  training: [never]
  emotion_inference: [never]
  notice_grade: [sent, heard]
duties:
  - {id: one-more-duty, kinds: [audio_recording], retention: P5Y, citation: x, effective: 2020-01-01, status: draft}
rules:
  - {id: one-more-summaries, when: in_force, kinds: [ai_summary], verdict: redact, reason: CONSENT_GIVEN,
     citation: x, effective: 2020-01-01, status: draft}
  - {id: one-more-stretches, when: segment_open, segments: [medical], kinds: [transcript], verdict: stop,
     reason: SENSITIVE_SEGMENT, citation: x, effective: 2020-01-01, status: draft}
"""
INTERESTS = {
    "legal_basis": dict.fromkeys(("recording", "transcription", "ai_analysis"), "legitimate_interests"),
    "balancing": "weighed-1",
}
FACTS = {
    "notice": ("prompt_delivered", {"prompt_version": "p1"}),
    "yes": ("consent", {"result": "accepted", "prompt_version": "p1"}),
    "again": ("consent", {"result": "accepted", "prompt_version": "p2", "method": "stored_profile"}),
    "no": ("consent", {"result": "declined"}),
    "withdrawn": ("consent_withdrawn", {}),
    "objection": ("objection", {}),
    "out": ("opt_out", {}),
    "in": ("opt_in", {}),
    "transfer": ("transfer", {"carries_consent": False}),
    "join": ("party_join", {"role": "spouse", "jurisdiction": "DE"}),
    "theirs": (
        "consent",
        {"result": "accepted", "prompt_version": "p2", "method": "stored_profile", "party": "spouse"},
    ),
    "text": ("prompt_version_changed", {"to": "p2"}),
    "end": ("call_end", {}),
    "health": ("segment_start", {"segment": "medical"}),
    "to it": ("segment_consent", {"segment": "medical", "result": "accepted"}),
    "health over": ("segment_end", {"segment": "medical"}),
    "unrecorded": ("workflow", {"recorded": False}),
    "recorded": ("workflow", {"recorded": True}),
    "erasure": ("erasure_request", {}),
    "payment": ("segment_start", {"segment": "payment"}),
}
CORE = ("notice", "yes", "again")
UNIVERSES = {
    "answers": (*CORE, "no", "withdrawn", "objection", "out", "in"),
    "course": (*CORE, "transfer", "join", "theirs", "text", "end"),
    "stretches": (*CORE, "health", "to it", "health over", "unrecorded", "recorded"),
    "ends": (*CORE, "withdrawn", "out", "erasure", "payment", "end"),
}
# What ends which cause; what is not here ends nothing, and what stands on the right nowhere has no end.
ENDS = {
    "yes": {"no", "withdrawn", "objection"},
    "again": {"no", "withdrawn", "objection"},
    "in": {"out"},
    "to it": {"health"},
    "health over": {"health"},
    "recorded": {"unrecorded"},
}
CAUSES = {"no", "withdrawn", "objection", "out", "health", "unrecorded", "erasure", "payment", "end"}


class Told(NamedTuple):
    """What is open: `causes` of closing, the texts of the customer's standing answers, whether each has its proof."""

    causes: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()
    noticed: bool = False
    joined: bool = False
    theirs: bool = False
    text: str = ""

    def then(self, name: str) -> "Told":
        causes, answers = self.causes - ENDS.get(name, set()), self.answers
        if "end" in self.causes:
            return self._replace(causes=self.causes | ({name} & {"withdrawn", "objection", "erasure"}))
        if name in CAUSES:
            causes |= {name}
        if name in {"no", "withdrawn", "transfer"}:
            answers = frozenset()
        if name == "yes":
            if self.causes & ENDS["yes"]:
                answers = frozenset()
            answers |= {"p1 proven" if self.noticed else "p1"}
        elif name == "again":
            answers |= {"p2 proven"}
        return Told(
            causes,
            answers,
            self.noticed or name == "notice",
            self.joined or name == "join",
            (self.theirs and name not in {"transfer", "join"}) or (name == "theirs" and self.joined),
            "p2" if name == "text" else self.text,
        )

    def permits(self) -> bool:
        """Whether all has been given that consent asks for, and no cause is open."""
        valid = {answer for answer in self.answers if answer.endswith("proven") and answer.startswith(self.text)}
        return not self.causes and bool(valid) and (not self.joined or self.theirs)

    def tolerates(self) -> bool:
        """The same where no consent is asked for, but a notice."""
        return not self.causes and (self.noticed or any(answer.endswith("proven") for answer in self.answers))


class Node(NamedTuple):
    names: tuple[str, ...]
    told: Told
    step: Step
    more: Step


def facts_of(names: tuple[str, ...]) -> list[list[Fact]]:
    """Of each name the fact at every place in an order."""
    return [
        [Fact(name, FACTS[name][0], float(place), float(place), FACTS[name][1]) for place in range(1, LONGEST + 1)]
        for name in names
    ]


def nodes(names: tuple[str, ...], overlay: dict[str, object]) -> Iterator[tuple[Node | None, Node]]:
    """Every order, each after the one that it goes on from."""
    head = Head("retail", (Party("customer", "DE"), Party("agent", "DE")), frozenset(Kind), overlay)
    fold = Fold(compile_policy(SHIPPED, head))
    strict = Fold(compile_policy([*SHIPPED, parse(ONE_MORE.encode())], head))
    made = [[effects(fact)[0] for fact in facts] for facts in facts_of(names)]
    root = Node((), Told(), fold.first(head), strict.first(head))
    yield None, root
    waiting = [(root, 0)]
    while waiting:
        node, used = waiting.pop()
        for index, name in enumerate(names):
            if used >> index & 1:
                continue
            effect = made[index][len(node.names)]
            after = Node(
                (*node.names, name), node.told.then(name), fold.next(node.step, effect), strict.next(node.more, effect)
            )
            yield node, after
            if len(after.names) < LONGEST:
                waiting.append((after, used | 1 << index))


def verdicts(step: Step) -> list[Verdict]:
    return [ruling.verdict for ruling in step.decided.rulings]


def closed(step: Step) -> bool:
    return all(step.decided.rulings[index].verdict < Verdict.REDACT for index in CONTENT)


def rises(old: Step, new: Step) -> bool:
    return any(b > a for a, b in zip(verdicts(old), verdicts(new), strict=True))


def check_withdrawal(after: Node) -> None:
    """It is taken in every state, and nothing goes on."""
    customer = after.step.call.members[0]
    assert closed(after.step), after.names
    assert consent_state(after.step.call, customer, Purpose.RECORDING) is ConsentState.WITHDRAWN, after.names
    flags = {flag.flag for flag in after.step.raised}
    assert ("WITHDRAWN_AFTER_CALL" in flags) is ("end" in after.names), after.names


@pytest.mark.parametrize("universe", UNIVERSES)
def test_every_order(universe):
    captured = 0
    lower: dict[tuple[int, int], bool] = {}
    kept: list[object] = []
    number = count()
    for before, after in nodes(UNIVERSES[universe], {}):
        next(number)
        on = after.step.decided.rulings[AUDIO].verdict is Verdict.CAPTURE
        captured += on
        # No capture without what the packs ask for, and it resumes when every cause has ended, and not before.
        assert on is after.told.permits(), after.names
        assert after.told.permits() or closed(after.step), after.names
        pair = (id(after.step.decided), id(after.more.decided))
        if pair not in lower:
            kept += (after.step.decided, after.more.decided)
            lower[pair] = not rises(after.step, after.more)
        assert lower[pair], f"one pack more raised a verdict: {after.names}"
        if before is None:
            continue
        name = after.names[-1]
        kind, data = FACTS[name]
        if not opens(kind, data):
            assert not rises(before.step, after.step), f"a closing raised a verdict: {after.names}"
            assert not rises(before.more, after.more), f"a closing raised a verdict: {after.names}"
        if name == "out":
            assert closed(after.step), after.names
        elif name == "withdrawn":
            check_withdrawal(after)
    assert next(number) == ORDERS
    assert captured > 30


def test_every_order_of_answers_where_interests_are_the_basis():
    captured = 0
    for _, after in nodes(UNIVERSES["answers"], INTERESTS):
        on = after.step.decided.rulings[AUDIO].verdict is Verdict.CAPTURE
        captured += on
        assert on is after.told.tolerates(), after.names
        assert on or closed(after.step), after.names
    assert captured > 1000


@pytest.mark.parametrize("name", FACTS)
def test_closings_are_free_and_openings_are_for_who_is_entitled(name):
    kind, data = FACTS[name]
    inside = set(Source) - OUTSIDE
    may = {source for source in inside if entitled(source, kind, data)}
    assert (may == inside) is not opens(kind, data)
    assert may
    assert not entitled("somebody", kind, data)
