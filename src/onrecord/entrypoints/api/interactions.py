"""Conversations: begin one, tell of it, look at it, close it."""

from typing import Any

from starlette.responses import Response

from onrecord.capture.commanded import Target
from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.requests import NewInteraction, NewToken, PlatformRecording
from onrecord.entrypoints.api.route import Call
from onrecord.workflow import admit, command, views
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.seal import seal
from onrecord.workflow.tell import tell
from onrecord.workflow.timeline import timeline
from onrecord.workflow.when import instant, seconds

MAX_IDEMPOTENCY_KEY = 200


async def live_of(call: Call) -> Live:
    return await find(call.d, call.path("interaction"))


async def create(call: Call) -> Response:
    body: NewInteraction = call.body
    new = admit.NewInteraction(
        sector=body.sector,
        parties=tuple(
            admit.NewParty(p.role, p.jurisdiction, p.party_id, p.name, p.phone, p.email, p.external_id)
            for p in body.parties
        ),
        artifacts_enabled=None if body.artifacts_enabled is None else tuple(k.value for k in body.artifacts_enabled),
        policy=body.policy,
    )
    identifier, token = await admit.admit(call.d, call.principal, new)
    return json_reply({"id": identifier, "stream_token": token}, 201)


async def create_token(call: Call) -> Response:
    body: NewToken = call.body
    conversation = body.audiohook_conversation
    name = None if conversation is None else ("audiohook", conversation.lower())
    token = await admit.issue_token(call.d, call.principal, await live_of(call), name)
    return json_reply({"stream_token": token}, 201)


async def command_recording(call: Call) -> Response:
    body: PlatformRecording = call.body
    target = Target(body.call_sid, body.recording_sid)
    name, new = await command.command_recording(call.d, await live_of(call), call.principal, body.platform, target)
    return json_reply({"id": name}, 201 if new else 200)


async def post_events(call: Call) -> Response:
    live = await live_of(call)
    told = await tell(call.d, live, call.principal, _events(call.body), _idempotency_key(call), call.arrived)
    return json_reply(told.body, told.status)


def _events(body: dict[str, Any]) -> list[dict[str, Any]]:
    if "events" not in body:
        return [body]
    events = body["events"]
    if len(body) != 1 or not isinstance(events, list) or not all(isinstance(item, dict) for item in events):
        raise RequestError("a batch is an object with one list of objects, `events`")
    return events


def _idempotency_key(call: Call) -> str | None:
    key = call.header(b"idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY or not (key.isascii() and key.isprintable()):
        raise RequestError("`Idempotency-Key` is 1 to 200 printable ASCII characters")
    return key


async def show(call: Call) -> Response:
    return json_reply(views.interaction(call.d, await live_of(call)))


async def show_timeline(call: Call) -> Response:
    return json_reply(await timeline(call.d, await live_of(call)))


async def show_decisions(call: Call) -> Response:
    live = await live_of(call)
    t, as_of = instant_of(call, live, "t"), instant_of(call, live, "as_of")
    return json_reply(views.decisions_at(call.d, live, t, as_of))


def instant_of(call: Call, live: Live, name: str) -> float | None:
    """Seconds on the interaction's clock, given as such or as RFC 3339."""
    text = call.query(name)
    if text is None:
        return None
    try:
        return seconds(float(text), name)
    except ValueError:
        now_ns = live.clock_ns(call.d.clock)
        started = live.conversation.started_at
        return instant(text, now_ns if started is None else started, live.now(now_ns), name)[0]


async def show_accounting(call: Call) -> Response:
    return json_reply(views.accounting(await live_of(call)))


async def close(call: Call) -> Response:
    return json_reply(await seal(call.d, await live_of(call), call.principal))
