"""Listens for media sockets, beside the HTTP server."""

import asyncio
import logging
import socket
from dataclasses import dataclass, replace
from http import HTTPStatus

import structlog
from picows import (
    WSListener,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)
from typing_extensions import override

from onrecord.entrypoints.ingest.doors import DOORS
from onrecord.entrypoints.ingest.messages import MAX_FRAME
from onrecord.entrypoints.ingest.refusal import LateRefusal
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.socket import Sockets
from onrecord.entrypoints.ingest.upgrade import read
from onrecord.workflow.deployment import Deployment

log = structlog.get_logger("ingest")


KERNEL_BYTES = 65_536  # of each direction of a connection, which the kernel doubles for its own needs
ACCEPTED_AT_ONCE = 8
MAX_UNOPENED = 256  # sockets that have shown no valid token yet


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """`listening`: a socket that listens, which the server takes over."""

    listening: socket.socket
    secrets: Secrets


class MediaServer:
    def __init__(self, d: Deployment, settings: MediaSettings) -> None:
        self._d = d
        self._settings = settings
        self._sockets = Sockets()
        self._late: set[LateRefusal] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._settings.listening.setsockopt(socket.SOL_SOCKET, option, KERNEL_BYTES)
        self._server = await ws_create_server(
            self._admit,
            sock=self._settings.listening,
            backlog=ACCEPTED_AT_ONCE,
            max_frame_size=MAX_FRAME,
            enable_auto_pong=False,
            logger_name=_library_log(),
        )

    def _admit(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener | None:
        """None is answered by 404; 403 or 401 to one that the door does not admit; 503 where too many have opened
        nothing, and while a stream is handled slower than real time."""
        crowded = sum(each.unopened for each in self._sockets.open) + len(self._late) >= MAX_UNOPENED
        if crowded or self._sockets.turns.overloaded:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE)
        upgrade = read(request)
        door = None if upgrade is None else DOORS.get(upgrade.door)
        if upgrade is None or door is None:
            return None
        if not door.admits(self._settings.secrets, upgrade):
            if door.refusal_seconds is not None:
                return LateRefusal.of(door.refusal_seconds, self._late)
            return _refused(HTTPStatus.FORBIDDEN) if door.challenge is None else _challenged(door.challenge)
        vouched = self._settings.secrets.checks(door.door)
        return door(self._d, replace(upgrade, vouched=vouched), self._sockets)

    def is_quiet(self) -> bool:
        return not self._sockets.open

    async def stop(self) -> None:
        """No new sockets; those that are open are closed, and their close is on record."""
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(each.shut_down() for each in tuple(self._sockets.open)))


def _refused(status: HTTPStatus) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status), None)


def _challenged(challenge: str) -> WSUpgradeResponseWithListener:
    headers = {"WWW-Authenticate": challenge}
    return WSUpgradeResponseWithListener(
        WSUpgradeResponse.create_error_response(HTTPStatus.UNAUTHORIZED, None, headers), None
    )


class _CodeOnly(logging.Handler):
    """The library's own words may quote a peer: they are not logged, nor that it spoke no WebSocket. A failure is."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None:
            log.error("socket_library_failed")


def _library_log() -> logging.Logger:
    logger = logging.getLogger("onrecord.ingest")
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    logger.handlers = [_CodeOnly()]
    return logger
