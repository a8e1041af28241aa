"""Changes of verdict as server-sent events (HTML standard, section 9.2)."""

import asyncio
import re
from collections.abc import Sequence

import msgspec
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import HEADERS
from onrecord.entrypoints.api.route import Call
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.feed import Feed, Message, Subscription
from onrecord.workflow.find import find
from onrecord.workflow.history import messages_after

KEEP_ALIVE_SECONDS = 15.0
SEND_SECONDS = 15.0
CHUNK_MESSAGES = 200
INTERACTION_ID = re.compile(r"int_[0-9a-f]{32}")

RAW_HEADERS = [
    (name.lower().encode(), value.encode()) for name, value in {**HEADERS, "Content-Type": "text/event-stream"}.items()
]

log = structlog.get_logger("api")

_POSITION = re.compile(r"(\d{1,15})\.(\d{1,9})", re.ASCII)
_encode = msgspec.json.Encoder().encode


def parse_position(text: str | None) -> tuple[int, int] | None:
    """(leaf index, ordinal) of a `Last-Event-ID`; none where there is none. Errors: RequestError."""
    if text is None:
        return None
    match = _POSITION.fullmatch(text)
    if match is None:
        raise RequestError("`Last-Event-ID` is an id that this stream gave out")
    return int(match[1]), int(match[2])


def frame(message: Message) -> bytes:
    data = {
        "interaction": message.interaction,
        "kind": message.kind,
        "t": message.t,
        "verdict": message.verdict,
        "state": message.state,
        "reason": message.reason,
        "cause": message.cause,
        "leaf_index": message.leaf_index,
    }
    return b"event: decision\nid: %d.%d\ndata: %b\n\n" % (message.leaf_index, message.ordinal, _encode(data))


class EventStream:
    """An ASGI response. First `backlog`, then what the subscription brings, until either side ends it.

    A reader that takes nothing for 15 seconds, or lets its queue fill, is cut off; it may come back with its
    `Last-Event-ID`. It holds up nobody: the queue is its own."""

    def __init__(self, feed: Feed, subscription: Subscription, backlog: Sequence[Message], *, head: bool) -> None:
        self._feed = feed
        self._subscription = subscription
        self._backlog = backlog
        self._head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        tasks = {asyncio.create_task(self._write(send)), asyncio.create_task(self._until_gone(receive))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._feed.drop(self._subscription)
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    log.error("unexpected", error=type(ended).__name__, route="streamDecisions")

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
        try:
            if not self._head:
                await self._messages(send)
            await self._put(send, b"", more=False)
        except TimeoutError:
            return

    async def _messages(self, send: Send) -> None:
        await self._put(send, b": open\n\n")
        for start in range(0, len(self._backlog), CHUNK_MESSAGES):
            await self._put(send, b"".join(map(frame, self._backlog[start : start + CHUNK_MESSAGES])))
        known = self._backlog[-1].position if self._backlog else (-1, -1)
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    messages = await self._subscription.next()
            except TimeoutError:
                await self._put(send, b": keep-alive\n\n")
                continue
            if not messages:
                return
            await self._put(send, b"".join(frame(m) for m in messages if m.position > known))

    async def _put(self, send: Send, chunk: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _subscribe(
    d: Deployment, interaction: str | None, after: tuple[int, int] | None
) -> tuple[Subscription, list[Message]]:
    """The subscription and what must be sent before it: read from the log where memory does not reach back."""
    oldest = d.feed.oldest()
    subscription = d.feed.subscribe(interaction, after)
    if after is None or (oldest is not None and oldest <= after and not subscription.cut):
        return subscription, []
    d.feed.drop(subscription)
    subscription = d.feed.subscribe(interaction, None)
    try:
        backlog = await asyncio.get_running_loop().run_in_executor(d.executor, messages_after, d, after, interaction)
    except BaseException:
        d.feed.drop(subscription)
        raise
    return subscription, backlog


async def events(call: Call) -> ASGIApp:
    interaction = call.query("interaction")
    after = parse_position(call.request.headers.get("last-event-id"))
    if interaction is not None:
        if INTERACTION_ID.fullmatch(interaction) is None:
            raise NotFoundError("there is no such interaction")
        await find(call.d, interaction)
    subscription, backlog = await _subscribe(call.d, interaction, after)
    return EventStream(call.d.feed, subscription, backlog, head=call.request.method == "HEAD")
