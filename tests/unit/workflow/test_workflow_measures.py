"""What is counted: histograms that add up, and media by fate that never goes down."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.capture.accounting import Accounting
from onrecord.workflow.measures import FATES, Frames, Histogram, Measures, streams_by_door

COUNTS = sorted(Accounting().snapshot())


@given(st.lists(st.floats(0, 100, allow_nan=False)))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_a_bucket_holds_all_that_is_at_most_its_bound(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    buckets, total = histogram.read()
    assert [count for _, count in buckets] == [sum(value <= bound for value in values) for bound, _ in buckets]
    assert buckets[-1] == (float("inf"), len(values))
    assert total == pytest.approx(sum(values))


def call(name: str, **tracks: Accounting) -> Any:
    held = {
        track: SimpleNamespace(name=track, rate=16000, stream="s", gate=SimpleNamespace(accounting=accounting))
        for track, accounting in tracks.items()
    }
    conversation = SimpleNamespace(interaction=name, streams={"s": {"door": "twilio"}})
    return SimpleNamespace(conversation=conversation, tracks=held)


@given(st.lists(st.tuples(st.sampled_from(COUNTS), st.integers(-500, 1000), st.sampled_from(["take", "leave", "no"]))))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_no_count_goes_down(steps: list[tuple[str, int, str]]) -> None:
    frames, accounting = Frames(), Accounting()
    live = call("a", customer=accounting)
    before = frames.totals(())
    for field, by, then in steps:
        setattr(accounting, field, max(0, getattr(accounting, field) + by))
        accounting.silenced_policy = max(accounting.silenced_policy, accounting.purged)
        if then == "take":
            frames.take(live)
        elif then == "leave":
            frames.leave(live)
            accounting = Accounting()
            live = call("a", customer=accounting)
        now = frames.totals([live])
        assert all(now[fate] >= before[fate] for fate in FATES)
        before = now


def test_media_is_counted_in_frames_and_once() -> None:
    frames = Frames()
    agent, customer = Accounting(received=3200, written=1600, held=1600), Accounting(received=320, silenced_policy=320)
    live = call("a", agent=agent, customer=customer)
    assert {fate: n for fate, n in frames.totals([live]).items() if n} == {
        "received": 11,
        "written": 5,
        "silenced_policy": 1,
    }
    assert frames.totals([live]) == frames.totals([live])
    agent.held, agent.written = 0, 3200
    frames.leave(live)
    assert frames.totals([])["written"] == 10
    assert frames.totals([call("b", agent=Accounting(received=320, late=320))])["late"] == 1


def test_what_is_purged_stays_written() -> None:
    frames = Frames()
    accounting = Accounting(received=3200, written=3200)
    live = call("a", customer=accounting)
    frames.take(live)
    accounting.written, accounting.silenced_policy, accounting.purged = 1600, 1600, 1600
    told = frames.totals([live])
    assert (told["written"], told["silenced_policy"], told["purged"]) == (10, 0, 5)


def test_what_another_process_counted_is_not_counted_again_but_what_was_lost_is() -> None:
    frames = Frames()
    frames.known("a", "customer", Accounting(received=3200, written=1600, held=1600).snapshot())
    live = call("a", customer=Accounting(received=3200, written=1600, lost=1600))
    assert {fate: n for fate, n in frames.totals([live]).items() if n} == {"lost": 5}


def test_requests_by_operation_and_class() -> None:
    measures = Measures()
    for status in (200, 201, 404):
        measures.requested("getHealth", status, 0.001)
    assert measures.requests == {("getHealth", 2): 2, ("getHealth", 4): 1}
    assert measures.request_seconds["getHealth"].read()[0][-1][1] == 3


def test_a_stream_of_two_tracks_is_one() -> None:
    assert streams_by_door([call("a", agent=Accounting(), customer=Accounting())]) == {"twilio": 1}
