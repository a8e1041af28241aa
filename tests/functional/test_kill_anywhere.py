"""A real server killed with SIGKILL after a seeded step of its clients, again and again on the same data."""

import contextlib
import random
import socket
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from media_client import AUDIO, RATE, Neutral, account, allowed, decoded, heard, new_token, opened, sound, until
from serving import COMMAND, Server, Talk
from websockets.exceptions import ConnectionClosed

from onrecord.entrypoints.bootstrap import Settings, open_deployment
from onrecord.workflow import sweep

HOLD_BACK = 1.0
SEGMENT = 4.0
SECONDS = 240
SAID = sound(SECONDS)
FRAME = RATE // 5
Launch = Callable[..., Server]


@dataclass
class Call:
    """One conversation, and what its client was told of it."""

    id: str
    told: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)
    events: int = 0
    head: int = 0
    written: int = 0
    safe: tuple[float, float] = (0.0, 0.0)
    stream: Neutral | None = None
    token: str | None = None

    @property
    def now(self) -> float:
        return self.head / RATE


class Driver:
    """Steps of one client on one call, drawn by a seed."""

    def __init__(self, server: Server, dice: random.Random) -> None:
        self.server, self.dice = server, dice
        self.client = server.client()
        made = self.client.post("/v1/interactions", json={"parties": [{"role": "customer", "jurisdiction": "US-CA"}]})
        assert made.status_code == 201, made.text
        self.call = Call(made.json()["id"], token=made.json()["stream_token"])
        self.talk = Talk(self.client, self.call.id, "")
        self.say("call_start", 0.0)
        self.say("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
        self.say("consent", 0.0, result="accepted", method="keypad", prompt_version="p1")

    def event(self, kind: str, t: float, **data: Any) -> dict[str, Any]:
        self.call.events += 1
        return {"event_id": f"{self.call.id[-6:]}-{self.call.events}", "type": kind, "t": t, **data}

    def say(self, kind: str, t: float, **data: Any) -> None:
        event = self.event(kind, t, **data)
        answer = self.talk.post(event, **{"Idempotency-Key": event["event_id"]})
        assert answer.status_code == 201, answer.text
        self.call.told[event["event_id"]] = answer.json()["leaf_index"]

    def connect(self) -> None:
        if self.call.stream is None:
            token = self.call.token or new_token(self.talk)
            self.call.token = None
            self.call.stream = Neutral(self.server, token=token, offset=0).start(("customer", "mulaw", RATE))

    def media(self, seconds: float, *, taken: bool) -> None:
        self.connect()
        assert self.call.stream is not None
        end = min(self.call.head + round(seconds * RATE), len(SAID))
        for at in range(self.call.head, end, FRAME):
            self.call.stream.frame(0, at, SAID[at : min(at + FRAME, end)])
        self.call.head = end
        if taken:
            self.call.stream.taken()

    def hang_up(self) -> None:
        if self.call.stream is not None:
            self.call.stream.leave()
            self.call.stream = None

    def close(self) -> None:
        t = max(0.5, self.call.now - self.dice.choice([0.0, 0.5, 1.0, 3.0, 8.0]))
        if self.dice.random() < 0.5:
            self.say("segment_start", t, segment="payment", n=1)
            self.say("segment_end", t + 1.5, segment="payment", n=1)
        else:
            self.say("opt_out", t, method="verbal", reason_code="asked")
            self.say("opt_in", t + 2.0, method="verbal")

    def derive(self) -> None:
        end = max(1.0, self.call.now)
        words = [{"w": f"w{n}", "s": n + 0.1, "e": n + 0.8, "channel": "customer"} for n in range(int(end))]
        body = {"kind": "transcript", "sources": [], "start": 0.0, "end": end, "words": words}
        answer = self.client.post(f"{self.talk.path}/artifacts", json=body)
        assert answer.status_code in {201, 409}, answer.text
        if answer.status_code == 201:
            self.call.artifacts[answer.json()["id"]] = None

    def look(self) -> None:
        if "customer" in self.talk.get("/accounting")["tracks"]:
            self.call.written = account(self.talk)["written"]

    def step(self) -> None:
        what = self.dice.choice([self.burst] * 5 + [self.close] * 2 + [self.derive, self.look, self.look, self.hang_up])
        what()

    def burst(self) -> None:
        self.media(self.dice.choice([0.6, 2.0, 5.0, 9.0]), taken=self.dice.random() < 0.7)

    def keep_up(self) -> None:
        """Twenty seconds at the pace of the server: it has stored all but what it may lose. What was closed before does
        not reach beyond the first four."""
        begin = self.call.now
        for _ in range(4):
            self.media(5.0, taken=True)
            until(lambda: stored_to(self.talk) >= self.call.now - HOLD_BACK - SEGMENT - 0.02)
        self.call.safe = (begin + 4.0, self.call.now - HOLD_BACK - 5.0)
        self.look()

    def in_flight(self) -> None:
        """Requests and media that are under way when the server dies."""
        t = self.call.now
        late = self.event("opt_out", max(0.0, t - 2.0), method="verbal", reason_code="asked")
        for event in (self.event("segment_start", t, segment="payment", n=7), late):
            post_and_go(self.server, f"{self.talk.path}/events", httpx.Request("POST", "http://x", json=event).content)
        if self.call.stream is not None:
            self.media(5.0, taken=False)


def post_and_go(server: Server, path: str, body: bytes) -> None:
    """Sends a request whole and waits for no answer."""
    host = urlsplit(server.api)
    with socket.create_connection((host.hostname, host.port)) as wire:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        wire.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def stored_to(talk: Talk) -> float:
    """The second up to which the record accounts for the track."""
    counts = account(talk)
    return (counts["received"] + counts["missing"] - counts["held"]) / RATE


def play(server: Server, seed: str) -> Call:
    """A client's life until the server is killed under it."""
    dice = random.Random(seed)  # noqa: S311  (a repeatable walk)
    driver = Driver(server, dice)
    for _ in range(dice.randrange(1, 14)):
        driver.step()
    if dice.random() < 0.5:
        driver.keep_up()
    with contextlib.suppress(ConnectionClosed, OSError):
        if dice.random() < 0.6:
            driver.in_flight()
    server.kill()
    if driver.call.stream is not None:
        with contextlib.suppress(ConnectionClosed, OSError):
            driver.call.stream.drop()
    driver.client.close()
    return driver.call


def check_told(talk: Talk, call: Call) -> None:
    """What was acknowledged is on record, once, where it was said to be."""
    events = talk.get("/timeline")["events"]
    found = [event["event_id"] for event in events]
    assert len(found) == len(set(found))
    places = {event["event_id"]: event["leaf_index"] for event in events}
    assert {name: places.get(name) for name in call.told} == call.told


def check_content(talk: Talk, call: Call) -> None:
    """All that is stored can be read, is what was sent, and lies where the record permits it."""
    listed = {artifact["id"]: artifact for artifact in talk.get("/artifacts")["artifacts"]}
    assert call.artifacts.keys() <= listed.keys()
    may = opened(talk)
    for name, artifact in listed.items():
        if artifact["kind"] == AUDIO:
            continue
        words = talk.client.get(f"/v1/artifacts/{name}/content").json()["words"]
        assert all(any(s <= word["s"] and word["e"] <= e for s, e in may) for word in words)
    if not any(artifact["kind"] == AUDIO for artifact in listed.values()):
        assert call.written == 0
        return
    played = heard(talk)
    kept = np.flatnonzero(played)
    assert np.array_equal(played[kept], decoded(SAID)[kept])
    assert allowed(may, len(played))[kept].all()
    counts = account(talk)
    assert counts["written"] == len(kept)
    assert counts["written"] + counts["purged"] >= call.written
    first, last = (round(second * RATE) for second in call.safe)
    assert (played[first:last] != 0)[allowed(may, last)[first:]].all(), "more is lost than hold-back and five seconds"


def check_restarted(server: Server, call: Call, out: Path) -> None:
    with server.client() as client:
        talk = Talk(client, call.id, "")
        shown = talk.get()
        assert shown["state"] == "interrupted"
        assert "INTERRUPTED" in {flag["flag"] for flag in shown["flags"]}
        assert set(shown["gates"].values()) == {"shut"}
        check_told(talk, call)
        check_content(talk, call)
        for name in talk.get("/accounting")["tracks"]:
            account(talk, name)
        answer = talk.post({"type": "prompt_delivered", "t": call.now, "prompt_version": "p1", "channel": "bot"})
        assert answer.status_code == 201
        shown, made = talk.get(), talk.get("/decisions")["decisions"]
        assert shown["state"] == "open"
        assert shown["gates"] == {k: "open" if d["state"] == "capturing" else "shut" for k, d in made.items()}
        assert client.post(f"{talk.path}/seal").status_code == 200
        pack = client.get(f"{talk.path}/evidence", params={"media": "permitted"})
        assert pack.status_code == 200
        assert "evidence.json" in zipfile.ZipFile(BytesIO(pack.content)).namelist()
        out.write_bytes(pack.content)
    done = subprocess.run([*COMMAND, "verify", str(out), "--trust", server.vkey], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()


def check_nothing_loose(folder: Path) -> None:
    """No object and no object's key is left that no event names. The server has ended."""
    settings = Settings(folder / "data", folder / "keys" / "root.key", HOLD_BACK)
    with open_deployment(settings) as d:
        known: set[str] = set()
        for interaction in sweep.interactions(d):
            known |= sweep.named(d, d.store.events(d.tenant, interaction))
        assert known
        assert d.vault.orphans(known) == ()
        assert not sweep.left_running(d)


@pytest.mark.parametrize("seed", range(5))
def test_killed_anywhere_nothing_acknowledged_is_lost(launch: Launch, tmp_path: Path, seed: int) -> None:
    """Five kills one after the other."""
    server = launch(tmp_path, "--hold-back", str(HOLD_BACK))
    calls = []
    for kill in range(5):
        calls.append(play(server, f"{seed}.{kill}"))
        server = launch(tmp_path, "--hold-back", str(HOLD_BACK))
        check_restarted(server, calls[-1], tmp_path / "evidence.zip")
    with server.client() as client:
        for call in calls:
            talk = Talk(client, call.id, "")
            assert talk.get()["state"] == "sealed"
            check_told(talk, call)
            check_content(talk, call)
    assert server.stop() == 0
    check_nothing_loose(tmp_path)
