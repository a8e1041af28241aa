"""Exotel's end of a media socket: the Voicebot applet, or the Stream applet where no key is pressed."""

import base64
import itertools
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from media_client import CALL, RATE, STREAM, Media, Samples
from serving import Server

ACCOUNT = "exampledemo1"
CALLER, CALLED = "+910000000042", "+918000000042"


def pcm(seconds: float, rate: int = RATE, kind: int = 0) -> bytes:
    """Little-endian PCM in which no sample is silent, and no two stretches are alike."""
    at = np.arange(round(seconds * rate))
    return (1 + (at * (37 + 2 * kind) + at // 113) % 20011).astype("<i2").tobytes()


def samples(given: bytes) -> Samples:
    return np.frombuffer(given, "<i2").astype(np.int16)


class Exotel(Media):
    """Numbers as strings, as the platform sends them, unless `number` says otherwise."""

    def __init__(self, server: Server, headers: dict[str, str] | None = None, **query: object) -> None:
        super().__init__(server.ws, "exotel", headers, **query)
        self.number: Callable[[int], int | str] = str
        self.sequence = itertools.count(1)

    def _send(self, event: str, body: dict[str, Any], **other: Any) -> None:
        head = {"event": event, "sequence_number": self.number(next(self.sequence)), "stream_sid": STREAM}
        self.text({**head, event: body, **other})

    def start(self, custom: dict[str, Any] | None = None, **form: Any) -> Self:
        """`form` changes the media format; a field that is None is left out."""
        self.text({"event": "connected"})
        said = {"encoding": "audio/x-raw", "sample_rate": self.number(RATE), "bit_rate": self.number(16), **form}
        body = {
            "stream_sid": STREAM,
            "call_sid": CALL,
            "account_sid": ACCOUNT,
            "from": CALLER,
            "to": CALLED,
            "custom_parameters": custom or {},
            "media_format": {name: value for name, value in said.items() if value is not None},
        }
        self._send("start", body)
        return self

    def media(self, payload: bytes, milliseconds: int, **other: Any) -> None:
        body = {
            "chunk": self.number(milliseconds // 100 + 1),
            "timestamp": self.number(milliseconds),
            "payload": base64.b64encode(payload).decode(),
        }
        self._send("media", {**body, **other})

    def play(self, given: bytes, frames: Iterable[int] | None = None, size: int = RATE // 10, rate: int = RATE) -> None:
        """Frames of `size` samples, all or those named, in the order given; the rest at the end is a frame too."""
        count = -(-len(given) // (2 * size))
        for frame in range(count) if frames is None else frames:
            self.media(given[2 * frame * size : 2 * (frame + 1) * size], frame * size * 1000 // rate)

    def key(self, digit: str) -> None:
        self._send("dtmf", {"digit": digit, "duration": self.number(120)})

    def mark(self, name: str) -> None:
        self._send("mark", {"name": name})

    def stop(self, **body: Any) -> None:
        """Ends the stream; returns when the server has closed the socket."""
        self._send("stop", {"call_sid": CALL, "account_sid": ACCOUNT, **body})
        assert self.closed() == (1000, "")
