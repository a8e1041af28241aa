"""Signatures by the letter of Standard Webhooks, and where a message may go."""

import asyncio
import socket
from typing import Any

import pytest

from onrecord.base.clock import ManualClock
from onrecord.capture.errors import ControlError
from onrecord.capture.orders import Message
from onrecord.connectors.outbound import Endpoint, OriginError
from onrecord.connectors.webhooks import SignedWebhooks, signature
from onrecord.governance.systems import secret_key


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that the libraries of standard-webhooks are tested with."""
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a",
        "https://user@example.com/a",
        "https://example.com/a#b",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://exämple.com/",
        "https://example.com/" + "a" * 2000,
        "https:///a",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_refused(url: str) -> None:
    with pytest.raises(OriginError):
        Endpoint(url)


def test_an_address_keeps_its_path_and_query() -> None:
    made = Endpoint("https://example.com:8443/a/b?c=d")
    assert (made.host, made.port, made.path, made.query, made.loopback) == (
        "example.com",
        8443,
        "/a/b",
        "c=d",
        False,
    )


@pytest.mark.parametrize("leads_to", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"])
def test_a_name_that_leads_inside_is_told_nothing(monkeypatch: pytest.MonkeyPatch, leads_to: str) -> None:
    def resolved(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads_to, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    async def send() -> list[str]:
        urls = ("https://a.example/control", "https://a.example/state")
        outside = SignedWebhooks(ManualClock(), urls, bytes(32), 1.0)
        codes = []
        try:
            for attempt in (outside.post(urls[0], Message("m", b"{}")), outside.get(urls[1], {"a": "b"})):
                with pytest.raises(ControlError) as caught:
                    await attempt
                codes.append(caught.value.code)
        finally:
            await outside.close()
        return codes

    assert asyncio.run(send()) == ["address_refused", "address_refused"]
