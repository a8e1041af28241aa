"""Log lines on their way out. Nobody who logs waits for where they go, which may be slow, full or gone."""

from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import TextIO

MAX_WAITING = 4096
END_SECONDS = 2.0


class LogLines:
    """At most MAX_WAITING lines wait; what comes beyond that, or cannot be written, is dropped. A thread writes."""

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self._waiting: Queue[str | None] = Queue(MAX_WAITING)
        self._writer = Thread(target=self._write, name="log", daemon=True)
        self._writer.start()

    def put(self, line: str) -> None:
        with suppress(Full):
            self._waiting.put_nowait(line)

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            with suppress(OSError, ValueError):  # ValueError: the stream was closed
                self._to.write(line + "\n")
                self._to.flush()

    def close(self) -> None:
        """What waits is written, unless that takes too long."""
        with suppress(Full):
            self._waiting.put(None, timeout=END_SECONDS)
            self._writer.join(END_SECONDS)


class LineLogger:
    """What structlog hands a finished line to."""

    def __init__(self, lines: LogLines) -> None:
        self._lines = lines

    def msg(self, message: str) -> None:
        self._lines.put(message)

    debug = info = warning = error = critical = msg
