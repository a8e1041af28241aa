"""How a platform's own recording is brought to a wish: orders, readings, deadlines, on a clock of the test."""

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.capture.commanded import Following, Status, Wish
from onrecord.capture.pursuit import AUDIT_S, DEADLINE_S


def test_a_pause_is_ordered_at_once_and_followed_when_it_is_read_back() -> None:
    following = Following(Wish.PAUSE, 0.0)
    assert following.commands
    assert following.due_in(0.0) == 0
    outcome = following.seen(Status.PAUSED, 0.4)
    assert outcome is not None
    assert (outcome.followed, outcome.status, outcome.seconds, outcome.attempts) == (True, Status.PAUSED, 0.4, 1)
    assert not following.commands
    assert following.due_in(0.4) == AUDIT_S
    assert following.seen(Status.PAUSED, 16.0) is None


def test_what_does_not_follow_is_told_once_at_the_deadline_and_ordered_on() -> None:
    following = Following(Wish.PAUSE, 0.0)
    now, told = 0.0, []
    while now < 4 * DEADLINE_S:
        told.append(following.seen(Status.RECORDING, now))
        assert following.commands
        now += following.due_in(now)
    flagged = [outcome for outcome in told if outcome is not None]
    assert [(outcome.followed, outcome.status) for outcome in flagged] == [(False, Status.RECORDING)]
    assert flagged[0].seconds >= DEADLINE_S
    late = following.seen(Status.PAUSED, now)
    assert late is not None
    assert late.followed


def test_what_resumes_by_itself_is_told_at_once_and_ordered_again() -> None:
    following = Following(Wish.PAUSE, 0.0)
    following.seen(Status.PAUSED, 0.1)
    outcome = following.seen(Status.RECORDING, 15.0)
    assert outcome is not None
    assert not outcome.followed
    assert following.commands
    assert following.due_in(15.0) == 0


def test_only_what_was_paused_from_this_side_is_told_to_record() -> None:
    following = Following(Wish.RECORD, 0.0)
    assert not following.commands
    following.seen(Status.PAUSED, 0.0)
    assert not following.commands
    following.ask(Wish.PAUSE, 1.0)
    following.seen(Status.PAUSED, 1.1)
    following.ask(Wish.RECORD, 2.0)
    assert following.commands
    assert Following(Wish.RECORD, 0.0, paused=True).commands


def test_what_has_ended_is_done_with_and_did_not_follow_where_it_should_record() -> None:
    stopped = Following(Wish.STOP, 0.0)
    assert stopped.seen(Status.PAUSED, 0.0) is None
    assert not stopped.done
    outcome = stopped.seen(Status.ENDED, 0.3)
    assert outcome is not None
    assert (outcome.followed, stopped.done) == (True, True)
    gone = Following(Wish.RECORD, 0.0)
    outcome = gone.seen(Status.ENDED, 0.0)
    assert outcome is not None
    assert (outcome.followed, gone.done) == (False, True)


STEP = st.one_of(st.sampled_from(list(Wish)), st.sampled_from(list(Status)), st.just("failed"))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.tuples(STEP, st.integers(0, 20))))
def test_what_is_said_to_follow_was_read_back_as_such(steps: list[tuple[Wish | Status | str, int]]) -> None:
    following, now = Following(Wish.PAUSE, 0.0), 0.0
    for step, seconds in steps:
        now += seconds
        if isinstance(step, Wish):
            following.ask(step, now)
            continue
        outcome = following.seen(step, now) if isinstance(step, Status) else following.failed("control_refused", now)
        if outcome is not None and outcome.followed:
            assert isinstance(step, Status)
            assert step.follows(following.wish)
        if following.followed and isinstance(step, Status):
            assert step.follows(following.wish)
        if not following.done:
            assert following.due_in(now) <= AUDIT_S
