"""What a request to open a media socket says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from picows import WSUpgradeRequest

MAX_QUERY_FIELDS = 16


@dataclass(frozen=True, slots=True)
class Upgrade:
    """`path` as it was sent, with its query; `door` without; header names in lower case. `vouched`: the platform showed
    that it is the platform."""

    path: str
    door: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    vouched: bool = False

    def parameter(self, name: str) -> str | None:
        """The first of that name."""
        return self.query.get(name, (None,))[0]

    @property
    def token(self) -> str | None:
        return self.parameter("token")

    @property
    def offset(self) -> float | None:
        """Seconds; NaN for what is no number: the stream's clock then refuses it."""
        value = self.parameter("offset")
        if value is None:
            return None
        try:
            return float(value)
        except ValueError:
            return math.nan


def read(request: WSUpgradeRequest) -> Upgrade | None:
    """None where it cannot be read: headers beyond ASCII trip the socket library. `Connection` may name more than the
    upgrade, which the library does not know (RFC 6455, section 4.2.1)."""
    headers = request.headers
    if "upgrade" in {word.strip().lower() for word in headers.get("connection", "").split(",")}:
        headers["connection"] = "upgrade"
    path = request.path.decode("ascii", "replace")
    try:
        parts = urlsplit(path)
        query = parse_qs(parts.query, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return None
    named = {name.lower(): value for name, value in headers.items()}
    if not all(value.isascii() for value in named.values()):
        return None
    return Upgrade(path, parts.path, query, named)
