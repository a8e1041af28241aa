import pytest

from onrecord.capture.errors import CaptureError
from onrecord.capture.manifest import Manifest, Sealed, Span

A, B, C = Sealed("a", 0, 100), Sealed("b", 100, 50), Sealed("c", 300, 100)


def code_of(act):
    with pytest.raises(CaptureError) as refused:
        act()
    return refused.value.code


def test_segments_are_kept_in_order_of_time():
    assert Manifest().add(C).add(A).add(B).live == (A, B, C)


def test_the_plan_covers_exactly_what_was_asked():
    manifest = Manifest().add(A).add(B).add(C)
    assert manifest.plan(50, 350) == [
        Span(A, 50, 50),
        Span(B, 0, 50),
        Span(None, 0, 150),
        Span(C, 0, 50),
    ]
    assert manifest.plan(0, 500)[-1] == Span(None, 0, 100)
    assert sum(span.samples for span in manifest.plan(0, 500)) == 500
    assert manifest.plan(200, 200) == []
    assert Manifest().plan(0, 10) == [Span(None, 0, 10)]


def test_live_segments_never_overlap():
    manifest = Manifest().add(A)
    assert code_of(lambda: manifest.add(Sealed("x", 99, 1))) == "segment_overlap"
    assert code_of(lambda: manifest.add(Sealed("a", 500, 1))) == "segment_known"
    assert code_of(lambda: manifest.add(Sealed("x", 500, 0))) == "segment_empty"
    assert code_of(lambda: Manifest().add(B).add(Sealed("x", 90, 11))) == "segment_overlap"


def test_a_replacement_takes_the_place_and_the_old_never_returns():
    manifest = Manifest().add(A).add(B)
    purged = manifest.supersede("a", Sealed("a2", 0, 100))
    assert [span.segment.id for span in purged.plan(0, 150)] == ["a2", "b"]
    assert code_of(lambda: purged.add(A)) == "segment_known"
    assert code_of(lambda: purged.supersede("a", None)) == "segment_unknown"
    assert manifest.live == (A, B)


def test_nothing_may_take_the_place_of_a_segment():
    assert Manifest().add(A).supersede("a", None).plan(0, 100) == [Span(None, 0, 100)]


def test_a_replacement_stays_inside():
    manifest = Manifest().add(A)
    assert code_of(lambda: manifest.supersede("a", Sealed("a2", 0, 101))) == "segment_outside"
