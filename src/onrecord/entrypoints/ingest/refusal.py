"""An upgrade that is answered 401 a fixed time after it came: how long it took says nothing of what was wrong."""

import asyncio
from http import HTTPStatus

from picows import WSFrame, WSListener, WSTransport, WSUpgradeResponse, WSUpgradeResponseWithListener
from typing_extensions import override

_STATUS = HTTPStatus.UNAUTHORIZED
_ANSWER = f"HTTP/1.1 {_STATUS.value} {_STATUS.phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode("ascii")


class _Silence(WSUpgradeResponse):
    """Keeps the connection, and says nothing yet."""

    @override
    def to_bytes(self) -> bytearray:
        return bytearray()


class LateRefusal(WSListener):
    """`waiting`: those that have not answered yet. What comes meanwhile is read over."""

    def __init__(self, seconds: float, waiting: "set[LateRefusal]") -> None:
        self._due = asyncio.get_running_loop().time() + seconds
        self._waiting = waiting
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, seconds: float, waiting: "set[LateRefusal]") -> WSUpgradeResponseWithListener:
        """For the socket library."""
        silence = _Silence()
        template = WSUpgradeResponse.create_101_response()
        silence.version, silence.status, silence.headers = template.version, template.status, template.headers
        silence.body = None
        return WSUpgradeResponseWithListener(silence, cls(seconds, waiting))

    @override
    def on_ws_connected(self, transport: WSTransport) -> None:
        self._waiting.add(self)
        self._timer = asyncio.get_running_loop().call_at(self._due, self._answer, transport)

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        pass

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._waiting.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _answer(self, transport: WSTransport) -> None:
        transport.underlying_transport.write(_ANSWER)
        transport.disconnect()
