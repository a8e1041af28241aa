"""Whatever stands in a file: it is scored, or refused in one line. What is refused says nothing that stands in it."""

import json
from importlib import resources

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.entrypoints.api.body import decode
from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.requests import NewInteraction
from onrecord.policy.errors import PolicyError
from onrecord.policy.explanation import explanation
from onrecord.policy.kernel import replay
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse as parse_pack
from onrecord.policy.policy import compile_policy
from onrecord.policy.scenario import LAST_SECOND, parse
from onrecord.policy.score import score
from onrecord.workflow.when import MAX_SECONDS

FILES = sorted((resources.files("onrecord.policy") / "packs").iterdir(), key=lambda file: file.name)
PACKS = [parse_pack(file.read_bytes()) for file in FILES if file.name.endswith(".yaml")]
SECRET = "Zenobia"
TREE = {
    "id": "s",
    "schema": "onrecord-policy-1",
    "sector": "bank",
    "started_at": "2026-11-20T10:00:00Z",
    "parties": [
        {"role": "customer", "jurisdiction": "US-CT", "party_id": "p"},
        {"role": "agent", "jurisdiction": "DE"},
    ],
    "artifacts_enabled": ["audio_recording", "transcript", "training_data"],
    "policy": {"training": "separate_explicit", "sensitive_segments": {"payment": "pause_always"}},
    "events": [
        {"event_id": "e1", "t": 0, "received": 0, "type": "call_start"},
        {"event_id": "e2", "t": 1, "received": 1, "type": "prompt_delivered", "prompt_version": "p1", "channel": "ivr"},
        {"event_id": "e3", "t": 2, "received": 9, "type": "consent", "result": "accepted", "prompt_version": "p1"},
        {"event_id": "e4", "t": 4, "received": 4, "type": "segment_start", "segment": "payment", "n": 1},
        {"event_id": "e5", "t": 5, "received": 5, "type": "opt_out", "kinds": ["transcript"], "party": "customer"},
    ],
    "checkpoints": [
        {
            "t": 5,
            "as_of": 9,
            "expected": {"transcript": {"state": "never", "reason": "X"}},
            "flags": ["LATE_EVENT"],
            "not_flags": [],
        }
    ],
}
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(allow_nan=True), st.integers(), st.just(10**400), st.text(max_size=5),
        st.sampled_from([SECRET, "consent", "customer", "payment", "accepted", "DE", "US-*", "e1", "\ud800", "\0"]),
        st.sampled_from([kind.value for kind in Kind]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


def places(value, path=()):
    """Paths of all that is in a tree, itself too."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield from places(inner, (*path, name))


def changed(tree, path, value, how):
    """A copy with what stands at the path replaced, removed or doubled."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    name, *rest = path
    if rest:
        copy[name] = changed(copy[name], rest, value, how)
    elif how == "remove":
        del copy[name]
    elif how == "double" and isinstance(copy, list):
        copy.append(copy[name])
    elif how == "add" and isinstance(copy, dict):
        copy[SECRET] = value
    else:
        copy[name] = value
    return copy


def read(data):
    """(score and timeline, None), or (None, why not)."""
    try:
        made = parse(data)
        return (score(PACKS, made), replay(compile_policy(PACKS, made.head), made.head, made.facts)), None
    except PolicyError as error:
        return None, error.diagnostics()


PATHS = list(places(TREE))
CHANGES = st.tuples(st.sampled_from(PATHS), VALUES, st.sampled_from(["replace", "replace", "remove", "double", "add"]))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_a_scenario_is_scored_or_refused(changes):
    tree = TREE
    for path, value, how in changes:
        if path in set(places(tree)):
            tree = changed(tree, path, value, how)
    made, refusal = read(json.dumps(tree).encode())
    if made is None:
        assert len(refusal.splitlines()) == 1
        assert SECRET not in refusal
        return
    result, timeline = made
    assert result.states.all + result.conventions.all <= 1
    for kind in (Kind.TRANSCRIPT, Kind.TRAINING_DATA, Kind.DISPOSITION):
        json.dumps(explanation(timeline, kind, 6.0))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=40), st.integers(0, 2000), st.integers(0, 40))
def test_bytes_are_read_or_refused(noise, start, length):
    data = json.dumps(TREE).encode()
    _, refusal = read(data[:start] + noise + data[start + length :])
    assert refusal is None or len(refusal.splitlines()) == 1


WORDS = st.one_of(
    st.text(max_size=3), st.sampled_from(["x" * 80, "x" * 81, "y" * 200, "y" * 201, "agent"]), st.none(), st.just(7)
)
PARTY = st.dictionaries(
    st.sampled_from(["role", "jurisdiction", "party_id", "name", "phone", "email", "external_id", "place"]), WORDS
)
HEADS = st.fixed_dictionaries(
    {
        "sector": WORDS,
        "parties": st.lists(PARTY, max_size=2) | st.just([{"role": "agent"}] * 101) | WORDS,
        "artifacts_enabled": st.lists(st.sampled_from(["transcript", "audio"]) | WORDS, max_size=2) | WORDS,
        "policy": st.dictionaries(st.text(max_size=3), WORDS, max_size=1) | WORDS,
    }
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(HEADS)
def test_a_head_is_taken_as_the_api_takes_it(head):
    """But for `artifacts_enabled`, which the API has a default for."""
    try:
        decode(json.dumps(head).encode(), NewInteraction)
        taken = head["artifacts_enabled"] is not None
    except RequestError:
        taken = False
    made, refusal = parsed({"id": "s", "events": [], "checkpoints": [], **head})
    assert (made is not None) == taken, refusal


def parsed(tree):
    try:
        return parse(json.dumps(tree).encode()), None
    except PolicyError as error:
        return None, error.diagnostics()


def test_seconds_are_those_of_the_api():
    assert LAST_SECOND == MAX_SECONDS
