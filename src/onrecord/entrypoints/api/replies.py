"""What every answer of this door has in common."""

from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_encode = msgspec.json.Encoder().encode
_JSON = [
    *[(name.lower().encode(), value.encode()) for name, value in HEADERS.items()],
    (b"content-type", b"application/json"),
]


class JsonReply(Response):
    """Its headers are as they are sent."""

    def __init__(self, body: bytes, status: int) -> None:
        self.body = body
        self.status_code = status
        self.raw_headers = [(b"content-length", b"%d" % len(body)), *_JSON]

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def json_reply(body: Any, status: int = 200) -> Response:
    return JsonReply(_encode(body), status)
