"""Wall time behind a protocol; media time never comes from here."""

import re
import time
from datetime import UTC, date, datetime
from typing import Protocol

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC, as the machine has it: it may be set, backwards too."""
        ...

    def steady_ns(self) -> int:
        """Nanoseconds since some instant, the same for this process: never set, and it counts while the machine sleeps
        where the system can tell."""
        ...


class SystemClock:
    def now_ns(self) -> int:
        return time.time_ns()

    def steady_ns(self) -> int:
        return time.clock_gettime_ns(_STEADY)


class ManualClock:
    """A clock that stands still until told. For tests and replays."""

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = now_ns
        self._steady_ns = 0

    def now_ns(self) -> int:
        return self._now_ns

    def steady_ns(self) -> int:
        return self._steady_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)
        self._steady_ns += round(seconds * 1e9)

    def step(self, seconds: float) -> None:
        """Somebody sets it."""
        self._now_ns += round(seconds * 1e9)


def day_of(ns: int) -> date:
    """In UTC, of an instant in nanoseconds since the epoch. Years 1 to 9999."""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).date()


def rfc3339(ns: int) -> str:
    """RFC 3339 in UTC with microseconds, finer digits cut off towards the past. Years 1 to 9999."""
    seconds, rest = divmod(ns, 1_000_000_000)
    whole = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    return f"{whole}.{rest // 1000:06d}Z"


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since the epoch, finer digits cut off. A leap second is the first second of the next day (POSIX).

    Errors: ValueError where the text is no RFC 3339 date-time (section 5.6); the offset is part of one."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 date-time")
    *numbers, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    leap = second == 60
    moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = delta.days * 86_400 + delta.seconds + leap
    if sign:
        seconds -= int(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60)
    if leap and seconds % 86_400:
        raise ValueError("a leap second ends a day in UTC")
    return seconds * 1_000_000_000 + int((fraction or "")[:9].ljust(9, "0"))
