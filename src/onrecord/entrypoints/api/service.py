"""Routes about the service itself: where does its log stand."""

from starlette.responses import Response

from onrecord.entrypoints.api.replies import HEADERS
from onrecord.entrypoints.api.route import Call


async def checkpoint(call: Call) -> Response:
    """A C2SP signed checkpoint."""
    return Response(call.d.sequencer.checkpoint(), 200, HEADERS, "text/plain; charset=utf-8")
