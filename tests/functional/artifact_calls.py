"""What tests of artifacts do over HTTP."""

from typing import Any

import httpx
import msgspec
from serving import Talk

from onrecord.entrypoints.api import responses


def words(*times: tuple[str, float, float]) -> list[dict[str, Any]]:
    return [{"w": w, "s": s, "e": e, "channel": "customer"} for w, s, e in times]


def store(talk: Talk, **body: Any) -> httpx.Response:
    return talk.client.post(f"{talk.path}/artifacts", json=body)


def kept(talk: Talk, **body: Any) -> dict[str, Any]:
    response = store(talk, **body)
    assert response.status_code == 201, response.text
    msgspec.json.decode(response.content, type=responses.StoredArtifact)
    made: dict[str, Any] = response.json()
    return made


def derived(talk: Talk) -> list[dict[str, Any]]:
    return [artifact for artifact in talk.get("/artifacts")["artifacts"] if artifact["track"] is None]


def refused(talk: Talk, **body: Any) -> str:
    """The detail of the refusal; nothing was stored."""
    before = derived(talk)
    response = store(talk, **body)
    assert (response.status_code, response.json()["code"]) == (409, "verdict_closed"), response.text
    assert derived(talk) == before
    return str(response.json()["detail"])


def content(talk: Talk, artifact: str, **headers: str) -> httpx.Response:
    return talk.client.get(f"/v1/artifacts/{artifact}/content", headers=headers)


def said(talk: Talk, artifact: str) -> list[str]:
    return [word["w"] for word in content(talk, artifact).json()["words"]]


def state(talk: Talk, artifact: str) -> str:
    (shown,) = [a for a in talk.get("/artifacts")["artifacts"] if a["id"] == artifact]
    return str(shown["state"])
