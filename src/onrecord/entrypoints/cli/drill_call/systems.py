"""The capture systems of a drill: reference processes, registered for its own sector alone, removed at its end."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onrecord.base.clock import SystemClock
from onrecord.entrypoints.cli.rehearsal.host import COMMAND, START_SECONDS, Host, HostError
from onrecord.entrypoints.reference.conduct import Mode
from onrecord.entrypoints.reference.program import KINDS, RECORDER, TRANSCRIBER

SECTOR = "drill"
DEADLINE_S = 1.0
SLOW_S = 2.0
CAST = (
    (RECORDER, Mode.HONEST),
    (TRANSCRIBER, Mode.HONEST),
    (RECORDER, Mode.SILENT),
    (RECORDER, Mode.REFUSING),
    (RECORDER, Mode.STUBBORN),
    (TRANSCRIBER, Mode.SLOW),
    (TRANSCRIBER, Mode.LYING),
    (TRANSCRIBER, Mode.RESURRECTING),
)


@dataclass(frozen=True, slots=True)
class Player:
    """One reference process. `key`: what it may say to OnRecord."""

    id: str
    role: str
    mode: Mode
    heard: str
    secret: bytes
    key: str

    def hears(self, interaction: str, start: float, end: float, *words: str) -> tuple[list[str], int | None]:
        """(the kinds that it made of it, what OnRecord answered to that). Errors: HostError."""
        step = (end - start) / max(len(words), 1)
        spoken = [{"w": w, "s": start + n * step, "e": start + (n + 1) * step} for n, w in enumerate(words)]
        body = json.dumps({"interaction": interaction, "start": start, "end": end, "words": spoken}).encode()
        to = urlsplit(self.heard)
        with contextlib.closing(http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)) as connection:
            connection.request("POST", to.path, body, _signed(self.secret, body))
            answer = connection.getresponse()
            if answer.status != 200:
                raise HostError("a reference system did not take what it was to hear")
            told = json.loads(answer.read())
        return list(told["captured"]), told["status"]


def _signed(key: bytes, body: bytes) -> dict[str, str]:
    identifier, stamp = f"msg_{os.urandom(12).hex()}", str(SystemClock().now_ns() // 10**9)
    mac = hmac.digest(key, f"{identifier}.{stamp}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": identifier, "webhook-timestamp": stamp, "webhook-signature": signature}


@contextlib.contextmanager
def playing(host: Host, folder: Path) -> Iterator[list[Player]]:
    """All of them. Errors: HostError; whatever was registered until then is taken back."""
    with contextlib.ExitStack() as stack:
        secret = os.urandom(32)
        started = [_start(stack, host, folder / f"{role}-{mode}", role, mode, secret) for role, mode in CAST]
        yield [_register(stack, host, *each, secret) for each in started]


def _start(
    stack: contextlib.ExitStack, host: Host, folder: Path, role: str, mode: Mode, secret: bytes
) -> tuple[Path, str, Mode]:
    folder.mkdir(mode=0o700)
    (folder / "secret").write_text("whsec_" + base64.b64encode(secret).decode())
    command = [*COMMAND, "reference", role, "--mode", mode.value, "--delay", str(SLOW_S)]
    command += ["--secret-file", str(folder / "secret"), "--ready-file", str(folder / "ready")]
    command += ["--api", host.api, "--key-file", str(folder / "key")]
    process = subprocess.Popen(command)  # noqa: S603  our own command
    stack.callback(process.wait)
    stack.callback(process.kill)
    return folder, role, mode


def _register(stack: contextlib.ExitStack, host: Host, folder: Path, role: str, mode: Mode, secret: bytes) -> Player:
    addresses = _addresses(folder / "ready")
    told: dict[str, Any] = {
        "name": f"drill: {mode.value} {role}",
        "kinds": list(KINDS[role]),
        "control_url": addresses["control"],
        "state_url": addresses["state"],
        "deadline_s": DEADLINE_S,
        "secret": (folder / "secret").read_text(),
        "sectors": [SECTOR],
    }
    identifier = host.need("POST", "/v1/capture-systems", told)["id"]
    stack.callback(host.call, "DELETE", f"/v1/capture-systems/{identifier}")
    scopes = ["events:write", "artifacts:write"]
    key = host.need("POST", "/v1/keys", {"source": "capture_system", "system": identifier, "scopes": scopes})["key"]
    (folder / "key").write_text(key)
    return Player(identifier, role, mode, addresses["heard"], secret, key)


def _addresses(ready: Path) -> dict[str, str]:
    until = time.monotonic() + START_SECONDS
    while not ready.exists():
        if time.monotonic() > until:
            raise HostError("a reference system did not start")
        time.sleep(0.05)
    found: dict[str, str] = json.loads(ready.read_text())
    return found
