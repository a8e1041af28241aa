"""The rows of the table of routes about capture systems and webhooks."""

from onrecord.entrypoints.api import system_forms, systems
from onrecord.entrypoints.api.route import Answer, Body, Route
from onrecord.workflow.principal import Scope

SYSTEMS = (
    Route(
        "POST",
        "/v1/capture-systems",
        "registerCaptureSystem",
        "From now on every conversation with one of these kinds commands this system",
        systems.create,
        {201: Answer("Registered; the secret is shown this once", (system_forms.NewSecretMade,))},
        scope=Scope.SYSTEMS_ADMIN,
        body=Body(system_forms.NewCaptureSystem, (system_forms.NewCaptureSystem,)),
        errors=("invalid_system", "origin_refused", "register_full"),
    ),
    Route(
        "GET",
        "/v1/capture-systems",
        "listCaptureSystems",
        "All capture systems, without their secrets",
        systems.show_all,
        {200: Answer("Capture systems", (system_forms.CaptureSystems,))},
        scope=Scope.SYSTEMS_ADMIN,
    ),
    Route(
        "GET",
        "/v1/capture-systems/{system}",
        "getCaptureSystem",
        "One capture system, its vendor's contracts, and how much it has not followed yet",
        systems.show,
        {200: Answer("The system", (system_forms.CaptureSystem,))},
        scope=Scope.SYSTEMS_ADMIN,
    ),
    Route(
        "DELETE",
        "/v1/capture-systems/{system}",
        "removeCaptureSystem",
        "It is told to stop wherever it captures, and then no more; its keys end at once",
        systems.remove,
        {204: Answer("Removed", media_type=None)},
        scope=Scope.SYSTEMS_ADMIN,
    ),
    Route(
        "POST",
        "/v1/webhooks",
        "createWebhook",
        "From now on changes of verdicts, what agent and bot are to do, or flags are told by signed webhook",
        systems.subscribe,
        {201: Answer("Subscribed; the secret is shown this once", (system_forms.NewSecretMade,))},
        scope=Scope.SYSTEMS_ADMIN,
        body=Body(system_forms.NewWebhook, (system_forms.NewWebhook,)),
        errors=("invalid_system", "origin_refused", "register_full"),
    ),
    Route(
        "GET",
        "/v1/webhooks",
        "listWebhooks",
        "All subscriptions, without their secrets",
        systems.show_webhooks,
        {200: Answer("Subscriptions", (system_forms.Webhooks,))},
        scope=Scope.SYSTEMS_ADMIN,
    ),
    Route(
        "DELETE",
        "/v1/webhooks/{webhook}",
        "deleteWebhook",
        "Nothing more goes to it",
        systems.unsubscribe,
        {204: Answer("Removed", media_type=None)},
        scope=Scope.SYSTEMS_ADMIN,
    ),
)
