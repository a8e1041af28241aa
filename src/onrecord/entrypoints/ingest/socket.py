"""One media socket: messages in, frames to the gates; the parts that every door shares."""

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from typing_extensions import override

from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import FrameError, WireError
from onrecord.entrypoints.ingest.closes import BAD_MESSAGE, GOING_AWAY, INTERNAL, TOO_BIG, close_code
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.stream import NewTrack, Stream, close_stream, offer, open_stream, refuse

MAX_MESSAGE = 1_100_000
MAX_WAITING = 1000
MAX_REFUSED = 200

log = structlog.get_logger("ingest")


class MediaSocket(WSListener):
    """Frames that come while the stream is being opened wait, up to MAX_WAITING messages. A message that is not of the
    protocol is refused and counted, and the stream goes on, unless it comes before `start` or too often."""

    door = ""

    def __init__(self, d: Deployment, token: str | None, offset: float | None, sockets: "set[MediaSocket]") -> None:
        self._d = d
        self._token = token
        self._offset = offset
        self._sockets = sockets
        self._transport: WSTransport | None = None
        self._partial: bytearray | None = None
        self._waiting: list[tuple[bytes, bool]] = []
        self._opening: asyncio.Task[None] | None = None
        self._stream: Stream | None = None
        self._refused: Counter[str] = Counter()
        self._reason = "disconnected"
        self._closing: asyncio.Task[None] | None = None

    @abstractmethod
    def take(self, message: bytes, *, binary: bool) -> None:
        """One whole message. Errors: OnRecordError."""

    @override
    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._sockets.add(self)

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            if frame.fin:
                self._message(frame.get_payload_as_bytes(), binary=kind is WSMsgType.BINARY)
            else:
                self._partial = bytearray(frame.get_payload_as_bytes())
                self._binary = kind is WSMsgType.BINARY
        elif kind is WSMsgType.CONTINUATION and self._partial is not None:
            self._partial += frame.get_payload_as_bytes()
            if len(self._partial) > MAX_MESSAGE:
                self.close(TOO_BIG, "frame_too_large")
            elif frame.fin:
                whole, self._partial = bytes(self._partial), None
                self._message(whole, binary=self._binary)
        elif kind is WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def _message(self, message: bytes, *, binary: bool) -> None:
        if self._closing is not None:
            return
        if self._opening is not None and not self._opening.done():
            self._waiting.append((message, binary))
            if len(self._waiting) > MAX_WAITING:
                self.close(BAD_MESSAGE, "opening_too_slow")
            return
        try:
            self.take(message, binary=binary)
        except FrameError as error:
            self._count(error.code)
        except WireError as error:
            if self._stream is None:
                self.close(close_code(error), error.code)
            else:
                refuse(self._stream)
                self._count(error.code)
        except OnRecordError as error:
            self.close(close_code(error), error.code)
        except Exception as error:  # noqa: BLE001  the outermost loop of a socket: one bad call must not end the others
            log.error("socket_failed", door=self.door, error=type(error).__name__)
            self.close(INTERNAL, "internal")

    def _count(self, code: str) -> None:
        self._refused[code] += 1
        if self._refused.total() > MAX_REFUSED:
            self.close(BAD_MESSAGE, "too_many_bad_messages")

    def begin(self, tracks: Sequence[NewTrack], token: str | None, offset: float | None) -> None:
        """Opens the stream in the background. Errors: WireError where one is open."""
        if self._stream is not None or self._opening is not None:
            raise WireError("a stream starts once", code="already_started")
        given = token if token is not None else self._token
        start = offset if offset is not None else self._offset
        self._opening = asyncio.get_running_loop().create_task(self._open(given or "", tracks, start))

    async def _open(self, token: str, tracks: Sequence[NewTrack], offset: float | None) -> None:
        try:
            self._stream = await open_stream(self._d, token, tracks, offset, self.door)
        except OnRecordError as error:
            self.close(close_code(error), error.code)
            return
        except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
            log.error("stream_not_opened", door=self.door, error=type(error).__name__)
            self.close(INTERNAL, "internal")
            return
        self._opening = None
        waiting, self._waiting = self._waiting, []
        for message, binary in waiting:
            self._message(message, binary=binary)

    def frame(self, track: str, timestamp: int, payload: bytes) -> None:
        """Errors: WireError before `start` or for a track that was not announced, FrameError, StreamConflictError."""
        if self._stream is None:
            raise WireError("media before `start`", code="not_started")
        if track not in self._stream.tracks:
            raise WireError("a track that was not announced", code="unknown_track")
        offer(self._d, self._stream, track, timestamp, payload)

    def stop(self) -> None:
        self._reason = "stop"
        self.close(WSCloseCode.OK.value, "")

    def close(self, code: int, reason: str) -> None:
        """Ends the socket from this side; `reason` is a stable code."""
        if self._reason == "disconnected" and reason:
            self._reason = reason
        if self._transport is not None and not self._transport.is_close_frame_sent:
            payload = code.to_bytes(2, "big") + reason.encode()
            self._transport.send(WSMsgType.CLOSE, payload)
            self._transport.disconnect()

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._closing = asyncio.get_running_loop().create_task(self._ended())

    async def _ended(self) -> None:
        try:
            if self._opening is not None:
                await asyncio.wait([self._opening])
            if self._stream is not None:
                await close_stream(self._d, self._stream, self._reason, dict(self._refused))
        except OnRecordError as error:
            log.error("stream_not_closed", door=self.door, code=error.code)
        finally:
            self._sockets.discard(self)

    async def shut_down(self) -> None:
        """For the end of the server: closes, and waits until the close is on record."""
        self.close(GOING_AWAY, "going_away")
        if self._transport is not None:
            await self._transport.wait_disconnected()
        if self._closing is not None:
            await self._closing
