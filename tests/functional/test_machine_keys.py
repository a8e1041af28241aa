"""The key store, the root key file or the event store goes away under a running server: it shuts all gates, stores
nothing and says why, until they are back."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from machine import BROKEN, Call, Machine
from machine_scene import Launch, Scene, all_shut, check_proved, check_told, gate
from media_client import RATE, Twilio, account, sound, until

SAID = sound(13)
Spoil = Callable[[Path], Callable[[], None]]


def moved(path: Path) -> Callable[[], None]:
    """Away; and back."""
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    return partial(os.replace, elsewhere, path)


def replaced(path: Path) -> Callable[[], None]:
    """By a copy of itself; and back."""
    own = path.with_name("own")
    path.rename(own)
    shutil.copy2(own, path)
    return partial(os.replace, own, path)


LOST = {
    "key store moved away": ("keys/root.key.d", moved, "keys_lost"),
    "key store replaced": ("keys/root.key.d/keys.db", replaced, "keys_lost"),
    "event store moved away": ("data/events.db", moved, "storage_lost"),
}


@pytest.fixture(scope="module")
def scene(shim: Path, launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("keys")
    scene = Scene(Machine(shim, folder), launch, folder)
    yield scene
    scene.close()


@pytest.mark.parametrize(("where", "spoil", "trouble"), LOST.values(), ids=LOST.keys())
def test_what_is_lost_under_a_running_server_shuts_every_gate_until_it_is_back(
    scene: Scene, where: str, spoil: Callable[[Path], Callable[[], None]], trouble: str
) -> None:
    talk, other = scene.begin(), scene.begin()
    with Twilio(scene.server, token=talk.stream_token).start() as stream:
        stream.play(SAID, range(250))
        stream.taken()
        until(lambda: account(talk)["written"] == 3 * RATE)
        back = spoil(scene.folder / where)
        opening = {"type": "prompt_delivered", "t": 5.0, "prompt_version": "p1", "channel": "ivr"}
        assert scene.refused(f"{talk.path}/events", opening)["code"] == trouble
        until(lambda: trouble in scene.troubles())
        until(lambda: all_shut(talk) and all_shut(other))
        closing = {"event_id": "pay", "type": "segment_start", "t": 5.0, "segment": "payment", "n": 1}
        assert scene.refused(f"{talk.path}/events", closing)["gates"] == "closed"
        scene.refused("/v1/interactions", {})
        stream.play(SAID, range(250, 475))
        stream.taken()
        back()
        scene.is_ready()
        assert all_shut(talk)
        talk.told.append(talk.post(closing).raise_for_status().json())
        talk.tell("segment_end", 9.5, segment="payment", n=1)
        assert gate(talk) == "open"
        stream.stop()
    talk.tell("call_end", 9.5)
    until(lambda: account(talk)["held"] == 0)
    assert account(talk)["written"] == 3 * RATE
    check_told(talk)
    check_proved(scene.server, talk)


def test_keys_that_cannot_be_read_for_a_while_are_no_lost_keys(scene: Scene) -> None:
    """A conversation that is in memory goes on under keys that are cached; the others wait."""
    talk = scene.begin()
    with scene.machine.failing(Call.READ | Call.OPEN_READ, scene.keys, BROKEN):
        talk.tell("segment_start", 5.0, segment="payment", n=1)
        assert gate(talk) == "shut"
    talk.tell("segment_end", 6.0, segment="payment", n=1)
    check_told(talk)
    check_proved(scene.server, talk)
