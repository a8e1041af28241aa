"""Taking connections, also while file descriptors run out. uvloop gives a listening socket up for good when `accept`
fails; what a media socket is served by would try again at once, for ever."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from onrecord.workflow.descriptors import is_last

AT_ONCE = 64
AGAIN_SECONDS = 0.5


class Listening(socket.socket):
    """A bound socket that hands no connection on which would take one of the last descriptors: it is closed."""

    @classmethod
    def of(cls, bound: socket.socket) -> "Listening":
        return cls(fileno=bound.detach())

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        """Errors: OSError."""
        connection, address = super().accept()
        while is_last(connection.fileno()):
            connection.close()
            connection, address = super().accept()
        return connection, address

    @override
    def listen(self, backlog: int = 0, /) -> None:
        """It does, and keeps its backlog: to what serves it, that is how many connections it takes at once."""

    def remove_reader(self, descriptor: int) -> None:
        """The server of the media sockets (aiofastnet 1.2) asks the socket, not the loop, to be left alone for a
        second when no descriptor is left."""
        asyncio.get_running_loop().remove_reader(descriptor)


class Doorstep:
    """Takes connections from now on; `serve` makes the protocol of each."""

    def __init__(self, listening: socket.socket, serve: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._serve = serve
        self._greeting: set[asyncio.Task[Any]] = set()
        self._again: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._open()

    def _open(self) -> None:
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except ConnectionAbortedError:
                continue
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._loop.remove_reader(self._listening.fileno())
                self._again = self._loop.call_later(AGAIN_SECONDS, self._open)
                return
            connection.setblocking(False)
            greeting = self._loop.create_task(self._loop.connect_accepted_socket(self._serve, connection))
            self._greeting.add(greeting)
            greeting.add_done_callback(self._greeting.discard)

    def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listening.fileno())
