"""Closings that are not on record yet: what holds, what is owed, what is settled."""

from importlib import resources

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.interaction.events import Event
from onrecord.policy.facts import Head, Party
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.workflow.closings import Closings, fact

AUDIO = Kind.AUDIO_RECORDING
PACK = parse((resources.files("onrecord.policy") / "packs" / "eu-gdpr.yaml").read_bytes())
HEAD = Head(parties=(Party("customer", "IE"),), artifacts_enabled=frozenset({AUDIO}))


def event(identifier: str, kind: str, t: float, uncertainty: float = 0.0, **data: object) -> Event:
    return Event(identifier, kind, t, t, 0, "bot", "key", data, uncertainty)


def recording() -> Timeline:
    timeline = Timeline(compile_policy([PACK], HEAD), HEAD)
    said = [
        event("p", "prompt_delivered", 1.0, prompt_version="v1"),
        event("c", "consent", 2.0, result="accepted", method="verbal", prompt_version="v1"),
    ]
    for each in said:
        timeline = timeline.with_fact(fact(each))
    return timeline


def test_nothing_accepted_adds_no_timeline() -> None:
    assert Closings().over(recording()) == []


def test_what_is_under_way_closes_until_it_is_done() -> None:
    stop = event("o", "opt_out", 10.0)
    number, closings = Closings().accept([stop])
    (over,) = closings.over(recording())
    assert over.closed(AUDIO, 9.0, 20.0) == [(10.0, 20.0)]
    assert closings.done(number).over(recording()) == []


def test_two_posts_end_apart() -> None:
    first, closings = Closings().accept([event("a", "opt_out", 10.0)])
    second, closings = closings.accept([event("b", "segment_start", 5.0, segment="payment")])
    assert first != second
    assert [e.event_id for e in closings.done(first).all()] == ["b"]
    assert [e.event_id for e in closings.done(second).all()] == ["a"]


def test_what_could_not_be_stored_is_owed_once_from_its_earliest_instant() -> None:
    owed = Closings().owe([event("o", "opt_out", 10.0)]).owe([event("o", "opt_out", 8.0), event("o", "opt_out", 12.0)])
    assert [e.t for e in owed.owed] == [8.0]
    other = owed.owe([event("o", "segment_start", 9.0, segment="payment")])
    assert [(e.type, e.t) for e in other.owed] == [("opt_out", 8.0), ("segment_start", 9.0)]


def test_an_owed_closing_is_known_by_what_it_says_and_settled_as_what_was_stored() -> None:
    stop = event("o", "opt_out", 10.0)
    closings = Closings().owe([stop])
    assert closings.owed_as(event("o", "opt_out", 11.0)) == stop
    assert closings.owed_as(event("o", "call_start", 11.0)) is None
    assert closings.settle([event("o", "call_start", 11.0)]).owed == (stop,)
    assert closings.settle([stop]).owed == ()


STOPS = st.builds(
    lambda number, kind, t: event(f"e{number}", kind, t, **({"segment": "payment"} if kind == "segment_start" else {})),
    st.integers(0, 4),
    st.sampled_from(["opt_out", "segment_start", "call_end", "consent_withdrawn", "erasure_request"]),
    st.floats(0, 30),
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.lists(STOPS, max_size=3), max_size=4), st.lists(STOPS, max_size=3))
def test_whatever_is_accepted_or_owed_never_opens_what_is_closed(posts: list[list[Event]], owed: list[Event]) -> None:
    timeline = recording()
    closings = Closings().owe(owed)
    for post in posts:
        _, closings = closings.accept(post)
    for over in closings.over(timeline):
        for second in range(30):
            if timeline.closed(AUDIO, second, second + 0.5):
                assert over.closed(AUDIO, second, second + 0.5)
