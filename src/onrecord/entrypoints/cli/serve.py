"""`onrecord serve`: the API and the media sockets in one process."""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import version
from types import FrameType
from typing import Any

import structlog
import uvicorn
import uvloop
from typing_extensions import override

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.api.app import create_app
from onrecord.entrypoints.api.protocol import BoundedHttp
from onrecord.entrypoints.bootstrap import open_deployment
from onrecord.entrypoints.cli import collector, options
from onrecord.entrypoints.cli.ending import force_later
from onrecord.entrypoints.cli.lastwords import take_over
from onrecord.entrypoints.cli.loglines import LineLogger, LogLines
from onrecord.entrypoints.doorstep import Doorstep, Listening
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.server import MediaServer, MediaSettings
from onrecord.workflow import outbox_keeper, subscriptions
from onrecord.workflow.alarms import keep_watch
from onrecord.workflow.command import leave_paused, resume_commands
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.health import Trouble, recovered, report
from onrecord.workflow.keep_account import keep_account
from onrecord.workflow.measures import measure_lag
from onrecord.workflow.principal import ANY_SOURCE, READY, Credentials, Scope
from onrecord.workflow.recover import recover, rest
from onrecord.workflow.tell import tell
from onrecord.workflow.withdraw import keep_reaching

GRACE_SECONDS = 20.0
MAX_CONNECTIONS = 1000
ORDERLY, DISORDERLY, NOT_STARTED = 0, 1, 2
log = structlog.get_logger("serve")


def run(argv: list[str]) -> int:
    """0 after an orderly end, 1 after another that its own process lived to see, 2 where it could not start."""
    given = options.parsed(argv)
    sys.setswitchinterval(0.0005)  # with 5 ms a commit thread holds the event loop back
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    lines = LogLines(sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: LineLogger(lines),
    )
    take_over()
    status = NOT_STARTED
    try:
        options.check_bind(given.host)
        secrets = options.secrets(given)
        options.check_ready_file(given.ready_file)
        with (
            _listen(given.host, given.port) as api,
            _listen(given.host, given.media_port) as media,
            open_deployment(options.settings(given)) as deployment,
        ):
            log.info("starting", version=version("onrecord"), hold_back=given.hold_back)
            status = uvloop.run(_serve(deployment, given, secrets, api, media))
            log.info("stopped")
    except OnRecordError as error:
        with contextlib.suppress(OSError):
            print(f"onrecord: {error.diagnostics()}", file=sys.stderr, flush=True)
        return status or DISORDERLY
    finally:
        lines.close()
    return status


def _listen(host: str, port: int) -> Listening:
    """Before anything is opened, so that a port that is taken changes nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return Listening.of(socket.create_server((host, port), family=family, backlog=2048))
    except (OSError, OverflowError) as error:
        raise options.BindError("the port is taken, or cannot be bound", code="bind_failed") from error


def _failed(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What no task caught: its type alone, as its text may quote content."""
    error = context.get("exception")
    log.error("loop_failed", error=type(error).__name__)


async def _serve(
    d: Deployment, given: argparse.Namespace, secrets: Secrets, api: Listening, media_socket: Listening
) -> int:
    """The exit status. The HTTP server answers from the start, of its health and that it is recovering; all else waits
    for recovery. Errors: those of `recover`."""
    asyncio.get_running_loop().set_exception_handler(_failed)
    report(d, Trouble.RECOVERING)
    credentials = Credentials(d)
    media = MediaServer(d, MediaSettings(media_socket, secrets))
    server = _Server(
        uvicorn.Config(
            create_app(d, credentials),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
            limit_concurrency=MAX_CONNECTIONS,
            http=BoundedHttp,
        ),
        d,
    )
    serving = asyncio.create_task(server.serve([api]))
    up = asyncio.create_task(server.up.wait())
    await asyncio.wait([serving, up], return_when=asyncio.FIRST_COMPLETED)
    if not await _recovered(d, server, serving):
        return ORDERLY
    resume_commands(d)
    outbox_keeper.begin(d)
    subscriptions.begin(d)
    await media.start()
    for door in secrets.unchecked():
        log.warning("platform_signatures_off", door=door)
    limits = options.limits(given)
    for alarm in limits.off():
        log.warning("alarm_off", alarm=alarm)
    collector.settle()
    kept = (
        keep_account(d),
        keep_watch(d, limits),
        outbox_keeper.keep_outbox(d),
        keep_reaching(d, tell),
        measure_lag(d.measures),
        collector.collect(media.is_quiet),
    )
    keepers = [asyncio.create_task(each) for each in kept]
    recovered(d, Trouble.RECOVERING)
    if not server.should_exit:
        _ready(d, credentials, given, api.getsockname()[1], media_socket.getsockname()[1])
    await serving
    for keeper in keepers:
        keeper.cancel()
    return await _end(d, media)


async def _end(d: Deployment, media: MediaServer) -> int:
    """What cannot be written now is for the next start, which is as after a kill."""
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await media.stop()
            await asyncio.gather(leave_paused(d), outbox_keeper.leave(d))
            await rest(d)
            await subscriptions.leave(d)
    except OnRecordError as error:
        log.error("not_ended", code=error.code)
    except TimeoutError:
        log.error("not_ended_in_time")
    else:
        return ORDERLY
    return DISORDERLY


async def _recovered(d: Deployment, server: "_Server", serving: asyncio.Task[None]) -> bool:
    """False where the server was told to end before it had recovered: the next start does it again.
    Errors: those of `recover`, after which nothing serves any more."""
    recovering = asyncio.create_task(recover(d))
    await asyncio.wait([serving, recovering], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        recovering.cancel()
        await asyncio.wait([recovering])
        await serving
        return False
    if recovering.exception() is not None:
        server.should_exit = True
        await serving
    await recovering
    return True


class _Server(uvicorn.Server):
    """Leaves signals to the loop, says when it has started, and ends the event streams before it waits for readers."""

    def __init__(self, config: uvicorn.Config, d: Deployment) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._doorsteps: list[Doorstep] = []
        self._d = d

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        report(self._d, Trouble.STOPPING)
        if not self.should_exit:
            force_later()
        super().handle_exit(sig, frame)

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._doorsteps = [Doorstep(each, self._protocol) for each in sockets or ()]
        self.up.set()

    def _protocol(self) -> asyncio.Protocol:
        return BoundedHttp(self.config, self.server_state, self.lifespan.state)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._d.feed.close()
        for each in self._doorsteps:
            each.close()
        await super().shutdown(sockets)


def _ready(d: Deployment, credentials: Credentials, given: argparse.Namespace, port: int, media_port: int) -> None:
    host = f"[{given.host}]" if ":" in given.host else given.host
    log.info("ready", host=given.host, api_port=port, media_port=media_port)
    if given.ready_file is None:
        print(f"api   http://{host}:{port}/v1\nmedia ws://{host}:{media_port}/v1/ingest/twilio", flush=True)
        return
    for known in credentials.list():
        if known.name == READY:
            credentials.revoke(known.id)
    key, _ = credentials.issue(ANY_SOURCE, frozenset(Scope), READY)
    body = {
        "api": f"http://{host}:{port}",
        "ws": f"ws://{host}:{media_port}",
        "api_key": key,
        "log_vkey": d.log_vkey,
    }
    partial = given.ready_file.with_name(given.ready_file.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(body, file)
    partial.replace(given.ready_file)
