"""What a scenario must be, and how it is scored."""

import json

import pytest
from policy_case import LAX, SHIPPED

from onrecord.policy.errors import InvalidScenarioError, PolicyError
from onrecord.policy.pack import parse as parse_pack
from onrecord.policy.scenario import parse
from onrecord.policy.score import Failure, Tally, score, total


def event(number, kind, t, received=None, **data):
    return {"event_id": f"e{number}", "type": kind, "t": t, "received": t if received is None else received, **data}


def expect(state, reason, basis="seed"):
    return {"state": state, "reason": reason, "rule": "r", "basis": basis, "why": "w"}


def point(t, expected, as_of=None, flags=(), not_flags=()):
    told = {"t": t, "as_of": t if as_of is None else as_of, "expected": expected}
    return {**told, "flags": list(flags), "not_flags": list(not_flags)}


def tree(*checkpoints, events=None, **changed):
    given = [
        event(1, "call_start", 0),
        event(2, "prompt_delivered", 2, prompt_version="p1", channel="ivr"),
        event(3, "consent", 6, result="accepted", method="keypad", prompt_version="p1"),
        event(4, "opt_out", 50, 90, method="verbal"),
    ]
    return {
        "id": "s1",
        "schema": "onrecord-policy-1",
        "sector": "retail",
        "parties": [{"role": "customer", "jurisdiction": "DE"}, {"role": "agent", "jurisdiction": "DE"}],
        "artifacts_enabled": ["audio_recording", "disposition"],
        "policy": LAX,
        "events": given if events is None else events,
        "checkpoints": list(checkpoints),
        **changed,
    }


def scored(made):
    return score(SHIPPED, parse(json.dumps(made).encode()))


PROMPT = {"prompt_id": "hello", "version": "1", "purposes": ["recording"], "discloses": ["recording"]}
LATER = b"""format: onrecord-policy-pack/1
id: later
version: 1.0.0
title: "From some day on"
status: draft
effective: 2030-01-01
scope: always
rules:
  - id: later-never
    when: always
    kinds: [audio_recording]
    verdict: never
    reason: NOT_PERMITTED
    citation: "tried out"
    effective: 2030-01-01
    status: draft
"""
GIVEN = {"audio_recording": expect("capturing", "CONSENT_GIVEN")}


def test_what_holds_is_right():
    made = scored(tree(point(10, GIVEN, not_flags=["LATE_EVENT"])))
    assert (made.states, made.reasons, made.failures) == (Tally(1, 1), Tally(1, 1), ())


def test_state_and_reason_are_counted_apart():
    wrong = {"audio_recording": expect("capturing", "CONSENT_CARRIED")}
    made = scored(tree(point(10, wrong)))
    assert (made.states, made.reasons) == (Tally(1, 1), Tally(0, 1))
    assert made.failures == (Failure(10.0, 10.0, "audio_recording", "reason", "CONSENT_CARRIED", "CONSENT_GIVEN"),)


def test_a_convention_counts_apart_and_once():
    right = {"disposition": expect("capturing", "BUSINESS_RECORD", "convention")}
    wrong = {"disposition": expect("stopped", "BUSINESS_RECORD", "convention")}
    made = scored(tree(point(10, right), point(11, wrong)))
    assert (made.states, made.reasons, made.conventions) == (Tally(), Tally(), Tally(1, 2))
    assert [failure.field for failure in made.failures] == ["state"]


def test_as_of_decides_what_was_known():
    late = {"audio_recording": expect("stopped", "OPT_OUT")}
    made = scored(tree(point(60, GIVEN, as_of=89.5), point(60, late, as_of=90)))
    assert made.failures == ()


def test_flags_are_right_missing_or_forbidden():
    made = scored(tree(point(60, {}, 100, ["LATE_EVENT", "STALE_CONSENT"], ["OUT_OF_ORDER", "CAPTURED_AFTER_OPT_OUT"])))
    assert (made.flags_right, made.flags_missing, made.flags_forbidden) == (1, 1, 1)
    assert [(f.kind, f.field, f.expected, f.got) for f in made.failures] == [
        (None, "flags", "STALE_CONSENT", None),
        (None, "not_flags", None, "CAPTURED_AFTER_OPT_OUT"),
    ]


def test_checkpoints_may_stand_in_any_order():
    late = {"audio_recording": expect("stopped", "OPT_OUT")}
    made = scored(tree(point(60, late, as_of=90), point(10, GIVEN)))
    assert made.failures == ()


def test_events_count_in_the_order_in_which_they_were_received():
    events = tree()["events"]
    made = scored(tree(point(60, GIVEN, as_of=60), events=list(reversed(events))))
    assert made.failures == ()


def test_the_same_id_again_has_no_effect_and_is_flagged():
    events = [
        *tree()["events"][:3],
        event(3, "consent", 6, 20, result="accepted", method="keypad", prompt_version="p1"),
    ]
    made = scored(tree(point(30, GIVEN, flags=["DUPLICATE_EVENT"]), events=events))
    assert made.failures == ()


def test_scores_add_up():
    one = scored(tree(point(10, GIVEN)))
    assert total([one, one]).states == Tally(2, 2)


def bad(**changed):
    return json.dumps(tree(point(10, GIVEN), **changed)).encode()


def without(name):
    made = tree(point(10, GIVEN))
    del made[name]
    return json.dumps(made).encode()


def events(**fields):
    return [{**event(1, "call_start", 0), **fields}]


def checkpoints(**fields):
    return [{**point(10, GIVEN), **fields}]


def test_rules_bind_on_the_day_of_the_scenario():
    later = parse_pack(LATER)
    never = {"audio_recording": expect("never", "NOT_PERMITTED")}
    for start, expected in (("2029-12-31T23:59:59Z", GIVEN), ("2029-12-31T23:00:00-02:00", never), (None, never)):
        made = tree(point(10, expected), **({} if start is None else {"started_at": start}))
        assert score([*SHIPPED, later], parse(json.dumps(made).encode())).failures == (), start


def test_a_scenario_has_a_register_of_its_own():
    told = [
        event(1, "prompt_delivered", 2, prompt_version="hello@1", channel="bot"),
        event(2, "consent", 6, result="accepted", prompt_version="hello@1"),
        event(3, "prompt_version_changed", 20, to="hello@2"),
    ]
    stale = {"audio_recording": expect("paused", "CONSENT_STALE")}
    versions = [{**PROMPT, "current": True}, {**PROMPT, "version": "2"}]
    points = (point(10, GIVEN, flags=["DISCLOSURE_MISSING"]), point(30, stale, flags=["STALE_CONSENT"]))
    assert scored(tree(*points, events=told, prompts=versions)).failures == ()
    discloses = [{**PROMPT, "discloses": ["recording", "ai"]}, {**PROMPT, "version": "2"}]
    assert (
        scored(tree(point(10, GIVEN, not_flags=["DISCLOSURE_MISSING"]), events=told, prompts=discloses)).failures == ()
    )


BAD = {
    "a version that is not registered": bad(
        events=[event(1, "consent", 1, result="accepted", prompt_version="hello@2")], prompts=[PROMPT]
    ),
    "a version without a register": bad(events=[event(1, "prompt_delivered", 1, prompt_version="hello@1")]),
    "a version twice": bad(prompts=[PROMPT, PROMPT]),
    "two current versions": bad(prompts=[{**PROMPT, "current": True}, {**PROMPT, "version": "2", "current": True}]),
    "a purpose that is none": bad(prompts=[{**PROMPT, "purposes": ["resale"]}]),
    "a prompt with another key": bad(prompts=[{**PROMPT, "texts": "x"}]),
    "a register that is no list": bad(prompts=PROMPT),
    "a start that is no time": bad(started_at="yesterday"),
    "a start that is out of range": bad(started_at="9999-12-31T23:59:59-12:00"),
    "a start that is a number": bad(started_at=0),
    "nothing": b"",
    "no json": b"{",
    "no object": b"[]",
    "not utf-8": b'{"id": "\xff"}',
    "a key twice": b'{"id": "a", "id": "b"}',
    "nan": b'{"id": NaN}',
    "infinite": b'{"id": -Infinity}',
    "a huge float": b'{"id": 1e999}',
    "a huge integer": b'{"id": 1' + b"0" * 5000 + b"}",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deeper than 32": b'{"id": ' + b"[" * 40 + b"]" * 40 + b"}",
    "half a pair": b'{"id": "\\ud800"}',
    "too large": b" " * (8 * 1024 * 1024 + 1),
    **{f"without {name}": without(name) for name in tree() if name != "schema"},
    "another schema": bad(schema="onrecord-policy-2"),
    "a sector that is no text": bad(sector=7),
    "parties that are no list": bad(parties={}),
    "a party that is no object": bad(parties=["customer"]),
    "a party without a role": bad(parties=[{"jurisdiction": "DE"}]),
    "a party with another key": bad(parties=[{"role": "customer", "place": "DE"}]),
    "an unknown kind": bad(artifacts_enabled=["audio"]),
    "a kind that is no text": bad(artifacts_enabled=[["audio_recording"]]),
    "a policy that is no object": bad(policy=[]),
    "a choice that no pack leaves": bad(policy={"consent_mode": {"gdpr": "notice_and_continue"}}),
    "an option that is not there": bad(policy={"consent": "explicit"}),
    "an event that is no object": bad(events=[7]),
    "an unknown type": bad(events=events(type="consented")),
    "a type that is no text": bad(events=events(type=["call_start"])),
    "a field too many": bad(events=events(why="x")),
    "a time below 0": bad(events=events(t=-1)),
    "a time that is no number": bad(events=events(t="0")),
    "a time that is a truth": bad(events=events(t=True)),
    "a time out of range": bad(events=events(received=1e9)),
    "an offset out of range": bad(
        events=[event(1, "consent", 1, result="accepted"), {**event(2, "consent", 2, result="accepted"), "offset": "x"}]
    ),
    "an id that is empty": bad(events=events(event_id="")),
    "an id that is no text": bad(events=events(event_id=1)),
    "an erasure of a stranger": bad(events=[event(1, "erasure_request", 1, method="email", party="nobody")]),
    "a checkpoint that is no object": bad(checkpoints=[1]),
    "no as_of": bad(checkpoints=[{k: v for k, v in point(10, GIVEN).items() if k != "as_of"}]),
    "no not_flags": bad(checkpoints=[{k: v for k, v in point(10, GIVEN).items() if k != "not_flags"}]),
    "flags that are no words": bad(checkpoints=checkpoints(flags=[1])),
    "an expectation of an unknown kind": bad(checkpoints=checkpoints(expected={"audio": expect("never", "OPT_OUT")})),
    "an expectation that is no object": bad(checkpoints=checkpoints(expected={"audio_recording": "never"})),
    "a state that is none": bad(checkpoints=checkpoints(expected={"audio_recording": expect("off", "OPT_OUT")})),
    "no reason": bad(checkpoints=checkpoints(expected={"audio_recording": {"state": "never"}})),
    "a basis that is no text": bad(checkpoints=checkpoints(expected={"audio_recording": expect("never", "X", 1)})),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_in_one_line(data):

    with pytest.raises(PolicyError) as caught:
        score(SHIPPED, parse(data))
    assert len(caught.value.diagnostics().splitlines()) == 1


def test_an_event_is_named_by_its_number():
    with pytest.raises(InvalidScenarioError, match="event 2: `t` is missing"):
        parse(bad(events=[*events(), {"event_id": "e2", "type": "call_end", "received": 1}]))


def test_what_is_not_known_beside_the_format_says_nothing():
    assert scored(tree(point(10, GIVEN) | {"note": 1}, tags=["x"])).failures == ()
