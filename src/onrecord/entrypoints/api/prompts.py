"""Prompts: register, list, store their sound, make a version current."""

import msgspec
from starlette.responses import Response

from onrecord.entrypoints.api.consent_forms import CurrentPrompt, NewPrompt
from onrecord.entrypoints.api.replies import HEADERS, json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.workflow import prompts
from onrecord.workflow.errors import NotFoundError


async def create(call: Call) -> Response:
    body: NewPrompt = call.body
    prompt, new = await prompts.register(call.d, call.principal, msgspec.to_builtins(body))
    made = {"prompt_id": prompt.prompt_id, "version": prompt.version, "sha256": prompt.sha256}
    return json_reply(made, 201 if new else 200)


async def show_all(call: Call) -> Response:
    return json_reply({"prompts": prompts.listed(call.d)})


async def show(call: Call) -> Response:
    return json_reply(prompts.shown(call.d, call.path("prompt")))


async def make_current(call: Call) -> Response:
    body: CurrentPrompt = call.body
    await prompts.make_current(call.d, call.principal, call.path("prompt"), body.version)
    return json_reply(prompts.shown(call.d, call.path("prompt")))


async def store_audio(call: Call) -> Response:
    entry, new = await prompts.store_audio(call.d, call.principal, call.path("prompt"), call.path("version"), call.body)
    return json_reply(prompts.audio_shown(entry), 201 if new else 200)


async def audio(call: Call) -> Response:
    entry = call.d.prompts.find(call.path("prompt"), call.path("version"))
    if entry is None:
        raise NotFoundError("there is no such prompt")
    return Response(await prompts.audio_of(call.d, entry), 200, HEADERS, "audio/wav")
