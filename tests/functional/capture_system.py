"""A capture system on loopback that follows its commands, or does not; and a receiver of webhooks."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATIENCE = 30
DOES = {"capture": "capturing", "redact": "capturing", "ephemeral": "paused", "pause": "paused"}
DISOBEYING = frozenset({"obeys_not", "hangs", "refuses", "redirects"})


@dataclass
class System:
    """`mode`: honest, or hangs, redirects, refuses, garbage, huge, drips (the whole body never comes), obeys_not (200
    with the old state), other_command, other_call. `took` keeps (webhook-id, body) of every message that was signed
    rightly, `asked` the query of every reading, `unsigned` counts the others."""

    secret: str = "whsec_" + base64.b64encode(bytes(32)).decode()
    origin: str = ""
    mode: str = "honest"
    took: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    elsewhere: int = 0
    unsigned: int = 0
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def turn(self, mode: str) -> None:
        with self.changed:
            self.mode = mode
            self.changed.notify_all()

    def until(self, what: Callable[["System"], Any]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: what(self), PATIENCE), (self.mode, self.took, self.states)

    def commands(self, interaction: str) -> dict[str, dict[str, Any]]:
        """Each once, by id, in the order in which they came first."""
        found: dict[str, dict[str, Any]] = {}
        for name, body in list(self.took):
            if body["data"]["interaction"] == interaction:
                found.setdefault(name, body["data"])
        return found

    def actions(self, interaction: str) -> list[str]:
        return [data["action"] for data in self.commands(interaction).values()]

    def registration(self, **fields: Any) -> dict[str, Any]:
        return {
            "name": "a system",
            "kinds": ["transcript"],
            "control_url": f"{self.origin}/control",
            "state_url": f"{self.origin}/state?a=b",
            "secret": self.secret,
            "deadline_s": 0.3,
            **fields,
        }

    def signed(self, headers: Any, body: bytes) -> bool:
        name, when = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = base64.b64encode(hmac.digest(key, f"{name}.{when}.".encode() + body, hashlib.sha256)).decode()
        return f"v1,{mac}" in headers.get("webhook-signature", "").split() and abs(time.time() - int(when)) < 300


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    system: System

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        s = self.system
        with s.changed:
            s.elsewhere += self.path == "/elsewhere"
            if s.signed(self.headers, body):
                told = json.loads(body)
                s.took.append((self.headers["webhook-id"], told))
                if told["type"] == "capture.command":
                    self._follow(told["data"])
            else:
                s.unsigned += 1
            s.changed.notify_all()
        self._behave({})

    def _follow(self, data: dict[str, Any]) -> None:
        s = self.system
        if s.mode in DISOBEYING:
            return
        states = {kind: DOES.get(verdict, "stopped") for kind, verdict in data["verdicts"].items()}
        s.states[data["interaction"]] = {"command": data["command"], "states": states}

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        s = self.system
        with s.changed:
            s.asked.append(query)
            s.elsewhere += self.path.startswith("/elsewhere")
            s.unsigned += not s.signed(self.headers, b"")
            name = query.get("interaction", [""])[0]
            state = {"interaction": name, **s.states.get(name, {"command": None, "states": {}})}
            if s.mode == "other_command":
                state["command"] = "cmd_" + "0" * 32
            if s.mode == "other_call":
                state["interaction"] = "int_" + "0" * 32
            s.changed.notify_all()
        self._behave(state)

    def _behave(self, body: dict[str, Any]) -> None:
        s = self.system
        data = json.dumps(body).encode()
        match s.mode:
            case "hangs":
                self._wait("hangs")
            case "redirects":
                self._answer(307, data, Location=f"{s.origin}/elsewhere")
            case "refuses":
                self._answer(500, data)
            case "garbage":
                self._answer(200, b"\xff{not json")
            case "huge":
                self._answer(200, b" " * 70_000 + data)
            case "drips":
                self._answer(200, data, more=10)
                self._wait("drips")
            case _:
                self._answer(200, data)

    def _wait(self, mode: str) -> None:
        with self.system.changed:
            self.system.changed.wait_for(lambda: self.system.mode != mode, PATIENCE)
        self.close_connection = True

    def _answer(self, status: int, data: bytes, more: int = 0, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data) + more)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that has gone."""


@contextmanager
def capture_system(port: int = 0) -> Iterator[System]:
    system = System()
    handler = type("Handler", (_Handler,), {"system": system})
    server = _Server(("127.0.0.1", port), handler)
    system.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield system
    finally:
        system.turn("honest")
        server.shutdown()
        thread.join()
        server.server_close()
