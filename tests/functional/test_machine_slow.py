"""A disk that does not answer: what closes acts at once, media goes on, posts wait, and nothing is lost when it answers
again; the server ends when it is told to, whatever the disk does."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from machine import Call, Machine
from machine_scene import Scene, check_proved, check_told, gate
from media_client import RATE, Twilio, account, expected, heard, same, sound, until

SAID = sound(13)
FORCED = """
import sys
from onrecord.entrypoints.cli import ending, serve
ending.FORCE_SECONDS = 0.5
sys.exit(serve.run(sys.argv[1:]))
"""


def test_a_stop_acts_at_once_while_the_disk_does_not_answer(scene: Scene) -> None:
    talk = scene.begin()
    others = [scene.server.client() for _ in range(2)]
    with Twilio(scene.server, token=talk.stream_token).start() as stream, ThreadPoolExecutor(2) as posts:
        stream.play(SAID, range(250))
        stream.taken()
        until(lambda: account(talk)["written"] == 3 * RATE)
        disk = scene.machine.fault(Call.SYNC, scene.data, held=True)
        events = (
            {"event_id": "pay", "type": "segment_start", "t": 5.0, "segment": "payment", "n": 1},
            {"event_id": "paid", "type": "segment_end", "t": 9.5, "segment": "payment", "n": 1},
        )
        stop = posts.submit(others[0].post, f"{talk.path}/events", json=events[0])
        until(lambda: disk.hits)
        until(lambda: gate(talk) == "shut")
        go = posts.submit(others[1].post, f"{talk.path}/events", json=events[1])
        stream.play(SAID, range(250, 475))
        stream.taken()
        until(lambda: "storage_slow" in scene.troubles())
        assert gate(talk) == "shut"
        assert not stop.done()
        assert not go.done()
        counts = account(talk)
        assert (counts["received"], counts["written"], counts["lost"]) == (round(9.5 * RATE), 3 * RATE, 0)
        disk.over()
        talk.told += [post.result().raise_for_status().json() for post in (stop, go)]
        assert gate(talk) == "open"
        stream.play(SAID, range(475, 650))
        stream.stop()
    for other in others:
        other.close()
    talk.tell("call_end", 13.0)
    until(lambda: account(talk)["held"] == 0)
    assert account(talk)["lost"] == 0
    same(heard(talk), expected(SAID, 13, (0, 1), (5, 9.5)))
    scene.is_ready()
    check_told(talk)
    check_proved(scene.server, talk)


def test_a_server_that_is_told_to_end_does_not_wait_for_ever(shim: Path, tmp_path: Path) -> None:
    machine = Machine(shim, tmp_path)
    ready = tmp_path / "ready.json"
    where = ("--data", tmp_path / "data", "--keys", tmp_path / "keys" / "root.key", "--ready-file", ready)
    command = [sys.executable, "-c", FORCED, *map(str, where)]
    environment = {**os.environ, **machine.environment}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        try:
            until(ready.exists)
            told = json.loads(ready.read_text())
            headers = {"Authorization": f"Bearer {told['api_key']}"}
            with (
                httpx.Client(base_url=told["api"], headers=headers, timeout=60) as client,
                ThreadPoolExecutor(1) as posts,
            ):
                disk = machine.fault(Call.SYNC, tmp_path / "data", held=True)
                post = posts.submit(client.post, "/v1/interactions", json={})
                until(lambda: disk.hits)
                process.terminate()
                assert process.wait(60) == 1
                assert isinstance(post.exception(), httpx.HTTPError)
            assert process.stderr is not None
            assert b'"event": "ended_by_force"' in process.stderr.read()
        finally:
            process.kill()
