from dataclasses import dataclass

import pytest

from onrecord.base.stretch import intersect, normalise
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
    origin,
    reach,
    silent,
)


@dataclass
class Closings:
    """Closed stretches by kind, unclipped as a pack's transitions give them."""

    kinds: dict

    def __call__(self, kind, start, end):
        return self.kinds.get(kind, [])


def recording(**more):
    return Claim("audio_recording", "audio", 0.0, 0.0, stated=True, **more)


def made(kind, sources, form=CONTENT, start=0.0, end=40.0, *, stated=False, **more):
    return Claim(kind, form, start, end, stated, tuple(sources), **more)


SOUND = {"rec": recording()}


def test_reach_and_origin():
    two = [("rec", 2.0, 4.0), ("rec", 6.0, 8.0)]
    assert reach(made("ai_summary", two, start=2.0, end=8.0)) == [(2.0, 4.0), (6.0, 8.0)]
    assert reach(made("ai_summary", two, start=3.0, end=9.0, stated=True)) == [(2.0, 9.0)]
    assert origin(made("ai_summary", two, start=3.0, end=9.0, stated=True)) == [(2.0, 4.0), (6.0, 8.0)]
    assert origin(made("ai_summary", [], start=3.0, end=9.0)) == [(3.0, 9.0)]
    assert reach(made("disposition", [], start=3.0, end=3.0, stated=True)) == [(3.0, 3.0 + GRAIN)]
    assert reach(made("ai_summary", [("rec", 5.0, 5.0)])) == [(5.0, 5.0 + GRAIN)]


def test_a_summary_of_a_transcript_is_closed_wherever_the_recording_is():
    known = {**SOUND, "words": made("transcript", [("rec", 0.0, 40.0)], WORDS)}
    summary = made("ai_summary", [("words", 0.0, 40.0)])
    shut = closed(summary, known, Closings({"audio_recording": [(10.0, 20.0), (35.0, 90.0)]}))
    assert shut == [(10.0, 20.0), (35.0, 40.0)]


def test_what_a_source_does_not_hold_is_closed_to_all_made_of_it_stretch_by_stretch():
    words = made("transcript", [("rec", 0.0, 40.0)], WORDS, withheld=((9.5, 20.5), (30.0, 31.0)))
    copy = made("transcript", [("words", 0.0, 20.0)], WORDS)
    known = {**SOUND, "words": words, "copy": copy}
    assert closed(made("ai_summary", [("copy", 0.0, 40.0)]), known, Closings({})) == [(9.5, 20.0)]
    assert closed(made("ai_summary", [("copy", 0.0, 9.0)]), known, Closings({})) == []
    assert closed(made("ai_summary", [("copy", 0.0, 9.0), ("rec", 9.0, 40.0)]), known, Closings({})) == []


@pytest.mark.parametrize("state", ["quarantined", "erased"])
def test_a_source_that_does_not_stand_holds_nothing(state):
    known = {
        **SOUND,
        "words": made("transcript", [("rec", 0.0, 40.0)], WORDS, state=state),
        "copy": made("transcript", [("words", 5.0, 9.0)], WORDS),
    }
    assert closed(made("ai_summary", [("copy", 0.0, 40.0)]), known, Closings({})) == [(5.0, 9.0)]


def test_every_ancestor_counts_in_a_diamond():
    known = {
        **SOUND,
        "left": made("transcript", [("rec", 0.0, 20.0)], WORDS),
        "right": made("transcript", [("rec", 20.0, 40.0)], WORDS, withheld=((25.0, 26.0),)),
        "both": made("analytics_tags", [("left", 0.0, 40.0), ("right", 0.0, 40.0)]),
    }
    summary = made("ai_summary", [("both", 0.0, 40.0), ("left", 0.0, 5.0)])
    assert set(ancestors(summary, known)) == {"both", "left", "right", "rec"}
    shut = closed(summary, known, Closings({"analytics_tags": [(1.0, 2.0)], "transcript": [(39.0, 50.0)]}))
    assert shut == [(1.0, 2.0), (25.0, 26.0), (39.0, 40.0)]


def test_what_nobody_knows_and_what_is_made_of_itself_is_closed():
    assert closed(made("ai_summary", [("gone", 3.0, 5.0)]), SOUND, Closings({})) == [(3.0, 5.0)]
    ring = {"a": made("transcript", [("b", 0.0, 9.0)]), "b": made("transcript", [("a", 0.0, 9.0)])}
    assert closed(made("ai_summary", [("a", 3.0, 5.0)]), ring, Closings({})) == [(3.0, 5.0)]
    own = {"a": made("transcript", [("a", 0.0, 9.0)])}
    assert closed(made("ai_summary", [("a", 3.0, 5.0)]), own, Closings({})) == [(3.0, 5.0)]


def test_a_chain_with_many_ways_through_it_ends():
    known = {**SOUND, "n0": made("transcript", [("rec", 0.0, 40.0)], WORDS)}
    for n in range(1, 60):
        known[f"n{n}"] = made("transcript", [(f"n{n - 1}", float(s), 40.0 - s) for s in range(8)], WORDS)
    assert closed(made("ai_summary", [("n59", 0.0, 40.0)]), known, Closings({"audio_recording": [(5.0, 6.0)]}))


@pytest.mark.parametrize("form", [CONTENT, WORDS])
def test_free_text_without_sources_is_judged_as_the_sound_and_the_words(form):
    closings = Closings({"audio_recording": [(1.0, 2.0)], "transcript": [(3.0, 4.0)], "agent_notes": [(5.0, 6.0)]})
    assert closed(made("agent_notes", [], form), {}, closings) == [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    assert closed(made("agent_notes", [], CODES), {}, closings) == [(5.0, 6.0)]
    assert closed(made("ai_summary", [], form), {}, closings) == []
    assert closed(made("agent_notes", [("rec", 0.0, 9.0)], form), SOUND, closings) == [(1.0, 2.0), (5.0, 6.0)]


@pytest.mark.parametrize(
    ("sources", "span", "shut", "stands"),
    [
        ([], (0.0, 40.0), [], True),
        ([], (0.0, 40.0), [(1.0, 2.0)], False),
        ([("rec", 0.0, 40.0)], None, [(10.0, 20.0)], True),
        ([("rec", 10.0, 20.0)], None, [(10.0, 20.0)], False),
        ([("rec", 0.0, 9.0), ("rec", 10.0, 20.0)], None, [(10.0, 20.0)], False),
        ([("rec", 0.0, 9.0), ("rec", 21.0, 40.0)], None, [], True),
        ([("rec", 0.0, 9.0), ("rec", 21.0, 40.0)], (0.0, 40.0), [(10.0, 20.0)], False),
        ([("rec", 0.0, 40.0)], (5.0, 25.0), [(10.0, 20.0)], True),
        ([("rec", 0.0, 40.0)], (10.0, 20.0), [(10.0, 20.0)], False),
        ([("rec", 0.0, 40.0)], (12.0, 12.0), [(10.0, 20.0)], False),
        ([("rec", 0.0, 15.0)], (5.0, 18.0), [(10.0, 20.0)], False),
    ],
)
def test_when_content_may_stand(sources, span, shut, stands):
    start, end = span or (0.0, 40.0)
    asked = made("ai_summary", sources, start=start, end=end, stated=span is not None)
    unheard = intersect(shut, normalise((s, e) for _, s, e in sources))
    assert may_stand(asked, shut, unheard) is stands


def test_content_may_not_stand_where_only_its_own_kind_is_closed_and_its_source_is_heard():
    asked = made("ai_summary", [("rec", 0.0, 20.0)], CONTENT)
    own = Closings({"ai_summary": [(10.0, 20.0)]})
    both = Closings({"ai_summary": [(10.0, 20.0)], "audio_recording": [(10.0, 20.0)]})
    assert silent(asked, SOUND, own) == []
    assert not may_stand(asked, closed(asked, SOUND, own), silent(asked, SOUND, own))
    assert may_stand(asked, closed(asked, SOUND, both), silent(asked, SOUND, both))


def test_what_is_withheld_already_is_not_new():
    held = made("ai_summary", [("rec", 0.0, 40.0)], withheld=((5.0, 6.0), (10.0, 12.0)))
    assert newly(held, [(10.0, 12.0)]) == []
    assert newly(held, [(5.5, 7.0), (10.0, 12.0)]) == [(6.0, 7.0)]
