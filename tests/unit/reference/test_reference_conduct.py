"""What each mode does with a stop, and that none of them fails at what opens."""

import pytest

from onrecord.entrypoints.reference.conduct import CAPTURING, PAUSED, STOPPED, Answer, Conduct, Mode

KIND, CALL = "audio_recording", "int_1"


def recording(mode: Mode) -> Conduct:
    conduct = Conduct(mode, [KIND], delay=5.0)
    assert conduct.command(CALL, "c1", {KIND: "never"}, 0.0) is Answer.TAKEN
    assert conduct.captures(CALL, 0.0) == []
    assert conduct.command(CALL, "c2", {KIND: "capture"}, 1.0) is Answer.TAKEN
    assert shown(conduct, 1.0) == ("c2", CAPTURING)
    assert conduct.captures(CALL, 1.0) == [KIND]
    return conduct


def shown(conduct: Conduct, now: float) -> tuple[object, object] | None:
    state = conduct.state(CALL, now)
    if state is None:
        return None
    states = state["states"]
    assert isinstance(states, dict)
    return state["command"], states[KIND]


@pytest.mark.parametrize(
    ("mode", "answer", "state", "goes_on"),
    [
        (Mode.HONEST, Answer.TAKEN, ("c3", PAUSED), False),
        (Mode.SILENT, Answer.NONE, None, True),
        (Mode.REFUSING, Answer.REFUSED, ("c2", CAPTURING), True),
        (Mode.STUBBORN, Answer.TAKEN, ("c3", CAPTURING), True),
        (Mode.LYING, Answer.TAKEN, ("c3", PAUSED), True),
        (Mode.SLOW, Answer.TAKEN, ("c3", CAPTURING), True),
        (Mode.RESURRECTING, Answer.TAKEN, ("c3", PAUSED), True),
    ],
    ids=lambda value: value.value if isinstance(value, Mode) else "",
)
def test_a_pause(mode: Mode, answer: Answer, state: tuple[str, str] | None, goes_on: bool) -> None:
    conduct = recording(mode)
    assert conduct.command(CALL, "c3", {KIND: "pause"}, 2.0) is answer
    assert shown(conduct, 2.0) == state
    assert bool(conduct.captures(CALL, 2.0)) is goes_on


def test_slow_ones_obey_in_the_end_and_a_repetition_does_not_put_that_off() -> None:
    conduct = recording(Mode.SLOW)
    for at in (2.0, 4.0, 6.9):
        conduct.command(CALL, "c3", {KIND: "stop"}, at)
        assert shown(conduct, at) == ("c3", CAPTURING)
    assert shown(conduct, 7.0) == ("c3", STOPPED)
    assert conduct.captures(CALL, 7.0) == []


def test_who_comes_back_shows_it() -> None:
    conduct = recording(Mode.RESURRECTING)
    conduct.command(CALL, "c3", {KIND: "stop"}, 2.0)
    conduct.captures(CALL, 3.0)
    assert shown(conduct, 3.0) == ("c3", CAPTURING)


def test_a_verdict_that_is_not_known_stops() -> None:
    conduct = recording(Mode.HONEST)
    conduct.command(CALL, "c3", {KIND: "whatever"}, 2.0)
    assert shown(conduct, 2.0) == ("c3", STOPPED)


def test_the_silent_speak_again_once_they_may_go_on() -> None:
    conduct = recording(Mode.SILENT)
    conduct.command(CALL, "c3", {KIND: "stop"}, 2.0)
    assert conduct.command(CALL, "c4", {KIND: "capture"}, 3.0) is Answer.TAKEN
    assert shown(conduct, 3.0) == ("c4", CAPTURING)
