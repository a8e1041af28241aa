"""Capture systems and webhooks: register, list, remove."""

import msgspec
from starlette.responses import Response

from onrecord.entrypoints.api.replies import HEADERS, json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.entrypoints.api.system_forms import NewWebhook
from onrecord.workflow import subscriptions, systems


async def create(call: Call) -> Response:
    identifier, secret = await systems.register(call.d, call.principal, msgspec.to_builtins(call.body))
    return json_reply({"id": identifier, "secret": secret}, 201)


async def show_all(call: Call) -> Response:
    return json_reply({"capture_systems": systems.listed(call.d)})


async def show(call: Call) -> Response:
    return json_reply(systems.shown(call.d, systems.find(call.d, call.path("system"))))


async def remove(call: Call) -> Response:
    await systems.remove(call.d, call.credentials, call.principal, call.path("system"))
    return Response(status_code=204, headers=HEADERS)


async def subscribe(call: Call) -> Response:
    body: NewWebhook = call.body
    made = await subscriptions.subscribe(call.d, call.principal, body.url, body.events, body.secret)
    return json_reply({"id": made[0], "secret": made[1]}, 201)


async def show_webhooks(call: Call) -> Response:
    return json_reply({"webhooks": subscriptions.listed(call.d)})


async def unsubscribe(call: Call) -> Response:
    await subscriptions.unsubscribe(call.d, call.principal, call.path("webhook"))
    return Response(status_code=204, headers=HEADERS)
