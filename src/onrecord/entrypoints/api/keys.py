"""Credentials: issue, list, revoke."""

import asyncio

from starlette.responses import Response

from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import HEADERS, json_reply
from onrecord.entrypoints.api.requests import KEY_SOURCES, NewKey
from onrecord.entrypoints.api.route import Call
from onrecord.policy.assertion import Source
from onrecord.workflow import systems
from onrecord.workflow.errors import ForbiddenError, NotFoundError
from onrecord.workflow.principal import ANY_SOURCE, READY, Principal, Scope

OF_SYSTEMS = frozenset({Scope.EVENTS_WRITE, Scope.ARTIFACTS_WRITE})


def _view(principal: Principal) -> dict[str, object]:
    shown: dict[str, object] = {"id": principal.id, "source": principal.source, "scopes": sorted(principal.scopes)}
    more = {"name": principal.name, "system": principal.system}
    return {**shown, **{name: value for name, value in more.items() if value is not None}}


async def create(call: Call) -> Response:
    """A key hands on no more than it holds itself."""
    body: NewKey = call.body
    if body.source not in KEY_SOURCES:
        raise RequestError("`source` is not one of those known")
    if body.name == READY:
        raise RequestError("the name `ready` is the server's own")
    scopes = frozenset(body.scopes)
    if body.system is not None:
        _check_system(call, body)
    if not scopes <= call.principal.scopes or call.principal.source not in {ANY_SOURCE, body.source}:
        raise ForbiddenError("a key cannot hand on what it does not hold")
    loop = asyncio.get_running_loop()
    key, made = await loop.run_in_executor(
        call.d.writers, call.credentials.issue, body.source, scopes, body.name, body.system
    )
    return json_reply({**_view(made), "key": key}, 201)


def _check_system(call: Call, body: NewKey) -> None:
    if body.source != Source.CAPTURE_SYSTEM or not frozenset(body.scopes) <= OF_SYSTEMS:
        raise RequestError("a capture system's key has its source, and may post events and artifacts alone")
    systems.find(call.d, body.system or "")


async def show_all(call: Call) -> Response:
    return json_reply({"keys": [_view(principal) for principal in call.credentials.list()]})


async def revoke(call: Call) -> Response:
    loop = asyncio.get_running_loop()
    if not await loop.run_in_executor(call.d.writers, call.credentials.revoke, call.path("key")):
        raise NotFoundError("there is no such key")
    return Response(status_code=204, headers=HEADERS)
