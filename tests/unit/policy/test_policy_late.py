"""Late facts: how far they reach, what many of them at once come to, and what is flagged."""

import pytest
from policy_case import AUDIO, LAX, Case

from onrecord.policy.facts import Fact
from onrecord.policy.kernel import Timeline, replay

SLOW = {**LAX, "late_event_after_s": 5}


def agreeing(case, late):
    """The timeline of a case told one by one with the late facts last, as good as told in the order of time."""
    facts = [*case.facts, *late]
    grown = case.timeline()
    for fact in late:
        grown = grown.with_fact(fact)
    assert grown.transitions() == case.timeline().with_facts(late).transitions()
    anew = Timeline(case.policy, case.head)
    for fact in sorted(facts, key=lambda f: f.t):
        anew = anew.with_fact(fact)
    assert grown.transitions() == anew.transitions()
    assert {f.flag for f in anew.flags()} <= {f.flag for f in grown.flags()}
    return grown


def test_a_late_fact_reaches_past_steps_that_decide_the_same():
    case = Case("US-NY", "US-NY").given().tell(8, "bypass", by="agent")
    case.tell(9, "prompt_version_changed", to="p2").accepted(t=12, version="p2")
    assert case.at(13) == "paused NOTICE_NOT_PROVEN"
    late = Fact("late", "prompt_delivered", 7.0, 20.0, {"prompt_version": "p2"})
    assert agreeing(case, [late]).decision(AUDIO, 13.0).reason == "CONSENT_GIVEN"


def test_what_was_once_on_is_told_to_an_instant_that_opens_and_closes():
    case = Case("US-NY", "US-NY").tell(1, "opt_out").prompted().accepted().tell(10, "opt_out").accepted(t=12)
    case.tell(20, "opt_in").tell(20, "opt_out")
    assert case.at(21) == "never OPT_OUT"
    grown = agreeing(case, [Fact("late", "opt_in", 8.0, 30.0)])
    assert grown.decision(AUDIO, 21.0).state == "stopped"


def test_a_late_closing_takes_the_place_of_a_later_one():
    case = Case("US-NY", "US-NY").given().tell(20, "opt_out").tell(20, "bypass", by="agent").tell(30, "bypass", by="x")
    before = case.timeline()
    late = Fact("late", "opt_out", 15.0, 40.0)
    after = agreeing(case, [late])
    assert [t for t, kind, _ in after.transitions() if kind is AUDIO] == [6.0, 15.0]
    assert (after.decision(AUDIO, 35.0).since, after.decision(AUDIO, 35.0).cause) == (15.0, "late")
    assert {t for t, _, made in after.changes_since(before) if made.ruling.kind is AUDIO} == {15.0, 20.0}
    again = before.with_fact(late)
    assert all(
        a is b for a, b in zip(list(again.trace.folded.steps)[-3:], list(before.trace.folded.steps)[-3:], strict=True)
    )


def test_closings_from_the_last_to_the_first_are_folded_once_each(monkeypatch):
    case = Case("US-NY", "US-NY").given()
    facts = [Fact(f"o{n}", "opt_out", 1000.0 - n, 2000.0) for n in range(300)]
    timeline, made = case.timeline(), []
    step = type(timeline.trace.fold).next
    monkeypatch.setattr(type(timeline.trace.fold), "next", lambda *given: made.append(1) or step(*given))
    at_once = timeline.with_facts(facts)
    assert len(made) <= 2 * len(facts)
    made.clear()
    for fact in facts:
        timeline = timeline.with_fact(fact)
    assert len(made) <= 2 * len(facts)
    assert timeline.transitions() == at_once.transitions()


def test_segments_that_stay_open_are_folded_once_in_one_batch(monkeypatch):
    timeline, made = Case("US-NY", "US-NY").given().timeline(), []
    step = type(timeline.trace.fold).next
    monkeypatch.setattr(type(timeline.trace.fold), "next", lambda *given: made.append(1) or step(*given))
    facts = [Fact(f"s{n}", "segment_start", 1000.0 - n, 2000.0, {"segment": "payment", "n": n}) for n in range(300)]
    timeline.with_facts(facts)
    assert len(made) == len(facts)


@pytest.mark.parametrize(("second", "flags"), [(60.0, 2), (61.0, 1)])
def test_capture_went_on_by_what_was_known_before_the_news_came(second, flags):
    """Two closings heard of at one instant could not act before it, either of them; what came earlier could."""
    case = Case("US-NY", "US-NY", overlay=SLOW).given()
    case.tell(40, "opt_out", received=60).tell(41, "segment_start", received=second, segment="payment")
    went_on = [f for f in case.timeline().flags() if f.flag.startswith("CAPTURED_")]
    assert len(went_on) == flags
    singly = Timeline(case.policy, case.head)
    for fact in case.facts:
        singly = singly.with_fact(fact)
    assert singly.flags() == case.timeline().flags()


def test_facts_received_earlier_than_what_is_known_take_their_place():
    case = Case("US-NY", "US-NY").given().tell(50, "opt_out").tell(60, "opt_in")
    behind = [Fact("x", "bypass", 55.0, 55.0, {"by": "x"}), Fact("e3", "opt_out", 50.0, 52.0)]
    grown = case.timeline().with_facts(behind)
    assert [fact.event_id for fact in grown.facts] == ["e1", "e2", "e3", "e4", "e3", "x", "e5"]
    assert grown.flags() == replay(case.policy, case.head, [*case.facts, *behind]).flags()


def test_no_facts_are_no_change():
    timeline = Case("US-NY", "US-NY").given().timeline()
    assert timeline.with_facts([]).transitions() == timeline.transitions()


def test_of_two_opt_outs_the_one_that_may_be_later_must_be_answered():
    case = Case("US-NY", "US-NY").given().tell(50, "opt_out", u=5).tell(47, "opt_out").tell(50, "opt_in")
    assert case.at(60) == "stopped OPT_OUT"
    assert case.tell(56, "opt_in").at(60) == "capturing CONSENT_RENEWED"


def test_of_two_moments_of_one_text_the_later_counts():
    case = Case("US-NY", "US-NY").given().prompted(version="p2", t=8)
    case.tell(50, "prompt_version_changed", u=5, to="p1").tell(50, "prompt_version_changed", to="p1")
    case.tell(52, "prompt_version_changed", to="p2").accepted(t=53, version="p2")
    assert case.at(54) == "paused CONSENT_STALE"


def test_a_late_answer_shows_that_a_later_one_contradicts_it():
    case = Case("US-NY", "US-NY").given().tell(20, "consent", result="declined", prompt_version="p2")
    late = Fact("late", "consent", 10.0, 30.0, {"result": "accepted", "prompt_version": "p2"})
    flags = agreeing(case, [late]).flags()
    assert ("CONTRADICTORY_CONSENT", "e4") in {(flag.flag, flag.event_id) for flag in flags}
