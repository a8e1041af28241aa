"""Peers that do not take what they are sent, on a clock that stands still until told."""

from typing import Any, cast

from ingest_clock import advance, run, turns

from onrecord.entrypoints.ingest.neutral import NeutralSocket
from onrecord.entrypoints.ingest.socket import MAX_UNREAD, Sockets
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.entrypoints.unread import UNREAD_SECONDS, Unread


class Buffer:
    """As much of a transport as is asked for: how much waits to be written."""

    def __init__(self, size: int) -> None:
        self.size = size

    def get_write_buffer_size(self) -> int:
        return self.size


class Case:
    def __init__(self, size: int, most: int | None = None) -> None:
        self.buffer = Buffer(size)
        self.cuts = 0
        self.unread = Unread(self.buffer, self._cut, most)  # type: ignore[arg-type]  as much of one as is asked for

    def _cut(self) -> None:
        self.cuts += 1

    async def later(self, seconds: float) -> None:
        advance(seconds)
        await turns(2)


def test_a_peer_that_takes_nothing_is_cut_off() -> None:
    async def story() -> None:
        case = Case(100)
        case.unread.over()
        await case.later(UNREAD_SECONDS - 0.1)
        assert case.cuts == 0
        await case.later(0.2)
        assert case.cuts == 1
        await case.later(10 * UNREAD_SECONDS)
        assert case.cuts == 1

    run(story())


def test_one_that_takes_little_has_more_time() -> None:
    async def story() -> None:
        case = Case(100)
        case.unread.over()
        for size in (90, 80, 79):
            case.buffer.size = size
            await case.later(UNREAD_SECONDS)
            assert case.cuts == 0
        await case.later(UNREAD_SECONDS)
        assert case.cuts == 1

    run(story())


def test_one_that_has_taken_it_is_left_alone() -> None:
    async def story() -> None:
        case = Case(100)
        case.unread.over()
        case.unread.under()
        await case.later(10 * UNREAD_SECONDS)
        assert case.cuts == 0
        case.unread.over()
        await case.later(UNREAD_SECONDS)
        assert case.cuts == 1

    run(story())


def test_too_much_at_once_is_not_waited_for() -> None:
    async def story() -> None:
        case = Case(100, most=150)
        case.unread.over()
        assert not case.unread.check()
        case.buffer.size = 151
        assert case.unread.check()
        assert case.cuts == 1
        await case.later(10 * UNREAD_SECONDS)
        assert case.cuts == 1

    run(story())


class Peer(Buffer):
    """A media socket's transport; notes what it is told."""

    def __init__(self) -> None:
        super().__init__(MAX_UNREAD)
        self.told: list[str] = []

    def send_pong(self) -> None:
        self.size += 1
        self.told.append("pong")

    def disconnect(self, *, graceful: bool) -> None:
        assert not graceful
        self.told.append("cut off")


def test_one_that_was_cut_off_is_sent_nothing_more() -> None:
    async def story() -> None:
        peer = Peer()
        door = NeutralSocket(cast("Any", None), Upgrade("", "", {}, {}), Sockets())
        door._transport = cast("Any", peer)
        door._unread = Unread(cast("Any", peer), door._cut_off, MAX_UNREAD)
        for _ in range(3):
            door.sent(lambda _: peer.send_pong())
        assert peer.told == ["pong", "cut off"]

    run(story())
