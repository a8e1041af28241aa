"""Errors as problem documents (RFC 9457). The one place where a code becomes an HTTP status."""

from http import HTTPStatus

import msgspec
from starlette.responses import Response

from onrecord.base.errors import Disposition, OnRecordError
from onrecord.entrypoints.api.replies import HEADERS
from onrecord.workflow.errors import GatesShutError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "1"
TYPE = "about:blank"

STATUS_OF_CODE = {
    "invalid_request": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "source_not_entitled": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "event_conflict": 409,
    "verdict_closed": 409,
    "quarantined": 409,
    "interaction_sealed": 409,
    "stream_conflict": 409,
    "prompt_exists": 409,
    "legal_basis_exists": 409,
    "erased": 410,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "idempotency_mismatch": 422,
    "platform_unknown": 422,
    "invalid_pack": 422,
    "invalid_overlay": 422,
    "invalid_system": 422,
    "origin_refused": 422,
    "prompt_unknown": 422,
    "invalid_triggers": 422,
    "invalid_prompt": 422,
    "invalid_profile": 422,
    "invalid_legal_basis": 422,
    "balancing_unknown": 422,
    "register_full": 422,
    "wav_refused": 422,
    "pack_too_large": 422,
    "wav_too_long": 422,
    "internal": 500,
    "log_inconsistent": 500,
    "storage_unknown": 500,
    "recovering": 503,
    "storage_conflict": 503,
    "storage_full": 507,
}
STATUS_OF_DISPOSITION = {Disposition.REFUSE: 422, Disposition.RETRY: 503, Disposition.HALT: 500}
SERVER_SIDE = frozenset({"tampered", "kms_refused", "object_missing", "bad_subject"})


class RequestError(OnRecordError):
    """A request that this door refuses before any use case sees it. `headers` go out with the answer."""

    code = "invalid_request"

    def __init__(self, message: str, *, code: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.headers = headers or {}


def status_of(error: OnRecordError) -> int:
    """By code; a code that is not in the table by its disposition. What the caller cannot have caused is a 500."""
    if error.code in SERVER_SIDE:
        return 500
    return STATUS_OF_CODE.get(error.code) or STATUS_OF_DISPOSITION[error.disposition]


def problem(error: OnRecordError) -> Response:
    status = status_of(error)
    body = {
        "type": TYPE,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": error.message,
    }
    headers = dict(HEADERS)
    if isinstance(error, GatesShutError):
        body["gates"] = "closed"
    if isinstance(error, RequestError):
        headers.update(error.headers)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in {503, 507}:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)
