"""The 401 that goes out a fixed time after the upgrade came, on a clock that the test moves."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from onrecord.entrypoints.ingest.refusal import LateRefusal


class Loop(asyncio.SelectorEventLoop):
    now = 100.0

    def time(self) -> float:
        return self.now

    def spin(self, now: float) -> None:
        """Whatever is due by then."""
        self.now = now
        self.call_soon(self.stop)
        self.run_forever()


class Wire:
    def __init__(self) -> None:
        self.written = b""
        self.open = True

    @property
    def underlying_transport(self) -> "Wire":
        return self

    def write(self, data: bytes) -> None:
        self.written += data

    def disconnect(self) -> None:
        self.open = False


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def refuse(loop: Loop, waiting: set[LateRefusal]) -> tuple[LateRefusal, bytes]:
    """The refusal of an upgrade that came now, and what the socket library sends for it."""

    async def come() -> tuple[LateRefusal, bytes]:
        made = LateRefusal.of(0.5, waiting)
        assert made.response.status is HTTPStatus.SWITCHING_PROTOCOLS, "else the library ends the connection at once"
        return made.listener, bytes(made.response.to_bytes())

    return loop.run_until_complete(come())


def test_nothing_is_said_before_the_time_is_up(loop: Loop) -> None:
    waiting: set[LateRefusal] = set()
    wire = Wire()
    refusal, sent = refuse(loop, waiting)
    assert sent == b""
    loop.now = 100.2  # however long the library takes until then
    loop.call_soon(refusal.on_ws_connected, wire)
    loop.spin(100.2)
    assert waiting == {refusal}
    loop.spin(100.49)
    assert (wire.written, wire.open) == (b"", True)
    loop.spin(100.5)
    assert wire.written.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert wire.written.endswith(b"\r\n\r\n")
    assert not wire.open


def test_a_peer_that_leaves_first_is_told_nothing(loop: Loop) -> None:
    waiting: set[LateRefusal] = set()
    wire = Wire()
    refusal, _ = refuse(loop, waiting)
    loop.call_soon(refusal.on_ws_connected, wire)
    loop.spin(100.1)
    refusal.on_ws_disconnected(wire)
    loop.spin(101.0)
    assert (wire.written, waiting) == (b"", set())
