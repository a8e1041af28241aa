"""The OpenAPI 3.1 document of a table of routes."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from onrecord.entrypoints.api import responses
from onrecord.entrypoints.api.problems import MEDIA_TYPE, STATUS_OF_CODE
from onrecord.entrypoints.api.route import Answer, Body, Route

REF = "#/components/schemas/{name}"


def document(routes: Sequence[Route]) -> dict[str, Any]:
    types = _types(routes)
    refs, schemas = msgspec.json.schema_components(types, ref_template=REF)
    ref_of = dict(zip(types, refs, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, ref_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OnRecord",
            "version": version("onrecord"),
            "summary": "Nothing is recorded without permission; everything recorded can be proved.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _types(routes: Sequence[Route]) -> list[type[msgspec.Struct]]:
    found: list[type[msgspec.Struct]] = [responses.Problem, responses.DecisionMessage]
    for route in routes:
        found += route.body.documented if route.body is not None else ()
        for answer in route.answers.values():
            found += answer.forms
    return list(dict.fromkeys(found))


def _operation(route: Route, ref_of: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": route.operation, "summary": route.summary}
    if route.public:
        made["security"] = []
    else:
        needed = f"the scope `{route.scope.value}`" if route.scope is not None else "any valid key"
        made["description"] = f"Needs {needed}."
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [
        {"name": p.name, "in": p.place, "required": False, "description": p.description, "schema": p.schema}
        for p in route.parameters
    ]
    if parameters:
        made["parameters"] = parameters
    if route.body is not None:
        made["requestBody"] = _request(route.body, ref_of)
    made["responses"] = {str(status): _answer(answer, ref_of) for status, answer in sorted(route.answers.items())}
    made["responses"] |= _problems(route.all_errors, ref_of[responses.Problem])
    return made


def _any_of(refs: list[dict[str, Any]]) -> dict[str, Any]:
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _request(body: Body, ref_of: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    schema = _any_of([ref_of[form] for form in body.documented]) if body.documented else {}
    return {
        "required": not body.optional,
        "description": f"At most {body.limit} bytes.",
        "content": {body.media_type: {"schema": schema}},
    }


def _answer(answer: Answer, ref_of: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.description}
    if answer.media_type is not None:
        schema = _any_of([ref_of[form] for form in answer.forms]) if answer.forms else {}
        made["content"] = {answer.media_type: {"schema": schema}}
    return made


def _problems(codes: Sequence[str], schema: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(STATUS_OF_CODE[code], []).append(code)
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in found)}",
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, found in sorted(by_status.items())
    }
