"""Codes to statuses, and what a problem document says."""

import json

import pytest

from onrecord.base.errors import Disposition, OnRecordError
from onrecord.entrypoints.api.problems import RequestError, problem, status_of
from onrecord.storage.ports import ConflictError, ObjectMissingError, StorageFullError, StorageUnknownError
from onrecord.vault.errors import ErasedError, KeyMissingError, KeyStoreError, TamperedError
from onrecord.workflow import errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidRequestError("x"), 400),
        (errors.UnauthenticatedError("x"), 401),
        (errors.ForbiddenError("x"), 403),
        (errors.SourceNotEntitledError("x", "consent"), 403),
        (errors.NotFoundError("x"), 404),
        (errors.EventConflictError("x"), 409),
        (errors.VerdictClosedError("x"), 409),
        (errors.SealedError("x"), 409),
        (errors.StreamConflictError("x"), 409),
        (errors.QuarantinedError("x"), 409),
        (errors.ContentErasedError("x"), 410),
        (ErasedError("x"), 410),
        (errors.IdempotencyMismatchError("x"), 422),
        (StorageFullError("x"), 507),
        (errors.GatesShutError("x"), 507),
        (ConflictError("x"), 503),
        (KeyStoreError("x"), 503),
        (StorageUnknownError("x"), 500),
        (errors.LogInconsistentError("x"), 500),
        (KeyMissingError("x"), 500),
        (TamperedError("x"), 500),
        (ObjectMissingError("x"), 500),
        (OnRecordError("x", code="internal"), 500),
        (OnRecordError("x", code="something_new"), 422),
    ],
)
def test_status(error: OnRecordError, status: int) -> None:
    assert status_of(error) == status


def test_a_new_code_goes_by_its_disposition() -> None:
    class LaterError(OnRecordError):
        code = "later"
        disposition = Disposition.RETRY

    class HaltedError(OnRecordError):
        code = "halted"
        disposition = Disposition.HALT

    assert status_of(LaterError("x")) == 503
    assert status_of(HaltedError("x")) == 500


def test_document() -> None:
    response = problem(errors.NotFoundError("there is no such interaction"))
    assert response.media_type == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert json.loads(bytes(response.body)) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "there is no such interaction",
    }


def test_headers_by_kind() -> None:
    assert problem(errors.UnauthenticatedError("x")).headers["www-authenticate"] == "Bearer"
    assert problem(ConflictError("x")).headers["retry-after"] == "1"
    assert problem(StorageFullError("x")).headers["retry-after"] == "1"
    assert "retry-after" not in problem(errors.NotFoundError("x")).headers
    wanted = RequestError("x", code="range_not_satisfiable", headers={"Content-Range": "bytes */9"})
    assert problem(wanted).headers["content-range"] == "bytes */9"


def test_gates_are_named_only_where_a_closing_could_not_be_stored() -> None:
    assert json.loads(bytes(problem(errors.GatesShutError("x")).body))["gates"] == "closed"
    assert "gates" not in json.loads(bytes(problem(StorageFullError("x")).body))
