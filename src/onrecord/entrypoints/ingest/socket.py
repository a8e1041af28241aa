"""One media socket: messages in, frames to the gates; the parts that every door shares."""

import asyncio
import socket
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from typing_extensions import override

from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import FrameError, WireError
from onrecord.entrypoints.ingest.closes import BAD_MESSAGE, GOING_AWAY, INTERNAL, close_code
from onrecord.entrypoints.ingest.intake import Intake, Item
from onrecord.entrypoints.ingest.messages import Messages
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.turns import FIXED, Turns
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.entrypoints.unread import Unread
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.opt_out import pressed
from onrecord.workflow.overload import Overload
from onrecord.workflow.stream import NewTrack, Stream, close_stream, offer, open_stream, refuse, room

MAX_REFUSED = 200
MAX_PRESSED = 4  # keys of a socket that are being told at a time; what comes while so many are says nothing new
MAX_UNREAD = 262_144  # bytes sent and not taken by the peer, beside what the kernel holds
START_SECONDS = 30.0
LINGER_SECONDS = 2.0
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
_CLOSE, _PING, _PONG = WSMsgType.CLOSE, WSMsgType.PING, WSMsgType.PONG

log = structlog.get_logger("ingest")


@dataclass(frozen=True, slots=True)
class Sockets:
    """Those that are open, and how they share the event loop."""

    turns: Turns[Intake] = field(default_factory=Turns)
    open: "set[MediaSocket]" = field(default_factory=set)


class MediaSocket(WSListener):
    """Pings and the peer's close keep their place among the messages: a pong says that all before it was taken. A
    message that is not of the protocol is refused and counted, and the stream goes on, unless it comes before `start`
    or too often; of a track that is not taken none comes too often. A close from this side frees the tracks at once;
    the connection lingers until the peer closes. A peer that does not read what it is sent is cut off."""

    door = ""
    refusal_seconds: float | None = None  # how long after an upgrade its 401 goes out, whatever is wrong with it
    challenge: str | None = None  # of the 401 that an upgrade gets which is not admitted (RFC 9110, 11.6.1); else 403

    def __init__(self, d: Deployment, upgrade: Upgrade, sockets: Sockets) -> None:
        self._d = d
        self._token = upgrade.token
        self._offset = upgrade.offset
        self._sockets = sockets
        self._turns = sockets.turns
        self._intake = Intake(sockets.turns, self._handle)
        self._unread: Unread | None = None
        self._transport: WSTransport | None = None
        self._messages = Messages()
        self._opening: asyncio.Task[None] | None = None
        self._waiting_for_disk: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._pressed: set[asyncio.Task[None]] = set()
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
        wire = transport.underlying_transport
        self._unread = Unread(wire, self._cut_off, MAX_UNREAD)
        self._sockets.open.add(self)
        self._intake.connected(wire)
        connection = wire.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a peer that vanished frees its tracks
        for option, value in _KEEP_ALIVE:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        self._impatience = asyncio.get_running_loop().call_later(START_SECONDS, self.close, BAD_MESSAGE, "not_started")

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        turns = self._turns
        turns.left -= FIXED + frame.payload_size
        if kind is _CLOSE:
            self._intake.take(None)
        elif self._closed or kind is _PONG:
            pass
        elif kind is _PING:
            self._intake.take(frame.get_payload_as_bytes())
        else:
            try:
                whole = self._messages.take(frame)
            except WireError as error:
                self.close(close_code(error), error.code)
            else:
                if whole is not None:
                    self._intake.take(whole)
        if turns.left < 0:
            turns.look()

    def _handle(self, item: Item) -> None:
        if item is None:
            self._answer_close()
            return
        if self._closed:
            return
        if isinstance(item, bytes):
            self.sent(lambda transport: transport.send_pong(item))
            return
        try:
            self.take(item[0], binary=item[1])
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
        if self._refused.total() - self._refused["unknown_track"] > MAX_REFUSED:
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
        self._intake.block()

    async def _open(self, token: str, tracks: Sequence[NewTrack], offset: float | None) -> None:
        try:
            self._stream = await self.enter(token, tracks, offset)
            self._intake.overload = Overload(self._d, self._stream)
        except OnRecordError as error:
            self.close(close_code(error), error.code)
        except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
            log.error("stream_not_opened", door=self.door, error=type(error).__name__)
            self.close(INTERNAL, "internal")
        self._opening = None
        self._intake.unblock()

    async def enter(self, token: str, tracks: Sequence[NewTrack], offset: float | None) -> Stream:
        """Errors: OnRecordError."""
        return await open_stream(self._d, token, tracks, offset, self.door)

    async def left(self) -> None:
        """Before the stream is closed: for a door that has something of its own to end."""

    def frame(self, track: str, timestamp: int, payload: bytes) -> None:
        """Errors: WireError before `start` or for a track that was not announced, FrameError, SealedError."""
        if self._stream is None:
            raise WireError("media before `start`", code="not_started")
        if track not in self._stream.tracks:
            raise WireError("a track that was not announced", code="unknown_track", media=True)
        if offer(self._d, self._stream, track, timestamp, payload) and self._waiting_for_disk is None:
            self._waiting_for_disk = asyncio.get_running_loop().create_task(self._wait_for_disk(self._stream))
            self._intake.block()

    def key(self, track: str, key: str) -> None:
        """A key that was pressed on a track of the open stream."""
        stream, wanted = self._stream, key in self._d.triggers.chosen.keys and len(self._pressed) < MAX_PRESSED
        if not wanted or stream is None or track not in stream.tracks:
            return
        task = asyncio.get_running_loop().create_task(pressed(self._d, stream.live, track, key, stream.head))
        self._pressed.add(task)
        task.add_done_callback(self._pressed.discard)

    async def _wait_for_disk(self, stream: Stream) -> None:
        await room(stream)
        self._waiting_for_disk = None
        self._intake.unblock()

    def sent(self, write: Callable[[WSTransport], None]) -> None:
        """Sends by `write`, and cuts off a peer that does not read."""
        if self._transport is None or self._unread is None:
            return
        write(self._transport)
        self._unread.check()

    @override
    def pause_writing(self) -> None:
        if self._unread is not None:
            self._unread.over()

    @override
    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.under()

    def _cut_off(self) -> None:
        self._reason, self._unread = "not_read", None
        log.warning("peer_does_not_read", door=self.door)
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

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
        self._intake.drop()
        self._transport.send_close(WSCloseCode(code), reason)
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._part, self._transport)
        self._finish()

    def _answer_close(self) -> None:
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._part, self._transport)

    def _part(self, transport: WSTransport) -> None:
        """Whether or not the peer has read everything."""
        transport.disconnect(graceful=False)

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._finish()
        if self._ending is not None:
            self._ending.add_done_callback(self._intake.left)

    def _finish(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
        if self._unread is not None:
            self._unread.under()
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        try:
            if self._opening is not None:
                await asyncio.wait([self._opening])
            await self._intake.empty()
            overload, self._intake.overload = self._intake.overload, None
            if overload is not None:
                overload.end()
            if self._pressed:
                await asyncio.wait(self._pressed)
            await self.left()
            if self._stream is not None:
                await close_stream(self._d, self._stream, self._reason, dict(self._refused))
        except OnRecordError as error:
            log.error("stream_not_closed", door=self.door, code=error.code)
        finally:
            self._intake.ended()
            self._sockets.open.discard(self)
            self._unread = None

    async def shut_down(self) -> None:
        """For the end of the server: closes, and waits until the close is on record."""
        self.close(GOING_AWAY, "going_away")
        self._finish()
        if self._ending is not None:
            await self._ending
        if self._transport is not None:
            self._transport.disconnect()
