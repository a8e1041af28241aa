"""The table of routes."""

from typing import Any

from starlette.responses import Response

from onrecord.entrypoints.api import (
    artifact_routes,
    consent_routes,
    health,
    interactions,
    keys,
    metrics,
    openapi,
    optout_routes,
    persons,
    policy_routes,
    requests,
    responses,
    service,
    sse,
    system_routes,
)
from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Answer, Body, Call, Parameter, Route
from onrecord.workflow.principal import Scope

NUMBER_OR_TIME: dict[str, Any] = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}


async def show_document(_: Call) -> Response:
    return json_reply(openapi.document(ROUTES))


INTERACTIONS = (
    Route(
        "POST",
        "/v1/interactions/{interaction}/events",
        "postEvents",
        "Tell what happened: one event, or several of which all are accepted or none",
        interactions.post_events,
        {
            201: Answer("Accepted, durable and in the log", (responses.Told,)),
            200: Answer("Nothing new: everything was told before", (responses.Told,)),
        },
        scope=Scope.EVENTS_WRITE,
        body=Body(dict[str, Any], (requests.Event, requests.EventBatch)),
        parameters=(Parameter("Idempotency-Key", "header", "Up to 200 characters. Again: the stored answer."),),
        errors=("source_not_entitled", "event_conflict", "idempotency_mismatch", "prompt_unknown"),
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}/decisions",
        "getDecisions",
        "What may be captured at an instant, as known at an instant",
        interactions.show_decisions,
        {200: Answer("Decisions for every kind", (responses.Decisions,))},
        scope=Scope.RECORD_READ,
        parameters=(
            Parameter("t", "query", "Seconds on the interaction's clock, or RFC 3339. Default: now.", NUMBER_OR_TIME),
            Parameter("as_of", "query", "The same, on the axis of `received`. Default: now.", NUMBER_OR_TIME),
        ),
        errors=("invalid_request",),
    ),
    Route(
        "POST",
        "/v1/interactions",
        "createInteraction",
        "Begin a conversation",
        interactions.create,
        {201: Answer("Begun", (responses.Admitted,))},
        scope=Scope.INTERACTIONS_WRITE,
        body=Body(requests.NewInteraction, (requests.NewInteraction,), optional=True),
        errors=("balancing_unknown",),
    ),
    Route(
        "POST",
        "/v1/interactions/{interaction}/stream-tokens",
        "createStreamToken",
        "A single-use token with which one media stream may enter",
        interactions.create_token,
        {201: Answer("Made", (responses.StreamToken,))},
        scope=Scope.INTERACTIONS_WRITE,
        body=Body(requests.NewToken, (requests.NewToken,), optional=True),
        errors=("interaction_sealed",),
    ),
    Route(
        "POST",
        "/v1/interactions/{interaction}/platform-recordings",
        "commandRecording",
        "Have a recording that the platform makes itself follow the verdict: paused, resumed, stopped, read back",
        interactions.command_recording,
        {
            201: Answer("From now on it is commanded", (responses.CommandedRecording,)),
            200: Answer("It was already", (responses.CommandedRecording,)),
        },
        scope=Scope.INTERACTIONS_WRITE,
        body=Body(requests.PlatformRecording, (requests.PlatformRecording,)),
        errors=("platform_unknown", "interaction_sealed", "erased"),
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}",
        "getInteraction",
        "Who takes part, how far it is, which gates are open",
        interactions.show,
        {200: Answer("The conversation", (responses.Interaction,))},
        scope=Scope.RECORD_READ,
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}/timeline",
        "getTimeline",
        "Everything that was recorded of it, and every change of a verdict",
        interactions.show_timeline,
        {200: Answer("Events in the order of the record, transitions in the order of time", (responses.Timeline,))},
        scope=Scope.RECORD_READ,
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}/accounting",
        "getAccounting",
        "What became of every sample of media",
        interactions.show_accounting,
        {200: Answer("Counters per track", (responses.Accounting,))},
        scope=Scope.RECORD_READ,
    ),
    Route(
        "POST",
        "/v1/interactions/{interaction}/seal",
        "sealInteraction",
        "Close the record: the seal commits to its count and its last digest",
        interactions.close,
        {200: Answer("Sealed, now or before", (responses.Sealed,))},
        scope=Scope.EVENTS_WRITE,
        errors=("invalid_request",),
    ),
)

SERVICE = (
    Route(
        "GET",
        "/v1/events",
        "streamDecisions",
        "Changes of verdict as they happen (server-sent events)",
        sse.events,
        {
            200: Answer(
                "`event: decision`, `id: LEAF_INDEX.ORDINAL`, data as the schema `DecisionMessage`",
                media_type="text/event-stream",
            )
        },
        scope=Scope.RECORD_READ,
        parameters=(
            Parameter("interaction", "query", "Only of this one."),
            Parameter("events", "query", "`decision`, `directive`, or both with a comma. Default: `decision`."),
            Parameter("Last-Event-ID", "header", "Goes on after this message. Without it the stream starts now."),
        ),
        errors=("invalid_request", "not_found"),
    ),
    Route(
        "POST",
        "/v1/keys",
        "createKey",
        "A key that may do no more than the one which makes it",
        keys.create,
        {201: Answer("The secret, shown this once", (responses.NewKeyMade,))},
        scope=Scope.KEYS_ADMIN,
        body=Body(requests.NewKey, (requests.NewKey,)),
    ),
    Route(
        "GET",
        "/v1/keys",
        "listKeys",
        "All keys, without their secrets",
        keys.show_all,
        {200: Answer("Keys", (responses.Keys,))},
        scope=Scope.KEYS_ADMIN,
    ),
    Route(
        "DELETE",
        "/v1/keys/{key}",
        "revokeKey",
        "A revoked key is refused from the next request on",
        keys.revoke,
        {204: Answer("Revoked", media_type=None)},
        scope=Scope.KEYS_ADMIN,
    ),
    Route(
        "POST",
        "/v1/persons/{person}/erasure",
        "erasePerson",
        "Destroys every key of a person, in all conversations, and what those keys close",
        persons.erase,
        {200: Answer("What is gone", (responses.Forgotten,))},
        scope=Scope.PERSONS_ERASE,
    ),
    Route(
        "GET",
        "/v1/log/checkpoint",
        "getCheckpoint",
        "The signed head of the log",
        service.checkpoint,
        {200: Answer("A checkpoint (C2SP signed note)", media_type="text/plain")},
    ),
    Route(
        "GET",
        "/v1/openapi.json",
        "getOpenApi",
        "This document",
        show_document,
        {200: Answer("OpenAPI 3.1")},
        public=True,
    ),
    Route(
        "GET",
        "/healthz",
        "getHealth",
        "Whether the server answers",
        health.alive,
        {200: Answer("It does", (responses.Health,))},
        public=True,
    ),
    Route(
        "GET",
        "/readyz",
        "getReadiness",
        "Whether the server can do its work, and by stable codes why not",
        health.ready,
        {200: Answer("It can", (responses.Readiness,)), 503: Answer("It cannot", (responses.Readiness,))},
        public=True,
    ),
    Route(
        "GET",
        "/metrics",
        "getMetrics",
        "What is counted, in the text format of Prometheus",
        metrics.show,
        {200: Answer("Metrics", media_type="text/plain")},
        scope=Scope.METRICS_READ,
    ),
)

ROUTES = (
    *INTERACTIONS,
    *artifact_routes.ARTIFACTS,
    *SERVICE,
    *consent_routes.PROMPTS,
    *consent_routes.PROFILES,
    *consent_routes.LEGAL_BASES,
    *consent_routes.RECEIPTS,
    *optout_routes.OPT_OUT,
    *system_routes.SYSTEMS,
    *policy_routes.POLICY,
)
