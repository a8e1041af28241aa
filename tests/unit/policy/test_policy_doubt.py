"""Uncertain moments: closings at the early edge, openings at the late one, and the lower verdict where the order is not
known."""

import pytest
from policy_case import AUDIO, SHIPPED, Case

from onrecord.policy.errors import InvalidOverlayError
from onrecord.policy.facts import Fact
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.policy.purposes import ConsentState, Purpose


def given(*places, **more):
    return Case(*(places or ("US-NY", "US-NY")), **more).given()


def test_a_closing_at_its_early_edge_and_an_opening_at_its_late_one():
    case = given().tell(50, "opt_out", u=0.5).tell(60, "opt_in", u=0.5)
    assert case.at(49.4) == "capturing CONSENT_GIVEN"
    assert case.at(49.5) == "stopped OPT_OUT"
    assert case.at(60.4) == "stopped OPT_OUT"
    assert case.at(60.5) == "capturing CONSENT_RENEWED"


def test_an_opt_in_that_may_have_come_first_lifts_nothing():
    assert given().tell(50, "opt_out", u=2).tell(51, "opt_in").at(99) == "stopped OPT_OUT"
    assert given().tell(50, "opt_out").tell(51, "opt_in", u=2).at(99) == "stopped OPT_OUT"
    assert given().tell(50, "opt_out", u=1).tell(52, "opt_in", u=1).at(99) == "capturing CONSENT_RENEWED"


def test_an_end_that_may_have_come_before_the_start_ends_nothing():
    case = given().tell(50, "segment_start", segment="payment", u=2).tell(51, "segment_end", segment="payment")
    assert case.at(99) == "paused SENSITIVE_SEGMENT"


def test_a_consent_that_may_have_come_before_the_notice_has_none():
    case = Case("US-CA", "US-CA").prompted(t=5, u=1).accepted(6, u=0.5)
    assert case.at(99) == "never NOTICE_NOT_PROVEN"
    assert Case("US-CA", "US-CA").prompted(t=5, u=1).accepted(7, u=0.5).at(99) == "capturing CONSENT_GIVEN"


def test_yes_and_no_at_about_the_same_moment_is_no():
    case = Case("US-CA", "US-CA").prompted().accepted(10, u=1)
    case.tell(9.5, "consent", result="declined", prompt_version="p1", u=1)
    assert case.at(99) == "never CONSENT_DECLINED"
    assert "CONTRADICTORY_CONSENT" in case.flags()


def test_a_consent_that_may_have_come_before_the_transfer_is_not_carried():
    case = Case("US-WA", "US-WA").prompted().tell(50, "transfer", carries_consent=False, u=2).accepted(51)
    assert case.at(99) == "never AWAITING_CONSENT"


def test_a_consent_that_may_have_come_before_the_joining_is_nobody_s():
    case = given("US-CA", "US-CA").tell(50, "party_join", role="spouse", jurisdiction="US-CA", u=2)
    case.prompted(t=51, to="spouse").accepted(51.5, party="spouse")
    assert case.at(99) == "paused NEW_PARTY_NO_CONSENT"


def test_a_recorded_workflow_that_may_have_come_first_lifts_nothing():
    case = given().tell(50, "workflow", recorded=False, u=2).tell(51, "workflow", recorded=True)
    assert case.at(99) == "stopped NON_RECORDED_WORKFLOW"


def test_a_segment_consent_that_may_have_come_before_its_refusal_does_not_count():
    case = given().tell(50, "segment_start", segment="medical")
    case.tell(60, "segment_consent", segment="medical", result="declined", u=2)
    case.tell(61, "segment_consent", segment="medical", result="accepted")
    assert case.at(70) == "paused SEGMENT_DECLINED"


def test_a_new_place_holds_beside_the_old_one_while_it_is_in_doubt():
    case = Case("US-NY", "US-NY").prompted()
    case.tell(6, "consent", result="implied", method="continued", prompt_version="p1")
    case.tell(50, "jurisdiction_update", party="customer", jurisdiction="DE", u=2)
    case.tell(70, "jurisdiction_update", party="customer", jurisdiction="US-TX", u=2)
    states = {t: case.at(t).split()[0] for t in (47.9, 48, 52, 68, 71.9, 72)}
    assert states == {47.9: "capturing", 48: "paused", 52: "paused", 68: "paused", 71.9: "paused", 72: "capturing"}


def test_of_two_places_in_unknown_order_the_stricter_holds_on():
    case = Case("US-NY", "US-NY").prompted()
    case.tell(6, "consent", result="implied", method="continued", prompt_version="p1")
    case.tell(50, "jurisdiction_update", party="customer", jurisdiction="DE", u=2)
    case.tell(51, "jurisdiction_update", party="customer", jurisdiction="US-TX", u=2)
    assert case.at(99) == "paused IMPLIED_NOT_ENOUGH"


def test_a_new_text_holds_beside_the_old_one_while_it_is_in_doubt():
    case = given().tell(1, "prompt_version_changed", to="p1")
    case.tell(50, "prompt_version_changed", to="p2", u=2).prompted("p2", 50).accepted(51, "p2")
    assert case.at(49) == "paused CONSENT_STALE"
    assert case.at(51.5) == "paused CONSENT_STALE"
    assert case.at(52) == "capturing CONSENT_GIVEN"


def test_a_moment_that_is_no_moment_closes_all_and_opens_nothing():
    case = given()
    closing = Fact("n", "opt_out", float("nan"), 9.0)
    opening = Fact("m", "opt_in", float("inf"), 9.5)
    timeline = case.timeline().with_fact(closing).with_fact(opening)
    assert timeline.at(7.0)[AUDIO].reason == "OPT_OUT"
    assert timeline.at(1e9)[AUDIO].reason == "OPT_OUT"
    assert all(flag.t == 0.0 for flag in timeline.flags())


def test_a_choice_holds_only_where_every_pack_of_the_places_leaves_it():
    text = """format: onrecord-policy-pack/1
id: br
version: 1.0.0
title: Brazil
status: draft
effective: 2026-01-01
scope: jurisdictions
regimes: {all_party: [BR]}
rules:
  - {id: br-declined, when: declined, kinds: [content], verdict: stop, reason: CONSENT_DECLINED, citation: none,
     effective: 2026-01-01, status: draft}
"""
    packs = [*SHIPPED, parse(text.encode())]
    overlay = {"opt_out_action": "pause"}
    assert given("BR", "US-NY", packs=packs, overlay=overlay).tell(50, "opt_out").at(51) == "stopped OPT_OUT"
    assert given("DE", "US-NY", packs=packs, overlay=overlay).tell(50, "opt_out").at(51) == "paused OPT_OUT"


def test_an_overlay_needs_a_pack_that_declares_its_choice():
    with pytest.raises(InvalidOverlayError):
        Case("US-NY", "US-NY", packs=[p for p in SHIPPED if p.id == "pci-payment"])


def test_the_states_of_consent_at_each_moment():
    case = Case("US-NY", "US-NY").prompted()
    case.tell(4, "consent", result="implied", method="continued", prompt_version="p1").accepted(6)
    case.tell(20, "prompt_version_changed", to="p2").prompted("p2", 30).accepted(32, "p2")
    case.tell(40, "transfer", carries_consent=False).accepted(50, "p2").tell(60, "consent_withdrawn")
    case.tell(70, "consent", result="declined", scope=["training"], prompt_version="p2")
    timeline = case.timeline()

    def state(t, purpose=Purpose.RECORDING):
        return timeline.consents(float(t))["customer"][purpose]

    assert state(1) is ConsentState.UNKNOWN
    assert state(3) is ConsentState.NOTIFIED
    assert state(5) is ConsentState.IMPLIED
    assert state(7) is ConsentState.GRANTED
    assert state(25) is ConsentState.STALE
    assert state(33) is ConsentState.GRANTED
    assert state(45) is ConsentState.EXPIRED
    assert state(65) is ConsentState.WITHDRAWN
    assert "agent" not in timeline.consents(5.0)


def test_a_timeline_is_not_changed_by_what_follows_it():
    case = given()
    before = case.timeline()
    kept = before.transitions()
    after = before.with_fact(Fact("o", "opt_out", 3.0, 9.0))
    other = before.with_fact(Fact("s", "segment_start", 50.0, 9.0, {"segment": "payment"}))
    assert before.transitions() == kept
    assert after.at(60.0)[AUDIO].reason == "OPT_OUT"
    assert other.at(60.0)[AUDIO].reason == "SENSITIVE_SEGMENT"
    assert len(before.facts) == 3
    assert {change.ruling.kind for _, _, change in other.changes_since(before)} >= {AUDIO, Kind.TRANSCRIPT}
    assert list(before.changes_since(before)) == []
