"""Persons: forgotten on request."""

from starlette.responses import Response

from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.workflow.forget import forget


async def erase(call: Call) -> Response:
    return json_reply(await forget(call.d, call.principal, call.path("person")))
