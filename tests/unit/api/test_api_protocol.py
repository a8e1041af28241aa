"""An answer in one write says what uvicorn's two say, and leaves to uvicorn what it cannot do."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from onrecord.entrypoints.api import protocol
from onrecord.entrypoints.api.replies import json_reply


class Transport:
    def __init__(self):
        self.written = []
        self.closed = False

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.closed = True


def cycle_of(*, keep_alive=True, method="POST", paused=False):
    logger, ended = logging.getLogger("none"), []

    async def drain():
        raise AssertionError

    cycle = RequestResponseCycle(
        scope={"type": "http", "method": method, "headers": []},
        transport=Transport(),
        flow=SimpleNamespace(write_paused=paused, drain=drain),
        logger=logger,
        access_logger=logger,
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: ended.append(True),
    )
    return cycle, ended


def sent(cycle, answer):
    return answer.sent(lambda *given: protocol._sent(cycle, *given))


def state(cycle, ended):
    done = (cycle.response_started, cycle.response_complete, cycle.message_event.is_set())
    return (*done, cycle.transport.closed, ended)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("status", [200, 201, 409])
def test_both_ways_send_the_same(status, keep_alive):
    answer = json_reply({"a": 1}, status)
    whole, ended = cycle_of(keep_alive=keep_alive)
    parts, also = cycle_of(keep_alive=keep_alive)
    assert sent(whole, answer)
    asyncio.run(answer(parts.scope, parts.receive, parts.send))
    assert whole.transport.written == [b"".join(parts.transport.written)]
    assert state(whole, ended) == state(parts, also) == (True, True, True, not keep_alive, [True])


def test_what_it_cannot_do_it_does_not_begin():
    gone, started = cycle_of()[0], cycle_of()[0]
    gone.disconnected = started.response_started = True
    for cycle in (gone, started, cycle_of(method="HEAD")[0], cycle_of(paused=True)[0]):
        assert not sent(cycle, json_reply({}))
        assert cycle.transport.written == []
        assert not cycle.response_complete
