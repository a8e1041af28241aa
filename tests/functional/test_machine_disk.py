"""The disk is full, takes no writes, or fails to sync: the gates end shut, what comes meanwhile is accounted for,
nothing that was acknowledged is lost, and the server goes on by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from machine import BROKEN, CHANGING, FULL, GROWING, QUOTA, READ_ONLY, Call, Fault, Machine
from machine_scene import Launch, Scene, all_shut, check_proved, check_told, gate
from media_client import RATE, Twilio, account, expected, heard, same, sound, until
from serving import Talk

SAID = sound(13)
ROUND_CALLS = 40


@dataclass(frozen=True)
class Case:
    """`where`: below the server's folder, where its log is too."""

    where: str
    calls: Call
    error: int
    trouble: str


EVENTS_FAIL = {
    "full": Case("data", GROWING, FULL, "storage_full"),
    "over its quota": Case("data", GROWING, QUOTA, "storage_unknown"),
    "read-only": Case("data", CHANGING, READ_ONLY, "storage_readonly"),
    "failing to sync": Case("data", Call.SYNC, BROKEN, "storage_unknown"),
    "full, with keys and log": Case(".", GROWING, FULL, "storage_full"),
}
KEYS_FAIL = {
    "full": Case("keys", GROWING, FULL, "key_store"),
    "failing to sync": Case("keys", Call.SYNC, BROKEN, "key_store"),
}


@pytest.fixture(scope="module")
def scene(shim: Path, launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One server for all that breaks here; in the end it is killed, and nothing it acknowledged is lost."""
    folder = tmp_path_factory.mktemp("disk")
    scene = Scene(Machine(shim, folder), launch, folder)
    yield scene
    scene.kill()
    scene.start()
    for talk in scene.talks:
        check_told(talk)
        assert talk.get()["state"] == "sealed"
        assert account(talk)["lost"] == RATE
    scene.close()


def on_the_way(scene: Scene) -> tuple[Talk, Twilio]:
    """Five seconds of a call, of which the first four are stored."""
    talk = scene.begin()
    stream = Twilio(scene.server, token=talk.stream_token).start()
    stream.play(SAID, range(250))
    stream.taken()
    until(lambda: account(talk)["written"] == 3 * RATE)
    return talk, stream


def lose_the_fifth_second(talk: Talk, stream: Twilio) -> None:
    """The second segment, from 4 to 8, ends while nothing can be stored."""
    stream.play(SAID, range(250, 475))
    until(lambda: account(talk)["lost"] == RATE)


def check_calm(fault: Fault) -> None:
    """What fails is tried again round by round, not round and round."""
    before = fault.hits
    fault.struck(2)
    assert fault.hits - before < ROUND_CALLS


def go_on(scene: Scene, talk: Talk, stream: Twilio) -> None:
    """To the end of the call: 9.5 to 13 are recorded, the fifth second is lost, the rest was closed."""
    stream.play(SAID, range(475, 650))
    stream.stop()
    talk.tell("call_end", 13.0)
    until(lambda: account(talk)["held"] == 0)
    counts = account(talk)
    assert (counts["lost"], counts["received"], counts["missing"]) == (RATE, 13 * RATE, 0)
    same(heard(talk), expected(SAID, 13, (0, 1), (4, 9.5)))
    assert "MEDIA_LOST" in {flag["flag"] for flag in talk.get()["flags"]}
    check_told(talk)
    check_proved(scene.server, talk)


@pytest.mark.parametrize("case", EVENTS_FAIL.values(), ids=EVENTS_FAIL.keys())
def test_where_events_cannot_be_stored_the_gates_stay_shut_until_one_is(scene: Scene, case: Case) -> None:
    talk, stream = on_the_way(scene)
    close = {"event_id": "pay", "type": "segment_start", "t": 5.0, "segment": "payment", "n": 1}
    end = {"type": "segment_end", "t": 9.5, "segment": "payment", "n": 1}
    with scene.machine.failing(case.calls, scene.folder / case.where, case.error) as fault:
        refused = scene.refused(f"{talk.path}/events", close)
        assert (refused["status"], refused["code"], refused["gates"]) == (507, "storage_full", "closed")
        assert all_shut(talk)
        assert "gates" not in scene.refused(f"{talk.path}/events", end)
        assert all_shut(talk)
        scene.refused("/v1/interactions", {})
        scene.refused(f"{talk.path}/stream-tokens", {})
        lose_the_fifth_second(talk, stream)
        until(lambda: case.trouble in scene.troubles())
        if case.error == FULL:
            check_calm(fault)
    scene.is_ready()
    assert all_shut(talk)
    talk.told.append(talk.post(close).raise_for_status().json())
    assert gate(talk) == "shut"
    talk.told.append(talk.post(end).raise_for_status().json())
    assert gate(talk) == "open"
    go_on(scene, talk, stream)


@pytest.mark.parametrize("case", KEYS_FAIL.values(), ids=KEYS_FAIL.keys())
def test_where_keys_cannot_be_stored_calls_go_on_and_their_media_is_told_as_lost(scene: Scene, case: Case) -> None:
    talk, stream = on_the_way(scene)
    with scene.machine.failing(case.calls, scene.folder / case.where, case.error) as fault:
        scene.refused("/v1/interactions", {})
        talk.tell("segment_start", 5.0, segment="payment", n=1)
        assert gate(talk) == "shut"
        talk.tell("segment_end", 9.5, segment="payment", n=1)
        lose_the_fifth_second(talk, stream)
        until(lambda: case.trouble in scene.troubles())
        if case.error == FULL:
            check_calm(fault)
    scene.is_ready()
    assert gate(talk) == "open"
    go_on(scene, talk, stream)
