"""What a route is: one row of the table from which both the app and its OpenAPI document are made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from onrecord.workflow.deployment import Deployment
from onrecord.workflow.principal import Credentials, Principal, Scope

EVENTS_LIMIT = 1024 * 1024
ARTIFACT_LIMIT = 8 * 1024 * 1024

COMMON_ERRORS = ("unauthenticated", "forbidden", "internal", "recovering")
BODY_ERRORS = ("invalid_request", "body_too_large", "unsupported_media_type", "request_timeout")
WRITE_ERRORS = ("storage_full", "storage_conflict", "storage_unknown")


_FIELDS = "onrecord.fields"
"""In the scope of a request: its header fields by name, of each the first."""


def header(request: Request, name: bytes) -> str | None:
    """The first of that name, which is in lower case."""
    fields = request.scope.get(_FIELDS)
    if fields is None:
        fields = request.scope[_FIELDS] = dict(reversed(request.scope["headers"]))
    value = fields.get(name)
    return None if value is None else str(value, "latin-1")


class Call(msgspec.Struct, frozen=True):
    """One authenticated request. `body` has been decoded to the form that its route fixes. `arrived`: when its last
    byte was read, by `perf_counter`."""

    request: Request
    d: Deployment
    credentials: Credentials
    principal: Principal
    body: Any
    arrived: float

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def header(self, name: bytes) -> str | None:
        return header(self.request, name)

    def query(self, name: str) -> str | None:
        return self.request.query_params.get(name)


@dataclass(frozen=True, slots=True)
class Body:
    """`form` is what the bytes are decoded to, `documented` what the OpenAPI document says of it, any of them.
    `limit` in bytes. What is not JSON is handed on as it came."""

    form: type[Any]
    documented: tuple[type[msgspec.Struct], ...]
    limit: int = EVENTS_LIMIT
    optional: bool = False
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One success. `forms`: any of them, as JSON; none where `media_type` is not JSON or there is no body."""

    description: str
    forms: tuple[type[msgspec.Struct], ...] = ()
    media_type: str | None = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a header."""

    name: str
    place: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Route:
    """`scope` is demanded before anything else is read; None: any key. `public`: no key at all."""

    method: str
    path: str
    operation: str
    summary: str
    handle: Callable[[Call], Awaitable[ASGIApp]]
    answers: dict[int, Answer]
    scope: Scope | None = None
    public: bool = False
    body: Body | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def all_errors(self) -> tuple[str, ...]:
        found = ["internal"] if self.public else list(COMMON_ERRORS)
        if "{" in self.path:
            found.append("not_found")
        if self.body is not None:
            found += BODY_ERRORS
        if self.method != "GET":
            found += WRITE_ERRORS
        return tuple(dict.fromkeys([*found, *self.errors]))
