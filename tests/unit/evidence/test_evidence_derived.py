"""Check 18 on packs whose operator committed to a derived artifact that must not be."""

import pytest
from evidence_case import ARTIFACT, SIGNER, TRANSCRIPT, Story, telling, transcript

from onrecord.evidence.verify import verify
from onrecord.interaction.events import Internal

VKEY = SIGNER.verifier.vkey
OTHER = "art_" + "77" * 16
CLOSED = [[0.0, 6.0], [20.0, 30.0], [45.0, 60.0]]
"""Sound and words of the case are kept from 6 to 20 and from 30 to 45."""
OPEN = [[TRANSCRIPT, 6.0, 20.0], [TRANSCRIPT, 30.0, 45.0]]


def derived(kind, form, sources, withheld, **more):
    base = transcript(withheld)
    objects = {name: value.replace("f" * 32, "e" * 32) for name, value in base.items() if name in {"segment", "object"}}
    told = {"artifact": OTHER, "kind": kind, "form": form, "sources": sources, "stated": False}
    return {**base, **objects, **told, **more}


def check_of(*events):
    story = telling(Story())
    for at, (kind, data) in enumerate(events):
        story.add(kind, 0.0, 81.0 + at, **data)
    report = verify(story.build(), VKEY)
    (check,) = [c for c in report.checks if c.id == "closed_derived"]
    assert report.first_failure in {None, "closed_derived"}
    return check.result, check.detail


@pytest.mark.parametrize(
    "data",
    [
        derived("ai_summary", "content", OPEN, [], start=6.0, end=45.0),
        derived("ai_summary", "content", OPEN, [], start=6.0, end=20.0, stated=True),
        derived("ai_summary", "content", [[TRANSCRIPT, 0.0, 60.0]], CLOSED),
        derived("ai_summary", "content", [[TRANSCRIPT, 0.0, 60.0]], CLOSED, stated=True),
        derived("transcript", "words", OPEN, [[20.0, 30.0]], start=6.0, end=45.0, stated=True),
        derived("disposition", "codes", [], []),
        derived("disposition", "content", OPEN, []),
        derived("disposition", "content", [], [], start=31.0, end=44.0),
    ],
)
def test_what_may_stand(data):
    assert check_of((Internal.ARTIFACT_STORED, data)) == ("pass", "2 derived artifacts, none over a closed instant")


def covers(t, position=2):
    return f"derived artifact {position} covers {t:.3f} s, which is closed"


UNPROVEN = "derived artifact 2 is content that cannot be shown to leave out what is closed"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (derived("ai_summary", "content", OPEN, [], start=6.0, end=45.0, stated=True), covers(20.0)),
        (derived("ai_summary", "content", OPEN, [[20.0, 30.0]], start=6.0, end=45.0, stated=True), UNPROVEN),
        (derived("ai_summary", "content", [*OPEN, [TRANSCRIPT, 22.0, 23.0]], [[22.0, 23.0]]), UNPROVEN),
        (derived("ai_summary", "content", [[TRANSCRIPT, 0.0, 60.0]], CLOSED[:2]), covers(45.0)),
        (derived("transcript", "words", OPEN, [], start=0.0, end=45.0, stated=True), covers(0.0)),
        (derived("disposition", "content", [[ARTIFACT, 0.0, 60.0]], CLOSED[1:]), covers(0.0)),
        (derived("disposition", "content", [], []), covers(0.0)),
        (derived("disposition", "words", [], CLOSED[:1]), covers(20.0)),
        (derived("ai_summary", "content", [["art_" + "00" * 16, 7.0, 8.0]], []), covers(7.0)),
        (derived("ai_summary", "content", [[OTHER, 7.0, 8.0]], []), covers(7.0)),
    ],
)
def test_what_may_not(data, detail):
    assert check_of((Internal.ARTIFACT_STORED, data)) == ("fail", detail)


def test_what_is_made_of_what_was_quarantined():
    summary = derived("ai_summary", "content", OPEN, [])
    gone = (Internal.ARTIFACT_QUARANTINED, {"artifact": TRANSCRIPT, "cause": "ev-1"})
    assert check_of((Internal.ARTIFACT_STORED, summary), gone) == ("fail", covers(6.0, 1))
    both = (Internal.ARTIFACT_QUARANTINED, {"artifact": OTHER, "cause": "ev-1"})
    assert check_of((Internal.ARTIFACT_STORED, summary), gone, both)[0] == "pass"


def test_what_is_made_of_words_that_were_cut_again():
    """The source says that it does not hold what its words covered astride a closing; the summary may tell of it."""
    summary = derived("ai_summary", "content", [[TRANSCRIPT, 6.0, 19.9]], [])
    again = {**transcript([*CLOSED, [19.5, 20.0]]), "supersedes": ["seg_" + "f" * 32], "segment": "seg_" + "d" * 32}
    events = [(Internal.ARTIFACT_STORED, summary), (Internal.ARTIFACT_STORED, again)]
    assert check_of(*events) == ("fail", covers(19.5))
