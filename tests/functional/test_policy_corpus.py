"""The development scenarios of the shared corpus (README, part B), conventions included. ONRECORD_SHARED names the
shared folder; else it lies beside the repository."""

import json
import os
from pathlib import Path

import pytest

from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.kernel import replay
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import Pack, parse
from onrecord.policy.policy import compile_policy

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ONRECORD_SHARED", ROOT.parent / "shared"))
SCENARIOS = sorted((SHARED / "corpora" / "policy_dev").glob("*.json"))
FIXED = frozenset({"event_id", "t", "received", "type"})


@pytest.fixture(scope="module")
def packs() -> list[Pack]:
    folder = ROOT / "src" / "onrecord" / "policy" / "packs"
    return [parse(path.read_bytes()) for path in sorted(folder.glob("*.yaml"))]


def test_the_corpus_is_there():
    if not SCENARIOS:
        pytest.skip("no shared folder with the policy corpus: set ONRECORD_SHARED")
    assert len(SCENARIOS) == 40


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path, packs):
    scenario = json.loads(path.read_text())
    parties = tuple(Party(p["role"], p["jurisdiction"], p.get("party_id")) for p in scenario["parties"])
    enabled = frozenset(Kind(kind) for kind in scenario["artifacts_enabled"])
    head = Head(scenario["sector"], parties, enabled, scenario["policy"])
    facts = [
        Fact(e["event_id"], e["type"], e["t"], e["received"], {k: v for k, v in e.items() if k not in FIXED})
        for e in scenario["events"]
    ]
    policy = compile_policy(packs, head)
    for checkpoint in scenario["checkpoints"]:
        t, as_of = checkpoint["t"], checkpoint["as_of"]
        timeline = replay(policy, head, facts, as_of)
        made = timeline.at(t)
        got = {kind: (made[Kind(kind)].state.value, made[Kind(kind)].reason) for kind in checkpoint["expected"]}
        assert got == {kind: (e["state"], e["reason"]) for kind, e in checkpoint["expected"].items()}, (t, as_of)
        raised = {flag.flag for flag in timeline.flags(as_of) if flag.t <= t}
        assert set(checkpoint["flags"]) <= raised, (t, as_of)
        assert not set(checkpoint["not_flags"]) & raised, (t, as_of)
