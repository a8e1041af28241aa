"""A source is told what the verdict asks for, by whatever it changes: on a clock that the test moves."""

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from onrecord.capture.clockmap import ClockMap
from onrecord.capture.permission import Permission, Shut, Union
from onrecord.capture.source import DEADLINE_S, Wish
from onrecord.workflow import steer
from onrecord.workflow.steer import MAX_TOLD, Steering

RATE = 8000
OPEN = Shut(1e6)


class Loop(asyncio.SelectorEventLoop):
    now = 100.0

    def time(self) -> float:
        return self.now

    def spin(self, seconds: float) -> None:
        """So much time passes; whatever is due is done."""
        self.now += seconds
        self.call_soon(self.stop)
        self.run_forever()


class Case:
    """A stream from second 0 on, whose recording is permitted but where `shut` closes it. `orders` and `kept` are what
    the source was told and what was put on record, `gone` why it was ended."""

    def __init__(self, loop: Loop, uncertainty: float = 0.0) -> None:
        self.loop = loop
        self.shut: list[Shut] = []
        self.orders: list[str] = []
        self.kept: list[tuple[dict[str, Any], float]] = []
        self.gone: list[str] = []
        self.track = SimpleNamespace(stream="str")
        self.live = SimpleNamespace(watchers=set(), permission=self._permission)
        clocks = {"customer": ClockMap(RATE, 0.0, uncertainty)}
        self.stream = SimpleNamespace(id="str", live=self.live, tracks={"customer": self.track}, clocks=clocks)

    def _permission(self) -> Permission:
        return Union((OPEN, *self.shut))

    def _tell(self, wish: Wish) -> int:
        self.orders.append(wish.value)
        return 1 + len(self.orders)

    def begin(self) -> Steering:
        async def made() -> Steering:
            d: Any = SimpleNamespace()
            stream: Any = self.stream
            steering = Steering(d, stream, self._tell, self.gone.append, 0)
            steering.begin(steering.wish(), 1)
            return steering

        return self.loop.run_until_complete(made())

    def close(self, *shut: Shut) -> None:
        self.shut[:] = shut
        for watcher in tuple(self.live.watchers):
            watcher()

    def answers(self) -> list[str]:
        return [data["answer"] for data, _ in self.kept]


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Case]]:
    loop = Loop()
    made: list[Case] = []

    def new(**more: Any) -> Case:
        made.append(Case(loop, **more))
        return made[-1]

    monkeypatch.setattr(steer, "notice", lambda _d, _live, _kind, data, t: made[-1].kept.append((data, t)))
    yield new
    loop.close()


def test_what_shuts_the_gates_from_the_present_on_pauses_the_source(case: Callable[..., Case]) -> None:
    """An overload, a closing that could not be stored, a halt: whatever is told to those who watch."""
    c = case()
    steering = c.begin()
    steering.heard(4 * RATE)
    assert c.orders == []
    c.close(Shut(4.0))
    assert c.orders == ["pause"]
    steering.said_paused(2)
    c.close(Shut(4.0, 4.0 + 1 / RATE))
    c.loop.spin(0.02)
    c.close(Shut(4.0, 4.01))
    assert c.orders == ["pause", "resume"]
    steering.said_resumed(4 * RATE, 160, 3)
    assert [data for data, _ in c.kept][-1] == {
        "stream": "str",
        "wish": "resume",
        "answer": "resumed",
        "seconds": 0.0,
        "start": 4.0,
        "discarded": 0.02,
    }


def test_a_past_stretch_does_not_pause(case: Callable[..., Case]) -> None:
    c = case()
    c.begin().heard(10 * RATE)
    c.close(Shut(2.0, 9.0))
    assert c.orders == []


@pytest.mark.parametrize("uncertainty", [0.0, 0.5])
def test_the_slot_that_comes_next_is_asked_for(case: Callable[..., Case], uncertainty: float) -> None:
    c = case(uncertainty=uncertainty)
    c.shut[:] = [Shut(3.0, 5.0)]
    steering = c.begin()
    edge = round((3.0 - uncertainty) * RATE) - 160
    steering.heard(edge)
    assert c.orders == []
    steering.heard(edge + 1)
    assert c.orders == ["pause"]


@pytest.mark.parametrize("opens", [0.4, 5.0, 95.0])
def test_a_source_that_is_still_is_told_when_its_time_comes(case: Callable[..., Case], opens: float) -> None:
    c = case()
    c.shut[:] = [Shut(0.0, opens)]
    steering = c.begin()
    steering.said_paused(1)
    for _ in range(int(opens / 0.2) - 1):
        c.loop.spin(0.2)
    assert c.orders == []
    c.loop.spin(0.2)
    c.loop.spin(0.01)
    assert c.orders == ["resume"]


def test_what_the_source_says_of_its_place_brings_the_time(case: Callable[..., Case]) -> None:
    c = case()
    c.shut[:] = [Shut(0.0, 3600.0)]
    steering = c.begin()
    steering.stands(3599 * RATE)
    assert c.orders == []
    steering.stands(3600 * RATE)
    assert c.orders == ["resume"]


def test_an_order_that_was_taken_back_does_not_turn_time_back(case: Callable[..., Case]) -> None:
    """Told to resume, the source has not answered yet: its present stays where the wall had brought it."""
    c = case()
    c.shut[:] = [Shut(0.0, 2.0)]
    c.begin()
    c.loop.spin(2.0)
    c.loop.spin(0.01)
    assert c.orders == ["resume"]
    c.close(Shut(0.0, 2.0))
    c.loop.spin(1.0)
    assert c.orders == ["resume"]


def test_an_order_is_repeated_until_it_is_answered(case: Callable[..., Case]) -> None:
    c = case()
    steering = c.begin()
    steering.heard(RATE)
    c.close(Shut(0.0))
    for _ in range(3):
        c.loop.spin(DEADLINE_S)
    assert c.orders == ["pause"] * 4
    assert c.answers() == ["none"]
    steering.said_paused(2)
    c.loop.spin(10 * DEADLINE_S)
    assert c.orders == ["pause"] * 4
    assert c.answers() == ["none", "paused"]


def test_a_stream_that_was_ended_from_elsewhere_is_gone(case: Callable[..., Case]) -> None:
    c = case()
    c.begin()
    c.track.stream = None
    c.close()
    assert c.gone == ["interaction_sealed"]


def test_a_source_that_answers_without_end_is_ended(case: Callable[..., Case]) -> None:
    c = case()
    steering = c.begin()
    for at in range(MAX_TOLD):
        steering.said_discarded(at, 1)
    assert c.gone == []
    steering.said_discarded(MAX_TOLD, 1)
    assert c.gone == ["too_many_bad_messages"]
    assert len(c.kept) == MAX_TOLD


def test_after_its_end_nothing_is_told_any_more(case: Callable[..., Case]) -> None:
    c = case()
    c.shut[:] = [Shut(0.0, 1.0)]
    steering = c.begin()
    steering.end()
    c.close()
    c.loop.spin(60.0)
    assert (c.orders, c.kept, c.live.watchers) == ([], [], set())
