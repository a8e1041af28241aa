"""Stopping a recording: the agent's strip, and what a person may press or say."""

from importlib.resources import files

import msgspec
from starlette.responses import Response

from onrecord.entrypoints.api.interactions import live_of
from onrecord.entrypoints.api.optout_forms import NewTriggers
from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.workflow import opt_out
from onrecord.workflow.errors import ForbiddenError
from onrecord.workflow.principal import ANY_SOURCE, LENT_SECONDS, Scope
from onrecord.workflow.strip import strip

AGENT = "agent"
_PAGES = files("onrecord.entrypoints.api") / "pages"
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_SCOPES = frozenset({Scope.RECORD_READ, Scope.EVENTS_WRITE})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {}"
)


async def lend(call: Call) -> Response:
    """A key of the source `agent`, which tells of this interaction and reads it, and no more."""
    live = await live_of(call)
    if call.principal.source not in {ANY_SOURCE, AGENT}:
        raise ForbiddenError("a strip speaks for the agent, and this key does not")
    token = call.credentials.lend(call.principal, AGENT, _SCOPES, live.conversation.interaction)
    return json_reply({"token": token, "expires_in": LENT_SECONDS}, 201)


async def show(call: Call) -> Response:
    return json_reply(strip(call.d, await live_of(call), call.query("language") or ""))


async def page(call: Call) -> Response:
    """The file that the path names; there are three rows for them."""
    name = call.request.url.path.removeprefix("/")
    if "." not in name:
        name += ".html"
    headers = {
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": _POLICY.format(" ".join(("'self'", *call.d.embedders))),
    }
    return Response((_PAGES / name).read_bytes(), 200, headers, f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8")


async def show_triggers(call: Call) -> Response:
    return json_reply(call.d.triggers.chosen.shown())


async def choose_triggers(call: Call) -> Response:
    body: NewTriggers = call.body
    chosen = await opt_out.choose(call.d, call.principal, msgspec.to_builtins(body))
    return json_reply(chosen.shown())
