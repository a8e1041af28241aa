import pytest
from policy_case import LAX, Case

from onrecord.policy.facts import Fact
from onrecord.policy.kinds import Kind
from onrecord.policy.verdict import Flag

ACKS = {"capture_acks": "required", "stop_ack_timeout_s": 5}
SOME = frozenset({Kind.AUDIO_RECORDING, Kind.TRANSCRIPT, Kind.AGENT_NOTES, Kind.TRAINING_DATA})


def stopped():
    return Case("US-NY", "US-NY", enabled=SOME, overlay=ACKS).given().tell(50, "opt_out")


def test_a_stop_that_nobody_acknowledges_is_flagged_when_the_time_is_up():
    case = stopped()
    assert "STOP_NOT_ACKNOWLEDGED" not in case.flags(as_of=54.9)
    assert "STOP_NOT_ACKNOWLEDGED" in case.flags(as_of=55)
    assert "PARTIAL_STOP" not in case.flags(as_of=55)


def test_a_full_acknowledgement_clears_it_and_a_late_one_does_not():
    case = stopped().tell(52, "capture_ack", action="stop", kinds=["audio_recording"])
    assert {"STOP_NOT_ACKNOWLEDGED", "PARTIAL_STOP"} <= case.flags(as_of=60)
    late = stopped().tell(56, "capture_ack", action="stop", kinds=["audio_recording", "transcript"])
    assert "STOP_NOT_ACKNOWLEDGED" in late.flags(as_of=60)
    case.tell(53, "capture_ack", action="stop", kinds=["transcript"])
    assert not case.flags(as_of=60)


def test_the_end_of_the_call_needs_no_acknowledgement():
    case = Case("US-NY", "US-NY", enabled=SOME, overlay=ACKS).given().tell(50, "call_end")
    assert not case.flags(as_of=99)


def test_a_closing_heard_late_is_answered_from_then_on():
    case = Case("US-NY", "US-NY", enabled=SOME, overlay=ACKS).given().tell(50, "opt_out", received=58)
    assert "STOP_NOT_ACKNOWLEDGED" not in case.flags(as_of=62)
    assert "STOP_NOT_ACKNOWLEDGED" in case.flags(as_of=63)


def test_a_malformed_acknowledgement_says_nothing():
    assert "STOP_NOT_ACKNOWLEDGED" in stopped().tell(52, "capture_ack", kinds=7).flags(as_of=60)


def report(case, t, kind="audio_recording", state="capturing"):
    return case.tell(t, "capture_report", kinds=[kind], state=state)


def test_reports_are_measured_against_what_must_be():
    case = Case("US-NY", "US-NY").given()
    assert not report(case, 10).flags()
    assert not report(case, 12, state="stopped").flags()
    case.tell(20, "segment_start", segment="payment")
    assert report(case, 21).flags() == {"CAPTURED_IN_SENSITIVE_SEGMENT"}
    case.tell(25, "segment_end", segment="payment").tell(30, "opt_out")
    assert report(case, 31).flags() == {"CAPTURED_IN_SENSITIVE_SEGMENT", "CAPTURED_AFTER_OPT_OUT"}


def test_a_report_after_another_stop_has_a_flag_of_its_own():
    case = Case("US-NY", "US-NY").given().tell(20, "workflow", recorded=False)
    assert report(case, 21).flags() == {"CAPTURED_WHILE_CLOSED"}


def test_a_report_turns_out_wrong_by_a_late_opt_out():
    case = report(Case("US-NY", "US-NY").given(), 45)
    case.tell(40, "opt_out", received=48)
    assert "CAPTURED_AFTER_OPT_OUT" in case.flags()


def test_a_report_of_a_kind_never_on():
    assert report(Case("US-NY", "US-NY"), 1).flags() == {"CAPTURED_WITHOUT_CONSENT"}


def test_a_repeated_event_is_flagged_and_does_nothing_else():
    case = Case("US-NY", "US-NY").given().tell(50, "opt_out", event_id="o").tell(60, "opt_in")
    case.tell(51, "opt_out", received=70, event_id="o")
    assert case.at(80) == "capturing CONSENT_RENEWED"
    assert case.flags() == {"DUPLICATE_EVENT"}
    told = Case("US-NY", "US-NY").given().tell(70, "event_repeated", of="e3")
    assert [(f.flag, f.event_id) for f in told.timeline().flags()] == [("DUPLICATE_EVENT", "e3")]


def test_a_closing_under_a_used_id_still_closes_and_an_opening_does_not_open():
    case = Case("US-NY", "US-NY").given().tell(50, "opt_out", event_id="e3")
    assert case.at(51) == "stopped OPT_OUT"
    case.tell(60, "opt_in", event_id="e1")
    assert case.at(61) == "stopped OPT_OUT"


def test_a_bypass_is_flagged_and_changes_nothing():
    case = Case("US-NY", "US-NY").given().tell(50, "opt_out").tell(60, "bypass", by="agent", kinds=["audio_recording"])
    assert case.at(61) == "stopped OPT_OUT"
    assert case.flags() == {"POLICY_BYPASS"}


def test_a_segment_left_open_and_closed_late():
    case = Case("US-NY", "US-NY").given().tell(50, "segment_start", segment="payment").tell(90, "call_end")
    assert "SEGMENT_NOT_CLOSED" in case.flags()
    case.tell(60, "segment_end", received=95, segment="payment")
    assert "SEGMENT_NOT_CLOSED" not in case.flags()


def test_an_answer_raises_what_it_makes_of_a_stop_long_before_it():
    acks = {**LAX, "capture_acks": "required", "stop_ack_timeout_s": 5}
    case = Case("US-NY", "US-NY", overlay=acks).given().tell(20, "opt_out", received=50)
    before = case.timeline()
    after = before.with_fact(Fact("ack", "capture_ack", 54.0, 60.0, {"kinds": ["transcript"], "action": "stop"}))
    assert [flag.flag for flag in before.flags(70.0)].count("STOP_NOT_ACKNOWLEDGED") == 1
    raised = after.flags_since(before, 70.0, {"ack"})
    assert ("PARTIAL_STOP", 55.0) in [(flag.flag, flag.t) for flag in raised]
    assert "STOP_NOT_ACKNOWLEDGED" not in [flag.flag for flag in raised]


def test_a_flag_that_was_raised_before_is_not_raised_again():
    again = [Fact(f"r{n}", "event_repeated", 6.0, 10.0 + n, {"of": "e3"}) for n in range(2)]
    before = Case("US-NY", "US-NY").given().timeline().with_fact(again[0])
    assert [flag.flag for flag in before.flags()].count("DUPLICATE_EVENT") == 1
    assert before.with_fact(again[1]).flags_since(before, 20.0, {"r1"}) == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("consent", {"result": "accepted", "method": "verbal"}),
        ("consent", {"result": "implied", "method": "continued"}),
        ("segment_consent", {"segment": "medical", "result": "accepted", "method": "verbal"}),
        ("opt_in", {"method": "verbal"}),
    ],
)
@pytest.mark.parametrize("name", ["party", "party_id"])
def test_who_agrees_and_is_not_there_is_flagged(kind, said, name):
    case = Case("DE", "DE").tell(0, "call_start").prompted().tell(3, "segment_start", segment="medical")
    case.tell(6, kind, event_id="typo", **said, **{name: "custmer"})
    assert [flag for flag in case.timeline().flags(99) if flag.flag == "UNKNOWN_PARTY"] == [
        Flag("UNKNOWN_PARTY", 6.0, "typo")
    ]
    assert case.at(7).startswith("never")


def test_who_is_there_or_refuses_is_not():
    case = Case("DE", "DE").given().accepted(7, party="customer").tell(8, "consent", result="declined", party="custmer")
    case.tell(9, "consent", result="no_response", party="nobody").tell(10, "party_join", role="spouse")
    case.accepted(11, party="spouse")
    assert "UNKNOWN_PARTY" not in case.flags()
