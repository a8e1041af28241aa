"""Routes about the service itself: is it there, how is it called, where does its log stand."""

from starlette.responses import Response

from onrecord.entrypoints.api.replies import HEADERS, json_reply
from onrecord.entrypoints.api.route import Call


async def health(_: Call) -> Response:
    return json_reply({"ok": True})


async def checkpoint(call: Call) -> Response:
    """A C2SP signed checkpoint."""
    return Response(call.d.sequencer.checkpoint(), 200, HEADERS, "text/plain; charset=utf-8")
