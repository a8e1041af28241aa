"""The drill, against a server that holds and against servers that do not."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from serving import COMMAND, Server

Launch = Callable[..., Server]
NOTHING = """format: onrecord-policy-pack/1
id: nothing-at-all
version: 1.0.0
title: "Nothing is recorded here"
status: draft
effective: 2020-01-01
scope: always
rules:
  - id: nothing-at-all
    when: always
    kinds: [content]
    verdict: never
    reason: NOT_PERMITTED
    citation: "the tenant's own rule"
    effective: 2020-01-01
    status: draft
"""


def drill(ready: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "drill", "--ready-file", str(ready), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_every_control_of_a_running_server_holds(launch: Launch, tmp_path: Path) -> None:
    server = launch(tmp_path)
    done = drill(tmp_path / "ready.json", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"]
    assert len(told["checks"]) > 25
    with server.client() as client:
        assert client.get("/v1/capture-systems").json()["capture_systems"] == []
        assert [key["name"] for key in client.get("/v1/keys").json()["keys"]] == ["ready"]
        left = client.get(f"/v1/interactions/{told['interaction']}/artifacts").json()["artifacts"]
        assert left == []


def test_a_server_that_records_nothing_fails_it(launch: Launch, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "nothing.yaml").write_text(NOTHING)
    launch(tmp_path, "--packs", str(packs))
    done = drill(tmp_path / "ready.json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("FAIL") == 1
    assert done.stderr.splitlines() == [
        "onrecord: drill_closed: nothing of this call may be recorded: NOT_PERMITTED",
        "onrecord: drill_failed: a control does not hold",
    ]


def test_what_is_no_server(launch: Launch, tmp_path: Path) -> None:
    absent = drill(tmp_path / "absent.json", "--json")
    assert (absent.returncode, absent.stdout) == (2, "")
    assert absent.stderr.startswith("onrecord: ready_file_unreadable: ")
    server = launch(tmp_path)
    ready = (tmp_path / "ready.json").read_bytes()
    server.stop()
    gone = tmp_path / "gone.json"
    gone.write_bytes(ready)
    done = drill(gone)
    assert done.returncode == 2
    assert done.stderr.startswith("onrecord: server_unreachable: ")
