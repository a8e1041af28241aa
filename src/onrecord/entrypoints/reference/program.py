"""The process around a conduct: takes signed commands, shows its state, and makes of what it hears what its kind makes.

`POST /control` and `GET /state` are what OnRecord asks (docs/design/capture-systems.md). `POST /heard` is what a
telephone line would bring, `{"interaction", "start", "end", "words"?}`: while it captures, a transcriber posts the
words to OnRecord as a transcript, and a recorder reports that it records."""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from onrecord.base.clock import SystemClock
from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.reference.conduct import Answer, Conduct

FRESH_SECONDS = 300
HANG_SECONDS = 60.0
MAX_BODY = 65_536
RECORDER, TRANSCRIBER = "recorder", "transcriber"
KINDS = {RECORDER: ("audio_recording",), TRANSCRIBER: ("transcript",)}


class UnusableError(OnRecordError):
    code = "reference_unusable"


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where what it makes goes. The key is read from its file each time: it is made after the system is registered."""

    api: str
    key_file: Path


def secret_of(text: str) -> bytes:
    """The key that `whsec_...` stands for. Errors: UnusableError."""
    try:
        key = base64.b64decode(text.strip().removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise UnusableError("the secret is not whsec_ and base64") from error
    if not key:
        raise UnusableError("the secret is empty")
    return key


def signed(key: bytes, headers: Mapping[str, str], body: bytes) -> bool:
    """Standard Webhooks 1.0.0, symmetric."""
    identifier, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(SystemClock().now_ns() / 1e9 - int(stamp)) > FRESH_SECONDS:
        return False
    mac = hmac.digest(key, f"{identifier}.{stamp}.".encode() + body, hashlib.sha256)
    expected = f"v1,{base64.b64encode(mac).decode()}"
    return any(hmac.compare_digest(expected, given) for given in headers.get("webhook-signature", "").split())


class Program:
    def __init__(self, role: str, conduct: Conduct, key: bytes, reporting: Reporting | None) -> None:
        self._role = role
        self._conduct = conduct
        self._key = key
        self._reporting = reporting

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/control", self._control, methods=["POST"]),
                Route("/state", self._state, methods=["GET"]),
                Route("/heard", self._heard, methods=["POST"]),
            ],
            exception_handlers={UnusableError: _refused, ValueError: _refused, KeyError: _refused},
        )

    async def _control(self, request: Request) -> Response:
        data = (await self._read(request)).get("data")
        if not isinstance(data, dict) or not isinstance(data.get("verdicts"), dict):
            return Response(status_code=400)
        told = str(data.get("interaction")), str(data.get("command")), data["verdicts"]
        answer = self._conduct.command(*told, time.monotonic())
        if answer is Answer.NONE:
            await _hang(request)
        return Response(status_code=answer.value or 503)

    async def _state(self, request: Request) -> Response:
        await self._read(request)
        state = self._conduct.state(request.query_params.get("interaction", ""), time.monotonic())
        if state is None:
            await _hang(request)
            return Response(status_code=503)
        return JSONResponse(state)

    async def _heard(self, request: Request) -> Response:
        told = await self._read(request)
        made = self._conduct.captures(str(told.get("interaction")), time.monotonic())
        status = await self._report(told, self._reporting) if made and self._reporting is not None else None
        return JSONResponse({"captured": made, "status": status})

    async def _read(self, request: Request) -> dict[str, Any]:
        """The signed body, empty for none. Errors: UnusableError, ValueError."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                raise UnusableError("a body beyond 64 KiB", code="body_too_large")
        if not signed(self._key, request.headers, bytes(body)):
            raise UnusableError("not signed with the secret that was given", code="unsigned")
        return msgspec.json.decode(body, type=dict[str, Any]) if body else {}

    async def _report(self, told: Mapping[str, Any], reporting: Reporting) -> int:
        """What OnRecord answers."""
        where = f"{reporting.api}/v1/interactions/{told['interaction']}"
        headers = {"Authorization": f"Bearer {reporting.key_file.read_text().strip()}"}
        if self._role == TRANSCRIBER:
            path, body = "artifacts", {"kind": KINDS[TRANSCRIBER][0], "words": told.get("words", [])}
        else:
            path = "events"
            body = {"type": "capture_report", "kinds": list(KINDS[RECORDER]), "state": "capturing", "t": told["start"]}
        async with httpx.AsyncClient(headers=headers, timeout=10.0, trust_env=False) as client:
            return (await client.post(f"{where}/{path}", json=body)).status_code


async def _refused(_: Request, error: Exception) -> Response:
    unsigned = isinstance(error, UnusableError) and error.code == "unsigned"
    return Response(status_code=401 if unsigned else 400)


async def _hang(request: Request) -> None:
    """Until whoever asked has gone."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HANG_SECONDS):
            while (await request.receive())["type"] != "http.disconnect":
                pass
