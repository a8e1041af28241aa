"""What every answer of this door has in common."""

from typing import Any

import msgspec
from starlette.responses import Response

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_encode = msgspec.json.Encoder().encode


def json_reply(body: Any, status: int = 200) -> Response:
    return Response(_encode(body), status, HEADERS, "application/json")
