"""The platform's end of a Twilio media stream: both tracks of a call, one direction."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol
from urllib.parse import quote

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from typing_extensions import override

from onrecord.base.errors import Disposition, OnRecordError
from onrecord.capture.wire.twilio import Connected, Media, Message, Start, Stop
from onrecord.capture.wire.twilio_render import render


class Sound(Protocol):
    """`ulaw`: by track, one byte a sample."""

    @property
    def sample_rate(self) -> int: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def ulaw(self) -> Mapping[str, bytes]: ...


OnTime = Callable[[float], Awaitable[None]]

FRAME_MS = 20
CLOSE_TIMEOUT_S = 30.0
TRACKS = ("customer", "agent")

_REGULAR = (0, 1000)  # a close frame without a code, or with 1000 (RFC 6455, section 7.4.1)
_ACCOUNT = "AC" + "0" * 32
_STREAM = "MZ" + "0" * 32
_CALL = "CA" + "0" * 32


class StreamError(OnRecordError):
    """The server refused the stream (`stream_refused`), closed it before its end or did not answer the close
    (`stream_cut`)."""

    code = "stream_refused"
    disposition = Disposition.RETRY


class _Platform(WSListener):
    """`writable`: cleared while the transport's buffer is full. `close_code`: what the server sent, else None."""

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.close_code: int | None = None

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.close_code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big")
            transport.send_close()
            transport.disconnect()

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.writable.set()

    @override
    def pause_writing(self) -> None:
        self.writable.clear()

    @override
    def resume_writing(self) -> None:
        self.writable.set()


def _opening(token: str, offset: float) -> tuple[Connected, Start]:
    return (
        Connected(version="1.0.0"),
        Start(
            sequence=1,
            stream_sid=_STREAM,
            account_sid=_ACCOUNT,
            call_sid=_CALL,
            tracks=TRACKS,
            token=token,
            offset=offset,
        ),
    )


def _media(call: Sound, index: int) -> Iterator[Media]:
    """The 20 ms frame `index`, one message a track."""
    size = call.sample_rate * FRAME_MS // 1000
    for position, track in enumerate(TRACKS):
        yield Media(
            sequence=2 + index * len(TRACKS) + position,
            stream_sid=_STREAM,
            track=track,
            chunk=index + 1,
            timestamp=index * FRAME_MS,
            payload=call.ulaw[track][index * size : (index + 1) * size],
        )


def _send(transport: WSTransport, message: Message) -> None:
    transport.send(WSMsgType.TEXT, render(message))


async def _stream(
    call: Sound, transport: WSTransport, platform: _Platform, on_time: OnTime, *, speed: float, offset: float
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    frames = round(call.duration_s * 1000 / FRAME_MS)
    for index in range(frames):
        t = index * FRAME_MS / 1000
        await asyncio.sleep(max(0.0, began + t / speed - loop.time()) if speed else 0)
        await on_time(offset + t)
        await platform.writable.wait()
        if transport.is_disconnected or platform.close_code is not None:
            reason = platform.close_code or "no code"
            raise StreamError(f"the server closed the stream at {t:.2f} s with {reason}", code="stream_cut")
        for message in _media(call, index):
            _send(transport, message)
    await on_time(offset + call.duration_s)
    _send(transport, Stop(2 + frames * len(TRACKS), _STREAM, _ACCOUNT, _CALL))


async def _closed(transport: WSTransport, platform: _Platform) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await transport.wait_disconnected()
    except TimeoutError as error:
        raise StreamError("the server did not answer the close", code="stream_cut") from error
    if platform.close_code not in _REGULAR:
        reason = platform.close_code or "no code"
        raise StreamError(f"the server ended the stream with {reason}", code="stream_cut")


async def play(call: Sound, ws: str, token: str, on_time: OnTime, *, speed: float = 0.0, offset: float = 0.0) -> None:
    """Returns once the server has answered the close, so has read every message.

    `ws`: origin of the server. `on_time(t)` is awaited before the media at interaction second t is sent, and at the
    end of the call before `stop`; its errors end the stream and pass through. `speed`: media seconds a second, 0 as
    fast as the socket takes them. `offset`: the interaction second of stream time 0. Errors: StreamError.
    """
    platform = _Platform()
    try:
        transport, _ = await ws_connect(lambda: platform, f"{ws}/v1/ingest/twilio?token={quote(token, safe='')}")
    except (WSError, OSError, TimeoutError) as error:
        raise StreamError("the server did not open the stream") from error
    try:
        for message in _opening(token, offset):
            _send(transport, message)
        await _stream(call, transport, platform, on_time, speed=speed, offset=offset)
        transport.send_close(WSCloseCode.OK)
        await _closed(transport, platform)
    finally:
        transport.disconnect(graceful=False)
