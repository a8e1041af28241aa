"""Whoever joins in mid-call agrees for themselves, and lifts nothing that was said before."""

import pytest
from policy_case import AUDIO, Case

from onrecord.policy.facts import Party
from onrecord.policy.kinds import Kind

INTERESTS = {
    "legal_basis": {"recording": "legitimate_interests", "transcription": "legitimate_interests"},
    "balancing": "weighed-1",
}


def interested():
    made = Case("GB", overlay=INTERESTS, parties=(Party("customer", "GB"),)).tell(0, "call_start").prompted()
    return made.accepted(scope=["recording", "video", "video_analysis", "training"])


@pytest.mark.parametrize("kind", [Kind.TRAINING_DATA, Kind.VIDEO_RECORDING, Kind.VIDEO_ANALYSIS])
def test_a_notice_to_whoever_joins_is_no_consent_to_what_needs_one_of_its_own(kind):
    case = interested()
    assert case.at(8, kind).startswith("capturing")
    case.tell(10, "party_join", role="guest", jurisdiction="GB").prompted(t=12, to="guest")
    assert case.at(13, AUDIO) == "capturing NOTICE_GIVEN"
    assert case.at(13, kind).startswith("stopped NO_")
    case.accepted(t=14, party="guest", scope=["recording", "video", "video_analysis", "training"])
    assert case.at(15, kind).startswith("capturing")


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("objection", {}, "OBJECTED"),
        ("consent", {"result": "declined"}, "OBJECTED"),
        ("consent_withdrawn", {}, "OBJECTED"),
    ],
)
def test_joining_again_ends_no_objection(kind, data, reason):
    case = interested().tell(10, kind, **data).tell(12, "party_join", role="customer", jurisdiction="GB").prompted(t=14)
    assert case.at(15) == f"stopped {reason}"
    assert case.accepted(t=16, version="p1").at(17) == "capturing NOTICE_GIVEN"


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [("consent", {"result": "declined"}, "CONSENT_DECLINED"), ("consent_withdrawn", {}, "CONSENT_WITHDRAWN")],
)
def test_staying_on_the_line_after_joining_again_answers_no_refusal(kind, data, reason):
    case = Case("US-TX").given().tell(10, kind, **data)
    case.tell(12, "party_join", role="customer", jurisdiction="US-TX").prompted(t=14)
    case.tell(16, "consent", result="implied", method="continued")
    assert case.at(17) == f"stopped {reason}"


def test_what_was_agreed_to_before_joining_again_counts_no_more():
    case = Case("US-TX").given().tell(12, "party_join", role="customer", jurisdiction="US-TX")
    assert case.at(13) == "paused NEW_PARTY_NO_CONSENT"
