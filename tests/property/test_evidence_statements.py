"""What a receipt or a vCon says of a consent is what the kernel lets record, in whatever order things were said."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.evidence.statements import statements
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import fold
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.kernel import replay
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.purposes import Purpose
from onrecord.policy.verdict import State

FOLDER = Path(__file__).resolve().parents[2] / "src" / "onrecord" / "policy" / "packs"
SHIPPED = [parse(path.read_bytes()) for path in sorted(FOLDER.glob("*.yaml"))]
HEAD = Head("retail", (Party("customer", "DE"), Party("agent", "DE")), frozenset(Kind))
POLICY = compile_policy(SHIPPED, HEAD)
YES = {"result": "accepted", "method": "verbal", "prompt_version": "p1"}
SAID: list[tuple[str, dict[str, Any]]] = [
    ("consent", YES),
    ("consent", {**YES, "scope": ["recording"]}),
    ("consent", {"result": "declined"}),
    ("consent_withdrawn", {}),
    ("consent_withdrawn", {"scope": ["training"]}),
    ("opt_out", {}),
    ("opt_out", {"kinds": ["audio_recording"]}),
    ("opt_out", {"kinds": ["sentiment"]}),
    ("opt_in", {"method": "verbal"}),
    ("opt_in", {"method": "verbal", "kinds": ["audio_recording"]}),
    ("objection", {}),
    ("objection", {"scope": ["recording"]}),
    ("erasure_request", {}),
]


def last_word(said: list[tuple[str, dict[str, Any]]]) -> bool:
    """Of all statements about recording the last, which supersedes the others."""
    head = {"sector": "retail", "artifacts_enabled": [], "overlay": {}, "packs": [], "hold_back": 5.0}
    party = {"role": "customer", "jurisdiction": "DE", "person": "prs_c"}
    told = [(Internal.INTERACTION_OPENED, 0.0, head), (Internal.PARTY_ADDED, 0.0, party), ("call_start", 0.0, {})]
    told += [(kind, 6.0 + n, data) for n, (kind, data) in enumerate(said)]
    events = [Event(f"e{n}", kind, t, t, 0, "ivr", "key_1", data) for n, (kind, t, data) in enumerate(told)]
    granted = False
    for each in statements(fold("int_1", events), list(enumerate(events))):
        if Purpose.RECORDING in each.purposes and (each.type != "opt_in" or each.granted(Purpose.RECORDING)):
            granted = each.granted(Purpose.RECORDING)
    return granted


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=6))
def test_the_last_word_is_the_kernels(said: list[tuple[str, dict[str, Any]]]) -> None:
    facts = [Fact("s", "call_start", 0.0, 0.0, {}), Fact("p", "prompt_delivered", 2.0, 2.0, {"prompt_version": "p1"})]
    facts += [Fact(f"f{n}", kind, 6.0 + n, 6.0 + n, data) for n, (kind, data) in enumerate(said)]
    made = replay(POLICY, HEAD, facts, 60.0).at(60.0)[Kind.AUDIO_RECORDING]
    assert last_word(said) is (made.state is State.CAPTURING)
