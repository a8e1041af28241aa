"""The HTTP application: authenticates, demands the scope, decodes the body, calls the route, answers problems."""

import re
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.api import body
from onrecord.entrypoints.api.problems import RequestError, problem, status_of
from onrecord.entrypoints.api.replies import AT_ONCE, JsonReply
from onrecord.entrypoints.api.route import Body, Call, Route, header
from onrecord.entrypoints.api.routes import ROUTES
from onrecord.entrypoints.api.table import Table
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ForbiddenError, NotFoundError, RecoveringError, UnauthenticatedError
from onrecord.workflow.health import Trouble
from onrecord.workflow.principal import Credentials, Principal

log = structlog.get_logger("api")

PATH_FORMS = {
    "interaction": re.compile(r"int_[0-9a-f]{32}"),
    "artifact": re.compile(r"art_[0-9a-f]{32}"),
    "person": re.compile(r"prs_[0-9a-f]{32}"),
    "webhook": re.compile(r"whk_[0-9a-f]{32}"),
    "system": re.compile(r"sys_[0-9a-f]{32}"),
    "key": re.compile(r"[0-9a-f]{16}"),
    "legal_basis": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"),
    "prompt": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}"),
}
NO_OPERATION = "none"
STREAM = "streamDecisions"
NOBODY = Principal("", "", frozenset())
_Endpoint = Callable[[Request], Awaitable[ASGIApp]]


def create_app(d: Deployment, credentials: Credentials) -> Starlette:
    async def no_route(_: Request, error: Exception) -> Response:
        answer = _framework_error(error)
        d.measures.requested(NO_OPERATION, answer.status_code, 0.0)
        return answer

    rows = [(route, _endpoint(route, d, credentials)) for route in ROUTES]
    app = _Api(
        routes=[
            StarletteRoute(route.path, endpoint, methods=[route.method], name=route.operation)
            for route, endpoint in rows
        ],
        exception_handlers={HTTPException: no_route},
    )
    app.router.redirect_slashes = False
    app.table = Table(rows)
    return app


class _Api(Starlette):
    """What the table has a row for goes straight to its endpoint, past Starlette's layers; all else to Starlette."""

    table: "Table[_Endpoint]"

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = scope.pop(AT_ONCE, None)
        found = self.table.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        endpoint, scope["path_params"] = found
        answer = await endpoint(Request(scope, receive, send))
        if sending is None or not isinstance(answer, JsonReply) or not answer.sent(sending):
            await answer(scope, receive, send)


def _endpoint(route: Route, d: Deployment, credentials: Credentials) -> _Endpoint:
    async def endpoint(request: Request) -> ASGIApp:
        began = perf_counter()
        answer: ASGIApp
        try:
            answer = await route.handle(await _call(route, request, d, credentials))
        except OnRecordError as error:
            answer = _refused(route, error)
        except Exception as error:  # noqa: BLE001  outermost frame: the server would log its text
            answer = _unexpected(route, error)
        d.measures.requested(route.operation, getattr(answer, "status_code", 200), perf_counter() - began)
        return answer

    return endpoint


def _refused(route: Route, error: OnRecordError) -> Response:
    if status_of(error) >= 500:
        log.error("refused", code=error.code, route=route.operation)
    return problem(error)


def _unexpected(route: Route, error: Exception) -> Response:
    log.error("unexpected", error=type(error).__name__, route=route.operation)
    return problem(OnRecordError("something unexpected happened", code="internal"))


async def _call(route: Route, request: Request, d: Deployment, credentials: Credentials) -> Call:
    principal = NOBODY
    if not route.public:
        if Trouble.RECOVERING in d.troubles:
            raise RecoveringError("the server takes up what was left; try again")
        principal = credentials.authenticate(_bearer(request))
        if route.scope is not None:
            principal.need(route.scope)
    for name, value in request.path_params.items():
        if PATH_FORMS[name].fullmatch(value) is None:
            raise NotFoundError(f"there is no such {name}")
    _within(principal, route, request)
    arrived, decoded = perf_counter(), None
    if route.body is not None:
        data = await body.read(request, route.body.limit)
        arrived = perf_counter()
        decoded = await _decoded(data, route.body, request, d)
    return Call(request, d, credentials, principal, decoded, arrived)


def _within(principal: Principal, route: Route, request: Request) -> None:
    """A credential for one interaction does what is about that one."""
    if principal.interaction is None:
        return
    about = request.path_params.get("interaction")
    if route.operation == STREAM:
        about = request.query_params.get("interaction")
    if about != principal.interaction:
        raise ForbiddenError("this key is for one interaction")


def _bearer(request: Request) -> str:
    scheme, _, key = (header(request, b"authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthenticatedError("a key is needed: `Authorization: Bearer KEY`")
    return key.strip()


async def _decoded(data: bytes, wanted: Body, request: Request, d: Deployment) -> Any:
    if not data and wanted.optional:
        data = b"{}"
    else:
        body.check_content_type(request, wanted.media_type)
    if wanted.media_type != "application/json":
        return data
    return await body.parse(data, wanted.form, d.executor)


def _framework_error(error: Exception) -> Response:
    """No such route, or not with this method."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        headers = dict(error.headers or {})
        return problem(RequestError("this method is not for this path", code="method_not_allowed", headers=headers))
    return problem(NotFoundError("there is no such path"))
