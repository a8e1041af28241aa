"""Standing profiles: who a person is, what holds of them over conversations, and its withdrawal."""

from typing import Any

import msgspec
from starlette.responses import Response

from onrecord.entrypoints.api.consent_forms import ExternalId, NewProfile, NewWithdrawal
from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.workflow import profiles
from onrecord.workflow.tell import tell
from onrecord.workflow.withdraw import withdraw


async def find_person(call: Call) -> Response:
    body: ExternalId = call.body
    return json_reply({"person": await profiles.person_of(call.d, call.principal, body.external_id)})


async def keep(call: Call) -> Response:
    body: NewProfile = call.body
    given: list[dict[str, Any]] = msgspec.to_builtins(body.consents)
    return json_reply(await profiles.keep(call.d, call.principal, call.path("person"), given))


async def show(call: Call) -> Response:
    return json_reply(await profiles.show(call.d, call.principal, call.path("person")))


async def take_back(call: Call) -> Response:
    body: NewWithdrawal = call.body
    if (body.external_id is None) == (body.person is None):
        raise RequestError("a withdrawal names its person by `external_id` or by `person`")
    person = body.person
    if person is None:
        person = await profiles.person_of(call.d, call.principal, str(body.external_id))
    said = {"scope": body.scope or None, "method": body.method}
    return json_reply(await withdraw(call.d, call.principal, person, said, tell), 201)
