"""Artifacts: store what was made of a conversation, list them, hand out their content; and evidence packs."""

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp

from onrecord.capture.words import Word
from onrecord.entrypoints.api.interactions import live_of
from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.ranges import Suffix, parse_range
from onrecord.entrypoints.api.replies import HEADERS, json_reply
from onrecord.entrypoints.api.requests import NewArtifact
from onrecord.entrypoints.api.route import Call
from onrecord.entrypoints.api.sending import Parts
from onrecord.workflow import derive, views
from onrecord.workflow.disclose import Content, disclose
from onrecord.workflow.export import export
from onrecord.workflow.find import find_artifact
from onrecord.workflow.live import Live

CHANNEL_NAMES = {0: "customer", 1: "agent"}
EXTENSIONS = {"audio/wav": "wav", "application/json": "json"}


async def create(call: Call) -> Response:
    new = await asyncio.get_running_loop().run_in_executor(call.d.executor, _new, call.body)
    return json_reply(await derive.derive(call.d, await live_of(call), call.principal, new), 201)


def _new(body: NewArtifact) -> derive.NewArtifact:
    words = None
    if body.words is not None:
        words = tuple(Word(w.w, w.s, w.e, _channel(w.channel)) for w in body.words)
    return derive.NewArtifact(
        kind=body.kind,
        sources=tuple(derive.Source(s.artifact, s.start, s.end) for s in body.sources),
        start=body.start,
        end=body.end,
        content=body.content,
        words=words,
        classification=body.classification,
    )


def _channel(channel: str | int) -> str:
    return channel if isinstance(channel, str) else CHANNEL_NAMES.get(channel, str(channel))


async def show_all(call: Call) -> Response:
    live = await live_of(call)
    shown = [views.artifact(live, entry) for entry in live.conversation.artifacts.values()]
    return json_reply({"artifacts": shown})


async def content(call: Call) -> ASGIApp:
    """RFC 9110 section 14. There is no validator, so `If-Range` never matches."""
    live, artifact = await find_artifact(call.d, call.path("artifact"))
    headers = call.request.headers
    if call.request.method == "HEAD":
        return _head(await disclose(call.d, live, call.principal, artifact, 0, 0), artifact)
    wanted = None if "if-range" in headers else parse_range(headers.get("range"))
    if wanted is None:
        return _reply(await disclose(call.d, live, call.principal, artifact, 0, None), artifact, 200)
    if isinstance(wanted, Suffix):
        first, end = await _suffix(call, live, artifact, wanted.length), None
    else:
        first, end = wanted.first, None if wanted.last is None else wanted.last + 1
    part = await disclose(call.d, live, call.principal, artifact, first, end)
    if first >= part.total:
        raise _not_satisfiable(part.total)
    return _reply(part, artifact, 206)


async def _suffix(call: Call, live: Live, artifact: str, length: int) -> int:
    total = (await disclose(call.d, live, call.principal, artifact, 0, 0)).total
    if length == 0:
        raise _not_satisfiable(total)
    return max(0, total - length)


def _not_satisfiable(total: int) -> RequestError:
    return RequestError(
        "the range is beyond the content", code="range_not_satisfiable", headers={"Content-Range": f"bytes */{total}"}
    )


def _headers(part: Content, artifact: str) -> dict[str, str]:
    extension = EXTENSIONS.get(part.media_type, "bin")
    return {
        **HEADERS,
        "Content-Type": part.media_type,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{artifact}.{extension}"',
    }


def _head(part: Content, artifact: str) -> Response:
    headers = _headers(part, artifact) | {"Content-Length": str(part.total)}
    return Response(b"", 200, headers)


def _reply(part: Content, artifact: str, status: int) -> ASGIApp:
    headers = _headers(part, artifact) | {"Content-Length": str(part.end - part.start)}
    if status == 206:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{part.total}"
    return Parts(status, headers, part.parts, "getContent")


async def evidence(call: Call) -> Response:
    live = await live_of(call)
    pack = await export(call.d, live, call.principal, call.query("media"))
    name = f"{live.conversation.interaction}.zip"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pack, 200, headers, "application/zip")
