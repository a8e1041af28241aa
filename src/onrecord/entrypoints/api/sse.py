"""Changes of verdict as server-sent events (HTML standard, section 9.2)."""

import asyncio
import re
from collections.abc import Callable, Sequence

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import HEADERS
from onrecord.entrypoints.api.route import Call
from onrecord.entrypoints.api.sending import put, while_taken
from onrecord.workflow.errors import NotFoundError
from onrecord.workflow.feed import Feed, Message, Subscription
from onrecord.workflow.find import find
from onrecord.workflow.history import History

KEEP_ALIVE_SECONDS = 15.0
CHUNK_MESSAGES = 200
DECISION, DIRECTIVE = "decision", "directive"
INTERACTION_ID = re.compile(r"int_[0-9a-f]{32}")

RAW_HEADERS = [
    (name.lower().encode(), value.encode()) for name, value in {**HEADERS, "Content-Type": "text/event-stream"}.items()
]

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
    if message.directives is not None:
        told = [{"directive": each.directive, "why": each.why, "t": each.t} for each in message.directives]
        body = {"interaction": message.interaction, "t": message.t, "directives": told}
        return _framed(b"directive", message, body)
    data = {
        "interaction": message.interaction,
        "kind": message.kind,
        "t": message.t,
        "verdict": message.verdict,
        "state": message.state,
        "reason": message.reason,
        "cause": message.cause,
    }
    return _framed(b"decision", message, data)


def _framed(event: bytes, message: Message, data: dict[str, object]) -> bytes:
    body = _encode({**data, "leaf_index": message.leaf_index})
    return b"event: %b\nid: %d.%d\ndata: %b\n\n" % (event, message.leaf_index, message.ordinal, body)


class EventStream:
    """An ASGI response. First what the log has after the reader's position and memory has not, page by page, then what
    a subscription brings, until either side ends it or the reader's key is revoked.

    A reader that takes nothing for 15 seconds, or lets its queue fill, is cut off; it may come back with its
    `Last-Event-ID`. It holds up nobody: the queue is its own."""

    def __init__(
        self,
        feed: Feed,
        interaction: str | None,
        history: History | None,
        allowed: Callable[[], bool],
        *,
        wanted: frozenset[str] = frozenset({DECISION}),
        head: bool,
    ) -> None:
        self._feed = feed
        self._interaction = interaction
        self._history = history
        self._allowed = allowed
        self._head = head
        self._wanted = wanted
        self._subscription = feed.subscribe(interaction, None) if history is None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        try:
            await while_taken(self._write(send), receive, "streamDecisions")
        finally:
            if self._subscription is not None:
                self._feed.drop(self._subscription)

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
        if not self._head:
            await self._messages(send)
        await put(send, b"", more=False)

    async def _messages(self, send: Send) -> None:
        await put(send, b": open\n\n")
        subscription = self._subscription or await self._caught_up(send)
        while subscription is not None and self._allowed():
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    messages = await subscription.next()
            except TimeoutError:
                await put(send, b": keep-alive\n\n")
                continue
            if not messages:
                return
            await self._frames(send, messages)

    async def _caught_up(self, send: Send) -> Subscription | None:
        """The subscription that goes on where the log's messages end; none where the reader may not go on."""
        history = self._history
        while history is not None and self._allowed() and not self._feed.closed:
            done = history.exhausted
            self._subscription = subscription = self._feed.subscribe(self._interaction, history.reached)
            if (done or self._feed.reaches(history.reached)) and not subscription.cut:
                return subscription
            self._feed.drop(subscription)
            await self._frames(send, await history.page())
        return None

    async def _frames(self, send: Send, messages: Sequence[Message]) -> None:
        told = [m for m in messages if (DECISION if m.directives is None else DIRECTIVE) in self._wanted]
        for start in range(0, len(told), CHUNK_MESSAGES):
            if self._allowed():
                await put(send, b"".join(map(frame, told[start : start + CHUNK_MESSAGES])))


async def events(call: Call) -> ASGIApp:
    interaction = call.query("interaction")
    after = parse_position(call.request.headers.get("last-event-id"))
    if interaction is not None:
        if INTERACTION_ID.fullmatch(interaction) is None:
            raise NotFoundError("there is no such interaction")
        await find(call.d, interaction)
    wanted = frozenset((call.query("events") or DECISION).split(","))
    if not wanted <= {DECISION, DIRECTIVE}:
        raise RequestError("`events` lists what is no `decision` and no `directive`")
    history = None if after is None else History(call.d, after, interaction)
    head = call.request.method == "HEAD"

    def allowed() -> bool:
        return call.credentials.stands(call.principal.id)

    return EventStream(call.d.feed, interaction, history, allowed, wanted=wanted, head=head)
