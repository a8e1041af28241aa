"""What a command says changed, what follows it, and how long one is pursued."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.capture.errors import ControlError
from onrecord.capture.orders import (
    Action,
    Command,
    Doing,
    as_json,
    capturing,
    from_json,
    lowered,
    read_state,
    target,
    unlike,
    what_changed,
)
from onrecord.capture.pursuit import Pursuit

VERDICTS = ("never", "stop", "pause", "ephemeral", "redact", "capture")
KINDS = ("transcript", "ai_summary")
told = st.fixed_dictionaries({kind: st.sampled_from(VERDICTS) for kind in KINDS})
doing = st.dictionaries(st.sampled_from(KINDS), st.sampled_from([each.value for each in Doing]))


def command(**verdicts: str) -> Command:
    return Command("cmd_1", Action.STOP, (), verdicts, 1.0, 2)


def state(interaction: str = "int_1", **fields: object) -> bytes:
    return json.dumps({"interaction": interaction, "command": "cmd_1", "states": {}, **fields}).encode()


@pytest.mark.parametrize(
    ("before", "after", "action", "kinds"),
    [
        (None, {"a": "stop"}, Action.STOP, ("a",)),
        (None, {"a": "capture"}, Action.START, ("a",)),
        ({"a": "stop"}, {"a": "capture"}, Action.START, ("a",)),
        ({"a": "pause"}, {"a": "redact"}, Action.RESUME, ("a",)),
        ({"a": "capture"}, {"a": "redact"}, Action.RESUME, ("a",)),
        ({"a": "capture", "b": "capture"}, {"a": "pause", "b": "stop"}, Action.STOP, ("b",)),
        ({"a": "stop", "b": "capture"}, {"a": "capture", "b": "ephemeral"}, Action.PAUSE, ("b",)),
        ({"a": "stop", "b": "pause"}, {"a": "capture", "b": "capture"}, Action.START, ("a",)),
        ({"a": "stop", "b": "stop"}, {"a": "stop", "b": "capture"}, Action.START, ("b",)),
    ],
)
def test_what_changed_is_said_in_a_word(
    before: dict[str, str] | None, after: dict[str, str], action: Action, kinds: tuple[str, ...]
) -> None:
    assert what_changed(before, after) == (action, kinds)


@given(told, told)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_lowered_is_the_lower_of_each(one: dict[str, str], other: dict[str, str]) -> None:
    low = lowered(one, other)
    assert low == lowered(other, one)
    for kind in KINDS:
        assert low[kind] == min(one[kind], other[kind], key=VERDICTS.index)


@given(told, doing)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_only_what_is_as_the_verdicts_ask_follows(verdicts: dict[str, str], states: dict[str, str]) -> None:
    asked = command(**verdicts)
    read = read_state(state(states=states), "int_1")
    for kind in KINDS:
        wanted, does = target(verdicts[kind]), states.get(kind)
        follows = does == wanted or (wanted is Doing.PAUSED and does == "stopped")
        assert (kind in unlike(asked, read)) == (not follows)
        assert (kind in capturing(asked, read)) == (does == "capturing" and verdicts[kind] not in {"capture", "redact"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"interaction": "int_1", "states": {}}',
        state(states={"transcript": "resting"}),
        state(states=[]),
        state(command=5),
        state(interaction="int_2"),
        b'{"a":' * 5000,
    ],
)
def test_what_is_no_state(body: bytes) -> None:
    with pytest.raises(ControlError) as caught:
        read_state(body, "int_1")
    assert caught.value.code == "control_unreadable"


def test_a_command_comes_back() -> None:
    asked = command(transcript="redact")
    assert from_json(json.loads(json.dumps(as_json(asked)))) == asked


def test_a_pursuit_says_once_that_the_time_is_up_with_or_without_an_attempt() -> None:
    pursuit = Pursuit("a", 0.0, deadline=1.0)
    assert pursuit.missed(0.5) is None
    assert pursuit.overdue(0.9) is None
    turn = pursuit.overdue(1.0)
    assert turn is not None
    assert (turn.followed, turn.attempts, pursuit.told) == (False, 1, True)
    assert pursuit.overdue(2.0) is None
    assert pursuit.missed(2.0) is None
    late = pursuit.read(3.0, follows=True)
    assert late is not None
    assert (late.followed, late.seconds) == (True, 3.0)


def test_what_was_on_record_before_is_not_said_again() -> None:
    pursuit = Pursuit("a", 0.0, deadline=1.0)
    pursuit.known(followed=False)
    assert pursuit.overdue(5.0) is None
    pursuit.known(followed=True)
    assert pursuit.read(6.0, follows=True) is None
    assert pursuit.audits == 1
    again = pursuit.read(7.0, follows=False)
    assert again is not None
    assert not again.followed
