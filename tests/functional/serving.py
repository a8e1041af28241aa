"""A server process on loopback, and one interaction over HTTP."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 60
COMMAND = [sys.executable, "-m", "onrecord.entrypoints.cli.main"]


@dataclass
class Server:
    """One process. `log` is what it wrote to standard output and error; `folder` holds data, keys and ready file."""

    process: subprocess.Popen[bytes]
    folder: Path
    log: Path
    api: str
    ws: str
    key: str
    vkey: str

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        return httpx.Client(base_url=self.api, headers=headers, timeout=60)

    def stop(self) -> int:
        """The exit status after SIGTERM."""
        self.process.terminate()
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Talk:
    """One interaction over HTTP. `told` keeps every answer to an event."""

    client: httpx.Client
    id: str
    stream_token: str
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/v1/interactions/{self.id}"

    def post(self, event: dict[str, Any], **headers: str) -> httpx.Response:
        return self.client.post(f"{self.path}/events", json=event, headers=headers)

    def tell(self, kind: str, t: float | str | None = None, **fields: Any) -> dict[str, Any]:
        """The answer to an accepted event."""
        event = {"type": kind, **({} if t is None else {"t": t}), **fields}
        response = self.post(event)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        self.told.append(answer)
        return answer

    def get(self, rest: str = "", **query: Any) -> Any:
        response = self.client.get(f"{self.path}{rest}", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def consented(self, t: float = 1.0) -> "Talk":
        """Notice and an explicit consent, in force from `t`."""
        self.tell("call_start", 0.0)
        self.tell("prompt_delivered", t / 2, prompt_version="p1", channel="ivr")
        self.tell("consent", t, result="accepted", method="keypad", prompt_version="p1")
        return self


def start(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> Server:
    """`environment`: beside this process's own."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, log = folder / "ready.json", folder / "server.log"
    ready.unlink(missing_ok=True)
    where = ["--data", str(folder / "data"), "--keys", str(folder / "keys" / "root.key"), "--ready-file", str(ready)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*COMMAND, "serve", *where, *options],
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not start: {log.read_text()}")
        time.sleep(0.02)
    body = json.loads(ready.read_text())
    return Server(process, folder, log, body["api"], body["ws"], body["api_key"], body["log_vkey"])
