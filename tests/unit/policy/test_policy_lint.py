"""What the lint finds in packs, each with a pack of its own; and the shipped packs, in which it finds nothing."""

import json
from itertools import product

import pytest
from policy_case import PACKS, SHIPPED, Case, head

from onrecord.policy.errors import InvalidOverlayError, InvalidPackError, InvalidPromptsError
from onrecord.policy.kinds import Kind
from onrecord.policy.lint import Read, lint
from onrecord.policy.lintfile import read_pack, read_prompts
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy

HEAD = """format: onrecord-policy-pack/1
id: NAME
version: 1.0.0
title: "Under test"
status: draft
effective: 2026-01-01
scope: always
"""
REASONS = {
    "always": "NOT_PERMITTED",
    "withdrawn": "CONSENT_WITHDRAWN",
    "opted_out": "OPT_OUT",
    "in_force": "CONSENT_GIVEN",
    "training_missing": "NO_SEPARATE_CONSENT",
    "segment_open": "SENSITIVE_SEGMENT",
    "consent_stale": "CONSENT_STALE",
    "source_stopped": "SOURCE_STOPPED",
}


def rule(name, when="withdrawn", verdict="stop", kinds="content", **more):
    fields = {"citation": '"GDPR Art. 6/7"', "effective": "2026-01-01", "status": "draft", **more}
    lines = [f"  - id: {name}", f"    when: {when}", f"    kinds: [{kinds}]", f"    verdict: {verdict}"]
    lines += [f"    reason: {REASONS[when]}"] + [f"    {key}: {value}" for key, value in fields.items() if value]
    return "\n".join(lines) + "\n"


def text(*rules, name="under-test", top="", old="", new=""):
    made = HEAD.replace("NAME", name) + top + ("rules:\n" + "".join(rules) if rules else "")
    assert old in made
    return (made.replace(old, new) if old else made).encode()


def findings(*texts, prompts=()):
    reads, found = [], []
    for number, data in enumerate(texts):
        known, own = read_pack(f"{number}.yaml", data)
        reads += [known] if known else []
        found += own
    return [(f.code, f.clause) for f in found + lint(reads, prompts)]


def duty(name, kinds="audio_recording", **more):
    fields = {"retention": "P5Y", "citation": '"MiFID II Art. 16(7)"', "effective": "2026-01-01", **more}
    return "\n".join([f"  - id: {name}", f"    kinds: [{kinds}]", "    status: draft"]) + "".join(
        f"\n    {key}: {value}" for key, value in fields.items()
    ) + "\n"  # fmt: skip


def test_nothing_is_found_in_the_shipped_packs():
    assert findings(*[path.read_bytes() for path in sorted(PACKS.glob("*.yaml"))]) == []


@pytest.mark.parametrize(
    "last",
    [
        rule("a"),
        rule("a", "opted_out", "by_option"),
        rule("a", "opted_out", "pause"),
        rule("a", "always", "redact", "sentiment"),
        rule("a", "in_force", "capture"),
        rule("a", "in_force", "redact", "transcript"),
        rule("a", "segment_open", "redact", "transcript", segments="[payment]"),
        rule("a", "source_stopped", "pause"),
        rule("a", "source_stopped", "redact", "transcript"),
        rule("a", "consent_stale", "stop", "sentiment") + rule("b", "consent_stale", "pause"),
        rule("a", "withdrawn", "stop", until="2026-06-01") + rule("b", "withdrawn", "never", effective="2026-06-01"),
        rule("a", "segment_open", "stop", segments="[payment]")
        + rule("b", "segment_open", "pause", segments="[medical]"),
        rule("a", "always", "stop", "sentiment") + rule("b", "withdrawn", "never", "sentiment"),
        rule("a", "always", "stop", "sentiment", until="2026-06-01") + rule("b", "consent_stale", "pause", "sentiment"),
    ],
)
def test_what_says_something_is_let_pass(last):
    assert findings(text(last)) == []


@pytest.mark.parametrize(
    ("last", "found"),
    [
        (rule("a", "withdrawn", "pause"), ["a"]),
        (rule("a", "withdrawn", "capture"), ["a"]),
        (rule("a", "opted_out", "capture"), ["a"]),
        (rule("a", "opted_out", "redact", "transcript"), ["a"]),
        (rule("a", "source_stopped", "capture"), ["a"]),
        (rule("a", "always", "capture"), ["a"]),
        (rule("a", "segment_open", "capture", segments="[payment]"), ["a"]),
        (rule("a", "training_missing", "stop", "transcript"), ["a"]),
        (rule("a", "in_force", "capture", "disposition"), ["a"]),
        (rule("a", "withdrawn", "stop", "handling"), ["a"]),
        (rule("a", "always", "never", "content") + rule("b", "withdrawn", "stop"), ["b"]),
        (rule("a", "always", "never", "content") + rule("b", "opted_out", "by_option"), ["b"]),
        (rule("a", "always", "stop", "sentiment") + rule("b", "in_force", "capture", "sentiment"), ["b"]),
        (rule("a", "consent_stale", "stop") + rule("b", "consent_stale", "pause", "sentiment"), ["b"]),
        (rule("a", effective="2025-01-01", until="2026-01-01"), ["a"]),
    ],
)
def test_a_rule_that_can_determine_nothing(last, found):
    assert findings(text(last)) == [("unreachable", name) for name in found]


def test_a_rule_beyond_the_end_of_its_pack():
    top = "until: 2026-03-01\n"
    assert findings(text(rule("a", effective="2026-03-01"), top=top)) == [("unreachable", "a")]
    assert findings(text(rule("a", effective="2026-02-28"), top=top)) == []


@pytest.mark.parametrize(
    ("last", "found"),
    [
        (rule("a", "withdrawn", "stop") + rule("b", "withdrawn", "never"), [("contradictory", "b")]),
        (rule("a", "opted_out", "by_option") + rule("b", "opted_out", "never"), [("contradictory", "b")]),
        (rule("a", "withdrawn", "stop") + rule("b", "withdrawn", "stop"), []),
    ],
)
def test_two_rules_that_contradict_one_another(last, found):
    assert findings(text(last)) == found


@pytest.mark.parametrize("citation", ["", '""', '"  "', '"-"', '"?"', '"3.3.1 (2)"'])
def test_a_clause_without_a_source(citation):
    assert findings(text(rule("a", citation=citation))) == [("uncited", "a")]
    top = "duties:\n" + duty("d", citation=citation or '""')
    assert findings(text(top=top)) == [("uncited", "d")]


def test_what_the_format_refuses_is_found_by_name():
    assert findings(text(rule("a", kinds="mood"))) == [("unknown_kind", "a")]
    assert findings(text(rule("a"), top="derived_from: {mood: [transcript]}\n")) == [("unknown_kind", None)]
    assert findings(text(rule("a"), top="derived_from: {ai_summary: [ai_summary]}\n")) == [("cycle", None)]
    assert findings(text(rule("a"), rule("a", "always", "stop"))) == [("overlapping", "a")]
    later = rule("a", until="2026-06-01"), rule("a", effective="2026-06-01")
    assert findings(text(*later)) == [("id_repeated", "a")]
    assert findings(text(rule("a"), old="status: draft\neff", new="status: done\neff")) == [("invalid_pack", None)]
    assert findings(text(rule("a", effective="2026-06-01", until="2026-06-01"))) == [("invalid_pack", None)]


@pytest.mark.parametrize("data", [b"", b"- a\n", b"\xff\n", b"a: {b\n", b"a: b", b"a: b\n" * 100_000])
def test_what_is_no_text_of_a_pack_is_unreadable(data):
    with pytest.raises(InvalidPackError):
        read_pack("x.yaml", data)


def test_versions_of_one_pack_share_no_day():
    first, second = text(rule("a"), top="until: 2026-06-01\n"), text(rule("a"))
    assert findings(first, second) == [("overlapping", None)]
    apart = text(
        rule("a", effective="2026-06-01"), old="effective: 2026-01-01\nscope", new="effective: 2026-06-01\nscope"
    )
    assert findings(first, apart) == []
    compile_policy([parse(first), parse(apart)], head("DE", overlay={}))
    with pytest.raises(InvalidPackError):
        compile_policy([parse(first), parse(second)], head("DE", overlay={}))


def test_two_packs_have_no_clause_of_one_id():
    assert findings(text(rule("a")), text(rule("a"), name="other")) == [("id_repeated", "a")]


def test_a_circle_between_packs():
    one = text(rule("a"), top="derived_from: {ai_summary: [transcript]}\n")
    other = text(rule("b"), name="other", top="derived_from: {transcript: [qa_score], qa_score: [ai_summary]}\n")
    assert findings(one, other) == [("cycle", None)]
    with pytest.raises(InvalidPackError):
        compile_policy([parse(one), parse(other)], head("DE", overlay={}))
    with pytest.raises(InvalidPackError):
        parse(text(rule("a"), top="derived_from: {ai_summary: [qa_score], qa_score: [ai_summary]}\n"))
    overlay = {"derived_from": {"transcript": ["ai_summary"]}}
    with pytest.raises(InvalidOverlayError):
        compile_policy([parse(one)], head("DE", overlay=overlay))


def test_what_a_pack_derives_follows_its_sources():
    derived = parse(text(rule("a"), top="derived_from: {ai_summary: [transcript]}\n"))
    case = Case("DE", "DE", packs=[*SHIPPED, derived]).given().tell(20, "opt_out", kinds=["transcript"])
    assert case.at(21, Kind.AI_SUMMARY) == "stopped SOURCE_STOPPED"
    other = parse(
        text(rule("a"), top="derived_from: {ai_summary: [transcript]}\n", old="always", new="{sectors: [bank]}")
    )
    case = Case("DE", "DE", packs=[*SHIPPED, other]).given().tell(20, "opt_out", kinds=["transcript"])
    assert case.at(21, Kind.AI_SUMMARY) == "capturing CONSENT_GIVEN"


def test_a_duty_that_a_prohibition_meets():
    asks = text(top="duties:\n" + duty("d"))
    forbids = text(rule("n", "always", "never", "audio_recording"), name="other")
    assert findings(asks, forbids) == [("duty_forbidden", "d")]
    assert findings(asks, text(rule("n", "always", "never", "sentiment"), name="other")) == []
    ended = rule("n", "always", "never", "audio_recording", effective="2025-01-01", until="2026-01-01")
    before = text(ended, name="other", old="effective: 2026-01-01\nscope", new="effective: 2025-01-01\nscope")
    assert findings(asks, before) == []
    apart = text(
        rule("n", "always", "stop", "audio_recording"), name="other", old="scope: always", new="scope: {sectors: [a]}"
    )
    assert findings(text(top="duties:\n" + duty("d"), old="scope: always", new="scope: {sectors: [b]}"), apart) == []
    assert findings(asks, apart) == [("duty_forbidden", "d")]


TREATED = """treatments:
  - id: kept
    kinds: [KINDS]
    purpose: service_quality
    legal_basis: consent
    retention: PERIOD
"""


@pytest.mark.parametrize(
    ("period", "kinds", "prompt", "long"),
    [
        ("P31D", "content", {"retention": "P30D"}, True),
        ("P30D", "content", {"retention": "P30D"}, False),
        ("P12M", "content", {"retention": "P1Y"}, False),
        ("P1Y1D", "content", {"retention": "P12M"}, True),
        ("P30D", "content", {"retention": "P1M"}, True),
        ("P28D", "content", {"retention": "P1M"}, False),
        ("P1M", "content", {"retention": "P4W"}, True),
        ("P10Y", "content", {}, False),
        ("P10Y", "content", {"retention": None}, False),
        ("P10Y", "handling", {"retention": "P1D"}, False),
        ("P90D", "audio_recording", {"retention": "P30D", "purposes": ["training"]}, False),
        ("P90D", "training_data", {"retention": "P30D", "purposes": ["training"]}, True),
        ("P90D", "transcript", {"retention": "P30D", "purposes": ["recording"]}, True),
        ("P90D", "video_recording", {"retention": "P30D", "purposes": ["recording"]}, False),
    ],
)
def test_a_period_longer_than_the_prompt_stated(period, kinds, prompt, long):
    data = text(rule("a"), top=TREATED.replace("PERIOD", period).replace("KINDS", kinds))
    stated = read_prompts(json.dumps([{"prompt_id": "notice", "version": "3", **prompt}]).encode())
    assert stated[0].prompt_id == "notice@3"
    assert findings(data, prompts=stated) == ([("retention_too_long", "kept")] if long else [])


def test_a_period_that_only_a_choice_brings_about_is_not_compared():
    chosen = TREATED.replace("PERIOD", "P6Y").replace("KINDS", "content")
    chosen += '    choice: documentation_period\n    note: "State law governs."\n'
    stated = read_prompts(b'{"prompts": [{"prompt_id": "n", "version": "1", "retention": "P1D"}]}')
    assert findings(text(rule("a"), top=chosen), prompts=stated) == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"7", b"{}", b'{"prompts": 7}', b"[7]", b"[{}]", b'[{"prompt_id": 7}]', b"\xff", b"[" * 100_000),
        b'[{"prompt_id": "a", "retention": "90 days"}]',
        b'[{"prompt_id": "a", "retention": 90}]',
        b'[{"prompt_id": "a", "purposes": "training"}]',
        b'[{"prompt_id": "a", "version": 1}]',
    ],
)
def test_a_file_that_is_no_list_of_prompts(data):
    with pytest.raises(InvalidPromptsError):
        read_prompts(data)


def test_the_drafts_are_told():
    known = Read("x.yaml", parse(text(rule("a"), rule("b", "always", "stop", status="reviewed"))))
    assert known.drafts() == ["a"]


MADE = ("transcript", "training_data", "sentiment", "crm_sync", "video_analysis")
SOURCES = ("audio_recording", "handling", "ai_summary, qa_score", "video_recording")


@pytest.mark.parametrize(("made", "sources"), sorted({*product(MADE, SOURCES)} - {("crm_sync", "handling")}))
def test_what_a_pack_derives_only_restricts(made, sources):
    derived = parse(text(rule("a"), top=f"derived_from: {{{made}: [{sources}]}}\n"))
    timelines = []
    for packs in (SHIPPED, [*SHIPPED, derived]):
        case = Case("DE", "US-NY", packs=packs).given().accepted(8, scope=["recording", "training", "video"])
        case.tell(20, "opt_out", kinds=["audio_recording", "qa_score"]).tell(30, "opt_in").tell(40, "opt_out")
        case.tell(50, "opt_in").tell(60, "segment_start", segment="payment").tell(70, "call_end")
        timelines.append(case.timeline())
    for t in (5, 7, 9, 21, 31, 41, 51, 61, 71):
        before, after = timelines[0].at(t), timelines[1].at(t)
        assert all(after[kind].verdict <= before[kind].verdict for kind in Kind)
