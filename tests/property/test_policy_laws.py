"""Laws of the kernel over random facts: packs only restrict, steps are steps, doubt never opens."""

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as retold

from onrecord.base.stretch import normalise
from onrecord.policy.clauses import Duty, Rule
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.kernel import Timeline, replay
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.pack import Pack, Reach, parse
from onrecord.policy.packform import GROUPS
from onrecord.policy.policy import compile_policy
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.verdict import State, Verdict

FOLDER = Path(__file__).resolve().parents[2] / "src" / "onrecord" / "policy" / "packs"
SHIPPED = [parse(path.read_bytes()) for path in sorted(FOLDER.glob("*.yaml"))]
LAX = {"consent_mode": {"one_party": "notice_and_continue"}, "opt_out_action": "pause"}
_BASED = ("recording", "transcription", "ai_analysis")
INTERESTS = {"legal_basis": dict.fromkeys(_BASED, "legitimate_interests"), "balancing": "w", "notice_grade": "sent"}
OBLIGATION = {"legal_basis": dict.fromkeys(_BASED[:2], "legal_obligation")}
KINDS = (
    Kind.AUDIO_RECORDING,
    Kind.TRANSCRIPT,
    Kind.AI_SUMMARY,
    Kind.TRAINING_DATA,
    Kind.CRM_SYNC,
    Kind.VIDEO_RECORDING,
)

checked = settings(max_examples=40, deadline=None, derandomize=True)
who = st.sampled_from(["customer", "third_party", "agent", None])
texts = st.sampled_from(["p1", "p2"])
segment = st.sampled_from(["payment", "medical", "identity"])
some_kinds = st.lists(st.sampled_from([kind.value for kind in KINDS]), max_size=3)
scopes = st.lists(st.sampled_from(["recording", "training", "video"]), min_size=1, max_size=2)
places = st.sampled_from(["US-NY", "US-CA", "DE", "unknown", "US-DE"])

registered = st.fixed_dictionaries(
    {
        "purposes": st.lists(st.sampled_from(["recording", "training", "video"]), max_size=2),
        "discloses": st.lists(st.sampled_from(["ai", "recording", "emotion"]), max_size=3),
    }
)


def form(**fields):
    return st.fixed_dictionaries({}, optional=fields)


DATA = {
    "prompt_delivered": st.fixed_dictionaries(
        {"prompt_version": texts},
        optional={"to": who, "grade": st.just("sent"), "channel": st.just("bot"), "registered": registered},
    ),
    "consent": st.fixed_dictionaries(
        {"result": st.sampled_from(["accepted", "accepted", "implied", "declined", "no_response"])},
        optional={
            "prompt_version": texts,
            "party": who,
            "scope": scopes,
            "method": st.just("stored_profile"),
            "expires": st.sampled_from([5, 18.0, 30.5, "2026-01-01T00:00:12Z", "soon"]),
        },
    ),
    "prompt_version_changed": st.fixed_dictionaries({"to": texts}),
    "transfer": st.fixed_dictionaries({"carries_consent": st.booleans()}),
    "party_join": st.fixed_dictionaries({"role": who, "jurisdiction": places}),
    "jurisdiction_update": st.fixed_dictionaries({"party": who, "jurisdiction": places}),
    "segment_start": st.fixed_dictionaries({"segment": segment}, optional={"n": st.integers(1, 2)}),
    "segment_end": st.fixed_dictionaries({"segment": segment}, optional={"n": st.integers(1, 2)}),
    "segment_consent": st.fixed_dictionaries({"segment": segment, "result": st.sampled_from(["accepted", "declined"])}),
    "opt_out": form(kinds=some_kinds, party=who),
    "opt_in": form(kinds=some_kinds, party=who),
    "consent_withdrawn": form(scope=scopes),
    "objection": form(scope=scopes, party=who),
    "prompt_heard": st.fixed_dictionaries({"prompt_version": texts, "grade": st.sampled_from(["heard", "not_heard"])}),
    "erasure_request": st.just({}),
    "workflow": st.fixed_dictionaries({"recorded": st.booleans()}),
    "capture_report": st.fixed_dictionaries({"kinds": some_kinds, "state": st.just("capturing")}),
    "call_end": st.just({}),
}
WEIGHTED = [*DATA, *["consent", "prompt_delivered", "opt_in", "segment_end"] * 3]
told = st.sampled_from(WEIGHTED).flatmap(lambda kind: st.tuples(st.just(kind), DATA[kind]))
heads = st.builds(
    lambda a, b, overlay, sector: Head(
        sector, (Party("customer", a), Party("bot", b)), frozenset(Kind), overlay, started=1_767_225_600_000_000_000
    ),
    places,
    places,
    st.sampled_from([{}, LAX, INTERESTS, OBLIGATION]),
    st.sampled_from(["retail", "trading"]),
)


def facts_of(items, times):
    """A call that was asked and agreed, then what happened, each at its own instant."""
    start = [
        Fact("a", "prompt_delivered", 1.0, 1.0, {"prompt_version": "p1"}),
        Fact("b", "consent", 2.0, 2.0, {"result": "accepted", "prompt_version": "p1"}),
    ]
    later = [
        Fact(f"e{i}", kind, float(t), float(t), data)
        for i, ((kind, data), t) in enumerate(zip(items, times, strict=False))
    ]
    return start + later


facts = st.builds(facts_of, st.lists(told, max_size=14), st.permutations(range(3, 22)).map(lambda order: order[:14]))
late_facts = st.builds(
    lambda known, delays: [retold(f, received=f.t + d) for f, d in zip(known, delays, strict=False)],
    facts,
    st.lists(st.integers(0, 30), min_size=16, max_size=16),
)
PROBES = [n / 2 for n in range(90)]


def verdicts(timeline):
    return [{kind: timeline.decision(kind, t).verdict for kind in Kind} for t in PROBES]


def never_higher(lower, higher):
    for t, low, high in zip(PROBES, verdicts(lower), verdicts(higher), strict=True):
        assert all(low[kind] <= high[kind] for kind in Kind), t


rules = st.builds(
    lambda when, kinds, verdict, segments: Rule(
        id=f"x-{when.word}-{kinds}-{verdict.word}".replace("_", "-"),
        when=when,
        kinds=GROUPS[kinds],
        verdict=None if when in (Situation.OPTED_OUT, Situation.OPTED_OUT_SCOPED) else verdict,
        reason=MEANING[when].reason,
        citation="none",
        effective=date(2026, 1, 1),
        status="draft",
        segments=segments if when is Situation.SEGMENT_OPEN else frozenset(),
    ),
    st.sampled_from(list(Situation)),
    st.sampled_from(sorted(GROUPS)),
    st.sampled_from(list(Verdict)),
    st.sampled_from([frozenset({"medical"}), frozenset({"payment", "identity"})]),
)
DUTIES = (Duty("x-duty", frozenset(KINDS), "P5Y", "none", date(2026, 1, 1), "draft"),)
CHOICES = {
    "legal_basis.recording": frozenset({"consent", "legitimate_interests"}),
    "notice_grade": frozenset({"claimed", "sent", "heard"}),
    "emotion_inference": frozenset({"never", "customers"}),
    "opt_out_action": frozenset({"stop", "pause", "ephemeral"}),
    "consent_mode.one_party": frozenset({"explicit", "notice_and_continue"}),
}
added = st.builds(
    lambda reach, some, options, regimes, duties, until: Pack(
        id="added",
        version="1.0.0",
        title="added",
        status="draft",
        effective=date(2026, 1, 1),
        reach=reach,
        digest="",
        sectors=frozenset({"retail", "trading"}) if reach is Reach.SECTORS else frozenset(),
        places=regimes if reach is Reach.PLACES else {},
        options=options,
        duties=duties,
        until=until,
        rules=tuple({rule.id: rule for rule in some}.values()),
    ),
    st.sampled_from([Reach.ALWAYS, Reach.SECTORS, Reach.PLACES]),
    st.lists(rules, max_size=4),
    st.sampled_from([{}, CHOICES, {name: frozenset({max(c)}) for name, c in CHOICES.items()}]),
    st.dictionaries(places, st.sampled_from(["gdpr", "all_party", "one_party"]), min_size=1),
    st.sampled_from([(), DUTIES]),
    st.sampled_from([None, date(2026, 6, 1)]),
)


@checked
@given(heads, facts, added)
def test_a_pack_only_restricts(head, known, pack):
    """Unconditionally without an overlay. With one, a pack of places takes the place of the strict default where none
    was before, and the tenant's choices then hold by its options: there only places already covered are compared. A
    duty makes the obligation count that a tenant chose."""
    if head.overlay == OBLIGATION:
        pack = replace(pack, duties=())
    if head.overlay and pack.reach is Reach.PLACES:
        pack = replace(pack, places={"DE": next(iter(pack.places.values()))})
    before = replay(compile_policy(SHIPPED, head), head, known)
    after = replay(compile_policy([*SHIPPED, pack], head), head, known)
    never_higher(after, before)


@checked
@given(heads, facts, st.sampled_from(SHIPPED))
def test_without_an_overlay_no_shipped_pack_loosens_the_others(head, known, pack):
    bare = replace(head, overlay={})
    others = [other for other in SHIPPED if other is not pack]
    never_higher(replay(compile_policy(SHIPPED, bare), bare, known), replay(compile_policy(others, bare), bare, known))


def same(one, other):
    """Whether two timelines answer everything alike, and stand on the same states."""
    assert list(one.facts) == list(other.facts)
    assert one.transitions() == other.transitions()
    assert one.flags(50.0) == other.flags(50.0)
    assert one.trace.known.transitions() == other.trace.known.transitions()
    mine, theirs = list(one.trace.folded.steps), list(other.trace.folded.steps)
    assert [(s.at, s.call, s.was_on, s.raised) for s in mine] == [(s.at, s.call, s.was_on, s.raised) for s in theirs]
    assert [s.decided.rulings for s in mine] == [s.decided.rulings for s in theirs]
    assert [one.at(t) for t in PROBES] == [other.at(t) for t in PROBES]


def from_scratch(policy, head, known):
    """Without anything shared between steps of arriving: each fact on a trace of its own making."""
    return Timeline(policy, head).with_facts(sorted(known, key=lambda fact: fact.received))


@checked
@given(heads, late_facts)
def test_incremental_equals_from_scratch(head, known):
    policy = compile_policy(SHIPPED, head)
    step_by_step = Timeline(policy, head)
    for fact in known:
        step_by_step = step_by_step.with_fact(fact)
    same(step_by_step, from_scratch(compile_policy(SHIPPED, head), head, known))
    in_order = replay(policy, head, [retold(fact, received=fact.t) for fact in known])
    assert in_order.transitions() == step_by_step.transitions()


repeated = st.builds(
    lambda known, more, order, hurry: [
        retold(fact, received=fact.received // hurry * hurry) if hurry else fact
        for fact in order.sample([*known, *more], len(known) + len(more))
    ],
    late_facts,
    late_facts.map(lambda known: known[2:]),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 0, 4, 40]),
)
ACKS = {"capture_acks": "required", "stop_ack_timeout_s": 2, "late_event_after_s": 3}


@checked
@given(
    heads, repeated, st.lists(st.integers(1, 12), max_size=4), st.lists(st.sampled_from([0.0, 0.0, 1.5]), max_size=28)
)
def test_many_facts_at_once_are_as_one_after_the_other(head, known, sizes, doubts):
    """Duplicates, conflicts, late ones and whatever they raise; cut into groups anywhere."""
    doubts = [*doubts, *[0.0] * len(known)]
    known = [retold(fact, uncertainty=u) for fact, u in zip(known, doubts, strict=False)]
    head = replace(head, overlay={**head.overlay, **ACKS})
    singly = at_once = Timeline(compile_policy(SHIPPED, head), head)
    for fact in known:
        singly = singly.with_fact(fact)
    rest = known
    for size in sizes:
        at_once, rest = at_once.with_facts(rest[:size]), rest[size:]
    same(singly, at_once.with_facts(rest))
    same(singly, from_scratch(compile_policy(SHIPPED, head), head, known))


@checked
@given(heads, st.lists(facts, min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_no_fact_reaches_further_than_what_it_changes(head, calls, random):
    """One fact at a time, anywhere: each timeline shares steps with the one before and is as if made anew."""
    policy = compile_policy(SHIPPED, head)
    known = [retold(f, event_id=f"{n}{f.event_id}", received=99.0) for n, call in enumerate(calls) for f in call]
    random.shuffle(known)
    grown = Timeline(policy, head).with_facts(known)
    for number, fact in enumerate(known[:6]):
        grown = grown.with_fact(retold(fact, event_id=f"more{number}"))
    anew = Timeline(compile_policy(SHIPPED, head), head)
    for fact in sorted(grown.facts, key=lambda f: f.t):
        anew = anew.with_fact(fact)
    assert grown.transitions() == anew.transitions()


@checked
@given(heads, facts, st.randoms(use_true_random=False))
def test_the_order_of_arrival_decides_nothing(head, known, random):
    policy = compile_policy(SHIPPED, head)
    together = [retold(fact, received=99.0) for fact in known]
    shuffled = random.sample(together, len(together))
    assert replay(policy, head, together).transitions() == replay(policy, head, shuffled).transitions()


@checked
@given(heads, late_facts, st.integers(0, 60))
def test_what_is_known_later_changes_no_earlier_knowledge(head, known, as_of):
    policy = compile_policy(SHIPPED, head)
    early = [fact for fact in known if fact.received <= as_of]
    assert replay(policy, head, known, as_of).transitions() == replay(policy, head, early).transitions()


def said(timeline, t):
    return {kind: (made.verdict, made.state, made.reason) for kind, made in timeline.at(t).items()}


@checked
@given(heads, facts)
def test_a_step_function(head, known):
    timeline = replay(compile_policy(SHIPPED, head), head, known)
    changes = timeline.transitions()
    assert changes == sorted(changes, key=lambda change: change[0])
    for t, kind, made in changes:
        assert timeline.decision(kind, t) == made
        assert timeline.decision(kind, t + 1e-9) == made
    edges = sorted({t for t, _, _ in changes})
    for start, end in pairwise(edges):
        assert said(timeline, start) == said(timeline, (start + end) / 2)


@checked
@given(heads, facts)
def test_states_are_a_fold_of_verdicts(head, known):
    timeline = replay(compile_policy(SHIPPED, head), head, known)
    on = dict.fromkeys(Kind, False)
    for t in PROBES:
        for kind, made in timeline.at(t).items():
            if made.state is State.NEVER or made.state is State.CAPTURING:
                assert made.state is State.CAPTURING or not on[kind]
            else:
                assert on[kind]
            assert (made.state is State.CAPTURING) == (made.verdict >= Verdict.REDACT)
            assert (made.state is State.PAUSED) == (Verdict.PAUSE <= made.verdict < Verdict.REDACT)
            on[kind] = on[kind] or made.state is State.CAPTURING


@checked
@given(heads, facts, st.integers(0, 40), st.integers(0, 40))
def test_closed_is_where_the_verdict_is_not_capture(head, known, start, length):
    timeline = replay(compile_policy(SHIPPED, head), head, known)
    for kind in KINDS:
        closed = timeline.closed(kind, start, start + length)
        assert closed == normalise(closed)
        for t in PROBES:
            inside = any(s <= t < e for s, e in closed)
            shut = timeline.decision(kind, t).verdict < Verdict.CAPTURE
            assert inside == (shut and start <= t < start + length)


@checked
@given(heads, facts, st.lists(st.sampled_from([0.0, 0.5, 2.0, 7.0]), min_size=16, max_size=16))
def test_doubt_about_the_moment_never_opens(head, known, doubts):
    policy = compile_policy(SHIPPED, head)
    doubtful = [retold(fact, uncertainty=u) for fact, u in zip(known, doubts, strict=False)]
    never_higher(replay(policy, head, doubtful), replay(policy, head, known))


@checked
@given(heads, facts, late_facts)
def test_what_changed_brings_one_timeline_to_the_other(head, known, more):
    policy = compile_policy(SHIPPED, head)
    before = replay(policy, head, known)
    after = before.with_fact(Fact("new", "opt_out", 20.0, 99.0)) if not more else before
    for number, fact in enumerate(more[2:4]):
        after = after.with_fact(retold(fact, event_id=f"new{number}", received=99.0))
    said = {(t, change.ruling.kind): change.decision(change.ruling) for t, _, change in after.changes_since(before)}
    old = {(t, kind): made for t, kind, made in before.transitions()}
    for (t, kind), made in said.items():
        now = after.decision(kind, t)
        assert (now.verdict, now.state, now.reason, now.since, now.cause) == (
            made.verdict,
            made.state,
            made.reason,
            made.since,
            made.cause,
        )
        old[t, kind] = made
    for t, kind, made in after.transitions():
        assert (old[t, kind].verdict, old[t, kind].state, old[t, kind].reason) == (
            made.verdict,
            made.state,
            made.reason,
        )


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3) | st.sampled_from(["customer"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = ["prompt_version", "result", "scope", "party", "party_id", "to", "carries_consent", "role", "jurisdiction"]
NAMES += ["segment", "n", "kinds", "recorded", "state", "of", "method"]
garbage = st.builds(
    Fact,
    st.sampled_from(["x", "y", "z", "w"]),
    st.sampled_from([*DATA, "capture_ack", "bypass", "event_repeated", "call_start", "nonsense"]),
    st.floats(),
    st.floats(allow_nan=False),
    st.dictionaries(st.sampled_from(NAMES), junk, max_size=4),
    st.floats(),
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(heads, facts, st.lists(garbage, min_size=1, max_size=3))
def test_garbage_raises_nothing(head, known, waste):
    policy = compile_policy(SHIPPED, head)
    timeline = replay(policy, head, known)
    for fact in waste:
        timeline = timeline.with_fact(fact)
        assert all(made.kind is kind for kind, made in timeline.at(10.0).items())
    timeline.transitions()
    timeline.flags(50.0)
    timeline.consents(10.0)
    timeline.closed(Kind.TRANSCRIPT, 0.0, 50.0)


@checked
@given(heads, facts)
def test_nothing_opens_without_an_opening(head, known):
    """Facts that only close, however many, in any order, open no kind of content; nor does a notice by itself, where
    consent is the basis."""
    policy = compile_policy(SHIPPED, head)
    openings = {"consent", *({"prompt_delivered", "prompt_heard"} if "legal_basis" in head.overlay else ())}
    timeline = replay(policy, head, [fact for fact in known if fact.type not in openings])
    for t in PROBES:
        for kind in KINDS:
            if kind is not Kind.CRM_SYNC:
                assert timeline.decision(kind, t).verdict <= Verdict.STOP


@checked
@given(
    heads,
    repeated,
    st.lists(st.sampled_from([0.0, 0.0, 1.5]), max_size=28),
    st.integers(0, 12),
    st.integers(1, 4),
    st.integers(0, 60),
)
def test_what_a_post_raises_is_what_was_not_raised_before(head, known, doubts, count, size, as_of):
    """Every id is told of once but by repetitions, as the workflow has it."""
    doubts = [*doubts, *[0.0] * len(known)]
    known = [
        retold(fact, event_id=f"n{n}", uncertainty=u)
        if n % 5
        else Fact(f"n{n}", "event_repeated", fact.t, fact.received, {"of": f"n{n // 2}"})
        for n, (fact, u) in enumerate(zip(known, doubts, strict=False))
    ]
    head = replace(head, overlay={**head.overlay, **ACKS})
    before = Timeline(compile_policy(SHIPPED, head), head).with_facts(known[:count])
    post = known[count : count + size]
    after = before
    for fact in post:
        after = after.with_fact(fact)
    own = {fact.event_id for fact in post}
    old = set(before.flags(as_of))
    for later in (after, before.with_facts(post)):
        expected = [flag for flag in later.flags(as_of) if flag not in old or flag.event_id in own]
        assert later.flags_since(before, as_of, own) == expected


@checked
@given(heads, late_facts, st.integers(0, 99))
def test_what_is_shown_is_what_is_decided(head, known, t):
    timeline = Timeline(compile_policy(SHIPPED, head), head).with_facts(known)
    for kind, made in timeline.at(t / 2).items():
        assert list(timeline.shown(t / 2)[kind.value].items()) == [
            ("verdict", made.verdict.word),
            ("state", made.state.value),
            ("reason", made.reason),
            ("rules", list(made.rules)),
            ("purpose", made.purpose),
            ("legal_basis", made.legal_basis),
            ("retention", made.retention),
            ("since", made.since),
            ("can_end", made.can_end),
        ]
    assert timeline.written(t / 2) == json.dumps(timeline.shown(t / 2), separators=(",", ":"))


ONLY_A_DUTY = """format: onrecord-policy-pack/1
id: only-a-duty
version: 1.0.0
title: Only a duty
status: draft
effective: 2026-01-01
scope: always
rights: [{id: x-right, what: voice_copy, citation: none, effective: 2026-01-01, status: draft}]
"""
DAYS = [None, date(2017, 1, 1), date(2025, 12, 31), date(2026, 3, 1), date(2026, 6, 1), date(2028, 1, 1)]


@checked
@given(heads, facts, added, st.sampled_from(DAYS))
def test_a_pack_only_restricts_on_every_day(head, known, pack, day):
    bare = replace(head, overlay={}, date=day)
    before = replay(compile_policy(SHIPPED, bare), bare, known)
    never_higher(replay(compile_policy([*SHIPPED, pack], bare), bare, known), before)
    never_higher(replay(compile_policy([*SHIPPED, pack], bare), replace(bare, date=None), known), before)


@checked
@given(heads, facts)
def test_a_duty_never_raises(head, known):
    """But that it makes the legal obligation count which a tenant chose for what it asks."""
    if head.overlay == OBLIGATION:
        head = replace(head, overlay=INTERESTS)
    duty = replace(parse(ONLY_A_DUTY.encode()), duties=DUTIES)
    before = replay(compile_policy(SHIPPED, head), head, known)
    after = replay(compile_policy([*SHIPPED, duty], head), head, known)
    assert before.transitions() == after.transitions()
    told = {flag.flag for flag in after.flags()} - {flag.flag for flag in before.flags()}
    assert told <= {"DUTY_CONFLICT"}
    conflicts = [any(d.why == "DUTY_CONFLICT" for d in after.directives(t)) for t in PROBES]
    assert any(conflicts) <= ("DUTY_CONFLICT" in {flag.flag for flag in after.flags()})


@checked
@given(heads, facts, st.floats(3, 25))
def test_an_objection_closes_whatever_came_before(head, known, t):
    """Unless the law obliges, or somebody answers it."""
    if "legal_basis" in head.overlay and "balancing" not in head.overlay:
        head = replace(head, overlay={})
    policy = compile_policy(SHIPPED, head)
    before = [fact for fact in known if fact.t < t]
    closed = replay(policy, head, [*before, Fact("closes", "objection", t, t)])
    content = [kind for kind in Kind if kind not in HANDLING_RECORDS]
    assert all(closed.decision(kind, t).verdict <= Verdict.PAUSE for kind in content)
    never_higher(replay(policy, head, [*known, Fact("closes", "objection", t, t)]), replay(policy, head, known))


@checked
@given(heads, facts)
def test_what_is_not_known_of_a_notice_is_lower(head, known):
    """Where the register says nothing, or a consent has an end, no more is stored than without that doubt."""
    policy = compile_policy(SHIPPED, head)
    ended = [retold(fact, data={**fact.data, "expires": "soon"}) if fact.type == "consent" else fact for fact in known]
    endless = [
        retold(fact, data={name: value for name, value in fact.data.items() if name != "expires"}) for fact in known
    ]
    never_higher(replay(policy, head, ended), replay(policy, head, known))
    never_higher(replay(policy, head, known), replay(policy, head, endless))
    graded = [retold(f, data={k: v for k, v in f.data.items() if k != "grade"}) for f in known]
    never_higher(replay(policy, head, graded), replay(policy, head, known))


@checked
@given(heads, facts)
def test_a_clock_that_begins_changes_nothing_but_the_day(head, known):
    policy = compile_policy(SHIPPED, replace(head, started=None))
    begun = Timeline(policy, replace(head, started=None)).with_facts(known).begun(head.started)
    dated = replace(head, date=begun.head.date)
    assert begun.transitions() == replay(compile_policy(SHIPPED, dated), dated, known).transitions()
