"""The rows of the table of routes that are about policy as a tool."""

from typing import Any

from onrecord.entrypoints.api import explanation_forms, policies
from onrecord.entrypoints.api import policy_forms as forms
from onrecord.entrypoints.api.route import ARTIFACT_LIMIT, Answer, Body, Parameter, Route
from onrecord.policy.kinds import Kind
from onrecord.workflow.principal import Scope

_NUMBER_OR_TIME: dict[str, Any] = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}

POLICY = (
    Route(
        "GET",
        "/v1/interactions/{interaction}/explanation",
        "explainDecision",
        "Why a kind has its verdict: rules with their sources, conditions and since which event, what would lift it",
        policies.show_explanation,
        {200: Answer("The explanation", (explanation_forms.Explanation,))},
        scope=Scope.RECORD_READ,
        parameters=(
            Parameter(
                "kind", "query", "The kind of artifact.", {"type": "string", "enum": [kind.value for kind in Kind]}
            ),
            Parameter("t", "query", "Seconds on the interaction's clock, or RFC 3339. Default: now.", _NUMBER_OR_TIME),
            Parameter("as_of", "query", "The same, on the axis of `received`. Default: now.", _NUMBER_OR_TIME),
        ),
        errors=("invalid_request",),
    ),
    Route(
        "POST",
        "/v1/policy/test",
        "testPolicy",
        "Scenarios: what the packs decide, beside what is expected",
        policies.test,
        {200: Answer("Scores", (forms.PolicyTested,))},
        scope=Scope.POLICY_REPLAY,
        body=Body(forms.PolicyTest, (forms.PolicyTest,), limit=ARTIFACT_LIMIT),
        errors=("invalid_pack",),
    ),
    Route(
        "POST",
        "/v1/policy/lint",
        "lintPolicy",
        "What is wrong with packs, also beside what the registered prompts state",
        policies.lint,
        {200: Answer("Findings", (forms.PolicyLinted,))},
        scope=Scope.POLICY_REPLAY,
        body=Body(forms.PolicyLint, (forms.PolicyLint,), optional=True),
        errors=("invalid_pack",),
    ),
    Route(
        "POST",
        "/v1/policy/matrix",
        "showPolicyMatrix",
        "Verdicts over combinations of packs: places and sectors by what was asked, answered and taken back",
        policies.show_matrix,
        {200: Answer("Rows", (forms.PolicyMatrixShown,))},
        scope=Scope.POLICY_REPLAY,
        body=Body(forms.PolicyMatrix, (forms.PolicyMatrix,), optional=True),
        errors=("invalid_pack", "invalid_overlay"),
    ),
    Route(
        "POST",
        "/v1/policy/replay",
        "replayPolicy",
        "Stored conversations against other packs, every difference, page by page. Nothing is changed",
        policies.replay,
        {200: Answer("A page", (forms.PolicyReplayed,))},
        scope=Scope.POLICY_REPLAY,
        body=Body(forms.PolicyReplay, (forms.PolicyReplay,), optional=True),
        errors=("invalid_pack",),
    ),
)
