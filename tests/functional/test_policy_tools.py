"""Policy as a tool: from the command line and over HTTP, beside what a server decides of the same calls."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from serving import COMMAND, Server, Talk

from onrecord.entrypoints.api import explanation_forms
from onrecord.entrypoints.api import policy_forms as forms
from onrecord.policy.kinds import Kind

HEAD = ("sector", "parties", "artifacts_enabled", "policy")
NEEDLES = ("Wilma Thorne", "+15550188", "crm-4711")
TRIED = """format: onrecord-policy-pack/1
id: tried-out
version: 1.0.0
title: "A rule that is tried out"
status: draft
effective: 2020-01-01
scope: always
rules:
  - id: tried-no-score
    when: always
    kinds: [qa_score]
    verdict: never
    reason: NOT_PERMITTED
    citation: "tried out"
    effective: 2020-01-01
    status: draft
"""


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *map(str, words)], check=False, capture_output=True, text=True, timeout=120)


def policy(*words: object) -> tuple[int, Any]:
    """Exit status and JSON of a subcommand. Nothing else stands on standard output."""
    done = run("policy", *words, "--json")
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def told(dice: random.Random) -> list[dict[str, Any]]:
    """Events of a call that may go any way, some told twice, some late."""
    made: list[dict[str, Any]] = [{"type": "call_start", "t": 0.0}]
    choices: list[dict[str, Any]] = [
        {"type": "prompt_delivered", "prompt_version": "p1", "channel": "ivr"},
        {"type": "consent", "result": "accepted", "method": "keypad", "prompt_version": "p1"},
        {"type": "consent", "result": "accepted", "method": "verbal", "scope": ["training", "video"]},
        {"type": "consent", "result": "implied", "method": "continued", "prompt_version": "p1"},
        {"type": "consent", "result": "declined", "prompt_version": "p1"},
        {
            "type": "opt_out",
            "method": "verbal",
            "kinds": dice.choice([["ai_summary"], ["audio_recording", "transcript"]]),
        },
        {"type": "opt_out", "method": "keypad"},
        {"type": "opt_in", "method": "verbal"},
        {"type": "segment_start", "segment": dice.choice(["payment", "medical"]), "n": 1},
        {"type": "segment_end", "segment": dice.choice(["payment", "medical"]), "n": 1},
        {"type": "segment_consent", "segment": "medical", "result": "accepted", "method": "verbal"},
        {"type": "transfer", "from": "bot", "to": "agent", "carries_consent": dice.random() < 0.5},
        {"type": "prompt_version_changed", "to": dice.choice(["p1", "p2"])},
        {"type": "party_join", "role": "third_party", "jurisdiction": dice.choice(["US-WA", "DE", "US-NY"])},
        {"type": "jurisdiction_update", "party": "customer", "jurisdiction": dice.choice(["US-CA", "US-NY", "FR"])},
        {"type": "consent_withdrawn", "method": "verbal"},
        {"type": "workflow", "recorded": dice.random() < 0.5},
        {"type": "bypass", "by": "agent", "action": "start_recording", "kinds": ["audio_recording"]},
        {"type": "capture_report", "kinds": ["audio_recording"], "state": "capturing"},
        {"type": "capture_ack", "kinds": ["audio_recording", "transcript"], "action": "stop"},
    ]
    made += [{**dice.choice(choices), "t": float(dice.randrange(1, 120))} for _ in range(12)]
    made.append({"type": "call_end", "t": 130.0})
    for number, event in enumerate(made):
        event["event_id"] = f"e{number}"
        event["received"] = event["t"] + dice.choice([0.0, 0.0, 0.0, 3.0, 40.0])
    made.append({**made[3], "received": made[3]["received"] + 1.0})
    return made


def written(talk: Talk, head: dict[str, Any], events: list[dict[str, Any]], dice: random.Random) -> dict[str, Any]:
    """The scenario that says of a call what the server decided."""
    for event in sorted(events, key=lambda event: event["received"]):
        assert talk.post(event).status_code in {200, 201}
    points = []
    for _ in range(4):
        t = float(dice.randrange(140))
        as_of = t + dice.choice([0.0, 20.0, 100.0])
        shown = talk.get("/decisions", t=t, as_of=as_of)
        decisions = shown["decisions"].items()
        expected = {
            kind: {"state": made["state"], "reason": made["reason"], "basis": "seed"} for kind, made in decisions
        }
        raised = {flag["flag"] for flag in shown["flags"]}
        never = {"LATE_EVENT", "OUT_OF_ORDER", "STALE_CONSENT", "POLICY_BYPASS", "CONTRADICTORY_CONSENT"} - raised
        points.append(
            {"t": t, "as_of": as_of, "expected": expected, "flags": sorted(raised), "not_flags": sorted(never)}
        )
    return {"id": talk.id, **head, "events": events, "checkpoints": points}


def test_the_tool_says_what_a_server_says_of_any_call(begin: Callable[..., Talk], tmp_path: Path) -> None:
    for seed in range(12):
        dice = random.Random(seed)  # noqa: S311  (a repeatable choice)
        places = [dice.choice(["US-NY", "US-CA", "DE", "unknown", "GB"]) for _ in range(2)]
        head = {
            "sector": dice.choice(["bank", "healthcare", "retail"]),
            "parties": [{"role": "customer", "jurisdiction": places[0]}, {"role": "agent", "jurisdiction": places[1]}],
            "artifacts_enabled": [kind.value for kind in Kind],
            "policy": {"capture_acks": "required", "opt_out_action": dice.choice(["stop", "pause"])},
        }
        scenario = written(begin(**head), head, told(dice), dice)
        (tmp_path / f"{seed}.json").write_text(json.dumps(scenario))
    code, made = policy("test", tmp_path)
    assert (code, made["failures"]) == (0, [])
    assert made["states"] == made["reasons"] == {"right": 12 * 4 * len(Kind), "all": 12 * 4 * len(Kind)}
    assert made["flags"]["right"] > 40
    wrong = json.loads((tmp_path / "0.json").read_text())
    wrong["checkpoints"][0]["expected"]["transcript"]["reason"] = "SOMETHING_ELSE"
    (tmp_path / "0.json").write_text(json.dumps(wrong))
    assert policy("test", tmp_path)[0] == 1


def test_the_corpus(shared: Path, client: httpx.Client) -> None:
    folder = shared / "corpora" / "policy_dev"
    code, made = policy("test", folder)
    assert (code, made["failures"]) == (0, [])
    assert list(made) == ["states", "reasons", "flags", "conventions", "failures"]
    trees = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    asked = [e for tree in trees for point in tree["checkpoints"] for e in point["expected"].values()]
    apart = sum(1 for e in asked if e["basis"] == "convention")
    assert made["conventions"] == {"right": apart, "all": apart}
    assert made["states"] == {"right": len(asked) - apart, "all": len(asked) - apart}
    assert made["flags"]["right"] == sum(len(point["flags"]) for tree in trees for point in tree["checkpoints"])

    answer = client.post("/v1/policy/test", json={"scenarios": [*trees, {"id": "no scenario"}]})
    assert answer.status_code == 200, answer.text
    tested = msgspec.convert(answer.json(), forms.PolicyTested)
    assert [(one.file, one.code) for one in tested.refused] == [("40", "invalid_scenario")]
    assert {name: value for name, value in answer.json().items() if name != "refused"} == made


def test_why_over_http_and_from_the_command_line(
    server: Server, client: httpx.Client, begin: Callable[..., Talk], tmp_path: Path
) -> None:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "DE"}, {"role": "agent", "jurisdiction": "DE"}])
    talk.consented()
    talk.tell("segment_start", 20.0, segment="payment", n=1, event_id="pay")
    talk.tell("opt_out", 30.0, method="verbal", event_id="out")
    shown = talk.get("/explanation", kind="transcript", t=25.0)
    made = msgspec.convert(shown, explanation_forms.Explanation)
    assert (made.verdict, made.reason, made.can_end) == ("pause", "SENSITIVE_SEGMENT", True)
    assert [condition.condition for condition in made.conditions] == ["segment_sensitive", "segment_open"]
    for condition in made.conditions:
        assert condition.event == explanation_forms.CausingEvent("pay", "segment_start", 20.0)
        assert [[remedy.type for remedy in way] for way in condition.lifted_by] == [["segment_end"]]
    assert {rule.id for rule in made.conditions[1].rules} == {"pci-payment-stretch"}
    assert all(rule.citation and rule.status for rule in made.rules)
    assert talk.get("/explanation", kind="transcript", t=35.0, as_of=0)["reason"] == "AWAITING_CONSENT"
    both = talk.get("/explanation", kind="transcript", t=35.0)
    assert [one["condition"] for one in both["conditions"]] == ["opted_out", "segment_sensitive", "segment_open"]
    for query in ({}, {"kind": "tape"}, {"kind": "transcript", "t": "never"}):
        assert client.get(f"{talk.path}/explanation", params=query).status_code == 400

    key = tmp_path / "key"
    key.write_text(server.key)
    asking = ("--server", server.api, "--key-file", key, "--interaction", talk.id, "--kind", "transcript", "--t", "25")
    assert policy("explain", *asking) == (0, shown)
    refused = run("policy", "explain", *asking[:4], "--interaction", "int_" + 32 * "0", "--kind", "transcript")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "404 not_found" in refused.stderr


def test_the_matrix_over_http_is_that_of_the_command_line(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "tried.yaml").write_text(TRIED)
    words = ("--place", "DE", "--place", "AT", "--place", "US-NY", "--sector", "retail", "--situation", "accepted")
    code, made = policy("matrix", *words, "--kind", "qa_score", "--packs", tmp_path)
    assert code == 0
    body = {"places": ["DE", "AT", "US-NY"], "sectors": ["retail"], "situations": ["accepted"], "kinds": ["qa_score"]}
    answer = client.post("/v1/policy/matrix", json={**body, "packs": [TRIED]})
    assert answer.json() == made
    rows = msgspec.convert(made, forms.PolicyMatrixShown).rows
    assert [row.places for row in rows] == [["DE", "AT"], ["US-NY"]]
    assert {row.decisions[Kind.QA_SCORE].rules[0] for row in rows} == {"tried-no-score"}
    plain = client.post("/v1/policy/matrix", json=body).json()["rows"]
    assert {row["decisions"]["qa_score"]["verdict"] for row in plain} == {"capture"}
    for wrong in ({"packs": ["no pack"]}, {"policy": {"training": "always"}}):
        assert client.post("/v1/policy/matrix", json=wrong).status_code == 422
    for wrong in ({"situations": ["raining"]}, {"date": "2026-02-30"}, {"places": [f"P{n}" for n in range(200)]}):
        assert client.post("/v1/policy/matrix", json=wrong).status_code == 400


def test_tools_that_try_packs_need_their_scope(server: Server, client: httpx.Client) -> None:
    made = client.post("/v1/keys", json={"source": "compliance", "scopes": ["record:read", "policy:set"]}).json()
    with server.client(made["key"]) as weak:
        for path in ("test", "matrix", "replay"):
            assert weak.post(f"/v1/policy/{path}", json={"scenarios": [1]} if path == "test" else {}).status_code == 403


@pytest.fixture
def stored(launch: Callable[..., Server], tmp_path: Path) -> tuple[Server, dict[str, str]]:
    """A server of its own with three calls; of one the customer was forgotten."""
    server = launch(tmp_path / "plane")
    names: dict[str, str] = {}
    with server.client() as client:
        for name in ("captured", "refused", "forgotten"):
            party = {"role": "customer", "jurisdiction": "DE", "name": NEEDLES[0], "phone": NEEDLES[1]}
            party["external_id"] = NEEDLES[2] if name == "forgotten" else name
            body = {"parties": [party, {"role": "agent", "jurisdiction": "DE"}]}
            made = client.post("/v1/interactions", json=body).json()
            talk = Talk(client, made["id"], made["stream_token"])
            talk.tell("call_start", 0.0)
            talk.tell("prompt_delivered", 2.0, prompt_version="p1", channel="ivr")
            result = "declined" if name == "refused" else "accepted"
            talk.tell("consent", 6.0, result=result, method="keypad", prompt_version="p1", event_id=NEEDLES[0])
            talk.tell("call_end", 90.0)
            names[name] = talk.id
            if name == "forgotten":
                person = next(p["person"] for p in talk.get()["parties"] if p["role"] == "customer")
                assert client.post(f"/v1/persons/{person}/erasure").status_code == 200
    return server, names


def test_stored_calls_against_other_packs(stored: tuple[Server, dict[str, str]], tmp_path: Path) -> None:
    server, names = stored
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "tried.yaml").write_text(TRIED)
    place = ("--data", server.folder / "data", "--keys", server.folder / "keys" / "root.key")
    busy = run("policy", "replay", *place)
    assert (busy.returncode, busy.stdout) == (2, "")
    assert "data_in_use" in busy.stderr
    with server.client() as client:
        answer = client.post("/v1/policy/replay", json={"packs": [TRIED]})
        assert answer.status_code == 200, answer.text
        pages, following = [], 0
        while following is not None:
            page = client.post("/v1/policy/replay", json={"packs": [TRIED], "start": following, "limit": 1}).json()
            pages, following = [*pages, msgspec.convert(page, forms.PolicyReplayed)], page["next"]
        assert client.post("/v1/policy/replay", json={"packs": [TRIED, TRIED]}).status_code == 422
        assert client.post("/v1/policy/replay").json()["different"] == 0
    whole = msgspec.convert(answer.json(), forms.PolicyReplayed)
    assert [one for page in pages for one in page.differences] == whole.differences
    assert (whole.judged, whole.different, whole.next) == (2, 2, None)
    assert [(one.interaction, one.code) for one in whole.not_judged] == [(names["forgotten"], "erased")]
    by_call = {
        name: [(d.t, d.until, d.old.reason, d.new.reason) for d in whole.differences if d.interaction == names[name]]
        for name in ("captured", "refused")
    }
    assert by_call["captured"] == [
        (0.0, 6.0, "AWAITING_CONSENT", "NOT_PERMITTED"),
        (6.0, 90.0, "CONSENT_GIVEN", "NOT_PERMITTED"),
        (90.0, None, "CALL_ENDED", "NOT_PERMITTED"),
    ]
    assert {d.kind for d in whole.differences} == {Kind.QA_SCORE}

    assert server.stop() == 0
    code, made = policy("replay", *place, "--packs", packs)
    assert code == 1
    assert {**made, "start": 0, "next": None, "size": whole.size} == answer.json()
    text = run("policy", "replay", *place, "--packs", packs)
    assert (text.returncode, text.stderr) == (1, "")
    assert f"{names['forgotten']}  not judged: erased" in text.stdout
    assert "2 conversations judged, 2 differ; 1 could not be judged" in text.stdout
    assert not any(needle in text.stdout + answer.text for needle in NEEDLES)
    same = run("policy", "replay", *place)
    assert (same.returncode, same.stdout.splitlines()[-1].startswith("2 conversations judged, 0 differ")) == (0, True)


def test_lint_over_the_api(launch: Callable[..., Server], tmp_path: Path) -> None:
    notice = {"prompt_id": "n", "version": "1", "language": "en", "text": "recorded", "purposes": ["recording"]}
    long = (
        TRIED.replace("rules:", "treatments:\n  - id: tried-long\n    kinds: [content]\n    purpose: service_quality\n"
        "    legal_basis: consent\n    retention: P9Y\nrules:")
    )  # fmt: skip
    with launch(tmp_path).client() as client:
        assert client.post("/v1/policy/lint").json()["ok"]
        assert client.post("/v1/policy/lint", json={"packs": [long]}).json()["ok"]
        client.post("/v1/prompts", json={**notice, "retention": "P30D"}).raise_for_status()
        told = client.post("/v1/policy/lint", json={"packs": [long]}).json()
        assert {(each["clause"], each["code"]) for each in told["findings"]} == {("tried-long", "retention_too_long")}
        uncited = client.post("/v1/policy/lint", json={"packs": [TRIED.replace("citation:", "cited:", 1)]}).json()
        assert [each["code"] for each in uncited["findings"]] == ["uncited"]
        assert client.post("/v1/policy/lint", json={"packs": ["\x00"]}).json()["code"] == "invalid_pack"
        exported = tmp_path / "prompts.json"
        exported.write_bytes(client.get("/v1/prompts").content)
    (tmp_path / "long.yaml").write_text(long)
    command = [*COMMAND, "policy", "lint", str(tmp_path / "long.yaml"), "--prompts", str(exported), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert [each["code"] for each in json.loads(done.stdout)["findings"]] == ["retention_too_long"]
