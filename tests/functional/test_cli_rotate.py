"""The root key is changed between two runs of a real server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
from media_client import Twilio, expected, heard, seal, sound
from serving import COMMAND, Talk


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *map(str, words)], check=False, capture_output=True, text=True, timeout=60)


def rotate(keys: Path) -> "subprocess.CompletedProcess[str]":
    return run("rotate", "--keys", keys)


def begun(client: httpx.Client) -> Talk:
    made = client.post("/v1/interactions", json={}).json()
    return Talk(client, made["id"], made["stream_token"])


def test_everything_opens_under_the_new_root_key(launch: Any, tmp_path: Path) -> None:
    keys = tmp_path / "keys" / "root.key"
    server = launch(tmp_path)
    with server.client() as client:
        talk = begun(client).consented(0.0)
        with Twilio(server, token=talk.stream_token) as stream:
            stream.start("inbound")
            stream.play(sound(6.0))
            stream.stop()
        talk.tell("call_end", 6.0)
        seal(talk)
    before = keys.read_bytes()

    busy = rotate(keys)
    assert (busy.returncode, busy.stdout) == (2, "")
    assert "keys_in_use" in busy.stderr
    assert keys.read_bytes() == before

    assert server.stop() == 0
    done = rotate(keys)
    assert (done.returncode, done.stderr) == (0, "")
    assert "new root key: 1" in done.stdout
    header, line = keys.read_text().splitlines()
    assert header == "onrecord-root-key-v1"
    assert line.startswith("2 ")
    assert before.splitlines()[1].split()[1] not in keys.read_bytes()

    again = launch(tmp_path)
    assert again.vkey == server.vkey
    with again.client() as client:
        assert (heard(Talk(client, talk.id, "")) == expected(sound(6.0), 6.0)).all()
        assert begun(client).get()["state"] == "open"
    assert again.stop() == 0

    keys.write_bytes(before)
    old = run("serve", "--data", tmp_path / "data", "--keys", keys)
    assert old.returncode == 2
    assert "wrong_key_file" in old.stderr


def test_there_must_be_a_key_store(tmp_path: Path) -> None:
    missing = rotate(tmp_path / "root.key")
    assert missing.returncode == 2
    assert "keys_missing" in missing.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_restart_ends_the_key_of_the_ready_file_alone(launch: Any, tmp_path: Path) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        scopes = client.get("/v1/keys").json()["keys"][0]["scopes"]
        made = client.post("/v1/keys", json={"source": "any", "scopes": scopes, "name": "operations"})
        assert made.status_code == 201, made.text
        taken = client.post("/v1/keys", json={"source": "any", "scopes": scopes, "name": "ready"})
        assert (taken.status_code, taken.json()["code"]) == (400, "invalid_request")
        listed = client.get("/v1/keys").json()["keys"]
    assert sorted(key["name"] for key in listed) == ["operations", "ready"]
    assert server.stop() == 0
    again = launch(tmp_path)
    assert json.loads((tmp_path / "ready.json").read_text())["api_key"] != server.key
    with again.client(made.json()["key"]) as kept:
        assert sorted(key["name"] for key in kept.get("/v1/keys").json()["keys"]) == ["operations", "ready"]
    with again.client(server.key) as ended:
        assert ended.get("/v1/keys").status_code == 401
    assert again.stop() == 0
