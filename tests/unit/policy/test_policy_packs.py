import hashlib

import pytest
from policy_case import AUDIO, PACKS, SHIPPED, Case, head

from onrecord.policy.assertion import Source
from onrecord.policy.errors import InvalidOverlayError, InvalidPackError, PolicyError
from onrecord.policy.facts import Head, Party
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import Reach, parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.verdict import Verdict

SMALL = """format: onrecord-policy-pack/1
id: small
version: 1.0.0
title: Small
status: draft
effective: 2026-01-01
scope: always
rules:
  - id: small-no-sentiment
    when: always
    kinds: [sentiment]
    verdict: never
    reason: NOT_PERMITTED
    citation: GDPR art. 7
    effective: 2026-01-01
    status: draft
"""


SHIPPED_IDS = {"baseline", "strict-default", "us", "us-california", "us-illinois-hiring", "health-us", "eu-gdpr"}
SHIPPED_IDS |= {"uk-gdpr", "mifid-fca", "india", "india-sebi", "india-irdai", "pci-payment", "interview"}


def small(old="", new=""):
    assert old in SMALL
    return parse(SMALL.replace(old, new).encode() if old else SMALL.encode())


def test_the_shipped_packs():
    by_id = {pack.id: pack for pack in SHIPPED}
    assert set(by_id) == SHIPPED_IDS
    assert by_id["strict-default"].reach is Reach.DEFAULT
    assert by_id["eu-gdpr"].reach is Reach.PLACES
    assert by_id["pci-payment"].reach is Reach.ALWAYS
    assert by_id["eu-gdpr"].places["NO"] == "gdpr"
    for pack in SHIPPED:
        assert pack.digest == hashlib.sha256((PACKS / f"{pack.id}.yaml").read_bytes()).hexdigest()
        assert all(rule.citation and "field.md" not in rule.citation for rule in pack.rules)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format: onrecord-policy-pack/1", "format: onrecord-policy-pack/2"),
        ("id: small\n", "id: Small\n"),
        ("id: small\n", "id: small\nid: small\n"),
        ("version: 1.0.0", "version: 1.0"),
        ("title: Small", "title: ''"),
        ("title: Small", "title: !!str Small"),
        ("title: Small", "title: &a Small"),
        ("title: Small", "title: &a Small\nsectors: *a"),
        ("title: Small", "title: \tSmall"),
        ("title: Small", "title: Sm\u0007all"),
        ("title: Small", "colour: blue\ntitle: Small"),
        ("status: draft\neff", "status: [draft]\neff"),
        ("effective: 2026-01-01\nscope", "effective: 2026-02-30\nscope"),
        ("effective: 2026-01-01\nscope", "effective: soon\nscope"),
        ("scope: always", "scope: sometimes"),
        ("scope: always", "scope: {sectors: []}"),
        ("scope: always", "scope: jurisdictions"),
        ("scope: always", "scope: always\nregimes: {gdpr: [DE]}"),
        ("scope: always", "scope: jurisdictions\nregimes: {mild: [DE]}"),
        ("scope: always", "scope: jurisdictions\nregimes: {gdpr: [germany]}"),
        ("scope: always", "scope: jurisdictions\nregimes: {gdpr: [DE], one_party: [DE]}"),
        ("scope: always", "scope: jurisdictions\nregimes: {gdpr: [DE]}\ndisputed: {FR: [gdpr]}"),
        ("scope: always", "scope: jurisdictions\nregimes: {gdpr: [DE]}\ndisputed: {DE: [mild]}"),
        ("scope: always", "scope: always\noptions: {opt_out_action: [shrug]}"),
        ("scope: always", "scope: always\noptions: {taste: [good]}"),
        ("scope: always", "scope: always\noptions: {consent_mode: explicit}"),
        ("scope: always", "scope: always\nasserters: {opt_out: [ivr]}"),
        ("scope: always", "scope: always\nasserters: {opt_in: [neighbour]}"),
        ("scope: always", "scope: always\ntreatments: [{id: x, kinds: [all]}]"),
        (
            "scope: always",
            "scope: always\ntreatments: [{id: x, kinds: [all], purpose: p, legal_basis: b, retention: 90 days}]",
        ),
        ("when: always", "when: whenever"),
        ("kinds: [sentiment]", "kinds: []"),
        ("kinds: [sentiment]", "kinds: [mood]"),
        ("kinds: [sentiment]", "kinds: sentiment"),
        ("verdict: never", "verdict: by_option"),
        ("verdict: never", "verdict: maybe"),
        ("reason: NOT_PERMITTED", "reason: OPT_OUT"),
        ("    kinds: [sentiment]\n    verdict: never", "    kinds: [visual]\n    verdict: redact"),
        ("    when: always", "    when: in_force"),
        ("when: always", "when: always\n    segments: [payment]"),
        ("when: always", "when: segment_open"),
        ("    citation: GDPR art. 7\n", ""),
        ("id: small-no-sentiment", "id: small-no-sentiment\n    more: x"),
        ("rules:\n", "rules: []\nlater:\n"),
        ("rules:\n", "---\nrules:\n"),
        ("format:", "%YAML 1.1\n---\nformat:"),
        ("rules:\n", "<<: {a: b}\nrules:\n"),
        ("title: Small", "title: [[[[[[[[[[deep]]]]]]]]]]"),
        ("title: Small", "title: {unclosed"),
        ("status: draft\n", "status: draft"),
    ],
)
def test_a_pack_that_is_not_right_is_refused(old, new):
    text = SMALL.replace(old, new) if old != "status: draft\n" else SMALL.rstrip("\n")
    assert text != SMALL
    with pytest.raises(InvalidPackError) as caught:
        parse(text.encode())
    assert caught.value.code == "invalid_pack"
    assert "\n" not in caught.value.message


def test_the_documented_example_is_a_pack_and_compiles():
    page = (PACKS.parents[3] / "docs" / "design" / "policy-packs.md").read_text()
    example = parse(page.split("```yaml\n")[1].split("```")[0].encode())
    assert example.id == "example-lending"
    assert len(example.rules) == 2
    compile_policy([*SHIPPED, example], head("DE"))


def test_the_documented_conditions_are_those_of_the_kernel():
    page = (PACKS.parents[3] / "docs" / "design" / "policy-packs.md").read_text()
    for situation in Situation:
        assert f"`{situation.word}`" in page
        assert MEANING[situation].reason in page


@pytest.mark.parametrize("data", [b"", b"\n", b"- a\n", b"\xff\n", b"text\n", b"a: b\n" * 100_000])
def test_a_file_that_is_no_pack_is_refused(data):
    with pytest.raises(InvalidPackError):
        parse(data)


def test_an_id_stands_once():
    rule = SMALL[SMALL.index("  - id") :]
    with pytest.raises(InvalidPackError):
        parse((SMALL + rule).encode())
    with pytest.raises(InvalidPackError):
        compile_policy([small(), small()], head("US-NY"))


def test_a_pack_may_forbid_a_kind_and_names_its_rule():
    case = Case("US-NY", "US-NY", packs=[*SHIPPED, small()]).given()
    made = case.timeline().at(10)[Kind.SENTIMENT]
    assert (made.verdict, made.reason, made.rules) == (Verdict.NEVER, "NOT_PERMITTED", ("small-no-sentiment",))
    assert not made.can_end
    assert case.at(10) == "capturing CONSENT_GIVEN"


def test_a_pack_may_ask_for_redaction_of_what_is_in_force():
    text = SMALL.replace("when: always", "when: in_force").replace("verdict: never", "verdict: redact")
    pack = parse(text.replace("reason: NOT_PERMITTED", "reason: CONSENT_GIVEN").encode())
    case = Case("US-NY", "US-NY", packs=[*SHIPPED, pack]).given()
    made = case.timeline().at(10)[Kind.SENTIMENT]
    assert (made.verdict, made.state.value, made.reason) == (Verdict.REDACT, "capturing", "CONSENT_GIVEN")
    assert made.rules == ("small-no-sentiment",)
    assert case.timeline().closed(Kind.SENTIMENT, 9, 10) == [(9, 10)]


def test_a_pack_of_a_sector_applies_there_only():
    other = small("scope: always", "scope: {sectors: [bank]}")
    assert Case("US-NY", "US-NY", packs=[*SHIPPED, other]).given().at(10, Kind.SENTIMENT).startswith("capturing")


def test_the_payment_stretch_is_closed_by_its_pack_whatever_else_is_chosen():
    case = Case("DE", "DE").given().tell(50, "segment_start", segment="payment")
    made = case.timeline().at(51)[AUDIO]
    assert set(made.rules) == {"base-segment-sensitive", "pci-payment-stretch"}


def test_every_decision_says_purpose_basis_and_retention():
    made = Case("DE", "US-NY").given().timeline().at(10)
    assert made[AUDIO].retention == "eu-content/P30D"
    assert made[AUDIO].legal_basis == "consent"
    assert made[Kind.DISPOSITION].legal_basis == "legitimate_interest"
    assert made[Kind.TRAINING_DATA].purpose == "model_training"
    assert made[AUDIO].rules == ("base-in-force", "eu-in-force", "us-in-force")
    assert made[Kind.DISPOSITION].rules == ("base-handling-record",)


def test_without_packs_everything_is_explicit_and_the_core_decides():
    case = Case("US-NY", "US-NY", overlay={}, packs=[]).prompted()
    case.tell(6, "consent", result="implied", prompt_version="p1")
    assert case.at(7) == "never JURISDICTION_UNKNOWN"
    assert case.accepted(8).tell(9, "opt_out").at(9) == "stopped OPT_OUT"
    assert case.timeline().at(9)[AUDIO].rules == ("core.opted-out",)


def test_the_product_s_default_is_the_stricter_reading():
    for place in ("US-NY", "US-CA", "US-DE", "DE"):
        case = Case(place, place, overlay={}).prompted()
        case.tell(6, "consent", result="implied", prompt_version="p1")
        assert case.at(7) == "never IMPLIED_NOT_ENOUGH", place


MODES = {"one_party": "notice_and_continue", "all_party": "explicit"}


@pytest.mark.parametrize(
    ("overlay", "state"),
    [
        ({"consent_mode": MODES}, "capturing CONSENT_IMPLIED"),
        ({"consent_mode": MODES, "regimes": {"US-DE": "all_party"}}, "never IMPLIED_NOT_ENOUGH"),
        ({"regimes": {"US-DE": "one_party"}}, "never IMPLIED_NOT_ENOUGH"),
    ],
)
def test_a_disputed_place(overlay, state):
    case = Case("US-DE", "US-NY", overlay=overlay).prompted()
    assert case.tell(6, "consent", result="implied", prompt_version="p1").at(7) == state


@pytest.mark.parametrize(
    "overlay",
    [
        {"consent_mode": {"gdpr": "notice_and_continue"}},
        {"consent_mode": {"unknown": "notice_and_continue"}},
        {"consent_mode": {"mild": "explicit"}},
        {"consent_mode": "explicit"},
        {"consent_mode": {"one_party": ["explicit"]}},
        {"opt_out_action": "shrug"},
        {"opt_out_action": 7},
        {"sensitive_segments": {"payment": "pause_unless_segment_consent"}},
        {"regimes": {"US-CA": "one_party"}},
        {"training": "included"},
        {"colour": "blue"},
        {"stop_ack_timeout_s": -1},
        {"stop_ack_timeout_s": True},
        {"late_event_after_s": float("nan")},
        {"capture_acks": "please"},
        {"derived_from": ["transcript"]},
        {"derived_from": {"mood": ["transcript"]}},
        {"derived_from": {"ai_summary": ["mood"]}},
        {"derived_from": {"ai_summary": 7}},
        {"derived_from": {"ai_summary": ["qa_score"], "qa_score": ["ai_summary"]}},
    ],
)
def test_a_choice_that_no_pack_declares_is_refused(overlay):
    with pytest.raises(InvalidOverlayError) as caught:
        compile_policy(SHIPPED, head("US-NY", overlay=overlay))
    assert caught.value.code == "invalid_overlay"
    assert isinstance(caught.value, PolicyError)
    assert "shrug" not in caught.value.message


def test_a_stricter_choice_is_always_honoured():
    overlay = {"sensitive_segments": {"medical": "pause_always"}, "training": "never"}
    case = Case("DE", "DE", overlay=overlay).given().accepted(7, scope=["training"])
    case.tell(50, "segment_start", segment="medical")
    case.tell(51, "segment_consent", segment="medical", result="accepted")
    assert case.at(10, Kind.TRAINING_DATA) == "never NO_SEPARATE_CONSENT"
    assert case.at(52) == "paused SENSITIVE_SEGMENT"


def test_an_ephemeral_opt_out_is_shown_as_a_pause_and_stores_nothing():
    case = Case("US-NY", "US-NY", overlay={"opt_out_action": "ephemeral"}).given().tell(50, "opt_out")
    assert case.at(51) == "paused OPT_OUT"
    assert case.timeline().at(51)[AUDIO].verdict is Verdict.EPHEMERAL
    assert case.timeline().closed(AUDIO, 49, 53) == [(50, 53)]


def test_a_pack_that_applies_may_veto_a_choice():
    veto = small("scope: always", "scope: always\noptions: {opt_out_action: [stop]}")
    case = Case("US-NY", "US-NY", overlay={"opt_out_action": "pause"}, packs=[*SHIPPED, veto]).given()
    assert case.tell(50, "opt_out").at(51) == "stopped OPT_OUT"
    modes = small("scope: always", "scope: always\noptions: {consent_mode: {one_party: [explicit]}}")
    case = Case("US-NY", "US-NY", packs=[*SHIPPED, modes]).prompted()
    assert case.tell(6, "consent", result="implied", prompt_version="p1").at(7) == "never IMPLIED_NOT_ENOUGH"


def test_packs_narrow_who_may_open():
    one = small("scope: always", "scope: always\nasserters: {segment_end: [payment, ivr]}")
    policy = compile_policy([*SHIPPED, one], Head("retail", (Party("customer", "DE"),)))
    assert policy.asserters("segment_end") == {Source.PAYMENT, Source.IVR}
    assert policy.asserters("opt_in") is None
