"""Lines of the log go out in order; where they cannot, nobody who logs waits or fails."""

import io
from threading import Event

from onrecord.entrypoints.cli import loglines
from onrecord.entrypoints.cli.loglines import LineLogger, LogLines


def test_lines_are_written_in_order_and_the_last_ones_before_the_end() -> None:
    to = io.StringIO()
    lines = LogLines(to)
    for number in range(100):
        LineLogger(lines).info(str(number))
    lines.close()
    assert to.getvalue().split() == [str(number) for number in range(100)]


class FullNowAndThen(io.StringIO):
    def write(self, text: str) -> int:
        if text.startswith("lost"):
            raise OSError(28, "no room")
        return super().write(text)


def test_a_line_that_cannot_be_written_is_dropped_and_the_next_one_is_tried() -> None:
    to = FullNowAndThen()
    lines = LogLines(to)
    for line in ("first", "lost", "next"):
        lines.put(line)
    lines.close()
    assert to.getvalue().split() == ["first", "next"]


class Stuck(io.StringIO):
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.taken, self.free = Event(), Event()

    def write(self, text: str) -> int:
        self.taken.set()
        self.free.wait()
        return super().write(text)


def test_nobody_waits_for_a_log_that_is_not_read(monkeypatch) -> None:
    monkeypatch.setattr(loglines, "MAX_WAITING", 10)
    to = Stuck()
    lines = LogLines(to)
    lines.put("0")
    to.taken.wait()
    for number in range(1, 100):
        lines.put(str(number))
    to.free.set()
    lines.close()
    assert to.getvalue().split() == [str(number) for number in range(11)]
