"""A server, started for the purpose or found running, and a plain HTTP client for it."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onrecord.base.errors import Disposition, OnRecordError

START_SECONDS = 60.0
AGAIN_SECONDS = 10.0
COMMAND = (sys.executable, "-m", "onrecord.entrypoints.cli.main")


class HostError(OnRecordError):
    code = "server_failed"
    disposition = Disposition.RETRY


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Host:
    """`api` and `ws` are origins."""

    api: str
    ws: str
    key: str
    log_vkey: str

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Asked again for a while where the server says that it may be (503). Errors: HostError."""
        until = time.monotonic() + AGAIN_SECONDS
        while True:
            answer = self._ask(method, path, body)
            if answer.status != http.HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > until:
                return answer
            time.sleep(0.1)

    def _ask(self, method: str, path: str, body: object) -> Answer:
        origin = urlsplit(self.api)
        connection = http.client.HTTPConnection(origin.hostname or "", origin.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        try:
            with contextlib.closing(connection):
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise HostError("the server does not answer", code="server_unreachable") from error

    def need(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of a call that must succeed. Errors: HostError."""
        answer = self.call(method, path, body)
        if answer.status not in {200, 201}:
            raise HostError(f"{method} was answered by {answer.status}")
        return answer.json


@contextlib.contextmanager
def serving(out: Path) -> Iterator[Host]:
    """Started on a free loopback port, ended with SIGTERM. Errors: HostError."""
    ready = out / "ready.json"
    ready.unlink(missing_ok=True)
    arguments = ["serve", "--data", out / "data", "--keys", out / "keys" / "root.key", "--ready-file", ready]
    with (out / "server.log").open("wb") as log:
        process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=log, stderr=log)  # noqa: S603  our own command
        try:
            yield _wait(process, ready)
            process.send_signal(signal.SIGTERM)
            if process.wait(timeout=30) != 0:
                raise HostError("the server did not end in order; see server.log")
        finally:
            process.kill()
            process.wait()
            ready.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes], ready: Path) -> Host:
    until = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise HostError("the server did not start; see server.log")
        time.sleep(0.05)
    return found(ready)


def found(ready: Path) -> Host:
    """The server whose ready file that is. Errors: HostError."""
    try:
        told = json.loads(ready.read_text(encoding="ascii"))
        return Host(told["api"], told["ws"], told["api_key"], told["log_vkey"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HostError("the ready file is not that of a server", code="ready_file_unreadable") from error
