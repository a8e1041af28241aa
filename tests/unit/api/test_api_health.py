"""What is answered while something stands in the way."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from onrecord.entrypoints.api import app
from onrecord.entrypoints.api.routes import ROUTES
from onrecord.storage.ports import StorageFullError
from onrecord.vault.errors import KeyStoreUnknownError, TamperedError
from onrecord.workflow.health import Trouble, recovered, report, report_error, troubles
from onrecord.workflow.measures import Measures


def plane() -> Any:
    return SimpleNamespace(measures=Measures(), troubles=set(), live={})


def answers(d: Any, paths: list[tuple[str, str]]) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app.create_app(d, None))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(method, path) for method, path in paths]

    return asyncio.run(ask())


@pytest.mark.parametrize("trouble", list(Trouble))
def test_whatever_stands_in_the_way_is_said_and_leaves_the_server_alive(trouble: Trouble) -> None:
    d = plane()
    report(d, trouble)
    alive, ready = answers(d, [("GET", "/healthz"), ("GET", "/readyz")])
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json() == {"ready": False, "troubles": [trouble.value]}
    recovered(d, trouble)
    assert answers(d, [("GET", "/readyz")])[0].json() == {"ready": True, "troubles": []}


def test_while_it_recovers_no_call_is_looked_at() -> None:
    d = plane()
    report(d, Trouble.RECOVERING)
    closed = [(route.method, route.path) for route in ROUTES if not route.public]
    for response in answers(d, closed):
        assert (response.status_code, response.json()["code"]) == (503, "recovering")
        assert response.headers["retry-after"]


def test_a_trouble_is_logged_once_and_a_stage_is_none() -> None:
    d = plane()
    with capture_logs() as logs:
        for _ in range(2):
            report(d, Trouble.STORAGE_FULL)
            report(d, Trouble.STOPPING)
        assert troubles(d) == ["stopping", "storage_full"]
        for _ in range(2):
            recovered(d, Trouble.STORAGE_FULL)
    assert [(line["event"], line["code"], line["log_level"]) for line in logs] == [
        ("trouble", "storage_full", "error"),
        ("stage", "stopping", "info"),
        ("trouble_over", "storage_full", "info"),
    ]


def test_errors_that_are_troubles() -> None:
    d = plane()
    for error in (StorageFullError("x"), KeyStoreUnknownError("x"), TamperedError("x")):
        report_error(d, error)
    assert troubles(d) == ["key_store", "storage_full"]
