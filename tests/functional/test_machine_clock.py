"""Somebody sets the machine's clock: a call that goes on does not notice, and no time on record goes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from machine import Machine
from machine_scene import Launch, Scene, all_shut, check_proved, check_told, gate
from media_client import Twilio, account, expected, heard, new_token, same, sound, until
from serving import Talk

HOUR = 3600
YEARS = 10 * 365 * 24 * HOUR
LONG = 600.0  # what a test may take, and far less than any step of the clock
SAID = sound(13)
CLIENTS = {"segment_start", "segment_end", "call_end"}


@pytest.fixture(scope="module")
def scene(shim: Path, launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("clock")
    made = Scene(Machine(shim, folder), launch, folder)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _right_again(scene: Scene) -> Iterator[None]:
    yield
    scene.machine.mend()


def events(talk: Talk) -> list[dict[str, Any]]:
    """In the order of the log, found to be received in that order."""
    found = sorted(talk.get("/timeline")["events"], key=lambda event: event["leaf_index"])
    received = [event["received"] for event in found]
    assert received == sorted(received)
    return found


@pytest.mark.parametrize("seconds", [-HOUR, HOUR, YEARS])
def test_a_call_goes_on_by_its_media_and_by_a_steady_clock(scene: Scene, seconds: float) -> None:
    talk = scene.begin()
    token = new_token(talk)
    before = talk.get()
    with Twilio(scene.server, token=talk.stream_token).start() as stream:
        stream.play(SAID, range(250))
        stream.taken()
        scene.machine.step_clock(seconds)
        talk.tell("segment_start", segment="payment", n=1)
        assert gate(talk) == "shut"
        stream.play(SAID, range(250, 350))
        stream.taken()
        scene.machine.step_clock(-seconds)
        assert gate(talk) == "shut"
        assert talk.get("/decisions")["decisions"]["audio_recording"]["reason"] == "SENSITIVE_SEGMENT"
        scene.machine.step_clock(seconds)
        assert gate(talk) == "shut"
        talk.tell("segment_end", segment="payment", n=1)
        assert gate(talk) == "open"
        stream.play(SAID, range(350, 650))
        stream.drop()
    until(lambda: not talk.get()["streams_live"])
    with Twilio(scene.server, token=token, offset=13.0).start() as again:
        again.stop()
    talk.tell("call_end", 13.0)
    told = events(talk)
    assert [event["t"] for event in told if event["type"] in CLIENTS] == [5.0, 7.0, 13.0]
    assert told[-1]["received"] < LONG
    shown = talk.get()
    assert shown["started_at"] == before["started_at"]
    assert {flag["flag"] for flag in shown["flags"]} == {flag["flag"] for flag in before["flags"]}
    until(lambda: account(talk)["held"] == 0)
    same(heard(talk), expected(SAID, 13, (0, 1), (5, 7)))
    check_told(talk)
    check_proved(scene.server, talk)


@pytest.mark.parametrize("seconds", [-HOUR, HOUR, YEARS])
def test_a_call_without_media_goes_on_by_a_steady_clock(scene: Scene, seconds: float) -> None:
    talk = scene.begin()
    scene.machine.step_clock(seconds)
    talk.tell("segment_start", segment="payment", n=1)
    assert gate(talk) == "shut"
    scene.machine.step_clock(0)
    assert gate(talk) == "shut"
    told = events(talk)
    assert 1.0 <= told[-1]["t"] < LONG
    assert told[-1]["received"] < LONG
    check_told(talk)


def test_a_clock_that_was_set_back_between_two_runs_sets_no_call_back(scene: Scene) -> None:
    talk = scene.begin()
    last = events(talk)[-1]
    shown = talk.get()
    scene.kill()
    scene.machine.step_clock(-HOUR)
    scene.start()
    talk.client = scene.client
    assert all_shut(talk)
    talk.tell("bypass", by="operator", action="none")
    told = events(talk)
    assert told[-1]["received"] >= last["received"]
    assert talk.get()["started_at"] == shown["started_at"]
    check_told(talk)
    check_proved(scene.server, talk)
