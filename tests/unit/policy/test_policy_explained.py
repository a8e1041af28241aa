"""Why a verdict holds, what lifts it, where packs differ, and the table of all of them."""

import datetime as dt
from dataclasses import replace

import pytest
from policy_case import ALL, CONTENT, LAX, PACKS, SHIPPED, Case

from onrecord.policy.compare import differences
from onrecord.policy.explanation import explanation
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.instead import instead
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.matrix import SITUATIONS, matrix, named_places, named_sectors
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.verdict import Verdict

TEXT = Kind.TRANSCRIPT
SHIPPED_TEXTS = [path.read_bytes() for path in sorted(PACKS.glob("*.yaml"))]


def pack(name="tried", version="1.0.0", effective="2020-01-01", until=None, kinds="[transcript]"):
    end = f"until: {until}\n" if until else ""
    return parse(
        f"""format: onrecord-policy-pack/1
id: {name}
version: {version}
title: "tried out"
status: draft
effective: {effective}
{end}scope: always
rules:
  - id: {name}-never
    when: always
    kinds: {kinds}
    verdict: never
    reason: NOT_PERMITTED
    citation: "tried out"
    effective: {effective}
    status: draft
""".encode()
    )


def lifted(case, kind, t):
    """The verdict after everything that the explanation at `t` asks for, in its first way; None where nothing can."""
    timeline = case.timeline()
    told = explanation(timeline, kind, float(t))
    facts = []
    for condition in told["conditions"]:
        if not condition["lifted_by"]:
            return None
        for event in condition["lifted_by"][0]:
            assert event["sources"]
            at = t + 1.0 + len(facts)
            words = {"PROMPT": "p9", "PLACE": "US-NY"}
            data = {name: words.get(str(value), value) for name, value in event["fields"].items()}
            facts.append(Fact(f"lift{len(facts)}", event["type"], at, at, data))
    return timeline.with_facts(facts).decision(kind, t + 1.0 + len(facts)).verdict


def given(*places, **more):
    return Case(*(places or ("US-NY", "US-NY")), **more).given()


def weighed():
    """Where recording rests on legitimate interests that were weighed."""
    bases = dict.fromkeys(("recording", "transcription", "ai_analysis"), "legitimate_interests")
    return Case("DE", "DE", overlay={"legal_basis": bases, "balancing": "b1"})


LIFTABLE = {
    "no notice, no consent needed": lambda: weighed().tell(0, "call_start"),
    "objected": lambda: weighed().prompted().tell(10, "objection"),
    "objected and opted out": lambda: weighed().prompted().tell(10, "objection").tell(11, "opt_out"),
    "objected where consent is needed": lambda: given("DE", "DE").tell(10, "objection"),
    "ran out": lambda: Case("DE", "DE").prompted().accepted(expires=15),
    "nothing said": lambda: Case("DE", "DE"),
    "nobody named": lambda: Case(parties=()),
    "two who are asked": lambda: Case(parties=(Party("customer", "DE"), Party("agent", "DE"), Party("guest", "FR"))),
    "a notice alone": lambda: Case("US-CA", "US-CA").prompted(),
    "no notice": lambda: Case("DE", "DE").accepted(),
    "implied": lambda: Case("DE", "DE").prompted().tell(6, "consent", result="implied", prompt_version="p1"),
    "implied, place unknown": lambda: (
        Case("unknown", "US-NY").prompted().tell(6, "consent", result="implied", prompt_version="p1")
    ),
    "declined": lambda: Case("DE", "DE").prompted().tell(6, "consent", result="declined", prompt_version="p1"),
    "withdrawn": lambda: given().tell(10, "consent_withdrawn"),
    "withdrawn and opted out": lambda: given().tell(10, "consent_withdrawn").tell(11, "opt_out"),
    "opted out": lambda: given().tell(10, "opt_out"),
    "opted out of one kind": lambda: given().tell(10, "opt_out", kinds=["transcript"]),
    "stale": lambda: given().tell(10, "prompt_version_changed", to="p2"),
    "not carried": lambda: given().tell(10, "transfer", carries_consent=False),
    "a new party": lambda: given().tell(10, "party_join", role="guest", jurisdiction="US-WA"),
    "unrecorded": lambda: given().tell(10, "workflow", recorded=False),
    "payment": lambda: given().tell(10, "segment_start", segment="payment", n=1),
    "medical": lambda: given().tell(10, "segment_start", segment="medical", n=1),
    "two stretches": lambda: (
        given().tell(10, "segment_start", segment="payment", n=1).tell(11, "segment_start", segment="x")
    ),
    "medical, declined": lambda: (
        given()
        .tell(10, "segment_start", segment="medical", n=1)
        .tell(11, "segment_consent", segment="medical", n=1, result="declined")
    ),
}


@pytest.mark.parametrize("name", LIFTABLE)
def test_what_an_explanation_asks_for_lifts_it(name):
    case = LIFTABLE[name]()
    closed = [kind for kind in sorted(CONTENT) if case.timeline().decision(kind, 20.0).verdict < Verdict.CAPTURE]
    assert closed
    assert {kind: lifted(case, kind, 20) for kind in closed} == dict.fromkeys(closed, Verdict.CAPTURE)


def test_what_cannot_end_is_said_to_have_no_way_out():
    case = given(enabled=frozenset({Kind.AUDIO_RECORDING})).tell(30, "call_end")
    off = explanation(case.timeline(), TEXT, 20.0)
    assert [(c["condition"], c["can_end"], c["lifted_by"]) for c in off["conditions"]] == [("not_enabled", False, [])]
    ended = explanation(case.timeline(), Kind.AUDIO_RECORDING, 40.0)["conditions"]
    assert [(c["condition"], c["since"], c["event"]["type"]) for c in ended] == [("call_ended", 30.0, "call_end")]


def test_what_permits_is_explained_too():
    told = explanation(given().timeline(), TEXT, 20.0)
    (condition,) = told["conditions"]
    assert (condition["condition"], condition["event"]["type"], condition["lifted_by"]) == ("in_force", "consent", [])
    assert told["parties"][0]["consents"]["recording"] == "granted"
    assert told["draft"]


def test_since_when_each_condition_holds():
    case = given().tell(10, "opt_out").tell(20, "segment_start", segment="payment").tell(30, "opt_out")
    told = explanation(case.timeline(), TEXT, 40.0)
    assert {c["condition"]: c["since"] for c in told["conditions"]} == {
        "opted_out": 10.0,
        "segment_sensitive": 20.0,
        "segment_open": 20.0,
    }
    assert [rule["pack"] for rule in told["conditions"][2]["rules"]] == ["pci-payment"]


def test_a_rule_of_the_core_has_no_source():
    bare = pack(kinds="[qa_score]")
    case = Case("DE", "DE", packs=[bare], overlay={})
    (rule,) = explanation(case.timeline(), TEXT, 1.0)["rules"]
    assert (rule["id"], rule["pack"], rule["citation"]) == ("core.consent-missing", None, None)


def test_a_disputed_place_shows_its_readings():
    told = explanation(Case("US-CT", "US-NY", overlay={}).timeline(), TEXT, 1.0)["disputed"]
    assert [(d["place"], d["readings"], d["reading"], d["chosen"]) for d in told] == [
        ("US-CT", ["all_party", "one_party"], "all_party", False)
    ]
    chosen = {"regimes": {"US-CT": "one_party"}}
    told = explanation(Case("US-CT", "US-NY", overlay=chosen).timeline(), TEXT, 1.0)["disputed"]
    assert [(d["reading"], d["chosen"]) for d in told] == [("one_party", True)]


def test_rights_and_disclosures_of_the_packs_that_apply_are_shown():
    shown = explanation(Case("DE", "DE").timeline(), TEXT, 1.0)
    named = {right.id for each in SHIPPED if each.id == "eu-gdpr" for right in each.rights}
    assert named <= {right["id"] for right in shown["rights"]}
    assert all(one["citation"] for one in (*shown["rights"], *shown["disclosures"], *shown["duties"]))


def test_how_long_documentation_is_kept_is_shown():
    case = Case("US-TX", "US-TX")
    told = explanation(case.timeline(), TEXT, 1.0)["documentation"]
    assert [(one["id"], one["retention"]) for one in told] == [("pci-logs", "P12M")]


def test_differences_are_stretches():
    case = given().tell(10, "segment_start", segment="payment").tell(20, "segment_end", segment="payment")
    other = Timeline(compile_policy([*SHIPPED, pack()], case.head), case.head).with_facts(case.facts)
    found = differences(case.timeline(), other)
    assert [(d.kind, d.t, d.until, d.old.reason) for d in found] == [
        (TEXT, 0.0, 6.0, "AWAITING_CONSENT"),
        (TEXT, 6.0, 10.0, "CONSENT_GIVEN"),
        (TEXT, 10.0, 20.0, "SENSITIVE_SEGMENT"),
        (TEXT, 20.0, None, "SEGMENT_ENDED"),
    ]
    assert differences(other, other) == []


def test_what_differs_again_after_a_while_is_another_difference():
    case = (
        given()
        .tell(10, "workflow", recorded=False)
        .tell(20, "workflow", recorded=True)
        .tell(30, "capture_ack", kinds=[])
    )
    redacting = parse(
        b"""format: onrecord-policy-pack/1
id: redacting
version: 1.0.0
title: "tried out"
status: draft
effective: 2020-01-01
scope: always
rules:
  - id: redacting-text
    when: in_force
    kinds: [transcript]
    verdict: redact
    reason: CONSENT_GIVEN
    citation: "tried out"
    effective: 2020-01-01
    status: draft
"""
    )
    other = Timeline(compile_policy([*SHIPPED, redacting], case.head), case.head).with_facts(case.facts)
    found = [(d.t, d.until, d.old.verdict.word, d.new.verdict.word) for d in differences(case.timeline(), other)]
    assert found == [(6.0, 10.0, "capture", "redact"), (20.0, None, "capture", "redact")]


def test_what_differs_only_in_how_long_it_is_kept_is_a_difference():
    case = given("DE", "DE")
    longer = [parse(each.replace(b"retention: P30D", b"retention: P29D")) for each in SHIPPED_TEXTS]
    other = Timeline(compile_policy(longer, case.head), case.head).with_facts(case.facts)
    found = differences(case.timeline(), other)
    assert [(d.old.verdict == d.new.verdict, d.t, d.until) for d in found if d.kind is TEXT] == [
        (True, 0.0, 6.0),
        (True, 6.0, None),
    ]
    assert {(d.old.retention[-4:], d.new.retention[-4:]) for d in found} == {("P30D", "P29D")}


def test_a_pack_of_ones_own_stands_in_for_one_that_binds_on_the_same_day():
    first, second = pack(until="2022-01-01"), pack(effective="2022-01-01", version="2.0.0")
    own = pack(effective="2023-01-01", version="3.0.0")
    assert instead([first, second], [own]) == (first, own)
    assert instead([first], [second]) == (first, second)
    assert instead([first, second], [pack("other")]) == (first, second, pack("other"))


def rows(packs=SHIPPED, **more):
    head = Head(artifacts_enabled=ALL, overlay=more.pop("overlay", {}), date=more.pop("date", None))
    places, sectors = more.get("places", named_places(packs)), more.get("sectors", named_sectors(packs))
    return list(matrix(packs, head, places, sectors, more.get("situations", list(SITUATIONS)), list(Kind)))


def test_the_matrix_says_of_each_place_and_sector_what_a_call_there_says():
    made = rows(sectors=["bank", "healthcare"], places=["DE", "AT", "US-CA", "US-NY"], overlay=LAX)
    seen = {(place, sector, row.situation) for row in made for place in row.places for sector in row.sectors}
    assert len(seen) == 4 * 2 * len(SITUATIONS) == sum(len(row.places) * len(row.sectors) for row in made)
    for row in made:
        case = Case(parties=(Party("customer", row.places[-1]), Party("agent", row.places[-1])), overlay=LAX)
        case.head = Head(row.sectors[-1], case.head.parties, ALL, LAX)
        case.tell(0, "call_start")
        for number, (kind, data) in enumerate(SITUATIONS[row.situation], 1):
            case.tell(10 * number, kind, **data)
        timeline = Timeline(compile_policy(SHIPPED, case.head), case.head).with_facts(case.facts)
        for kind, ruling in row.rulings.items():
            assert timeline.decision(kind, 100.0).verdict == ruling.verdict, (row.situation, kind)


def test_the_matrix_is_of_its_day():
    later = pack(effective="2030-01-01", kinds="[qa_score]")
    several = {"places": ["DE"], "sectors": ["retail"], "situations": ["accepted"]}
    before = rows([*SHIPPED, later], **several, date=dt.date(2029, 12, 31))[0].rulings[Kind.QA_SCORE]
    after = rows([*SHIPPED, later], **several, date=dt.date(2030, 1, 1))[0].rulings[Kind.QA_SCORE]
    assert (before.verdict, after.verdict) == (Verdict.CAPTURE, Verdict.NEVER)


ASKS = {"purposes": ["recording", "transcription"]}


@pytest.mark.parametrize("current", [(), ("p1",)])
def test_a_prompt_that_does_not_ask_for_what_is_needed_is_no_remedy(current):
    case = Case("DE", "DE")
    case.head = replace(case.head, prompts=current)
    case.tell(0, "call_start").prompted(registered=ASKS).accepted(registered=ASKS)
    told = explanation(case.timeline(), Kind.AI_SUMMARY, 20.0)["conditions"]
    (way,) = next(c for c in told if c["condition"] == "consent_missing")["lifted_by"]
    assert [(e["type"], e["fields"]["prompt_version"], e["covers"]) for e in way] == [
        ("prompt_delivered", "PROMPT", ["ai_analysis"]),
        ("consent", "PROMPT", ["ai_analysis"]),
    ]
    other = {"registered": {"purposes": ["ai_analysis"]}}
    case.tell(21, "prompt_delivered", **{**way[0]["fields"], "prompt_version": "other@1"}, **other)
    case.tell(22, "consent", **{**way[1]["fields"], "prompt_version": "other@1"}, **other, method="verbal")
    assert case.at(23, Kind.AI_SUMMARY).startswith("capturing")
