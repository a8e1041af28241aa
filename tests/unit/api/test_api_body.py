"""Strict JSON at the edge."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec import Struct
from starlette.requests import Request

from onrecord.entrypoints.api import body
from onrecord.entrypoints.api.problems import RequestError


class Form(Struct, forbid_unknown_fields=True):
    name: str = ""
    number: float = 0.0
    free: dict[str, Any] = {}


def refused(data: bytes, form: type = Form) -> RequestError:
    with pytest.raises(RequestError) as caught:
        body.decode(data, form)
    assert caught.value.code == "invalid_request"
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"name": "\xff"}',
        b'{"name": "\xc0\x80"}',
        b'{"name": "\\ud800"}',
        b'{"number": NaN}',
        b'{"number": Infinity}',
        b'{"number": 1e999}',
        b'{"free": {"a": -1e999}}',
        b'{"free": {"a": NaN}}',
        b'{"number": "1"}',
        b'{"number": true}',
        b'{"name": null}',
        b'{"other": 1}',
        b"[]",
        b"null",
        b"'{}'",
        b'{"name": "a",}',
        b'{"name": "a\nb"}',
        b'{"free": ' + b"[" * 100_000 + b"}",
        b'{"free": ' + b'{"a":' * 100_000 + b"}",
        b'{"free": {"a": ' + b"9" * 5000 + b"}}",
    ],
)
def test_refuses_what_is_not_strict_json_of_the_form(data: bytes) -> None:
    refused(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"name": "a", "name": "a"}',
        b'{"name": "a", "\\u006eame": "b"}',
        b'{"free": {"x": {"y": 1, "y": 2}}}',
        b'{"free": {"x": [{"y": 1, "y": 1}]}}',
    ],
)
def test_refuses_a_key_twice(data: bytes) -> None:
    assert "twice" in refused(data).message


def nested(levels: int) -> bytes:
    inner: Any = 1
    for _ in range(levels - 2):
        inner = [inner]
    return json.dumps({"free": {"a": inner}}).encode()


def test_depth_is_limited() -> None:
    body.decode(nested(body.MAX_DEPTH), Form)
    refused(nested(body.MAX_DEPTH + 1))
    body.decode(json.dumps({"free": {"a": [[]] * 1000}}).encode(), Form)


def test_says_where_but_never_what() -> None:
    error = refused(b'{"free": {"Wanda Quill": 1}, "number": "Wanda Quill"}')
    assert "`$.number`" in error.message
    for data in (b'{"Wanda Quill": 1}', b'{"free": {"Wanda Quill": 1e999}}', b'{"Wanda Quill": 1, "Wanda Quill": 2}'):
        assert "Wanda" not in refused(data).message


def test_a_long_body_is_parsed_alike() -> None:
    data = json.dumps({"name": "x" * (2 * body.INLINE_BYTES)}).encode()
    with ThreadPoolExecutor(1) as executor:
        assert len(asyncio.run(body.parse(data, Form, executor)).name) == 2 * body.INLINE_BYTES
        with pytest.raises(RequestError):
            asyncio.run(body.parse(data[:-1], Form, executor))


def request(headers: dict[str, str], *parts: bytes, gone: bool = False) -> Request:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def read(wanted: Request, limit: int = 10) -> bytes:
    return asyncio.run(body.read(wanted, limit))


def test_reads_up_to_the_limit() -> None:
    assert read(request({}, b"12345", b"67890")) == b"1234567890"
    assert read(request({})) == b""


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (request({"content-length": "11"}), "body_too_large"),
        (request({"content-length": "ten"}), "body_too_large"),
        (request({}, b"123456", b"78901"), "body_too_large"),
        (request({"content-encoding": "gzip"}, b"1"), "unsupported_media_type"),
        (request({}, b"1", gone=True), "invalid_request"),
    ],
)
def test_refuses_bodies(wanted: Request, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        read(wanted)
    assert caught.value.code == code


def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "READ_SECONDS", 0.0)

    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RequestError) as caught:
        read(Request({"type": "http", "method": "POST", "headers": []}, never))
    assert caught.value.code == "request_timeout"


@pytest.mark.parametrize(
    "value",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_takes_json(value: str) -> None:
    body.check_content_type(request({"content-type": value}))


@pytest.mark.parametrize(
    "value", ["", "text/json", "application/json; charset=latin-1", "application/jsonx", "multipart/form-data"]
)
def test_takes_nothing_but_json(value: str) -> None:
    with pytest.raises(RequestError) as caught:
        body.check_content_type(request({"content-type": value}))
    assert caught.value.code == "unsupported_media_type"


def test_a_body_that_has_arrived_is_read_without_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body.asyncio, "timeout", None)
    wanted = request({"content-length": "5"})
    wanted.scope[body.ARRIVED] = b"12345"
    assert read(wanted) == b"12345"


def test_a_body_that_has_arrived_is_bounded_whatever_was_declared() -> None:
    wanted = request({"content-length": "5"})
    wanted.scope[body.ARRIVED] = bytes(11)
    with pytest.raises(RequestError) as caught:
        read(wanted)
    assert caught.value.code == "body_too_large"
