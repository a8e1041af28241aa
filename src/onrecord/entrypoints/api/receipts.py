"""Consent receipts of a conversation."""

import msgspec
from starlette.responses import Response

from onrecord.entrypoints.api.interactions import live_of
from onrecord.entrypoints.api.replies import HEADERS
from onrecord.entrypoints.api.route import Call
from onrecord.workflow.receipts import receipts_of

MEDIA_TYPE = "application/ld+json"


async def show(call: Call) -> Response:
    made = await receipts_of(call.d, await live_of(call), call.principal, call.query("party"))
    return Response(msgspec.json.encode(made), 200, HEADERS, MEDIA_TYPE)
