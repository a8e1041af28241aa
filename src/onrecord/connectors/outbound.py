"""Requests to outside systems: a name resolved once a request, its address judged and pinned, no redirect.

An address that is not public is refused, also where it hides in another (mapped, 6to4, Teredo, NAT64), but for a
loopback origin that the operator wrote as such."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from threading import Thread
from urllib.parse import SplitResult, urlsplit

import httpx

from onrecord.base.addresses import public
from onrecord.base.errors import OnRecordError
from onrecord.capture.errors import ControlError

SECONDS = 2.0
MAX_ANSWER = 65_536  # bytes
MAX_URL = 2000

Found = list[str] | Exception


class OriginError(OnRecordError):
    """An origin that requests must not go to."""

    code = "origin_refused"


class Origin:
    """Where requests go: `https://host[:port]`, or `http://` on a loopback address. Errors: OriginError."""

    def __init__(self, url: str) -> None:
        parts, port = _split(url)
        if parts.path.strip("/") or parts.query:
            raise OriginError("an origin is https://host[:port]")
        self._take(parts, port)

    def _take(self, parts: SplitResult, port: int | None) -> None:
        self.loopback = _loopback(parts)
        if parts.scheme != "https" and not (parts.scheme == "http" and self.loopback):
            raise OriginError("an origin beyond loopback is reached by https")
        self.scheme = parts.scheme
        self.host = parts.hostname or ""
        self.port = port or (443 if parts.scheme == "https" else 80)
        self._lookup: asyncio.Future[Found] | None = None

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in {80, 443} else f"{host}:{self.port}"

    async def address(self, seconds: float = SECONDS) -> str:
        """The address that this one request goes to. Errors: ControlError."""
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.shield(self._looked_up())
        except TimeoutError as error:
            raise ControlError("the name of the platform does not resolve") from error
        if isinstance(found, Exception):
            raise ControlError("the name of the platform does not resolve") from found
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
        if not addresses or not all(a.is_loopback if self.loopback else public(a) for a in addresses):
            raise ControlError("the platform's name leads to an address that is not public", code="address_refused")
        return str(addresses[0])

    def _looked_up(self) -> "asyncio.Future[Found]":
        """One look-up at a time, for all who ask meanwhile, in a thread of its own: the event loop has few, and a
        name server that hangs would hold up every other name."""
        if self._lookup is None or self._lookup.done():
            loop = asyncio.get_running_loop()
            self._lookup = loop.create_future()
            Thread(target=_look_up, args=(loop, self._lookup, self.host, self.port), daemon=True).start()
        return self._lookup


def _look_up(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Found]", host: str, port: int) -> None:
    found: Found
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, ValueError) as error:
        found = error
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(answer.set_result, found)


class Endpoint(Origin):
    """An address with a path: an origin, `path`, and `query` without its mark. Errors: OriginError."""

    def __init__(self, url: str) -> None:
        if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
            raise OriginError("an address is https://host[:port]/path in ASCII, without blanks")
        parts, port = _split(url)
        self._take(parts, port)
        self.path = parts.path or "/"
        self.query = parts.query


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise OriginError("an origin is https://host[:port]") from error
    if not parts.hostname or parts.fragment or "@" in parts.netloc:
        raise OriginError("an origin is https://host[:port]")
    return parts, port


def _loopback(parts: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


@cache
def _tls() -> ssl.SSLContext:
    """TLS 1.2 at least. Reads its certificates once: that takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


class Outbound:
    """One client for an origin. Reads no proxy, credentials or certificates from the environment. `seconds`: for
    each step of a request; the whole takes at most twice that."""

    def __init__(self, origin: Origin, login: tuple[str, str] | None = None, seconds: float = SECONDS) -> None:
        self._origin = origin
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            auth=login,
            verify=_tls(),
            timeout=seconds,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=20),
        )

    async def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """(status, body). Errors: ControlError control_unreachable, control_redirected, control_unreadable,
        address_refused."""
        address = await self._origin.address(self._seconds)
        host = f"[{address}]" if ":" in address else address
        url = f"{self._origin.scheme}://{host}:{self._origin.port}{path}"
        own = {"Host": self._origin.authority, "Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            async with (
                asyncio.timeout(2 * self._seconds),
                self._client.stream(
                    method,
                    url,
                    data=form,
                    content=content,
                    headers={**own, **(headers or {})},
                    extensions={"sni_hostname": self._origin.host},
                ) as answer,
            ):
                if 300 <= answer.status_code < 400:
                    raise ControlError("the answer leads elsewhere", code="control_redirected")
                return answer.status_code, await _bounded(answer)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ControlError("the platform did not answer") from error

    async def close(self) -> None:
        await self._client.aclose()


async def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > MAX_ANSWER:
            raise ControlError("the platform's answer is too long", code="control_unreadable")
    return bytes(body)
