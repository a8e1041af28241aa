"""Combinations that the development corpus does not hold, by the rules of the corpora README, part B."""

import pytest
from policy_case import Case

from onrecord.policy.facts import Party
from onrecord.policy.kinds import Kind

TRAINING = Kind.TRAINING_DATA
VIDEO = Kind.VIDEO_RECORDING
TEXT = Kind.TRANSCRIPT
SUMMARY = Kind.AI_SUMMARY


def given(*places, **more):
    return Case(*(places or ("US-NY", "US-NY")), **more).given()


def test_an_opt_out_within_a_segment_lifted_within_it_waits_for_the_end_of_the_segment():
    case = given().tell(50, "segment_start", segment="payment").tell(60, "opt_out").tell(70, "opt_in")
    case.tell(90, "segment_end", segment="payment")
    assert case.at(55) == "paused SENSITIVE_SEGMENT"
    assert case.at(65) == "stopped OPT_OUT"
    assert case.at(75) == "paused SENSITIVE_SEGMENT"
    assert case.at(90) == "capturing SEGMENT_ENDED"


def test_an_opt_in_after_a_segment_gives_the_reason():
    case = given().tell(50, "segment_start", segment="payment").tell(60, "opt_out")
    case.tell(90, "segment_end", segment="payment").tell(100, "opt_in")
    assert case.at(95) == "stopped OPT_OUT"
    assert case.at(100) == "capturing CONSENT_RENEWED"


def test_withdrawal_is_answered_by_a_new_explicit_consent_and_by_nothing_less():
    case = given().tell(50, "consent_withdrawn", method="verbal").tell(60, "opt_in")
    case.tell(65, "consent", result="implied", method="continued", prompt_version="p1").accepted(70)
    assert case.at(55) == "stopped CONSENT_WITHDRAWN"
    assert case.at(66) == "stopped CONSENT_WITHDRAWN"
    assert case.at(70) == "capturing CONSENT_RENEWED"


def test_a_withdrawal_of_training_leaves_the_recording():
    case = given().accepted(7, scope=["training"]).tell(50, "consent_withdrawn", scope=["training"])
    assert case.at(40, TRAINING) == "capturing TRAINING_CONSENT"
    assert case.at(60, TRAINING) == "stopped CONSENT_WITHDRAWN"
    assert case.at(60) == "capturing CONSENT_GIVEN"


def test_a_withdrawal_of_the_recording_takes_all_that_needs_it():
    case = given().accepted(7, scope=["training", "video"]).tell(50, "consent_withdrawn", scope=["recording"])
    for kind in (Kind.AUDIO_RECORDING, TEXT, SUMMARY, TRAINING, VIDEO):
        assert case.at(60, kind) == "stopped CONSENT_WITHDRAWN", kind


def test_a_withdrawal_that_is_not_understood_takes_everything():
    case = given().tell(50, "consent_withdrawn", scope=["recordings", 7])
    assert case.at(60) == "stopped CONSENT_WITHDRAWN"


def test_a_refusal_replaced_by_an_acceptance_is_flagged_and_counts():
    case = Case("DE", "DE").prompted()
    case.tell(5, "consent", result="declined", prompt_version="p1").accepted(20)
    assert case.at(10) == "never CONSENT_DECLINED"
    assert case.at(20) == "capturing CONSENT_GIVEN"
    assert "CONTRADICTORY_CONSENT" in case.flags()
    assert "CONTRADICTORY_CONSENT" not in case.flags(as_of=10)


def test_an_acceptance_replaced_by_a_refusal_stops():
    case = given().tell(30, "consent", result="declined", prompt_version="p1")
    assert case.at(30) == "stopped CONSENT_DECLINED"
    assert "CONTRADICTORY_CONSENT" in case.flags()


def test_decisions_on_two_texts_do_not_contradict():
    case = given().tell(30, "consent", result="declined", prompt_version="p2")
    assert "CONTRADICTORY_CONSENT" not in case.flags()


def test_no_response_changes_nothing():
    case = given().tell(30, "consent", result="no_response", prompt_version="p1")
    assert case.at(31) == "capturing CONSENT_GIVEN"


def test_a_consent_lost_in_a_transfer_does_not_come_back_with_the_call():
    case = given("US-WA", "US-WA").tell(50, "transfer", from_="bot", to="agent", carries_consent=False)
    case.tell(60, "transfer", from_="agent", to="bot", carries_consent=True)
    assert case.at(70) == "paused CONSENT_NOT_CARRIED"
    assert case.accepted(80).at(80) == "capturing CONSENT_GIVEN"
    assert "CONSENT_LOST_IN_TRANSFER" in case.flags()


def test_a_transfer_before_any_consent_loses_none():
    case = Case("US-NY", "US-NY").prompted().tell(4, "transfer", from_="ivr", to="agent", carries_consent=False)
    assert case.at(5) == "never AWAITING_CONSENT"
    assert "CONSENT_LOST_IN_TRANSFER" not in case.flags()


def test_a_pause_for_a_lost_consent_keeps_its_reason_at_the_end():
    case = given().tell(50, "transfer", from_="a", to="b", carries_consent=False).tell(90, "call_end")
    assert case.at(100) == "stopped CONSENT_NOT_CARRIED"


def test_staff_that_joins_needs_no_consent_but_brings_its_place():
    case = Case("US-NY", "US-NY").prompted()
    case.tell(6, "consent", result="implied", method="continued", prompt_version="p1")
    case.tell(50, "party_join", role="supervisor", jurisdiction="US-TX")
    assert case.at(55) == "capturing CONSENT_IMPLIED"
    case.tell(60, "party_join", role="supervisor", jurisdiction="US-CA")
    assert case.at(65) == "paused IMPLIED_NOT_ENOUGH"
    case.accepted(70)
    assert case.at(70) == "capturing CONSENT_GIVEN"


def test_a_numbered_agent_is_staff_and_an_interpreter_is_not():
    case = given().tell(50, "party_join", role="agent_2", jurisdiction="US-NY")
    assert case.at(51) == "capturing CONSENT_GIVEN"
    case.tell(60, "party_join", role="interpreter", jurisdiction="US-NY")
    assert case.at(61) == "paused NEW_PARTY_NO_CONSENT"


def test_a_second_customer_must_agree_too():
    parties = (Party("customer", "US-CA", "a"), Party("customer", "US-CA", "b"), Party("agent", "US-CA"))
    case = Case(parties=parties).prompted()
    case.tell(5, "consent", result="accepted", method="verbal", prompt_version="p1", party="a")
    assert case.at(6) == "never AWAITING_CONSENT"
    case.tell(7, "consent", result="declined", prompt_version="p1", party_id="b")
    assert case.at(8) == "never CONSENT_DECLINED"
    case.tell(9, "consent", result="accepted", method="verbal", prompt_version="p1", party_id="b")
    assert case.at(9) == "capturing CONSENT_GIVEN"


def test_a_yes_that_may_be_either_customers_is_nobodys_and_a_no_is_both():
    parties = (Party("customer", "US-CA", "a"), Party("customer", "US-CA", "b"))
    case = Case(parties=parties).prompted().accepted(5)
    assert case.at(6) == "never AWAITING_CONSENT"
    case.accepted(7, party="a").accepted(8, party="b")
    assert case.at(8) == "capturing CONSENT_GIVEN"
    case.tell(9, "opt_out").tell(10, "opt_in", party="a")
    assert case.at(11) == "stopped OPT_OUT"
    assert case.tell(12, "opt_in", party="b").at(12) == "capturing CONSENT_RENEWED"


def test_a_new_party_who_declines_stops_the_call():
    case = given("US-CA", "US-CA").tell(50, "party_join", role="third_party", jurisdiction="US-CA")
    case.tell(60, "consent", result="declined", party="third_party", prompt_version="p1")
    assert case.at(55) == "paused NEW_PARTY_NO_CONSENT"
    assert case.at(60) == "stopped CONSENT_DECLINED"


def test_a_refusal_by_somebody_unknown_counts():
    case = given().tell(50, "consent", result="declined", party="spouse")
    assert case.at(51) == "stopped CONSENT_DECLINED"


def test_a_consent_by_somebody_unknown_does_not():
    case = Case("US-CA", "US-CA").prompted().accepted(party="spouse")
    assert case.at(10) == "never AWAITING_CONSENT"


def test_a_second_person_of_the_same_role_starts_anew():
    case = given("US-CA", "US-CA").tell(50, "party_join", role="customer", jurisdiction="US-NY")
    assert case.at(51) == "paused NEW_PARTY_NO_CONSENT"


def test_overlapping_segments_pause_until_the_last_has_ended():
    case = given().tell(50, "segment_start", segment="payment", n=1)
    case.tell(60, "segment_start", segment="identity", n=1).tell(70, "segment_end", segment="payment", n=1)
    assert case.at(75) == "paused SENSITIVE_SEGMENT"
    case.tell(80, "segment_end", segment="identity", n=1)
    assert case.at(80) == "capturing SEGMENT_ENDED"


def test_the_end_of_another_run_ends_nothing():
    case = given().tell(50, "segment_start", segment="payment", n=2).tell(60, "segment_end", segment="payment", n=1)
    assert case.at(61) == "paused SENSITIVE_SEGMENT"
    case.tell(70, "segment_end", segment="payment", n=2)
    assert case.at(70) == "capturing SEGMENT_ENDED"


def test_two_runs_without_numbers_need_two_ends():
    case = given().tell(50, "segment_start", segment="payment").tell(55, "segment_start", segment="payment")
    case.tell(60, "segment_end", segment="payment")
    assert case.at(61) == "paused SENSITIVE_SEGMENT"
    assert case.tell(70, "segment_end", segment="payment").at(70) == "capturing SEGMENT_ENDED"


def test_an_end_without_a_start_and_a_segment_before_any_consent():
    case = Case("US-NY", "US-NY").tell(1, "segment_end", segment="payment").prompted()
    case.tell(3, "segment_start", segment="payment").accepted(6)
    assert case.at(4) == "never AWAITING_CONSENT"
    assert case.at(7) == "never SENSITIVE_SEGMENT"
    case.tell(20, "segment_end", segment="payment")
    assert case.at(20) == "capturing SEGMENT_ENDED"


def test_a_medical_consent_ends_with_its_segment_and_does_not_cover_a_payment():
    case = given().tell(50, "segment_start", segment="medical", n=1)
    case.tell(52, "segment_consent", segment="medical", result="accepted", method="verbal")
    case.tell(55, "segment_start", segment="payment", n=1)
    case.tell(60, "segment_end", segment="payment", n=1).tell(70, "segment_end", segment="medical", n=1)
    case.tell(80, "segment_start", segment="medical", n=2)
    assert case.at(53) == "capturing SEGMENT_CONSENT"
    assert case.at(56) == "paused SENSITIVE_SEGMENT"
    assert case.at(61) == "capturing SEGMENT_CONSENT"
    assert case.at(71) == "capturing SEGMENT_ENDED"
    assert case.at(81) == "paused SENSITIVE_SEGMENT"


def test_a_segment_of_an_unknown_type_pauses():
    case = given().tell(50, "segment_start", segment="biometric")
    case.tell(51, "segment_consent", segment="biometric", result="accepted")
    assert case.at(52) == "paused SENSITIVE_SEGMENT"


def test_scoped_opt_outs_and_opt_ins_hold_for_each_kind():
    case = given().tell(50, "opt_out", kinds=["ai_summary", "sentiment"]).tell(60, "opt_in", kinds=["sentiment"])
    assert case.at(61, Kind.SENTIMENT) == "capturing CONSENT_RENEWED"
    assert case.at(61, SUMMARY) == "stopped OPT_OUT_SCOPED"
    assert case.at(61) == "capturing CONSENT_GIVEN"
    case.tell(70, "opt_out")
    assert case.at(71, SUMMARY) == "stopped OPT_OUT"
    case.tell(80, "opt_in", kinds=["audio_recording"])
    assert case.at(81) == "capturing CONSENT_RENEWED"
    assert case.at(81, TEXT) == "stopped OPT_OUT"


def test_an_opt_out_whose_kinds_are_not_understood_is_for_all():
    assert given().tell(50, "opt_out", kinds=["everything"]).at(51) == "stopped OPT_OUT"
    assert given().tell(50, "opt_out", kinds=[]).at(51) == "stopped OPT_OUT"


def test_an_opt_out_before_the_consent_still_holds_after_it():
    case = Case("US-NY", "US-NY").prompted().tell(3, "opt_out").accepted(6)
    assert case.at(7) == "never OPT_OUT"
    assert case.tell(9, "opt_in").at(9) == "capturing CONSENT_RENEWED"


def test_the_workflow_may_return_to_a_recorded_one():
    case = given().tell(50, "workflow", recorded=False).tell(60, "workflow", recorded=True)
    assert case.at(55) == "stopped NON_RECORDED_WORKFLOW"
    assert case.at(60) == "capturing CONSENT_GIVEN"


def test_erasure_is_final_and_stronger_than_the_end():
    case = given().tell(50, "erasure_request", method="email").accepted(60).tell(90, "call_end")
    assert case.at(70) == "stopped ERASED_ON_REQUEST"
    assert case.at(100) == "stopped ERASED_ON_REQUEST"
    assert not case.timeline().at(70)[Kind.AUDIO_RECORDING].can_end


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("opt_out", {}, "CALL_ENDED"),
        ("opt_in", {}, "CALL_ENDED"),
        ("segment_start", {"segment": "payment"}, "CALL_ENDED"),
        ("jurisdiction_update", {"party": "customer", "jurisdiction": "DE"}, "CALL_ENDED"),
        ("prompt_version_changed", {"to": "p9"}, "CALL_ENDED"),
    ],
)
def test_events_after_the_end_change_nothing_and_are_flagged(kind, data, reason):
    case = given().tell(90, "call_end").tell(95, kind, **data)
    assert case.at(99) == f"stopped {reason}"
    assert [flag.flag for flag in case.timeline().flags()] == ["EVENT_AFTER_END"]


def test_withdrawal_and_erasure_after_the_end_count():
    case = given().tell(90, "call_end").tell(95, "consent_withdrawn").tell(99, "erasure_request")
    assert case.at(91) == "stopped CALL_ENDED"
    assert case.at(96) == "stopped CONSENT_WITHDRAWN"
    assert case.at(99) == "stopped ERASED_ON_REQUEST"
    assert case.flags() == {"WITHDRAWN_AFTER_CALL"}


def test_a_late_event_between_others_changes_what_lies_after_it():
    case = given().tell(60, "opt_in").tell(100, "call_end").tell(50, "opt_out", received=110)
    assert case.at(55, as_of=105) == "capturing CONSENT_GIVEN"
    assert case.at(55) == "stopped OPT_OUT"
    assert case.at(61) == "capturing CONSENT_RENEWED"
    assert {"LATE_EVENT", "OUT_OF_ORDER", "CAPTURED_AFTER_OPT_OUT"} <= case.flags()


def test_a_late_segment_shows_that_it_was_captured():
    case = given().tell(50, "segment_start", received=80, segment="payment")
    assert "CAPTURED_IN_SENSITIVE_SEGMENT" in case.flags()
    assert "CAPTURED_IN_SENSITIVE_SEGMENT" not in case.flags(as_of=79)


def test_a_late_opt_out_while_nothing_was_captured_shows_no_capture():
    case = Case("US-NY", "US-NY").tell(0, "call_start").tell(40, "opt_out", received=95)
    assert "LATE_EVENT" in case.flags()
    assert "CAPTURED_AFTER_OPT_OUT" not in case.flags()


def test_places_may_tighten_and_loosen():
    case = Case("US-NY", "US-NY").prompted()
    case.tell(6, "consent", result="implied", method="continued", prompt_version="p1")
    case.tell(50, "jurisdiction_update", party="customer", jurisdiction="DE")
    case.tell(70, "jurisdiction_update", party="customer", jurisdiction="US-TX")
    assert case.at(49) == "capturing CONSENT_IMPLIED"
    assert case.at(50) == "paused IMPLIED_NOT_ENOUGH"
    assert case.at(70) == "capturing CONSENT_IMPLIED"


def test_a_place_that_becomes_unknown_is_flagged():
    case = given().tell(50, "jurisdiction_update", party="customer", jurisdiction="unknown")
    assert "JURISDICTION_UNKNOWN" in case.flags()
    assert case.at(51) == "capturing CONSENT_GIVEN"


def test_a_text_that_changes_makes_training_stale_with_the_rest():
    case = given().accepted(7, scope=["training"]).tell(50, "prompt_version_changed", to="p2")
    assert case.at(51, TRAINING) == "paused CONSENT_STALE"
    case.prompted("p2", 60).accepted(62, "p2")
    assert case.at(63) == "capturing CONSENT_GIVEN"
    assert case.at(63, TRAINING) == "paused CONSENT_STALE"


def test_a_consent_to_a_text_that_was_not_read_is_not_proven():
    case = Case("US-CA", "US-CA").prompted("p1").accepted(6, "p2")
    assert case.at(7) == "never NOTICE_NOT_PROVEN"
    assert "NOTICE_NOT_PROVEN" in case.flags()


def test_a_consent_without_a_version_is_to_what_was_read_last():
    case = Case("US-CA", "US-CA").prompted("p1").tell(6, "consent", result="accepted", method="verbal")
    assert case.at(7) == "capturing CONSENT_GIVEN"


def test_a_stored_profile_proves_its_own_notice():
    case = Case("DE", "DE").tell(1, "consent", result="accepted", method="stored_profile", prompt_version="p1")
    assert case.at(2) == "capturing CONSENT_GIVEN"
    assert "NOTICE_NOT_PROVEN" not in case.flags()


def test_a_prompt_read_again_is_flagged_only_while_the_consent_is_in_force():
    assert "REPEATED_PROMPT" in given().prompted(t=50).flags()
    assert "REPEATED_PROMPT" not in given().prompted("p2", 50).flags()
    assert "REPEATED_PROMPT" not in given().tell(40, "opt_out").prompted(t=50).flags()


def test_video_needs_its_own_consent_and_that_of_the_recording():
    case = Case("FR", "FR").prompted().accepted(6, scope=["video"])
    assert case.at(7, VIDEO) == "never AWAITING_CONSENT"
    case.accepted(8)
    assert case.at(8, VIDEO) == "capturing CONSENT_GIVEN"
    case.tell(20, "consent", result="declined", prompt_version="p1", scope=["video"])
    assert case.at(21, VIDEO) == "stopped NO_VIDEO_CONSENT"
    assert case.at(21) == "capturing CONSENT_GIVEN"


def test_training_follows_a_source_that_is_captured():
    case = given().accepted(7, scope=["training"]).tell(50, "opt_out", kinds=["audio_recording"])
    assert case.at(51, TRAINING) == "capturing TRAINING_CONSENT"
    case.tell(60, "opt_out", kinds=["transcript", "video_recording"])
    assert case.at(61, TRAINING) == "stopped SOURCE_STOPPED"
    assert case.at(61, SUMMARY) == "capturing CONSENT_GIVEN"


def test_training_pauses_with_its_source():
    case = given().accepted(7, scope=["training"]).tell(50, "segment_start", segment="payment")
    assert case.at(51, TRAINING) == "paused SENSITIVE_SEGMENT"
    case.tell(60, "segment_end", segment="payment")
    assert case.at(61, TRAINING) == "capturing TRAINING_CONSENT"


def test_what_is_derived_stops_with_its_source():
    overlay = {"derived_from": {"ai_summary": ["transcript"], "qa_score": "ai_summary"}}
    case = given(overlay=overlay).tell(50, "opt_out", kinds=["transcript"]).tell(90, "call_end")
    assert case.at(51, SUMMARY) == "stopped SOURCE_STOPPED"
    assert case.at(51, Kind.QA_SCORE) == "stopped SOURCE_STOPPED"
    assert case.at(51) == "capturing CONSENT_GIVEN"
    assert case.at(99, SUMMARY) == "stopped SOURCE_STOPPED"


def test_a_source_that_is_not_enabled_is_not_captured():
    overlay = {"derived_from": {"ai_summary": ["transcript"]}}
    case = given(enabled=frozenset({SUMMARY}), overlay=overlay)
    assert case.at(10, SUMMARY) == "never SOURCE_STOPPED"


def test_a_source_in_a_segment_gives_the_reason_of_the_segment():
    case = given(overlay={"derived_from": {"ai_summary": ["transcript"]}})
    case.tell(50, "segment_start", segment="payment")
    assert case.at(51, SUMMARY) == "paused SENSITIVE_SEGMENT"


def test_handling_records_go_on_until_the_end_unless_named():
    case = given().tell(50, "opt_out").tell(60, "opt_out", kinds=["crm_sync"]).tell(90, "call_end")
    assert case.at(70, Kind.DISPOSITION) == "capturing BUSINESS_RECORD"
    assert case.at(70, Kind.CRM_SYNC) == "stopped OPT_OUT_SCOPED"
    assert case.at(99, Kind.DISPOSITION) == "stopped CALL_ENDED"


def test_a_conversation_without_parties_has_a_customer_at_an_unknown_place():
    case = Case(parties=()).prompted()
    case.tell(5, "consent", result="implied", method="continued", prompt_version="p1")
    assert case.at(6) == "never JURISDICTION_UNKNOWN"
    assert case.accepted(8).at(8) == "capturing CONSENT_GIVEN"
    assert "JURISDICTION_UNKNOWN" in case.flags()


def test_the_one_person_asked_is_the_customer_whatever_the_role():
    case = Case(parties=(Party("candidate", "FR"), Party("interviewer", "FR"))).given()
    assert case.at(10) == "capturing CONSENT_GIVEN"


def test_a_moment_of_consent_taken_back_at_once_was_never_on():
    case = Case("US-NY", "US-NY").prompted().accepted(6).tell(6, "opt_out")
    assert case.at(6) == "never OPT_OUT"
