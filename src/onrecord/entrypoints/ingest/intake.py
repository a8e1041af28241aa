"""What came over one media socket: handled as it comes, or waiting, in order."""

import asyncio
import fcntl
import sys
import termios
from collections import deque
from collections.abc import Callable

import msgspec
from typing_extensions import override

from onrecord.entrypoints.ingest.turns import FIXED, Served, Turns
from onrecord.workflow.overload import Overload

FULL = 32_768  # bytes that may wait while the socket is read

Item = tuple[bytes, bool] | bytes | None
"""A message and whether it is binary; what a ping says; or the peer's close."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message that waits: a form that the garbage collector does not look at, however many there are."""

    payload: bytes
    binary: bool


class Intake(Served):
    """Nothing is read while it is blocked (the stream is being opened, or waits for the disk), while its turn has not
    come, and while more than FULL waits: so what waits is at most FULL and what one read brings."""

    def __init__(self, turns: "Turns[Intake]", handle: Callable[[Item], None]) -> None:
        self.overload: Overload | None = None
        self.blocked = False
        self._turns = turns
        self._handle = handle
        self._wire: asyncio.Transport | None = None
        self._number = -1
        self._waiting: deque[Message | bytes | None] = deque()
        self._size = 0
        self._held = False
        self._reading = True
        self._emptied = asyncio.Event()

    def connected(self, wire: asyncio.Transport) -> None:
        self._wire = wire
        self._number = wire.get_extra_info("socket").fileno()
        self._turns.add(self)

    def ended(self) -> None:
        self._turns.discard(self)
        self.overload = None

    def left(self, _: object) -> None:
        """Nothing comes any more. The socket is part of no circle then: its call leaves memory without the garbage
        collector, which seldom looks."""
        self._handle = _nobody

    def take(self, item: Item) -> None:
        """Handles it now, where nothing waits before it and it is nobody else's turn."""
        if not (self._turns.busy or self._waiting or self.blocked):
            self._handle(item)
            return
        waiting = Message(*item) if isinstance(item, tuple) else item
        self._waiting.append(waiting)
        self._size += _size(waiting)
        if not self.blocked:
            self._turns.wait(self)
            if self.overload is not None:
                self.overload.waits(asyncio.get_running_loop().time())
            if self._size > FULL:
                self._turns.hold(self)

    @override
    def serve(self, quantum: int) -> bool:
        served = 0
        while self._waiting and served < quantum and not self.blocked:
            item = self._waiting.popleft()
            size = _size(item)
            self._size -= size
            served += size
            self._handle((item.payload, item.binary) if isinstance(item, Message) else item)
        if not self._waiting:
            self._drained()
        return bool(self._waiting) and not self.blocked

    def _drained(self) -> None:
        self._emptied.set()
        if self.overload is not None and not self._unread():
            self._nothing_waits(self.overload, asyncio.get_running_loop().time())

    def block(self) -> None:
        self.blocked = True
        self._read()

    def unblock(self) -> None:
        self.blocked = False
        if self._waiting:
            self._turns.wait(self)
        self._read()

    @override
    def hold(self) -> None:
        self._held = True
        self._read()
        if self.overload is not None:
            self.overload.waits(asyncio.get_running_loop().time())

    @override
    def release(self) -> None:
        self._held = False
        self._read()

    def drop(self) -> None:
        """What waits is handled no more."""
        self._waiting.clear()
        self._size = 0
        self._emptied.set()

    async def empty(self) -> None:
        """Returns once nothing waits."""
        while self._waiting:
            self._emptied.clear()
            await self._emptied.wait()

    @override
    def judge(self) -> tuple[bool, bool]:
        if self.overload is None:
            return self._held or bool(self._waiting), False
        now = asyncio.get_running_loop().time()
        if not self.blocked and (self._waiting or self._unread()):
            self.overload.waits(now)
        else:
            self._nothing_waits(self.overload, now)
        return self.overload.judge(now)

    def _nothing_waits(self, overload: Overload, now: float) -> None:
        """For this process: what waits for the disk does not count. Unread it may come at any moment."""
        if self._held or self.blocked:
            overload.restarts(now)
        else:
            overload.caught_up(now)

    def _unread(self) -> bool:
        """Whether the kernel holds bytes that were not read."""
        if self._wire is None or self._wire.is_closing():
            return False
        return int.from_bytes(fcntl.ioctl(self._number, termios.FIONREAD, bytes(4)), sys.byteorder) > 0

    def _read(self) -> None:
        wanted = not self._held and not self.blocked
        if wanted is self._reading or self._wire is None or self._wire.is_closing():
            return
        self._reading = wanted
        if wanted:
            self._wire.resume_reading()
        else:
            self._wire.pause_reading()


def _nobody(_: Item) -> None:
    pass


def _size(item: Message | bytes | None) -> int:
    if item is None:
        return FIXED
    return FIXED + len(item if isinstance(item, bytes) else item.payload)
