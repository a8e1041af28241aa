"""The shipped packs: what they say of places, sectors, days, duties and rights, and that scenarios may rely on it."""

from dataclasses import replace
from datetime import date

import pytest
from policy_case import AUDIO, LAX, SHIPPED, Case, head

from onrecord.policy.facts import Head, Party
from onrecord.policy.kinds import Kind
from onrecord.policy.policy import compile_policy
from onrecord.policy.sectors import HEALTH
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.verdict import Verdict

BY_ID = {pack.id: pack for pack in SHIPPED}
README = {  # corpora README, part B
    "gdpr": ["DE", "FR", "IE", "ES", "NL", "GB"],
    "all_party": [f"US-{state}" for state in ["CA", "CT", "FL", "IL", "MA", "MD", "MT", "NH", "NV", "OR", "PA", "WA"]],
    "one_party": ["US-NY", "US-TX", "US-DE", "US-MI", "US-OH", "US-GA"],
    "unknown": ["unknown", "CA", "AU"],
}  # fmt: skip


def bound(sector, *places, day=None):
    """The ids of the packs that hold for a conversation."""
    parties = (Party("customer", places[0]), *(Party("agent", place) for place in places[1:]))
    made = compile_policy(SHIPPED, Head(sector, parties, date=day))
    return {pack.id for pack in made.book(sector, frozenset(places)).packs} - {"baseline", "pci-payment"}


def clauses(key, sector, *places, day=None):
    made = compile_policy(SHIPPED, Head(sector, (Party("customer", places[0]),), date=day))
    return {clause.id for pack in made.book(sector, frozenset(places)).packs for clause in getattr(pack, key)}


@pytest.mark.parametrize(("regime", "place"), [(regime, place) for regime, named in README.items() for place in named])
def test_the_places_of_the_scenarios(regime, place):
    assert compile_policy(SHIPPED, head(place)).regime(place) == regime


@pytest.mark.parametrize(
    ("sector", "places", "packs"),
    [
        ("retail", ["DE"], {"eu-gdpr"}),
        ("retail", ["GB"], {"uk-gdpr"}),
        ("retail", ["US-TX"], {"us"}),
        ("retail", ["US-CA"], {"us", "us-california"}),
        ("retail", ["IN-KA"], {"india"}),
        ("retail", ["AU"], {"strict-default"}),
        ("retail", ["DE", "US-CA"], {"eu-gdpr", "us", "us-california"}),
        ("broking", ["IN"], {"india", "india-sebi"}),
        ("insurance_sales", ["IN"], {"india", "india-irdai"}),
        ("insurance", ["IN"], {"india"}),
        ("investment", ["FR"], {"eu-gdpr", "mifid-fca"}),
        ("investment", ["GB"], {"uk-gdpr", "mifid-fca"}),
        ("investment", ["US-NY"], {"us"}),
        ("investment", ["US-NY", "GB"], {"us", "uk-gdpr", "mifid-fca"}),
        ("healthcare", ["US-TX"], {"us", "health-us"}),
        ("Healthcare", ["US-TX"], {"us", "health-us"}),
        ("healthcare", ["DE"], {"eu-gdpr"}),
        ("interview", ["DE"], {"eu-gdpr", "interview"}),
        ("hiring", ["US-IL"], {"us", "us-illinois-hiring", "interview"}),
        ("hiring", ["US-NY"], {"us", "interview"}),
        ("retail", ["US-IL"], {"us"}),
    ],
)
def test_which_packs_hold(sector, places, packs):
    assert bound(sector, *places) == packs


def test_the_baseline_cites_a_source_for_every_condition_that_restricts():
    told = {rule.when: rule for rule in BY_ID["baseline"].rules}
    assert set(told) == set(Situation) - {Situation.ALWAYS, Situation.SEGMENT_OPEN}
    for situation, rule in told.items():
        if rule.verdict is not None and situation is not Situation.SOURCE_STOPPED:
            assert rule.verdict is MEANING[situation].floor


def test_nobody_has_reviewed_them_and_they_say_so():
    for pack in SHIPPED:
        listed = (*pack.rules, *pack.duties, *pack.documentation, *pack.disclosures, *pack.rights)
        assert {pack.status, *(clause.status for clause in listed)} == {"draft"}


@pytest.mark.parametrize(
    ("day", "rules"),
    [
        (date(2025, 11, 12), set()),
        (date(2026, 11, 12), set()),
        (date(2027, 5, 12), set()),
        (date(2027, 5, 13), {"in-awaiting-consent", "in-implied-not-enough", "in-withdrawn", "in-erased"}),
    ],
)
def test_what_binds_in_india_on_which_day(day, rules):
    assert {name for name in clauses("rules", "retail", "IN", day=day) if name.startswith("in-")} == rules


def test_the_stages_of_the_dpdp_rules():
    assert bound("retail", "IN", day=date(2025, 11, 12)) == {"strict-default"}
    assert bound("retail", "IN", day=date(2025, 11, 13)) == {"india"}
    assert "in-consent-managers" not in clauses("documentation", "retail", "IN", day=date(2026, 11, 12))
    assert "in-consent-managers" in clauses("documentation", "retail", "IN", day=date(2026, 11, 13))
    assert clauses("rights", "retail", "IN", day=date(2027, 5, 12)) == set()
    assert clauses("rights", "retail", "IN", day=date(2027, 5, 13)) == {"in-access", "in-erasure"}


@pytest.mark.parametrize("day", [date(2025, 11, 12), date(2026, 11, 20), date(2027, 5, 13)])
def test_consent_in_india_is_explicit_on_every_day(day):
    case = Case("IN", "IN", overlay={"consent_mode": {"one_party": "notice_and_continue"}})
    case.head = replace(case.head, date=day)
    case.policy = compile_policy(SHIPPED, case.head)
    case.prompted().tell(6, "consent", result="implied", prompt_version="p1")
    assert case.at(7).startswith("never")


def test_health_is_what_asks_vendors_for_a_contract():
    assert BY_ID["health-us"].sectors == HEALTH


@pytest.mark.parametrize(("sector", "applies"), [("Dentist", True), ("health insurance", True), ("hospitality", False)])
def test_health_is_known_by_the_beginning_of_a_word(sector, applies):
    policy = compile_policy(SHIPPED, Head(sector, (Party("customer", "US-TX"),), (Kind.TRANSCRIPT,), LAX))
    found = policy.book(sector, frozenset({"US-TX"})).packs
    assert ("health-us" in {pack.id for pack in found}) is applies


def test_duties_disclosures_and_rights():
    assert clauses("duties", "broking", "IN") == {"in-sebi-orders"}
    assert clauses("duties", "insurance_sales", "IN") == {"in-irdai-sales"}
    assert clauses("duties", "investment", "GB") == {"mifid-fca-orders"}
    assert clauses("duties", "retail", "IN", "GB", "DE") == set()
    assert clauses("rights", "insurance_sales", "IN") >= {"in-irdai-voice-copy"}
    assert clauses("disclosures", "retail", "DE", day=date(2026, 8, 1)) == set()
    assert clauses("disclosures", "retail", "DE", day=date(2026, 8, 2)) == {"eu-ai", "eu-emotion"}
    assert clauses("disclosures", "retail", "GB") == set()
    within = {right.id: right.within for right in BY_ID["us-illinois-hiring"].rights}
    assert within == {"us-il-delete": "P30D"}
    assert {duty.retention for duty in BY_ID["mifid-fca"].duties} == {"P5Y"}


def health(overlay, *places, sector="healthcare"):
    case = Case(*places, overlay=overlay).given()
    case.head = replace(case.head, sector=sector)
    case.policy = compile_policy(SHIPPED, case.head)
    return case.timeline().at(10)


def test_six_years_are_for_documentation_and_for_recordings_only_by_choice():
    chosen = {"recording_retention": "documentation_period"}
    assert [kept.retention for kept in BY_ID["health-us"].documentation] == ["P6Y"]
    assert health({}, "US-TX", "US-TX")[AUDIO].retention == "us-content/P90D"
    made = health(chosen, "US-TX", "US-TX")
    assert made[AUDIO].retention == "health-recordings/P6Y"
    assert made[Kind.AI_SUMMARY].retention == "us-content/P90D"
    assert "state law governs" in BY_ID["health-us"].treatments[0].note
    assert health(chosen, "US-TX", "US-TX", sector="retail")[AUDIO].retention == "us-content/P90D"
    assert health(chosen, "US-TX", "DE")[AUDIO].retention == "eu-content/P30D"


def test_of_several_retentions_the_shortest_holds():
    assert Case("US-NY", "US-NY").given().timeline().at(10)[AUDIO].retention == "us-content/P90D"
    assert Case("US-NY", "AU").given().timeline().at(10)[AUDIO].retention == "sd-content/P30D"
    made = health(LAX, "US-NY", "US-NY", sector="interview")
    assert made[Kind.VIDEO_ANALYSIS].retention == "interview-analysis/P30D"
    assert made[Kind.VIDEO_ANALYSIS].purpose == "interview_analysis"


def test_an_area_code_is_not_a_location():
    """Nothing reads a place out of a number: a party of whom no place is told is at one that is not known."""
    case = Case(parties=(Party("customer"), Party("agent", "US-TX"))).prompted()
    case.tell(6, "consent", result="implied", prompt_version="p1")
    assert case.at(7) == "never JURISDICTION_UNKNOWN"
    assert case.accepted(8).at(9) == "capturing CONSENT_GIVEN"


@pytest.mark.parametrize(
    ("scope", "video", "analysis", "training"),
    [
        (["recording"], False, False, False),
        (["recording", "video"], True, False, False),
        (["recording", "video", "video_analysis"], True, True, False),
        (["recording", "training"], False, False, True),
    ],
)
def test_each_consent_of_an_interview_is_its_own(scope, video, analysis, training):
    parties = (Party("candidate", "DE"), Party("interviewer", "DE"))
    case = Case(parties=parties).tell(0, "call_start").tell(2, "prompt_delivered", prompt_version="p1", to="candidate")
    case.head = replace(case.head, sector="interview")
    case.policy = compile_policy(SHIPPED, case.head)
    case.tell(6, "consent", result="accepted", method="screen", prompt_version="p1", party="candidate", scope=scope)
    made = {kind for kind, decision in case.timeline().at(7).items() if decision.verdict is Verdict.CAPTURE}
    assert AUDIO in made
    assert (Kind.VIDEO_RECORDING in made, Kind.VIDEO_ANALYSIS in made) == (video, analysis)
    assert (Kind.TRAINING_DATA in made) == training


@pytest.mark.parametrize("place", ["US-IL", "US-NY"])
def test_nobody_is_analysed_on_video_by_going_on(place):
    modes = {"consent_mode": {"all_party": "notice_and_continue", "one_party": "notice_and_continue"}}
    case = Case(place, place, overlay=modes).prompted()
    case.head = replace(case.head, sector="interview")
    case.policy = compile_policy(SHIPPED, case.head)
    every = ["recording", "video", "video_analysis"]
    case.tell(6, "consent", result="implied", prompt_version="p1", scope=every)
    assert case.at(7) == "capturing CONSENT_IMPLIED"
    assert case.at(7, Kind.VIDEO_RECORDING) == "capturing CONSENT_IMPLIED"
    assert case.at(7, Kind.VIDEO_ANALYSIS) == "never NO_VIDEO_CONSENT"
    rules = set(case.timeline().at(7)[Kind.VIDEO_ANALYSIS].rules)
    assert ("us-il-biometrics" in rules) == (place == "US-IL")
    assert case.accepted(8, scope=every).at(8, Kind.VIDEO_ANALYSIS).startswith("capturing")


def test_several_jurisdictions_come_to_the_strictest():
    case = Case("US-NY", "US-CA").prompted()
    assert case.tell(6, "consent", result="implied", prompt_version="p1").at(7) == "never IMPLIED_NOT_ENOUGH"
    case = Case("US-NY", "US-TX").prompted()
    assert case.tell(6, "consent", result="implied", prompt_version="p1").at(7) == "capturing CONSENT_IMPLIED"
