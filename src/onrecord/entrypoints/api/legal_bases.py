"""Legal bases beside consent: register, list."""

import msgspec
from starlette.responses import Response

from onrecord.entrypoints.api.consent_forms import NewLegalBasis
from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.workflow import legal_bases


async def create(call: Call) -> Response:
    body: NewLegalBasis = call.body
    made, new = await legal_bases.register(call.d, call.principal, msgspec.to_builtins(body))
    return json_reply({"id": made.id, "sha256": made.sha256}, 201 if new else 200)


async def show_all(call: Call) -> Response:
    return json_reply({"legal_bases": legal_bases.listed(call.d)})


async def show(call: Call) -> Response:
    return json_reply(legal_bases.shown(call.d, call.path("legal_basis")))
