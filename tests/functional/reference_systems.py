"""Reference recorders and transcribers as processes, and what a telephone line would bring them."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from serving import COMMAND, START_SECONDS

SECRET = "whsec_" + base64.b64encode(b"reference secret of thirty-two b").decode()


def signatures(body: bytes, secret: str = SECRET, stamp: int | None = None) -> dict[str, str]:
    identifier, at = "msg_" + os.urandom(8).hex(), str(int(time.time()) if stamp is None else stamp)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{identifier}.{at}.".encode() + body, hashlib.sha256)
    signature = "v1," + base64.b64encode(mac).decode()
    return {"webhook-id": identifier, "webhook-timestamp": at, "webhook-signature": signature}


@dataclass
class Reference:
    """`key_file`: where its key is written once it is registered."""

    addresses: dict[str, str]
    key_file: Path

    def hears(self, interaction: str, start: float, end: float, *spoken: str) -> dict[str, Any]:
        step = (end - start) / max(len(spoken), 1)
        words = [{"w": w, "s": start + n * step, "e": start + (n + 1) * step} for n, w in enumerate(spoken)]
        body = json.dumps({"interaction": interaction, "start": start, "end": end, "words": words}).encode()
        answer = httpx.post(
            self.addresses["heard"], content=body, headers=signatures(body), timeout=30, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextlib.contextmanager
def reference(role: str, folder: Path, api: str, mode: str = "honest", *options: str) -> Iterator[Reference]:
    folder.mkdir(parents=True, exist_ok=True)
    secret, ready, key = folder / "secret", folder / "ready.json", folder / "key"
    secret.write_text(SECRET)
    where = ["--secret-file", str(secret), "--ready-file", str(ready), "--api", api, "--key-file", str(key)]
    process = subprocess.Popen([*COMMAND, "reference", role, "--mode", mode, *where, *options])
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Reference(json.loads(ready.read_text()), key)
    finally:
        process.terminate()
        process.wait(30)
