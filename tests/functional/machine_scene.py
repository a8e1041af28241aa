"""A server on a machine that fails, and what its clients were told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from machine import Machine
from media_client import AUDIO, seal, until
from serving import Server, Talk

from onrecord.evidence.verify import verify

HOLD_BACK = ("--hold-back", "0.2")
Launch = Callable[..., Server]


@dataclass
class Scene:
    machine: Machine
    launch: Launch
    folder: Path
    server: Server = field(init=False)
    client: httpx.Client = field(init=False)
    talks: list[Talk] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.server = self.launch(self.folder, *HOLD_BACK, environment=self.machine.environment)
        headers = {"Authorization": f"Bearer {self.server.key}"}
        kept = httpx.Limits(keepalive_expiry=600)
        self.client = httpx.Client(base_url=self.server.api, headers=headers, timeout=60, limits=kept)
        for talk in self.talks:
            talk.client = self.client

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def begin(self) -> Talk:
        """A call under consent from second 1."""
        made = self.client.post("/v1/interactions", json={"parties": [{"role": "customer", "jurisdiction": "US-CA"}]})
        assert made.status_code == 201, made.text
        talk = Talk(self.client, made.json()["id"], made.json()["stream_token"]).consented(1.0)
        self.talks.append(talk)
        return talk

    def refused(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The problem with which the server says that it cannot."""
        answer = self.client.post(path, json=body)
        assert answer.status_code in {500, 503, 507}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        return problem

    def troubles(self) -> set[str]:
        return set(self.client.get("/readyz").json()["troubles"])

    def is_ready(self) -> None:
        until(lambda: self.client.get("/readyz").status_code == 200)

    def close(self) -> None:
        self.client.close()

    def kill(self) -> None:
        self.client.close()
        self.server.kill()


def gate(talk: Talk) -> str:
    return str(talk.get()["gates"][AUDIO])


def all_shut(talk: Talk) -> bool:
    return set(talk.get()["gates"].values()) == {"shut"}


def check_told(talk: Talk) -> None:
    """Every acknowledged event is on record, once, where it was said to be."""
    events = talk.get("/timeline")["events"]
    leaves = [event["leaf_index"] for event in events]
    assert len({event["event_id"] for event in events}) == len(events)
    assert {answer["leaf_index"] for answer in talk.told} <= set(leaves)


def check_proved(server: Server, talk: Talk) -> None:
    """Sealed, its evidence holds for somebody who trusts the log's key alone."""
    seal(talk)
    pack = talk.client.get(f"{talk.path}/evidence", params={"media": "permitted"})
    assert pack.status_code == 200, pack.text
    report = verify(pack.content, server.vkey)
    assert report.ok, [check for check in report.checks if check.result == "fail"]
    assert report.signer == "trusted"
