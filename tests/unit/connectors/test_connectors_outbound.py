"""Where requests may go, and that a name's address is judged before anything is sent."""

import asyncio
import ipaddress
import socket
from threading import Event
from typing import Any

import pytest

from onrecord.base.addresses import public
from onrecord.capture.errors import ControlError
from onrecord.connectors.outbound import Origin, OriginError, Outbound


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "2002:a00:1::",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "::a00:1",
        "fec0::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_what_is_public(address: str) -> None:
    assert public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ftp://api.example.com",
        "https://user:secret@api.example.com",
        "https://api.example.com/path",
        "https://api.example.com?x",
        "https://",
        "https://api.example.com:no",
        "http://192.168.1.1",
        "",
    ],
)
def test_an_origin_that_is_refused(url: str) -> None:
    with pytest.raises(OriginError) as caught:
        Origin(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("leads_to", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], []])
def test_a_name_that_leads_inside_is_never_asked(monkeypatch: pytest.MonkeyPatch, leads_to: list[str]) -> None:
    def resolved(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in leads_to]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    async def ask() -> None:
        outbound = Outbound(Origin("https://api.example.com"), ("a", "b"))
        try:
            await outbound.ask("GET", "/")
        finally:
            await outbound.close()

    with pytest.raises(ControlError) as caught:
        asyncio.run(ask())
    assert caught.value.code == "address_refused"


def test_a_name_that_does_not_resolve_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than a pool has threads; and whoever asks for one twice waits for one answer."""
    release, asked = Event(), list[str]()

    def resolved(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if host.startswith("slow"):
            release.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    async def ask() -> str:
        slow = [Origin(f"https://slow{number}.example.com") for number in range(40)]
        waiting = [asyncio.create_task(each.address(20)) for each in (*slow, slow[0])]
        await asyncio.sleep(0)
        found = await Origin("https://quick.example.com").address(20)
        assert not any(task.done() for task in waiting)
        release.set()
        assert set(await asyncio.gather(*waiting)) == {"8.8.8.8"}
        return found

    assert asyncio.run(ask()) == "8.8.8.8"
    assert len(asked) == 41


def test_a_look_up_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(30) and [])

    async def ask() -> None:
        await Origin("https://slow.example.com").address(0.01)

    with pytest.raises(ControlError) as caught:
        asyncio.run(ask())
    release.set()
    assert caught.value.code == ControlError.code
