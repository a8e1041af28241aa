"""The HTTP application: authenticates, demands the scope, decodes the body, calls the route, answers problems."""

import re
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.api import body
from onrecord.entrypoints.api.problems import RequestError, problem, status_of
from onrecord.entrypoints.api.route import Body, Call, Route
from onrecord.entrypoints.api.routes import ROUTES
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError, UnauthenticatedError
from onrecord.workflow.principal import Credentials, Principal

log = structlog.get_logger("api")

PATH_FORMS = {
    "interaction": re.compile(r"int_[0-9a-f]{32}"),
    "artifact": re.compile(r"art_[0-9a-f]{32}"),
    "person": re.compile(r"prs_[0-9a-f]{32}"),
    "key": re.compile(r"[0-9a-f]{16}"),
}
NOBODY = Principal("", "", frozenset())


def create_app(d: Deployment, credentials: Credentials) -> Starlette:
    app = Starlette(
        routes=[
            StarletteRoute(route.path, _endpoint(route, d, credentials), methods=[route.method], name=route.operation)
            for route in ROUTES
        ],
        exception_handlers={HTTPException: _framework_error},
    )
    app.router.redirect_slashes = False
    return app


def _endpoint(route: Route, d: Deployment, credentials: Credentials) -> Any:
    async def endpoint(request: Request) -> ASGIApp:
        try:
            return await route.handle(await _call(route, request, d, credentials))
        except OnRecordError as error:
            return _refused(route, error)
        except Exception as error:  # noqa: BLE001  outermost frame: the server would log its text
            return _unexpected(route, error)

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
        principal = credentials.authenticate(_bearer(request))
        if route.scope is not None:
            principal.need(route.scope)
    for name, value in request.path_params.items():
        if PATH_FORMS[name].fullmatch(value) is None:
            raise NotFoundError(f"there is no such {name}")
    decoded = None if route.body is None else await _body(route.body, request, d)
    return Call(request, d, credentials, principal, decoded)


def _bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthenticatedError("a key is needed: `Authorization: Bearer KEY`")
    return key.strip()


async def _body(wanted: Body, request: Request, d: Deployment) -> Any:
    data = await body.read(request, wanted.limit)
    if not data and wanted.optional:
        data = b"{}"
    else:
        body.check_content_type(request)
    return await body.parse(data, wanted.form, d.executor)


async def _framework_error(_: Request, error: Exception) -> Response:
    """No such route, or not with this method."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        headers = dict(error.headers or {})
        return problem(RequestError("this method is not for this path", code="method_not_allowed", headers=headers))
    return problem(NotFoundError("there is no such path"))
