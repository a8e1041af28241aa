"""Legal bases other than consent, objection, dates, grades of delivery, expiry, duties, disclosures, feelings."""

from dataclasses import replace
from datetime import date

import pytest
from policy_case import AUDIO, SHIPPED, Case

from onrecord.policy.errors import InvalidPackError
from onrecord.policy.facts import Head, Party
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.purposes import ConsentState, Purpose
from onrecord.policy.verdict import Verdict

HOME = """format: onrecord-policy-pack/1
id: home
version: 1.0.0
title: Home
status: draft
effective: 2020-01-01
scope: jurisdictions
regimes: {gdpr: [SE]}
options:
  legal_basis:
    recording: [consent, legitimate_interests, legal_obligation]
    transcription: [consent, legitimate_interests]
  notice_grade: [claimed, sent, heard]
  emotion_inference: [never, customers]
  sensitive_segments:
    identity: [pause_always, pause_unless_segment_consent]
rules:
  - id: home-in-force
    when: in_force
    kinds: [content]
    verdict: capture
    reason: CONSENT_GIVEN
    citation: GDPR art. 6
    effective: 2020-01-01
    status: draft
"""
CLAUSE = "citation: MiFID II, effective: 2020-01-01, status: draft"
DUTY = f"duties: [{{id: to-record, kinds: [audio_recording], retention: P5Y, {CLAUSE}}}]\n"
WORDS = (
    f"disclosures: [{{id: say-ai, what: ai, {CLAUSE}}}, {{id: say-feelings, what: emotion, {CLAUSE}}},"
    f" {{id: say-recording, what: recording, {CLAUSE}}}]\n"
)
INTERESTS = {"legal_basis": {"recording": "legitimate_interests"}, "balancing": "weighed-1"}
OBLIGATION = {"legal_basis": {"recording": "legal_obligation"}}


def home(overlay=None, more="", parties=None, sector="retail", enabled=frozenset(Kind), **head):
    case = Case("SE", "SE", overlay=overlay or {}, packs=[parse((HOME + more).encode())], enabled=enabled)
    known = parties or case.head.parties
    case.head = replace(case.head, parties=known, sector=sector, **head)
    case.policy = compile_policy([parse((HOME + more).encode())], case.head)
    return case


def test_legitimate_interests_ask_for_a_notice_and_no_consent():
    case = home(INTERESTS).tell(0, "call_start")
    assert case.at(1) == "never NOTICE_MISSING"
    made = case.prompted(t=2).timeline().at(3)[AUDIO]
    assert (made.state, made.reason, made.legal_basis) == ("capturing", "NOTICE_GIVEN", "legitimate_interests")
    assert case.at(3, Kind.TRANSCRIPT) == "never AWAITING_CONSENT"


def test_interests_that_nobody_weighed_are_no_basis():
    overlay = {"legal_basis": {"recording": "legitimate_interests"}}
    assert home(overlay).prompted(t=2).at(3) == "never AWAITING_CONSENT"


@pytest.mark.parametrize(
    ("kind", "data"), [("objection", {}), ("consent", {"result": "declined"}), ("consent_withdrawn", {})]
)
def test_who_objects_is_not_recorded(kind, data):
    case = home(INTERESTS).prompted(t=2).tell(5, kind, **data)
    assert case.at(6) == "stopped OBJECTED"
    assert case.prompted(t=7).at(8) == "stopped OBJECTED"
    assert case.accepted(9).at(9) == "capturing NOTICE_GIVEN"
    assert "OBJECTION_NOT_HONOURED" not in case.flags()


def test_an_objection_to_one_purpose_leaves_the_others():
    overlay = {"legal_basis": {"recording": "legitimate_interests", "transcription": "legitimate_interests"}}
    case = home({**overlay, "balancing": "w"}).prompted(t=2).tell(5, "objection", scope=["transcription"])
    assert (case.at(6), case.at(6, Kind.TRANSCRIPT)) == ("capturing NOTICE_GIVEN", "stopped OBJECTED")


def test_an_objection_closes_under_consent_too_and_in_any_state():
    case = home().given().tell(10, "objection")
    assert case.at(11) == "stopped OBJECTED"
    assert case.accepted(12).at(12).startswith("capturing")
    ended = home().given().tell(20, "call_end").tell(30, "objection", party="customer")
    assert ended.at(31) == "stopped OBJECTED"
    assert "EVENT_AFTER_END" not in ended.flags()


def test_of_an_objection_that_is_not_understood_everything_closes():
    case = home(INTERESTS).prompted(t=2).tell(5, "objection", scope=["the tape"])
    assert case.at(6) == "stopped OBJECTED"
    stranger = home(INTERESTS).prompted(t=2).tell(5, "objection", party="neighbour")
    assert stranger.at(6) == "stopped OBJECTED"


def test_what_the_law_obliges_goes_on_and_says_so_but_an_opt_out_holds():
    for kind, data in (("objection", {}), ("consent", {"result": "declined"}), ("consent_withdrawn", {})):
        case = home(OBLIGATION, DUTY).prompted(t=2).tell(5, kind, **data)
        assert case.at(6) == "capturing NOTICE_GIVEN"
        assert "OBJECTION_NOT_HONOURED" in case.flags()
        assert case.tell(7, "opt_out").at(7) == "stopped OPT_OUT"
        assert case.tell(8, "opt_in").at(8) == "capturing NOTICE_GIVEN"


def test_an_obligation_that_no_pack_knows_is_no_basis():
    assert home(OBLIGATION).prompted(t=2).at(3) == "never AWAITING_CONSENT"
    with_duty = home(OBLIGATION, DUTY).prompted(t=2)
    assert with_duty.at(3) == "capturing NOTICE_GIVEN"
    assert with_duty.at(3, Kind.TRANSCRIPT) == "never AWAITING_CONSENT"


def test_a_notice_is_given_anew_after_a_transfer_without_it_to_who_joins_and_for_a_new_text():
    case = home(INTERESTS).prompted(t=2).tell(5, "transfer", carries_consent=False)
    assert case.at(6) == "paused NOTICE_MISSING"
    assert case.prompted(t=7).at(7) == "capturing NOTICE_GIVEN"
    case.tell(10, "party_join", role="spouse", jurisdiction="SE")
    assert case.at(11) == "paused NOTICE_MISSING"
    assert case.prompted(t=12, to="spouse").at(12) == "capturing NOTICE_GIVEN"
    case.tell(20, "prompt_version_changed", to="p2")
    assert case.at(21) == "paused NOTICE_MISSING"
    assert case.prompted("p2", t=22).prompted("p2", t=23, to="spouse").at(23) == "capturing NOTICE_GIVEN"


def test_a_registered_notice_covers_what_it_asks_for():
    case = home(INTERESTS).prompted("n@1", t=2, registered={"purposes": ["training"], "discloses": []})
    assert case.at(3) == "never NOTICE_MISSING"
    assert case.prompted("m@1", t=4, registered={"purposes": ["recording"]}).at(4) == "capturing NOTICE_GIVEN"


def test_a_place_that_declares_no_other_basis_asks_for_consent():
    case = Case("SE", "DE", overlay=INTERESTS, packs=[parse(HOME.encode()), *SHIPPED])
    case.policy = compile_policy(
        [*SHIPPED, parse(HOME.encode())], replace(case.head, parties=(Party("customer", "US-NY"),))
    )
    case.head = replace(case.head, parties=(Party("customer", "US-NY"),))
    assert case.prompted(t=2).at(3) == "never AWAITING_CONSENT"


def test_a_consent_covers_no_more_than_its_registered_text_asks():
    asks = {"prompt_id": "n", "version": "1", "purposes": ["recording", "training"], "discloses": []}
    case = home().prompted("n@1", t=2, registered=asks).accepted(3, "n@1", registered=asks)
    assert case.at(4).startswith("capturing")
    assert case.at(4, Kind.TRAINING_DATA) == "capturing TRAINING_CONSENT"
    assert case.at(4, Kind.VIDEO_RECORDING) == "never NO_VIDEO_CONSENT"
    less = {**asks, "purposes": ["recording"]}
    case = home().prompted("n@1", t=2, registered=less).accepted(3, "n@1", scope=["recording", "training"])
    assert case.at(4).startswith("capturing")
    assert case.at(4, Kind.TRAINING_DATA) == "never NO_SEPARATE_CONSENT"


def test_the_least_grade_of_delivery():
    for least, right in (("claimed", True), ("sent", False), ("heard", False)):
        case = home({"notice_grade": least}).given()
        assert case.at(7).startswith("capturing") is right
        assert ("NOTICE_NOT_PROVEN" in case.flags()) is not right
    sent = home({"notice_grade": "sent"}).prompted(t=2, grade="sent").accepted(6)
    assert sent.at(7).startswith("capturing")
    stored = home({"notice_grade": "heard"}).tell(3, "consent", result="accepted", method="stored_profile")
    assert stored.at(4).startswith("capturing")


def test_a_prompt_that_was_heard_proves_what_comes_after_it_however_late_it_is_told():
    case = home({"notice_grade": "heard"}).prompted(t=2).accepted(6)
    case.tell(5, "prompt_heard", received=7.5, prompt_version="p1", grade="heard", end=5)
    assert case.live(7) == "never NOTICE_NOT_PROVEN"
    assert case.at(7).startswith("capturing")
    assert not {"LATE_EVENT", "OUT_OF_ORDER"} & case.flags()
    after = home({"notice_grade": "heard"}).prompted(t=2).accepted(6)
    after.tell(6.5, "prompt_heard", prompt_version="p1", grade="heard")
    assert after.at(7) == "never NOTICE_NOT_PROVEN"


@pytest.mark.parametrize(
    ("grade", "flag"), [("not_heard", "PROMPT_NOT_HEARD"), ("partly_heard", "PROMPT_PARTLY_HEARD")]
)
def test_a_prompt_that_was_not_heard_proves_nothing(grade, flag):
    case = home({"notice_grade": "heard"}).prompted(t=2).tell(5, "prompt_heard", prompt_version="p1", grade=grade)
    assert case.accepted(6).at(7) == "never NOTICE_NOT_PROVEN"
    assert flag in case.flags()
    assert (
        home().prompted(t=2).tell(5, "prompt_heard", prompt_version="p1", grade=grade).accepted(6).at(7).startswith("c")
    )


def test_a_pack_names_the_least_grade_and_no_overlay_goes_below():
    strict = HOME.replace("notice_grade: [claimed, sent, heard]", "notice_grade: [sent, heard]")
    case = Case("SE", "SE", overlay={"notice_grade": "claimed"}, packs=[parse(HOME.encode())])
    case.policy = compile_policy([parse(strict.encode())], replace(case.head, overlay={}))
    assert case.given().at(7) == "never NOTICE_NOT_PROVEN"


def test_a_consent_runs_out():
    case = home().tell(0, "call_start").tell(1, "consent", result="accepted", method="stored_profile", expires=50)
    assert case.at(49).startswith("capturing")
    assert case.at(50) == "paused CONSENT_EXPIRED"
    assert case.timeline().closed(AUDIO, 40, 60) == [(50, 60)]
    assert case.timeline().consents(60)["customer"][Purpose.RECORDING] is ConsentState.EXPIRED
    assert case.prompted(t=55).accepted(60).at(60).startswith("capturing")
    assert case.tell(70, "consent_withdrawn").at(70) == "stopped CONSENT_WITHDRAWN"


def test_a_consent_that_ran_out_before_it_was_read_is_none():
    case = home().tell(10, "consent", result="accepted", method="stored_profile", expires=10)
    assert case.at(11) == "never CONSENT_EXPIRED"


@pytest.mark.parametrize("expires", ["soon", True, float("nan"), "2026-01-01T00:00:00Z", None])
def test_an_end_that_is_not_understood_has_come(expires):
    case = home().tell(10, "consent", result="accepted", method="stored_profile", expires=expires)
    assert case.at(11) == ("never CONSENT_EXPIRED" if expires is not None else "capturing CONSENT_GIVEN")


def test_an_instant_counts_on_the_clock_of_the_call():
    started = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
    case = home(started=started, date=date(2026, 1, 1))
    case.tell(1, "consent", result="accepted", method="stored_profile", expires="2026-01-01T00:00:30Z")
    assert (case.at(29)[:9], case.at(30)) == ("capturing", "paused CONSENT_EXPIRED")


def test_a_consent_that_outlives_a_week_ends_with_the_next_fact():
    week = 8 * 86400
    case = home().tell(1, "consent", result="accepted", method="stored_profile", expires=week)
    assert max(t for t, _, _ in case.timeline().transitions()) == 1
    assert case.tell(week + 5, "call_start").at(week + 6) == "paused CONSENT_EXPIRED"


def test_the_later_of_two_grants_counts():
    case = home().tell(1, "consent", result="accepted", method="stored_profile", expires=50)
    assert case.prompted(t=2).accepted(3).at(60).startswith("capturing")


def test_an_identity_stretch_by_its_own_consent():
    case = home({"sensitive_segments": {"identity": "pause_unless_segment_consent"}}).given()
    case.tell(10, "segment_start", segment="identity")
    assert case.at(11) == "paused SENSITIVE_SEGMENT"
    case.tell(12, "segment_consent", segment="identity", result="accepted")
    assert case.at(12) == "capturing SEGMENT_CONSENT"
    again = case.tell(20, "segment_end", segment="identity").tell(30, "segment_start", segment="identity")
    assert again.at(31) == "paused SENSITIVE_SEGMENT"
    base = home().given().tell(10, "segment_start", segment="identity")
    assert base.tell(12, "segment_consent", segment="identity", result="accepted").at(13) == "paused SENSITIVE_SEGMENT"


def test_a_duty_that_meets_a_restriction():
    case = home(more=DUTY).tell(0, "call_start")
    assert [d[:2] for d in case.timeline().directives(1)] == [("read_prompt", "AWAITING_CONSENT")]
    case.prompted().accepted()
    assert case.timeline().directives(7) == ()
    assert "DUTY_CONFLICT" not in case.flags()
    case.tell(10, "opt_out")
    assert case.at(11) == "stopped OPT_OUT"
    assert [*case.timeline().directives(15)] == [("end_or_move_call", "DUTY_CONFLICT", 10.0)]
    assert "DUTY_CONFLICT" in case.flags()
    case.tell(16, "opt_in")
    assert case.timeline().directives(17) == ()
    case.tell(20, "call_end")
    assert [flag.t for flag in case.timeline().flags() if flag.flag == "DUTY_CONFLICT"] == [10.0]


def test_a_duty_that_was_never_met_shows_at_the_end():
    case = home(more=DUTY).tell(0, "call_start").tell(30, "call_end")
    assert [flag.t for flag in case.timeline().flags() if flag.flag == "DUTY_CONFLICT"] == [30.0]
    assert case.timeline().directives(31) == ()


@pytest.mark.parametrize("enabled", [frozenset(), frozenset(Kind)])
def test_a_duty_raises_no_verdict(enabled):
    plain, bound = home(enabled=enabled), home(more=DUTY, enabled=enabled)
    for case in (plain, bound):
        case.tell(0, "call_start").tell(5, "consent", result="declined")
    assert plain.timeline().at(6)[AUDIO].verdict is bound.timeline().at(6)[AUDIO].verdict
    assert "DUTY_CONFLICT" in bound.flags()
    assert "DUTY_CONFLICT" not in plain.flags()


def test_a_way_out_of_the_recording_is_named():
    more = HOME.replace("options:\n", "options:\n  opt_out_action: [stop, route_non_recorded]\n")
    case = home({})
    case.head = replace(case.head, overlay={"opt_out_action": "route_non_recorded"})
    case.policy = compile_policy([parse(more.encode())], case.head)
    case.given().tell(10, "opt_out")
    assert ("move_to_unrecorded", "OPT_OUT", 10.0) in case.timeline().directives(11)
    assert case.tell(12, "workflow", recorded=False).timeline().directives(13) == ()


BOT = (Party("customer", "SE"), Party("bot", "SE"))


def says(*words):
    return {"prompt_id": "n", "version": "1", "purposes": ["recording"], "discloses": list(words)}


@pytest.mark.parametrize(
    ("parties", "words", "missing"),
    [
        (BOT, ["recording", "emotion"], True),
        (BOT, ["recording", "emotion", "ai"], False),
        (None, ["recording", "emotion"], False),
        (None, ["recording"], True),
        (None, [], True),
    ],
)
def test_what_was_not_disclosed(parties, words, missing):
    case = home(more=WORDS, parties=parties).prompted("n@1", registered=says(*words)).accepted(6, "n@1")
    assert ("DISCLOSURE_MISSING" in case.flags()) is missing
    assert (("read_prompt", "DISCLOSURE_MISSING", 6.0) in case.timeline().directives(7)) is missing
    case.prompted("m@1", t=8, registered=says("recording", "emotion", "ai"))
    assert case.timeline().directives(9) == ()


def test_a_bot_that_speaks_says_so_at_once():
    case = home(more=WORDS).prompted("n@1", channel="bot", registered=says("recording"))
    assert "DISCLOSURE_MISSING" in case.flags()
    case = home(more=WORDS).prompted("n@1", channel="bot", registered=says("ai"))
    assert "DISCLOSURE_MISSING" not in case.flags()


def test_words_that_no_register_knows_disclose_nothing_and_accuse_nobody():
    case = home(more=WORDS, parties=BOT).given()
    assert "DISCLOSURE_MISSING" not in case.flags()


@pytest.mark.parametrize(
    ("sector", "role", "allowed"),
    [
        ("retail", "customer", True),
        ("hiring", "customer", False),
        ("Education", "customer", False),
        ("workplace", "customer", False),
        ("interview", "customer", True),
        ("interview", "guest", False),
        ("retail", "candidate", False),
        ("retail", "applicant_2", False),
        ("retail", "Agent", False),
    ],
)
def test_feelings(sector, role, allowed):
    case = home(sector=sector, parties=(Party(role, "SE"), Party("agent", "SE")))
    case.prompted(to=role).accepted(party=role)
    made = case.timeline().at(7)[Kind.SENTIMENT]
    assert (made.verdict is Verdict.CAPTURE) is allowed
    assert allowed or (made.verdict, made.reason, made.can_end) == (Verdict.NEVER, "EMOTION_PROHIBITED", False)


def test_feelings_may_be_forbidden_by_pack_and_by_overlay():
    assert home({"emotion_inference": "never"}).given().at(7, Kind.SENTIMENT) == "never EMOTION_PROHIBITED"
    strict = HOME.replace("emotion_inference: [never, customers]", "emotion_inference: [never]")
    case = home()
    case.policy = compile_policy([parse(strict.encode())], case.head)
    assert case.given().at(7, Kind.SENTIMENT) == "never EMOTION_PROHIBITED"
    assert case.at(7).startswith("capturing")


DATED = HOME.replace(
    "    effective: 2020-01-01\n    status: draft\n",
    """    effective: 2020-01-01
    status: draft
  - id: home-no-summary
    when: always
    kinds: [ai_summary]
    verdict: never
    reason: NOT_PERMITTED
    citation: GDPR art. 6
    effective: 2026-05-01
    until: 2027-05-01
    status: draft
""",
)


@pytest.mark.parametrize(
    ("day", "bound"),
    [
        (date(2026, 4, 30), False),
        (date(2026, 5, 1), True),
        (date(2027, 4, 30), True),
        (date(2027, 5, 1), False),
        (None, True),
    ],
)
def test_a_rule_binds_from_its_first_day_to_before_its_last(day, bound):
    case = home(date=day)
    case.policy = compile_policy([parse(DATED.encode())], case.head)
    assert (case.given().at(7, Kind.AI_SUMMARY) == "never NOT_PERMITTED") is bound


def test_a_pack_covers_its_places_on_its_days_alone():
    case = home(date=date(2019, 12, 31))
    made = case.given().timeline()
    assert list(made.packs(7)) == []
    assert made.at(7)[AUDIO].retention == "core/P0D"


def test_versions_of_one_pack_follow_one_another():
    older = HOME.replace("effective: 2020-01-01\nscope", "effective: 2020-01-01\nuntil: 2026-01-01\nscope")
    newer = HOME.replace("version: 1.0.0", "version: 2.0.0").replace(
        "effective: 2020-01-01\nscope", "effective: 2026-01-01\nscope"
    )
    packs = [parse(newer.encode()), parse(older.encode())]
    head = Head("retail", (Party("customer", "SE"),), frozenset(Kind), date=date(2025, 12, 31))
    assert [pack.version for pack in compile_policy(packs, head).packs] == ["1.0.0"]
    assert [p.version for p in compile_policy(packs, replace(head, date=date(2026, 1, 1))).packs] == ["2.0.0"]
    assert len(compile_policy(packs, replace(head, date=None)).packs) == 2
    with pytest.raises(InvalidPackError):
        compile_policy([parse(newer.encode()), parse(HOME.encode())], head)


def test_a_call_whose_clock_begins_is_judged_anew():
    case = home()
    policy = compile_policy([parse(DATED.encode())], case.head)
    case.given()
    before = Timeline(policy, case.head).with_facts(case.facts)
    assert before.at(7)[Kind.AI_SUMMARY].reason == "NOT_PERMITTED"
    after = before.begun(1_767_225_600_000_000_000)
    assert after.head.date == date(2026, 1, 1)
    assert after.at(7)[Kind.AI_SUMMARY].reason == "CONSENT_GIVEN"
    assert list(after.facts) == list(before.facts)


def test_where_no_pack_speaks_for_the_place_no_choice_of_a_tenant_holds():
    case = home(INTERESTS, parties=(Party("customer", "DE"),))
    more = HOME[: HOME.index("options:")].replace("id: home", "id: desk", 1)
    more = more.replace("scope: jurisdictions\nregimes: {gdpr: [SE]}", "scope: always")
    more += HOME[HOME.index("rules:") :].replace("home-in-force", "desk-in-force")
    case.policy = compile_policy([parse(HOME.encode()), parse(more.encode())], case.head)
    assert case.prompted().at(3) == "never AWAITING_CONSENT"


SECTOR = (
    HOME.replace("id: home", "id: desk", 1)
    .replace("scope: jurisdictions\nregimes: {gdpr: [SE]}", "scope: {sectors: [trading], places: [US-*, SE]}")
    .replace("home-in-force", "desk-in-force")
)


@pytest.mark.parametrize(
    ("sector", "place", "applies"),
    [
        ("trading", "SE", True),
        ("trading", "US-NY", True),
        ("trading", "unknown", True),
        ("trading", "DE", False),
        ("retail", "SE", False),
    ],
)
def test_a_pack_of_sectors_and_places_applies_where_both_hold(sector, place, applies):
    case = home(sector=sector, parties=(Party("customer", place),))
    case.policy = compile_policy([parse(SECTOR.encode())], case.head)
    assert ([pack.id for pack in case.timeline().packs(0)] == ["desk"]) is applies
