"""uvicorn's HTTP protocol, with bounds on what precedes a request (how long it may be, and how long it may take) and on
how long an answer may stay unread."""

import asyncio
from functools import partial

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from onrecord.entrypoints.api.body import ARRIVED
from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import AT_ONCE
from onrecord.entrypoints.unread import Unread

MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 15.0


def _sent(cycle: RequestResponseCycle, status: int, fields: bytes, body: bytes) -> bool:
    """An answer in one write, where uvicorn makes one of its head and one of its body. False where it may have to wait,
    or where uvicorn has more to say."""
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    default = [part for name, value in cycle.default_headers for part in (name, b": ", value, b"\r\n")]
    length = b"content-length: %d\r\n" % len(body)
    close = b"" if cycle.keep_alive else b"connection: close\r\n"
    cycle.transport.write(b"".join([STATUS_LINE[status], *default, length, fields, close, b"\r\n", body]))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class BoundedHttp(HttpToolsProtocol):
    """A head (request line and headers) beyond 64 KiB ends the connection with 400; one that is not whole 15 seconds
    after its first byte, or after the connection was made, ends it without a word. So does an answer of which a client
    takes nothing for 15 seconds."""

    _in_head = True
    _head_bytes = 0
    _fields_bytes = 0
    _patience: asyncio.TimerHandle | None = None
    _unread: Unread | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._unread = Unread(transport, transport.abort)
        self._wait()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_longer()
        if self._unread is not None:
            self._unread.under()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        if self._unread is not None:
            self._unread.over()
        super().pause_writing()

    @override
    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.under()
        super().resume_writing()

    @override
    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or not self._head_bytes or self.transport.is_closing():
            return
        if self._patience is None:
            self._wait()
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("the head of the request is too long")

    @override
    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait_no_longer()
        super().on_headers_complete()
        self.scope[AT_ONCE] = partial(_sent, self.cycle)  # type: ignore[literal-required]  # a word of our own

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        if AT_ONCE in self.scope:  # nobody has begun to read
            self.scope[ARRIVED] = bytes(self.cycle.body)  # type: ignore[literal-required]  # a word of our own
            self.cycle.body = bytearray()
        self._in_head = True
        self._head_bytes = self._fields_bytes = 0

    def _count(self, size: int) -> None:
        """However many arrive at once. What is raised in here the parser hands on as a request that is not valid."""
        self._fields_bytes += size
        if self._fields_bytes > MAX_HEAD_BYTES:
            raise RequestError("the head of the request is too long")

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _wait_no_longer(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
