"""The event stream against a feed, with readers that read, stall and leave."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from onrecord.entrypoints.api import sending, sse
from onrecord.entrypoints.api.problems import RequestError
from onrecord.workflow.feed import QUEUE_LIMIT, Feed, Message


def message(index: int, ordinal: int = 0) -> Message:
    return Message(index, ordinal, "int_1", "transcript", 1.5, "stop", "stopped", "OPT_OUT", "e-1")


class Reader:
    """An ASGI client. `gate` holds back every chunk after the first until it is set."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.got = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.gone = asyncio.Event()
        self.moved = asyncio.Event()

    async def send(self, part: Any) -> None:
        if part["type"] == "http.response.body":
            self.got.set()
            await self.gate.wait()
        self.sent.append(part)
        self.moved.set()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def text(self) -> str:
        return b"".join(part.get("body", b"") for part in self.sent).decode()

    @property
    def ended(self) -> bool:
        return self.sent[-1].get("more_body") is False

    async def until(self, wanted: str) -> None:
        while wanted not in self.text:
            self.moved.clear()
            await self.moved.wait()


class Log:
    """A history of the given pages; `published` comes to the feed while the last of them is made."""

    def __init__(self, feed: Feed, *pages: list[Message], published: tuple[Message, ...] = ()) -> None:
        self.feed, self.pages, self.published = feed, list(pages), published
        self.reached = (0, 0)

    @property
    def exhausted(self) -> bool:
        return not self.pages

    async def page(self) -> list[Message]:
        page = self.pages.pop(0)
        self.reached = page[-1].position
        if not self.pages:
            self.feed.publish(self.published)
        return page


def stream(
    feed: Feed,
    reader: Reader,
    log: Any = None,
    allowed: Callable[[], bool] = lambda: True,
    *,
    head: bool = False,
) -> "asyncio.Task[None]":
    made = sse.EventStream(feed, None, log, allowed, head=head)
    return asyncio.create_task(made({}, reader.receive, reader.send))


def run(test: Callable[[Feed, Reader], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30):
            await test(Feed(), Reader())

    asyncio.run(whole())


def test_a_frame() -> None:
    lines = sse.frame(message(7, 3)).decode().split("\n")
    assert lines[:2] == ["event: decision", "id: 7.3"]
    assert lines[3:] == ["", ""]
    assert json.loads(lines[2].removeprefix("data: ")) == {
        "interaction": "int_1",
        "kind": "transcript",
        "t": 1.5,
        "verdict": "stop",
        "state": "stopped",
        "reason": "OPT_OUT",
        "cause": "e-1",
        "leaf_index": 7,
    }


def test_positions() -> None:
    assert sse.parse_position(None) is None
    assert sse.parse_position("7.3") == (7, 3)
    for text in ("", "7", "7.", ".3", "-7.3", "7.3.1", "\u0667.3", "7.3 "):
        with pytest.raises(RequestError):
            sse.parse_position(text)


def test_messages_come_after_those_of_the_log_and_once() -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        task = stream(feed, reader, Log(feed, [message(1)], [message(2)], published=(message(2), message(2, 1))))
        await reader.until("id: 2.1")
        feed.publish([message(3)])
        await reader.until("id: 3.0")
        ids = [line for line in reader.text.split("\n") if line.startswith("id: ")]
        assert ids == ["id: 1.0", "id: 2.0", "id: 2.1", "id: 3.0"]
        assert reader.text.startswith(": open\n\n")
        feed.close()
        await task
        assert reader.ended

    run(test)


def test_what_memory_has_is_not_read_again() -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        feed.publish([message(0), message(1)])
        task = stream(feed, reader, Log(feed, [message(5)]))
        await reader.until("id: 1.0")
        feed.close()
        await task
        assert reader.text.count("id:") == 1

    run(test)


def test_a_revoked_key_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        monkeypatch.setattr(sse, "KEEP_ALIVE_SECONDS", 0.0)
        stands = [True]
        task = stream(feed, reader, allowed=lambda: stands[0])
        await reader.until(": keep-alive\n\n")
        stands[0] = False
        await task
        assert reader.ended

    run(test)


def test_a_revoked_key_is_told_nothing_more() -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        stands = [True]
        task = stream(feed, reader, allowed=lambda: stands[0])
        await reader.until(": open")
        stands[0] = False
        feed.publish([message(1)])
        await task
        assert "id:" not in reader.text
        assert reader.ended

    run(test)


def test_a_stalled_reader_is_cut_off_alone() -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        other = Reader()
        tasks = [stream(feed, reader), stream(feed, other)]
        await reader.until(": open")
        await other.until(": open")
        reader.gate.clear()
        reader.got.clear()
        feed.publish([message(0)])
        await reader.got.wait()
        for index in range(1, QUEUE_LIMIT + 2):
            feed.publish([message(index)])
            if index % 100 == 0:
                await other.until(f"id: {index}.0")
        await other.until(f"id: {QUEUE_LIMIT + 1}.0")
        assert "id:" not in reader.text
        reader.gate.set()
        await tasks[0]
        assert reader.ended
        assert reader.text.count("id:") == 1
        assert not other.ended
        feed.close()
        await tasks[1]

    run(test)


def test_a_reader_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        task = stream(feed, reader)
        await reader.until(": open")
        monkeypatch.setattr(sending, "SEND_SECONDS", 0.0)
        reader.gate.clear()
        feed.publish([message(1)])
        await task
        assert "id:" not in reader.text
        assert not reader.ended

    run(test)


def test_silence_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        monkeypatch.setattr(sse, "KEEP_ALIVE_SECONDS", 0.0)
        task = stream(feed, reader)
        await reader.until(": keep-alive\n\n")
        feed.close()
        await task

    run(test)


def test_a_reader_that_leaves_is_dropped() -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        task = stream(feed, reader)
        await reader.until(": open")
        reader.gone.set()
        await task
        feed.publish([message(1)])
        assert "id:" not in reader.text

    run(test)


def test_head_has_no_body() -> None:
    async def test(feed: Feed, reader: Reader) -> None:
        await stream(feed, reader, Log(feed, [message(1)]), head=True)
        assert reader.text == ""
        assert reader.ended

    run(test)
