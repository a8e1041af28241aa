"""Twilio's recordings REST API on loopback, which does what it is told, or does not."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "AC" + "0" * 32
CALL = "CA" + "1" * 32
RECORDING = "RE" + "2" * 32
TOKEN = "a-token-of-the-test"


@dataclass
class FakeTwilio:
    """One call with one recording. `obeys`: an order changes the status, else it is answered by 200 with the status as
    it was. `refuses`: the status of every answer. `asked` keeps (method, path, form)."""

    origin: str = ""
    status: str = "in-progress"
    obeys: bool = True
    refuses: int | None = None
    redirects: bool = False
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def orders(self) -> list[str]:
        return [form["Status"] for method, _, form in self.asked if method == "POST"]

    def turn(self, **fields: Any) -> None:
        with self.changed:
            for name, value in fields.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def until(self, what: Any) -> None:
        """Waits until `what(self)` holds."""
        with self.changed:
            assert self.changed.wait_for(lambda: what(self), 30), "it did not come to that"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeTwilio

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self._answer({name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()})

    def _answer(self, form: dict[str, str]) -> None:
        fake = self.fake
        expected = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        calls = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Recordings"
        with fake.changed:
            fake.asked.append((self.command, self.path, form))
            if self.headers["Authorization"] != expected:
                status, body = 401, {}
            elif fake.redirects:
                status, body = 307, {}
            elif fake.refuses is not None:
                status, body = fake.refuses, {}
            elif self.path == f"{calls}.json":
                status, body = 200, {"recordings": [{"sid": RECORDING, "status": fake.status}]}
            elif self.path in {f"{calls}/{RECORDING}.json", f"{calls}/Twilio.CURRENT.json"}:
                if form and fake.obeys and fake.status not in {"stopped", "completed"}:
                    fake.status = form["Status"]
                status, body = 200, {"sid": RECORDING, "status": fake.status, "price": None}
            else:
                status, body = 404, {}
            fake.changed.notify_all()
        data = json.dumps(body).encode()
        self.send_response(status)
        if status == 307:
            self.send_header("Location", f"{fake.origin}/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def twilio() -> Iterator[FakeTwilio]:
    fake = FakeTwilio()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    fake.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
