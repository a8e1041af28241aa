"""One media socket: messages in, frames to the gates; the parts that every door shares."""

import asyncio
import socket
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from typing_extensions import override

from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import FrameError, WireError
from onrecord.entrypoints.ingest.closes import BAD_MESSAGE, GOING_AWAY, INTERNAL, close_code
from onrecord.entrypoints.ingest.messages import Messages
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.stream import NewTrack, Stream, close_stream, offer, open_stream, refuse

MAX_REFUSED = 200
MAX_UNSEALED = 32  # hand-overs of a call that wait for the disk while its sockets are still read
START_SECONDS = 30.0
LINGER_SECONDS = 2.0
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))

log = structlog.get_logger("ingest")
Waiting = tuple[bytes, bool] | bytes


class MediaSocket(WSListener):
    """Reading pauses while the stream is being opened, and while the disk is behind: what waits here is at most what
    was read before. Pings keep their place among the messages: a pong says that all before it was taken. A message
    that is not of the protocol is refused and counted, and the stream goes on, unless it comes before `start` or too
    often. A close from this side frees the tracks at once; the connection lingers, unread, until the peer closes."""

    door = ""
    challenge: str | None = None  # of the 401 that an upgrade gets which is not admitted (RFC 9110, 11.6.1); else 403

    def __init__(self, d: Deployment, upgrade: Upgrade, sockets: "set[MediaSocket]") -> None:
        self._d = d
        self._token = upgrade.token
        self._offset = upgrade.offset
        self._sockets = sockets
        self._transport: WSTransport | None = None
        self._messages = Messages()
        self._waiting: list[Waiting] = []
        self._opening: asyncio.Task[None] | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._impatience: asyncio.TimerHandle | None = None
        self._stream: Stream | None = None
        self._refused: Counter[str] = Counter()
        self._reason = "disconnected"
        self._closed = False

    @classmethod
    def admits(cls, secrets: Secrets, upgrade: Upgrade) -> bool:  # noqa: ARG003  a door without a signature of its own
        """Whether the platform's own signature on the upgrade holds, or none is asked for."""
        return True

    @property
    def unopened(self) -> bool:
        return self._stream is None

    @abstractmethod
    def take(self, message: bytes, *, binary: bool) -> None:
        """One whole message. Errors: OnRecordError."""

    @override
    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._sockets.add(self)
        wire = transport.underlying_transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a peer that vanished frees its tracks
        for option, value in _KEEP_ALIVE:
            wire.setsockopt(socket.IPPROTO_TCP, option, value)
        self._impatience = asyncio.get_running_loop().call_later(START_SECONDS, self.close, BAD_MESSAGE, "not_started")

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif self._closed or kind is WSMsgType.PONG:
            pass
        elif kind is WSMsgType.PING:
            self._in_turn(frame.get_payload_as_bytes())
        else:
            try:
                whole = self._messages.take(frame)
            except WireError as error:
                self.close(close_code(error), error.code)
            else:
                if whole is not None:
                    self._in_turn(whole)

    def _in_turn(self, item: Waiting) -> None:
        if self._opening is not None:
            self._waiting.append(item)
        elif isinstance(item, tuple):
            self._message(*item)
        elif self._transport is not None:
            self._transport.send_pong(item)

    def _message(self, message: bytes, binary: bool) -> None:
        if self._closed:
            return
        try:
            self.take(message, binary=binary)
        except FrameError as error:
            self._count(error.code)
        except WireError as error:
            if self._stream is None:
                self.close(close_code(error), error.code)
            else:
                if error.media:
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
        if self._stream is not None:
            raise WireError("a stream starts once", code="already_started")
        if self._impatience is not None:
            self._impatience.cancel()
        given = token if token is not None else self._token
        start = offset if offset is not None else self._offset
        self._opening = asyncio.get_running_loop().create_task(self._open(given or "", tracks, start))
        self._read(on=False)

    async def _open(self, token: str, tracks: Sequence[NewTrack], offset: float | None) -> None:
        try:
            self._stream = await open_stream(self._d, token, tracks, offset, self.door)
        except OnRecordError as error:
            self.close(close_code(error), error.code)
        except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
            log.error("stream_not_opened", door=self.door, error=type(error).__name__)
            self.close(INTERNAL, "internal")
        self._opening = None
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._in_turn(item)
        if self._catching_up is None:
            self._read(on=True)

    def frame(self, track: str, timestamp: int, payload: bytes) -> None:
        """Errors: WireError before `start` or for a track that was not announced, FrameError, SealedError."""
        if self._stream is None:
            raise WireError("media before `start`", code="not_started")
        if track not in self._stream.tracks:
            raise WireError("a track that was not announced", code="unknown_track", media=True)
        offer(self._d, self._stream, track, timestamp, payload)
        if len(self._stream.live.sealing) > MAX_UNSEALED and self._catching_up is None:
            self._catching_up = asyncio.get_running_loop().create_task(self._catch_up(self._stream))
            self._read(on=False)

    async def _catch_up(self, stream: Stream) -> None:
        await asyncio.wait(set(stream.live.sealing))
        self._catching_up = None
        self._read(on=True)

    def _read(self, *, on: bool) -> None:
        if self._transport is not None and not self._transport.is_disconnected:
            wire = self._transport.underlying_transport
            if on:
                wire.resume_reading()
            else:
                wire.pause_reading()

    def stop(self, reason: str = "stop") -> None:
        """The platform ended the stream; `reason` is a code of a closed list."""
        self._reason = reason
        self.close(WSCloseCode.OK.value, "")

    def close(self, code: int, reason: str) -> None:
        """Ends the stream from this side; `reason` is a stable code. Again: nothing."""
        if self._closed or self._transport is None:
            return
        self._closed = True
        self._reason = reason or self._reason
        self._transport.send_close(WSCloseCode(code), reason)
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.disconnect)
        self._finish()

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
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
        self._finish()
        if self._ending is not None:
            await self._ending
        if self._transport is not None:
            self._transport.disconnect()
