"""Turns the times that clients give into seconds on a conversation's clock."""

from onrecord.base.clock import parse_rfc3339
from onrecord.workflow.errors import InvalidRequestError

RFC3339_UNCERTAINTY = 0.5
MAX_SECONDS = 10_000_000.0


def seconds(value: object, name: str) -> float:
    """Errors: InvalidRequestError where it is not a finite number from 0 to about four months."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequestError(f"`{name}` is a number of seconds")
    if not 0 <= value <= MAX_SECONDS:
        raise InvalidRequestError(f"`{name}` is out of range")
    return float(value)


def instant(value: object, started_ns: int, now: float, name: str = "t") -> tuple[float, float]:
    """(t, uncertainty) in seconds: a number is exact, RFC 3339 is half a second uncertain, nothing means now."""
    if value is None:
        return now, 0.0
    if isinstance(value, str):
        try:
            moment = (parse_rfc3339(value) - started_ns) / 1e9
        except ValueError as error:
            raise InvalidRequestError(f"`{name}` is neither seconds nor an RFC 3339 date-time") from error
        return seconds(max(moment, 0.0), name), RFC3339_UNCERTAINTY
    return seconds(value, name), 0.0


def received_at(value: object, now_ns: int, started_ns: int | None) -> float:
    if value is not None:
        return seconds(value, "received")
    return 0.0 if started_ns is None else max(0.0, (now_ns - started_ns) / 1e9)
