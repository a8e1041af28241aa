"""The rows of the table of routes that are about artifacts and evidence."""

from onrecord.entrypoints.api import artifacts, requests, responses
from onrecord.entrypoints.api.route import ARTIFACT_LIMIT, Answer, Body, Parameter, Route
from onrecord.workflow.principal import Scope

ARTIFACTS = (
    Route(
        "POST",
        "/v1/interactions/{interaction}/artifacts",
        "createArtifact",
        "Store what was made of the conversation, as far as every source allows it",
        artifacts.create,
        {201: Answer("Stored; `withheld` is what was cut out", (responses.StoredArtifact,))},
        scope=Scope.ARTIFACTS_WRITE,
        body=Body(requests.NewArtifact, (requests.NewArtifact,), limit=ARTIFACT_LIMIT),
        errors=("verdict_closed",),
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}/artifacts",
        "listArtifacts",
        "Recordings and what was made of them, with their gaps",
        artifacts.show_all,
        {200: Answer("All artifacts", (responses.Artifacts,))},
        scope=Scope.RECORD_READ,
    ),
    Route(
        "GET",
        "/v1/artifacts/{artifact}/content",
        "getContent",
        "The content of one artifact; every reading is recorded",
        artifacts.content,
        {
            200: Answer("The whole. Sound is `audio/wav`, words and text are JSON", (responses.Words, responses.Text)),
            206: Answer("One range of bytes", media_type="application/octet-stream"),
        },
        scope=Scope.CONTENT_READ,
        parameters=(Parameter("Range", "header", "One range of bytes (RFC 9110); several get the whole."),),
        errors=("erased", "quarantined", "range_not_satisfiable", "wav_too_long"),
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}/evidence",
        "getEvidence",
        "The evidence pack, which `onrecord verify` checks offline",
        artifacts.evidence,
        {200: Answer("A stored-only zip", media_type="application/zip")},
        scope=Scope.EVIDENCE_READ,
        parameters=(
            Parameter(
                "media",
                "query",
                "Adds sound; needs the scope `content:read`.",
                {"type": "string", "enum": ["permitted", "redacted"]},
            ),
        ),
        errors=("invalid_request", "pack_too_large", "erased", "log_inconsistent"),
    ),
)
