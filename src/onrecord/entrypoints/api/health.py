"""Is it there, and can it work: for whoever keeps the server running. Public, so they say no more than that."""

from starlette.responses import Response

from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.workflow.health import troubles


async def alive(_: Call) -> Response:
    """The event loop turns."""
    return json_reply({"ok": True})


async def ready(call: Call) -> Response:
    """503 while something stands in the way, with stable codes of what."""
    found = troubles(call.d)
    if found:
        return json_reply({"ready": False, "troubles": found}, 503)
    return json_reply({"ready": True, "troubles": []})
