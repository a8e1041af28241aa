"""What every answer of this door has in common."""

from collections.abc import Callable
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
_FIELDS = b"".join([name + b": " + value + b"\r\n" for name, value in _JSON])
AT_ONCE = "onrecord.answer"
"""In a request's scope: what sends status, header fields and body at once, or says that it did not."""
Sending = Callable[[int, bytes, bytes], bool]


class JsonReply(Response):
    def __init__(self, body: bytes, status: int) -> None:
        self.body = body
        self.status_code = status

    def sent(self, sending: Sending) -> bool:
        return sending(self.status_code, _FIELDS, bytes(self.body))

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % len(self.body)), *_JSON]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_reply(body: Any, status: int = 200) -> Response:
    return JsonReply(_encode(body), status)
