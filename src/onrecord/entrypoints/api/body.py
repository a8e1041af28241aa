"""Reads request bodies: bounded, strict JSON (RFC 8259 in UTF-8, no key twice), of the form that the call fixes."""

import asyncio
import json
import re
from collections.abc import Hashable, Mapping
from concurrent.futures import Executor
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from starlette.requests import Request
from starlette.types import Receive

from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.route import header

READ_SECONDS = 30.0
MAX_DEPTH = 32
INLINE_BYTES = 64 * 1024
ARRIVED = "onrecord.arrived"
"""In the scope of a request whose body has arrived: its bytes."""

T = TypeVar("T")

_CONTENT_TYPE = re.compile(r'([a-z]+/[a-z0-9.+-]+)\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)
_KEY_THEN_SPACE = re.compile(rb'"[ \t\r\n]+:')
_PATH = re.compile(r" - at `(\$[A-Za-z0-9_.\[\]]*)`\Z")


async def read(request: Request, limit: int) -> bytes:
    """At most `limit` bytes. Errors: RequestError (body_too_large, request_timeout, unsupported_media_type)."""
    if (header(request, b"content-encoding") or "identity").lower() != "identity":
        raise RequestError("compressed bodies are not taken", code="unsupported_media_type")
    declared = header(request, b"content-length") or "0"
    if not declared.isdecimal() or int(declared) > limit:
        raise _too_large(limit)
    arrived: bytes | None = request.scope.get(ARRIVED)
    if arrived is not None:
        if len(arrived) > limit:
            raise _too_large(limit)
        return arrived
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _received(request.receive, limit)
    except TimeoutError as error:
        raise RequestError("the body did not arrive in time", code="request_timeout") from error


async def _received(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError("the body ended early")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large(limit: int) -> RequestError:
    return RequestError(f"a body of this call has at most {limit} bytes", code="body_too_large")


def check_content_type(request: Request, wanted: str = "application/json") -> None:
    given = _CONTENT_TYPE.fullmatch(header(request, b"content-type") or "")
    if given is None or given[1].lower() != wanted:
        raise RequestError(f"the content type is `{wanted}`", code="unsupported_media_type")


async def parse(data: bytes, form: type[T], executor: Executor) -> T:
    """Errors: RequestError. A long body is parsed beside the event loop: gates do not wait for it."""
    if len(data) <= INLINE_BYTES:
        return decode(data, form)
    return await asyncio.get_running_loop().run_in_executor(executor, decode, data, form)


def decode(data: bytes, form: type[T]) -> T:
    """Errors: RequestError, which says where but never what."""
    try:
        value: T = _decoder(cast("Hashable", form)).decode(data)
        if not _plain(data, value):
            _check_depth(json.loads(data, object_pairs_hook=_once), MAX_DEPTH)
    except msgspec.ValidationError as error:
        place = _PATH.search(str(error))
        where = f", at `{place[1]}`" if place else ""
        raise RequestError(f"the body does not have the form of this call{where}") from error
    except (ValueError, RecursionError) as error:
        raise RequestError("the body is not JSON in UTF-8") from error
    return value


@cache
def _decoder(form: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(form)


def _plain(data: bytes, value: object) -> bool:
    """Whether a glance shows that no object has a key twice and that nothing lies deep: there are few brackets, and no
    more colons than the outermost object has keys, those aside that do not follow a quotation mark."""
    if type(value) is not dict or data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        return False
    if data.count(b":") == len(value):
        return True
    return data.count(b'":') == len(value) and _KEY_THEN_SPACE.search(data) is None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python's reader and msgspec's both keep the last of two equal keys; here a second one is an error."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RequestError("an object has a key twice")
    return found


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, Mapping):
        children: Any = value.values()
    elif isinstance(value, list):
        children = value
    else:
        return
    if left == 0:
        raise RequestError(f"the body is nested deeper than {MAX_DEPTH} levels")
    for child in children:
        _check_depth(child, left - 1)
