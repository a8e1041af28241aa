"""The machine kills the server, short of memory, while it starts: at one write after the other, start after start. The
last start finds all that was acknowledged."""

import contextlib
import os
import subprocess

from machine import Call
from machine_scene import HOLD_BACK, Scene, all_shut, check_proved, check_told
from media_client import RATE, Neutral, account, sound, until
from serving import COMMAND

SAID = sound(6)
SYNCS = (2, 8)


def test_killed_at_any_write_of_a_start_nothing_acknowledged_is_lost(scene: Scene) -> None:
    talk = scene.begin()
    with Neutral(scene.server, token=talk.stream_token).start(("customer", "mulaw", RATE)) as stream:
        for at in range(0, len(SAID), RATE // 5):
            stream.frame(0, at, SAID[at : at + RATE // 5])
        stream.taken()
        until(lambda: account(talk)["written"] == 3 * RATE)
        talk.tell("segment_start", 3.0, segment="payment", n=1)
        scene.kill()
        with contextlib.suppress(OSError):
            stream.drop()
    held = 0
    for syncs in SYNCS:
        with scene.machine.failing(Call.SYNC, scene.folder, held=True, after=syncs) as disk:
            (scene.folder / "ready.json").unlink(missing_ok=True)
            held += killed(scene, lambda disk=disk: disk.hits)
    assert held == len(SYNCS)
    scene.start()
    talk.client = scene.client
    assert talk.get()["state"] == "interrupted"
    assert all_shut(talk)
    check_told(talk)
    counts = account(talk)
    assert counts["purged"] == RATE
    assert counts["written"] == 2 * RATE
    talk.tell("segment_end", 6.0, segment="payment", n=1)
    check_proved(scene.server, talk)


def killed(scene: Scene, is_held) -> bool:
    """A start that is killed while a write of it is held; whether one was, before it was ready."""
    ready = scene.folder / "ready.json"
    where = ["--data", str(scene.data), "--keys", str(scene.keys / "root.key"), "--ready-file", str(ready)]
    with scene.server.log.open("ab") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", *where, *HOLD_BACK],
            stdout=log,
            stderr=log,
            env={**os.environ, **scene.machine.environment},
        )
    until(lambda: is_held() or ready.exists())
    process.kill()
    process.wait()
    return bool(is_held())
