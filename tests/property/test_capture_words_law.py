"""What is derived never covers a closed instant, and a purge leaves alone exactly what would be admitted."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.base.stretch import intersect, normalise, overlaps, subtract
from onrecord.capture.lineage import (
    CODES,
    CONTENT,
    GRAIN,
    WORDS,
    Claim,
    ancestors,
    closed,
    may_stand,
    newly,
    reach,
    silent,
)
from onrecord.capture.words import Word, cut, place
from onrecord.policy.kinds import Kind

law = settings(deadline=None, derandomize=True, max_examples=300)

times = st.integers(0, 120).map(lambda n: n / 4)
spans = st.tuples(times, times).map(lambda pair: (min(pair), max(pair)))
words = spans.map(lambda pair: Word("w", *pair, "customer"))
closings = st.dictionaries(
    st.sampled_from([Kind.AUDIO_RECORDING, Kind.TRANSCRIPT, Kind.AI_SUMMARY, Kind.AGENT_NOTES]),
    st.lists(spans, max_size=3),
    max_size=3,
)
KINDS = (Kind.TRANSCRIPT, Kind.AI_SUMMARY, Kind.AGENT_NOTES)


def judge(closings):
    return lambda kind, start, end: closings.get(kind, [])


@st.composite
def worlds(draw):
    """A recording and what was made of it and of one another, and one more that is asked for."""
    known = {"n0": Claim(Kind.AUDIO_RECORDING, "audio", 0.0, 0.0, stated=True)}
    for n in range(1, draw(st.integers(1, 4)) + 1):
        known[f"n{n}"] = draw(claims(list(known)))
    return known, draw(claims(list(known)))


@st.composite
def claims(draw, names):
    sources = tuple((draw(st.sampled_from(names)), *draw(spans)) for _ in range(draw(st.integers(0, 3))))
    start, end = draw(spans)
    form = draw(st.sampled_from([WORDS, CONTENT]))
    kind = draw(st.sampled_from(KINDS))
    return Claim(kind, form, start, end, draw(st.booleans()), sources)


def stored(claim, known, verdicts, said=()):
    """As admitted: the claim with what is withheld of it, and its words; None where it is refused."""
    shut = closed(claim, known, verdicts)
    if claim.form != WORDS:
        return (
            (replace(claim, withheld=tuple(shut)), ())
            if may_stand(claim, shut, silent(claim, known, verdicts))
            else None
        )
    told = cut(claim, said, shut)
    return replace(claim, withheld=told.withheld), told.kept


def purged(claim, said, known, verdicts):
    """As a purge leaves it."""
    shut = closed(claim, known, verdicts)
    if not newly(claim, shut):
        return claim, tuple(said)
    if claim.form != WORDS:
        return replace(claim, state="quarantined"), ()
    told = cut(claim, said, shut)
    return replace(claim, withheld=tuple(normalise([*claim.withheld, *told.withheld]))), told.kept


@law
@given(worlds(), closings, st.lists(words, max_size=8))
def test_nothing_stored_covers_an_instant_closed_to_its_kind_or_an_ancestors(world, shut, said):
    known, claim = world
    kept = stored(claim, known, judge(shut), said)
    if kept is None:
        return
    artifact, told = kept
    made_of = ancestors(claim, known).values()
    never = normalise(s for kind in {claim.kind, *(a.kind for a in made_of)} for s in shut.get(kind, []))
    assert not any(overlaps(never, *place(word)) for word in told)
    assert not any(overlaps(list(artifact.withheld), *place(word)) for word in told)
    covered = subtract(reach(artifact), normalise(artifact.withheld))
    assert intersect(covered, never) == []
    if claim.sources:
        within = normalise((s, max(e, s + GRAIN)) for _, s, e in claim.sources)
        assert all(subtract([place(word)], within) == [] for word in told)


@law
@given(worlds(), closings, st.lists(words, max_size=8))
def test_a_purge_leaves_alone_what_is_admitted_under_the_same_closings(world, shut, said):
    known, claim = world
    kept = stored(claim, known, judge(shut), said)
    if kept is not None:
        assert purged(*kept, known, judge(shut)) == kept


@law
@given(worlds(), closings, closings, st.lists(words, max_size=8))
def test_a_purge_keeps_what_would_be_admitted_with_no_more_withheld(world, before, after, said):
    """`after` comes on top of `before`, and reaches the ancestors too. Words: those that would be admitted now; what
    cannot be cut: whole, or not at all."""
    known, claim = world
    kept = stored(claim, known, judge(before), said)
    later = {kind: [*before.get(kind, []), *after.get(kind, [])] for kind in {*before, *after}}
    if kept is None:
        assert stored(claim, known, judge(later), said) is None
        return
    left, told = purged(*kept, known, judge(later))
    again = stored(claim, known, judge(later), said)
    if claim.form == WORDS:
        assert again is not None
        assert told == again[1]
        assert subtract(normalise(again[0].withheld), normalise(left.withheld)) == []
    else:
        admitted = again is not None and not subtract(list(again[0].withheld), list(kept[0].withheld))
        assert (left.state == "active") is admitted


@law
@given(worlds(), closings, closings)
def test_what_a_purge_does_to_a_source_reaches_what_was_made_of_it(world, before, after):
    """Sources first, as the record names them: a second purge finds nothing to do, and nothing stands on a source that
    does not."""
    known, _ = world
    verdicts = judge({kind: [*before.get(kind, []), *after.get(kind, [])] for kind in {*before, *after}})
    world_now = {}
    for name, claim in known.items():
        one = (claim, ()) if claim.kind == Kind.AUDIO_RECORDING else stored(claim, world_now, judge(before))
        world_now[name] = replace(claim, state="erased") if one is None else one[0]
    for _ in range(2):
        earlier = dict(world_now)
        for name, artifact in earlier.items():
            if artifact.state == "active" and artifact.form != "audio":
                world_now[name] = purged(artifact, (), world_now, verdicts)[0]
    assert world_now == earlier
    for artifact in world_now.values():
        gone = [(n, s, e) for n, s, e in artifact.sources if s < e and world_now[n].state != "active"]
        if artifact.form == CONTENT and artifact.state == "active" and artifact.sources:
            assert not gone


@law
@given(closings)
def test_codes_ask_their_own_kind_alone(shut):
    claim = Claim(Kind.AGENT_NOTES, CODES, 0.0, 30.0, stated=False)
    own = closed(claim, {}, judge({Kind.AGENT_NOTES: shut.get(Kind.AGENT_NOTES, [])}))
    assert closed(claim, {}, judge(shut)) == own
    free = closed(replace(claim, form=CONTENT), {}, judge(shut))
    assert subtract(own, free) == []
