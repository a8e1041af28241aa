"""Calendar durations of ISO 8601 (years, months, weeks, days) as the days they may have."""

import re

PERIOD = re.compile(r"P(?=[0-9])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?")
_LEAST = (0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334)
_MOST = (0, 31, 62, 92, 123, 153, 184, 215, 245, 276, 306, 337)


def parts(period: str) -> tuple[int, int]:
    """Months and days. The text matches PERIOD."""
    years, months, weeks, days = (int(re.sub(r"\D", "", number or "0")) for number in _groups(period))
    return years * 12 + months, weeks * 7 + days


def least(period: str) -> int:
    """Days, where the months are the shortest there are."""
    months, days = parts(period)
    years, rest = divmod(months, 12)
    return years * 365 + years // 8 + _LEAST[rest] + days


def most(period: str) -> int:
    """Days, where the months are the longest there are."""
    months, days = parts(period)
    years, rest = divmod(months, 12)
    return years * 365 + (years + 3) // 4 + _MOST[rest] + days


def exceeds(one: str, other: str) -> bool:
    """Whether `one` may be longer than `other`."""
    (months, days), (limit_months, limit_days) = parts(one), parts(other)
    if months == limit_months:
        return days > limit_days
    return most(one) > least(other)


def _groups(period: str) -> tuple[str | None, ...]:
    found = PERIOD.fullmatch(period)
    return found.groups() if found else ()
