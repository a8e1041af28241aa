"""What becomes of what a route raises."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.api import app
from onrecord.entrypoints.api.route import Call, Route
from onrecord.storage.ports import StorageUnknownError
from onrecord.workflow.errors import GatesShutError, NotFoundError
from onrecord.workflow.measures import Measures

PLANE = SimpleNamespace(measures=Measures(), troubles=set())


def answer(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[httpx.Response, list[Any]]:
    async def fail(_: Call) -> Any:
        raise error

    monkeypatch.setattr(app, "ROUTES", (Route("GET", "/v1/x", "failing", "", fail, {}, public=True),))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app.create_app(PLANE, None))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/v1/x?name=Wanda")

    with capture_logs() as logs:
        response = asyncio.run(ask())
    return response, logs


def test_the_unexpected_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    response, logs = answer(ValueError("Wanda Quill"), monkeypatch)
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "Wanda" not in response.text
    assert logs == [{"event": "unexpected", "error": "ValueError", "route": "failing", "log_level": "error"}]


@pytest.mark.parametrize(
    ("error", "status", "logged"),
    [(NotFoundError("x"), 404, False), (GatesShutError("x"), 507, True), (StorageUnknownError("x"), 500, True)],
)
def test_only_what_an_operator_must_see_is_logged(
    error: OnRecordError, status: int, logged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    response, logs = answer(error, monkeypatch)
    assert (response.status_code, response.json()["code"]) == (status, error.code)
    wanted = {"event": "refused", "code": error.code, "route": "failing", "log_level": "error"}
    assert logs == ([wanted] if logged else [])
