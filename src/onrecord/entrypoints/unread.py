"""Cuts off peers that do not take what they are sent."""

import asyncio
from collections.abc import Callable

UNREAD_SECONDS = 15.0


class Unread:
    """Watches one connection's write buffer, from where it passes the high-water mark until it is below the low one.
    `cut` is called once: where what waits has not become less in 15 seconds, or has come to more than `most` bytes."""

    def __init__(self, transport: asyncio.WriteTransport, cut: Callable[[], None], most: int | None = None) -> None:
        self._transport = transport
        self._cut = cut
        self._most = most
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def over(self) -> None:
        self._size = self._transport.get_write_buffer_size()
        if self._timer is None and not self.check():
            self._timer = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self._look)

    def under(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def check(self) -> bool:
        """After a write: whether it was one too many."""
        if self._most is None or self._transport.get_write_buffer_size() <= self._most:
            return False
        self.under()
        self._cut()
        return True

    def _look(self) -> None:
        self._timer = None
        if self._transport.get_write_buffer_size() >= self._size:
            self._cut()
        else:
            self.over()
