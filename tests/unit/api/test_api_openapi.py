"""The OpenAPI document and the app are made from one table; the stored copy is the document."""

import json
from pathlib import Path
from typing import Any

from starlette.routing import Route

from onrecord.entrypoints.api.app import PATH_FORMS, create_app
from onrecord.entrypoints.api.openapi import document
from onrecord.entrypoints.api.problems import STATUS_OF_CODE
from onrecord.entrypoints.api.routes import ROUTES

STORED = Path(__file__).parents[3] / "docs" / "openapi.json"


def served() -> set[tuple[str, str]]:
    app = create_app(None, None)
    found = set()
    for route in app.routes:
        assert isinstance(route, Route)
        found |= {(route.path, method) for method in route.methods or () if method != "HEAD"}
    return found


def documented() -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, methods in document(ROUTES)["paths"].items() for method in methods}


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    assert served() == documented()
    assert len(served()) == len(ROUTES)


def test_the_stored_copy_is_the_document() -> None:
    assert json.loads(STORED.read_text()) == json.loads(json.dumps(document(ROUTES))), (
        "regenerate it: see docs/contract.md, OpenAPI"
    )


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if "$ref" in value else set()
        return found.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(references(item) for item in value))
    return set()


def test_every_reference_has_a_schema() -> None:
    made = document(ROUTES)
    assert references(made) <= {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}


def test_operations_are_told_apart_and_parameters_named() -> None:
    assert len({route.operation for route in ROUTES}) == len(ROUTES)
    for path, methods in document(ROUTES)["paths"].items():
        for operation in methods.values():
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert named == {name for name in PATH_FORMS if f"{{{name}}}" in path}


def test_every_declared_error_has_a_status_of_its_own() -> None:
    for route in ROUTES:
        assert set(route.all_errors) <= set(STATUS_OF_CODE)


def test_only_the_service_itself_is_open_to_all() -> None:
    open_to_all = {"/healthz", "/readyz", "/v1/openapi.json", "/strip", "/strip.css", "/strip.js"}
    assert {route.path for route in ROUTES if route.public} == open_to_all
    made = document(ROUTES)
    for path, methods in made["paths"].items():
        for operation in methods.values():
            assert (operation.get("security") == []) == (path in open_to_all)
