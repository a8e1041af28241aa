"""Signed messages to addresses of outside systems, and readings of their state (Standard Webhooks 1.0.0, symmetric
signatures: standardwebhooks.com)."""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from urllib.parse import urlencode

from onrecord.base.clock import Clock
from onrecord.capture.errors import ControlError
from onrecord.capture.orders import Message
from onrecord.connectors.outbound import Endpoint, Outbound


def signature(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    signed = f"{identifier}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


class SignedWebhooks:
    """Implements Outside. A client of its own for each address: connections are told apart by address alone, and what
    was verified for one name is not used for another."""

    def __init__(self, clock: Clock, urls: tuple[str, ...], key: bytes, seconds: float) -> None:
        """`seconds`: how long one call may take. Errors: OriginError."""
        self._clock = clock
        self._key = key
        endpoints = {url: Endpoint(url) for url in urls}
        self._to = {url: (endpoint, Outbound(endpoint, seconds=seconds / 2)) for url, endpoint in endpoints.items()}

    async def post(self, url: str, message: Message) -> None:
        endpoint, outbound = self._to[url]
        headers = {**self._signed(message.id, message.body), "Content-Type": "application/json"}
        path = endpoint.path + (f"?{endpoint.query}" if endpoint.query else "")
        status, _ = await outbound.ask("POST", path, content=message.body, headers=headers)
        _check(status)

    async def get(self, url: str, query: Mapping[str, str]) -> bytes:
        endpoint, outbound = self._to[url]
        asked = "&".join(part for part in (endpoint.query, urlencode(query)) if part)
        headers = self._signed(f"read_{os.urandom(12).hex()}", b"")
        status, body = await outbound.ask("GET", f"{endpoint.path}?{asked}", headers=headers)
        _check(status)
        return body

    def _signed(self, identifier: str, body: bytes) -> dict[str, str]:
        now = self._clock.now_ns() // 1_000_000_000
        return {
            "webhook-id": identifier,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._key, identifier, now, body),
        }

    async def close(self) -> None:
        for _, outbound in self._to.values():
            await outbound.close()


def _check(status: int) -> None:
    if not 200 <= status < 300:
        raise ControlError("the system refused", code="control_refused")
