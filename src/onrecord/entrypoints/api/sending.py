"""Answers that are sent part by part, as long as somebody takes them."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send

from onrecord.base.errors import OnRecordError
from onrecord.workflow.turns import turn

SEND_SECONDS = 15.0

log = structlog.get_logger("api")


async def while_taken(writing: Coroutine[Any, Any, None], receive: Receive, route: str) -> None:
    """Until `writing` ends, or the client has gone. An answer that cannot go on is left unfinished: the server then
    closes the connection, and the client sees that something is missing."""
    tasks = {asyncio.create_task(writing), asyncio.create_task(_until_gone(receive))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, OnRecordError):
                log.error("broken_off", code=ended.code, route=route)
            elif isinstance(ended, Exception) and not isinstance(ended, TimeoutError):
                log.error("unexpected", error=type(ended).__name__, route=route)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def put(send: Send, chunk: bytes, *, more: bool = True) -> None:
    """Errors: TimeoutError where the client takes nothing for 15 seconds."""
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


class Parts:
    """An ASGI response whose length is known before its bytes are. Memory: one part."""

    def __init__(self, status: int, headers: Mapping[str, str], parts: AsyncIterator[bytes], route: str) -> None:
        self._status = status
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._parts = parts
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        await while_taken(self._write(send), receive, self._route)

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        async for part in self._parts:
            await put(send, part)
            await turn()  # parts that need no disk would follow one another at once
        await put(send, b"", more=False)
