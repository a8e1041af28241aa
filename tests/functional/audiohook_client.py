"""Genesys' end of an AudioHook session: signs its upgrade, counts its messages, and pauses when it is told to."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import numpy as np
from media_client import RATE, WAIT_SECONDS, Media
from serving import Server

KEY, SECRET = "b25yZWNvcmQtdGVzdC1rZXk", bytes(range(7, 39))
ORGANIZATION = "11111111-2222-4333-8444-555555555555"
NOBODY = "00000000-0000-0000-0000-000000000000"
CALLER = "+4930000000421"
FRAME = RATE // 10  # samples of each channel in a frame
STEREO, CUSTOMER, AGENT = ("external", "internal"), ("external",), ("internal",)
SIGNED = ("@request-target", "@authority", "audiohook-organization-id", "audiohook-session-id")
SIGNED += ("audiohook-correlation-id", "x-api-key")


def secret_file(folder: Path) -> Path:
    file = folder / "audiohook.json"
    text = {"api_key": KEY, "client_secret": base64.b64encode(SECRET).decode(), "organization_id": ORGANIZATION}
    file.write_text(json.dumps(text))
    return file


def form(*channels: tuple[str, ...], kind: str = "PCMU", rate: int = RATE) -> list[dict[str, Any]]:
    return [{"type": "audio", "format": kind, "channels": list(each), "rate": rate} for each in channels]


def headers_of(server: Server, session: str, target: str, **changes: Any) -> dict[str, str]:
    """The platform's headers; `changes` are of the signature's parameters, or `key` and `secret` and `covered`."""
    key, secret = changes.pop("key", KEY), changes.pop("secret", SECRET)
    covered = changes.pop("covered", SIGNED)
    fields = {
        "audiohook-organization-id": changes.pop("organization", ORGANIZATION),
        "audiohook-session-id": session,
        "audiohook-correlation-id": str(uuid.uuid4()),
        "x-api-key": key,
    }
    values = {**fields, "@request-target": target, "@authority": server.ws.removeprefix("ws://")}
    given = {"keyid": key, "nonce": secrets.token_urlsafe(18), "alg": "hmac-sha256", "created": int(time.time())}
    told = {**given, "expires": given["created"] + 30, **changes}
    shown = "".join(f";{name}={v}" if isinstance(v, int) else f';{name}="{v}"' for name, v in told.items())
    over = "({}){}".format(" ".join(f'"{name}"' for name in covered), shown)
    base = "\n".join([*(f'"{name}": {values[name]}' for name in covered), f'"@signature-params": {over}'])
    made = base64.b64encode(hmac.new(secret, base.encode(), hashlib.sha256).digest()).decode()
    return {**fields, "signature-input": f"sig1={over}", "signature": f"sig1=:{made}:"}


def interleaved(*channels: bytes, width: int = 1) -> bytes:
    apart = [np.frombuffer(channel, np.uint8).reshape(-1, width) for channel in channels]
    return np.stack(apart, axis=1).tobytes()


class Genesys(Media):
    """`position` counts samples, sent and discarded; `said` are the server's messages that were not looked at yet."""

    def __init__(self, server: Server, session: str | None = None, sign: dict[str, Any] | None = None, **query: object):
        self.session = str(uuid.uuid4()) if session is None else session
        target = "/v1/ingest/audiohook" + (f"?{urlencode(query)}" if query else "")
        self.headers = headers_of(server, self.session, target, **(sign or {}))
        super().__init__(server.ws, "audiohook", self.headers, **query)
        self.seq = self.serverseq = self.position = 0
        self.width = 1

    def say(self, kind: str, parameters: dict[str, Any] | None = None, **other: Any) -> None:
        self.seq += 1
        message = {
            "version": "2",
            "id": self.session,
            "type": kind,
            "seq": self.seq,
            "serverseq": self.serverseq,
            "position": f"PT{self.position / RATE}S",
            "parameters": parameters or {},
        }
        self.text({**message, **other})

    def hear(self, kind: str) -> dict[str, Any]:
        """The parameters of the server's next message, which is of that kind."""
        message = json.loads(self.wire.recv(WAIT_SECONDS))
        assert (message["version"], message["id"], message["type"]) == ("2", self.session, kind), message
        self.serverseq += 1
        assert message["seq"] == self.serverseq
        assert message["clientseq"] <= self.seq
        parameters: dict[str, Any] = message["parameters"]
        return parameters

    def begin(self, token: str | None, media: list[dict[str, Any]] | None = None, **parameters: Any) -> None:
        custom = {} if token is None else {"customConfig": {"token": token}}
        told = {
            "organizationId": ORGANIZATION,
            "conversationId": str(uuid.uuid4()),
            "participant": {"id": str(uuid.uuid4()), "ani": CALLER, "aniName": "Ottoline", "dnis": "+493011"},
            "media": form(STEREO, CUSTOMER, AGENT) if media is None else media,
            "language": "de-DE",
            **custom,
            **parameters,
        }
        self.say("open", told)

    def open(self, token: str | None, *, paused: bool, media: list[dict[str, Any]] | None = None, **more: Any) -> Self:
        """Opens the session; where it is to begin paused, says that it has."""
        self.begin(token, media, **more)
        opened = self.hear("opened")
        assert opened["startPaused"] is paused
        (chosen,) = opened["media"]
        assert chosen in (form(STEREO, CUSTOMER, AGENT) if media is None else media)
        if paused:
            self.say("paused")
        return self

    def play(self, *channels: bytes) -> None:
        """All of it from its first sample on; the server has taken it when this returns."""
        self.send(*channels)
        self.taken()

    def send(self, *channels: bytes) -> None:
        size = FRAME * self.width
        for at in range(0, len(channels[0]), size):
            parts = [channel[at : at + size] for channel in channels]
            self.wire.send(interleaved(*parts, width=self.width))
            self.position += len(parts[0]) // self.width

    def pause(self) -> None:
        """Obeys the order to pause, which is there."""
        self.hear("pause")
        self.say("paused")

    def skip(self, seconds: float) -> None:
        """So much of the call passes while nothing is sent, and the server hears of it."""
        self.position += round(seconds * RATE)
        self.say("ping")
        self.hear("pong")

    def resume(self, start: float) -> None:
        """Obeys the order to resume, which is there; what passed since `start` was discarded."""
        self.hear("resume")
        self.say("resumed", {"start": f"PT{start}S", "discarded": f"PT{self.position / RATE - start}S"})

    def end(self) -> None:
        """The platform's regular end."""
        self.say("close", {"reason": "end"})
        self.hear("closed")
        self.leave()

    def refused(self, reason: str, code: str) -> int:
        """The server ends the session in the protocol's words; the code with which it closes the socket."""
        parameters = self.hear("disconnect")
        assert parameters == {"reason": reason, "info": code}
        self.say("close", {"reason": "disconnect"})
        assert self.hear("closed") == {}
        closed, reason = self.closed()
        assert reason == code
        return closed
