"""Genesys AudioHook, version 2 (developer.genesys.cloud/devapps/audiohook)."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from picows import WSCloseCode, WSMsgType
from typing_extensions import override

from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import FrameError, WireError
from onrecord.capture.source import Wish
from onrecord.capture.wire import audiohook
from onrecord.capture.wire.audiohook_render import answer, offer
from onrecord.entrypoints.ingest.closes import BAD_MESSAGE, BAD_TOKEN, GOING_AWAY, GONE
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.socket import LINGER_SECONDS, MediaSocket, Sockets
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.workflow.admit import token_for
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.steer import Steering
from onrecord.workflow.stream import NewTrack, Session, Stream, close_stream, open_stream

FAILURE_SECONDS = 0.5
_SLACK = audiohook.RATE // 50  # samples by which the platform's position may differ from what came
_PREFERRED = (
    ("PCMU", {"external", "internal"}),
    ("L16", {"external", "internal"}),
    ("PCMU", {"external"}),
    ("L16", {"external"}),
    ("PCMU", {"internal"}),
    ("L16", {"internal"}),
)
log = structlog.get_logger("ingest")
_WHY = {BAD_TOKEN: "unauthorized", GONE: "completed"}


class AudiohookSocket(MediaSocket):
    """External is the customer, internal the agent. The platform is told to pause while the recording is not permitted,
    and to resume when it is. What is not of the protocol ends the session; a bad frame is counted. This side ends it by
    `disconnect` (at the end of the server by `reconnect`): the stream ends at once, the connection when the platform
    has said `close`, or after LINGER_SECONDS."""

    door = "audiohook"
    refusal_seconds = FAILURE_SECONDS

    def __init__(self, d: Deployment, upgrade: Upgrade, sockets: Sockets) -> None:
        super().__init__(d, upgrade, sockets)
        self._organization = upgrade.headers.get("audiohook-organization-id", "").strip().lower()
        self._id = upgrade.headers.get("audiohook-session-id", "").strip().lower()
        self._seq = 0
        self._clientseq = 0
        self._opened: audiohook.Open | None = None
        self._media: audiohook.Media | None = None
        self._steering: Steering | None = None
        self._position = 0  # samples, as the platform counts them
        self._origin = 0  # the position at which the stream's own second 0 is
        self._used = ""
        self._vouched = upgrade.vouched
        self._leaving: asyncio.Task[None] | None = None
        self._parting = (WSCloseCode.OK.value, "")

    @override
    @classmethod
    def admits(cls, secrets: Secrets, upgrade: Upgrade) -> bool:
        return secrets.audiohook is None or secrets.audiohook.admits(upgrade.path, upgrade.headers)

    @override
    def take(self, message: bytes, *, binary: bool) -> None:
        if not binary:
            self._text(message)
        elif self._leaving is None:
            self._sound(message)

    def _text(self, message: bytes) -> None:
        try:
            told = audiohook.parse(message)
            self._follow(told)
        except WireError as error:
            self.close(BAD_MESSAGE, error.code)
        else:
            if isinstance(told, audiohook.Close):
                self._closing(told)
            elif self._leaving is None:
                self._hear(told)

    def _follow(self, told: audiohook.Message) -> None:
        """Errors: WireError."""
        self._id = self._id or told.id
        if told.id != self._id:
            raise WireError("a message of another session", code="session_mismatch")
        if told.seq != self._clientseq + 1 or told.serverseq > self._seq:
            raise WireError("a message out of its order", code="bad_sequence")
        self._clientseq = told.seq

    def _hear(self, told: audiohook.Message) -> None:
        match told:
            case audiohook.Open():
                self._open_session(told)
            case audiohook.Resumed() | audiohook.Discarded():
                self._discarded(told)
            case _:
                self._stand(told)
                if isinstance(told, audiohook.Ping):
                    self._answer("pong", {})
                elif isinstance(told, audiohook.Update):
                    self._answer("updated", {})
                elif isinstance(told, audiohook.Dtmf):
                    self.key("customer", told.key)
                elif isinstance(told, audiohook.Paused) and self._steering is not None:
                    self._steering.said_paused(told.serverseq)

    def _open_session(self, told: audiohook.Open) -> None:
        if self._opened is not None:
            self.close(BAD_MESSAGE, "already_started")
            return
        self._opened = told
        if self._organization and told.organization != self._organization:
            self.close(BAD_TOKEN, "organization_mismatch")
        elif told.probes:
            self._answer("opened", {"media": [], "startPaused": False})
        else:
            self._media = _chosen(told.media)
            if self._media is None:
                self.close(BAD_MESSAGE, "wrong_codec")
                return
            encoding = self._media.encoding
            tracks = [NewTrack(track, audiohook.RATE, encoding) for track in self._media.tracks]
            self.begin(tracks, told.token, told.offset)

    @override
    async def enter(self, token: str, tracks: Sequence[NewTrack], offset: float | None) -> Stream:
        told, media = self._opened, self._media
        if told is None or media is None:
            raise WireError("media before `open`", code="not_started")
        if self._vouched and not token:
            token = await token_for(self._d, self.door, told.conversation)
        self._used = token
        session = Session(self._id, frozenset(told.continued)) if self._vouched else None
        if session is not None:
            await self._take_over(told)
        stream = await open_stream(self._d, token, tracks, offset, self.door, session)
        self._position = told.position
        self._origin = 0 if offset is not None else told.position
        self._steering = Steering(self._d, stream, self._tell, self._gone, self._position - self._origin)
        wish = self._steering.wish()
        self._answer("opened", {"media": offer([media]), "startPaused": wish is Wish.PAUSE})
        self._steering.begin(wish, self._seq)
        return stream

    async def _take_over(self, told: audiohook.Open) -> None:
        """Ends the session that this one continues, where it is still here: the same token says that it may."""
        for other in tuple(self._sockets.open):
            if isinstance(other, AudiohookSocket) and other is not self and other.is_one_of(told.continued, self._used):
                await other.give_way()

    def is_one_of(self, sessions: Sequence[str], token: str) -> bool:
        return bool(token) and self._used == token and self._id in sessions

    async def give_way(self) -> None:
        """Returns when the stream's end is on record."""
        self.close(WSCloseCode.OK.value, "continued")
        await self.left()

    def _sound(self, message: bytes) -> None:
        if self._steering is None or self._media is None:
            raise WireError("media before `opened`", code="not_started", media=True)
        parts = audiohook.split(message, self._media)
        at = self._position - self._origin
        self._position += len(parts[0]) // self._media.encoding.width
        refusal: FrameError | None = None
        for track, part in zip(self._media.tracks, parts, strict=True):
            try:
                self.frame(track, at, part)
            except FrameError as error:
                refusal = error
        self._steering.heard(self._position - self._origin)
        if refusal is not None:
            raise refusal

    def _stand(self, told: audiohook.Message) -> None:
        """Where the platform says it is. Sound that it left out without a word is missing; none is ever taken back."""
        if self._steering is None:
            return
        if self._steering.still:
            self._steering.stands(told.position - self._origin)
        elif told.position > self._position + _SLACK:
            self._position = told.position
        elif told.position < self._position - _SLACK:
            self._count("position_behind")

    def _discarded(self, told: audiohook.Resumed | audiohook.Discarded) -> None:
        if self._steering is None:
            self.close(BAD_MESSAGE, "not_started")
            return
        self._position = max(self._position, told.start + told.discarded)
        start = max(told.start - self._origin, 0)
        if isinstance(told, audiohook.Resumed):
            self._steering.said_resumed(start, told.discarded, told.serverseq)
        else:
            self._steering.said_discarded(start, told.discarded)

    def _tell(self, wish: Wish) -> int:
        self._answer(wish.value, {})
        return self._seq

    def _gone(self, code: str) -> None:
        self.close(GONE if code == "interaction_sealed" else BAD_MESSAGE, code)

    def _answer(self, kind: str, parameters: Mapping[str, object]) -> None:
        self._seq += 1
        text = answer(kind, self._id or audiohook.NOBODY, self._seq, self._clientseq, parameters)
        self.sent(lambda transport: transport.send(WSMsgType.TEXT, text))

    @override
    def close(self, code: int, reason: str) -> None:
        if self._leaving is not None:
            return
        if code == GOING_AWAY:
            self._answer("reconnect", {"info": reason})
            super().close(code, reason)
        else:
            self._answer("disconnect", {"reason": _WHY.get(code, "error"), "info": reason})
            self._leave(code, reason)

    def _closing(self, told: audiohook.Close) -> None:
        """The platform ends the session; `closed` says that this is on record. The connection is the platform's to end,
        unless this side had ended the session."""
        if self._leaving is not None:
            self._leaving.add_done_callback(lambda _: self._bow(part=True))
            return
        end = "stop" if told.reason is audiohook.Why.END else told.reason.value
        self._leave(WSCloseCode.OK.value, end).add_done_callback(lambda _: self._bow(part=False))

    def _bow(self, *, part: bool) -> None:
        self._answer("closed", {})
        if part:
            super().close(*self._parting)

    def _leave(self, code: int, reason: str) -> asyncio.Task[None]:
        """The stream ends now; the connection waits a while for the platform to end it."""
        loop = asyncio.get_running_loop()
        self._reason = reason
        self._parting = (code, reason)
        self._leaving = loop.create_task(self._end_stream())
        loop.call_later(LINGER_SECONDS, super().close, code, reason)
        return self._leaving

    async def _end_stream(self) -> None:
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._steering is not None:
            self._steering.end()
        try:
            if self._stream is not None:
                await close_stream(self._d, self._stream, self._reason, dict(self._refused))
        except OnRecordError as error:
            log.error("stream_not_closed", door=self.door, code=error.code)

    @override
    async def left(self) -> None:
        if self._steering is not None:
            self._steering.end()
        if self._leaving is not None:
            await asyncio.wait([self._leaving])


def _chosen(offered: Sequence[audiohook.Media]) -> audiohook.Media | None:
    """Both sides apart before one alone, and the customer's before the agent's."""
    for form, channels in _PREFERRED:
        for media in offered:
            if media.format == form and set(media.channels) == channels:
                return media
    return None
