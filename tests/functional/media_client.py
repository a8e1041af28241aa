"""The platform's end of a media socket, and what a recording is held against. Nothing here is the product's own."""

import base64
import contextlib
import io
import json
import socket
import struct
import time
import wave
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import pytest
from serving import Server, Talk
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

AUDIO = "audio_recording"
RATE = 8000
FRAME = 160  # samples: 20 ms
WAIT_SECONDS = 30
ACCOUNT, CALL, STREAM = "AC" + "0" * 32, "CA" + "0" * 32, "MZ" + "0" * 32

Samples = npt.NDArray[np.int16]


def _ulaw_table() -> Samples:
    """ITU-T G.711, table 2: what each mu-law byte decodes to."""
    codes = ~np.arange(256) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84) << ((codes & 0x70) >> 4)
    return np.where(codes & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


ULAW = _ulaw_table()


def decoded(ulaw: bytes) -> Samples:
    return ULAW[np.frombuffer(ulaw, np.uint8)]


def sound(seconds: float, track: int = 0) -> bytes:
    """Mu-law in which no sample is silent, and no 20 ms are like those before or after."""
    at = np.arange(round(seconds * RATE))
    return (1 + (at * (7 + 2 * track) + at // 113 + 31 * track) % 120).astype(np.uint8).tobytes()


class Media:
    """One open media socket."""

    def __init__(self, ws: str, door: str, headers: dict[str, str] | None = None, **query: object) -> None:
        url = f"{ws}/v1/ingest/{door}"
        if query:
            url += "?" + urlencode(query)
        self._stack = contextlib.ExitStack()
        self.wire: ClientConnection = self._stack.enter_context(
            connect(url, additional_headers=headers, compression=None, max_size=None)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def text(self, message: object) -> None:
        self.wire.send(message if isinstance(message, str) else json.dumps(message))

    def taken(self) -> None:
        """Returns when the server has taken all that was sent: its pongs keep their place."""
        assert self.wire.ping().wait(WAIT_SECONDS)

    def taken_or_closed(self) -> None:
        """As `taken`, or when the server has closed."""
        with contextlib.suppress(ConnectionClosed):
            pong = self.wire.ping()
            until(lambda: pong.is_set() or self.wire.state is not State.OPEN)

    def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes."""
        with pytest.raises(ConnectionClosed) as end:
            self.wire.recv(WAIT_SECONDS)  # it never has anything else to say
        assert end.value.rcvd is not None, "the connection was dropped without a word"
        return end.value.rcvd.code, end.value.rcvd.reason

    def leave(self) -> None:
        """A regular close, answered: the server has taken all that was sent."""
        self.wire.close()

    def drop(self) -> None:
        """The connection breaks: no close frame."""
        self.wire.socket.shutdown(socket.SHUT_RDWR)
        self.wire.close()


class Twilio(Media):
    """Numbers as strings, as the platform sends them, unless `number` says otherwise."""

    def __init__(self, server: Server, headers: dict[str, str] | None = None, **query: object) -> None:
        super().__init__(server.ws, "twilio", headers, **query)
        self.number: Callable[[int], int | str] = str
        self.sequence = 0

    def _next(self) -> int | str:
        self.sequence += 1
        return self.number(self.sequence)

    def start(self, *tracks: str, encoding: str = "audio/x-mulaw", rate: int = RATE, **custom: Any) -> Self:
        self.text({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        body = {
            "accountSid": ACCOUNT,
            "streamSid": STREAM,
            "callSid": CALL,
            "tracks": list(tracks or ("inbound",)),
            "mediaFormat": {"encoding": encoding, "sampleRate": self.number(rate), "channels": self.number(1)},
            "customParameters": custom,
        }
        self.text({"event": "start", "sequenceNumber": self._next(), "start": body, "streamSid": STREAM})
        return self

    def media(self, payload: bytes, milliseconds: int, track: str = "inbound", **other: Any) -> None:
        body = {
            "track": track,
            "chunk": self.number(milliseconds // 20 + 1),
            "timestamp": self.number(milliseconds),
            "payload": base64.b64encode(payload).decode(),
        }
        message = {"event": "media", "sequenceNumber": self._next(), "media": body, "streamSid": STREAM}
        self.text({**message, **other})

    def play(self, ulaw: bytes, frames: Iterable[int] | None = None, track: str = "inbound", at_ms: int = 0) -> None:
        """Frames of 20 ms of `ulaw`, all of it or those named, in the order given; `at_ms` is where `ulaw` begins."""
        for frame in range(len(ulaw) // FRAME) if frames is None else frames:
            self.media(ulaw[frame * FRAME : (frame + 1) * FRAME], at_ms + frame * 20, track)

    def stop(self) -> None:
        """Ends the stream; returns when the server has closed the socket."""
        body = {"accountSid": ACCOUNT, "callSid": CALL}
        self.text({"event": "stop", "sequenceNumber": self._next(), "stop": body, "streamSid": STREAM})
        assert self.closed() == (1000, "")


class Neutral(Media):
    def __init__(self, server: Server, **query: object) -> None:
        super().__init__(server.ws, "stream", **query)

    def start(self, *tracks: tuple[str, str, int]) -> Self:
        listed = [{"name": name, "encoding": encoding, "sample_rate": rate} for name, encoding, rate in tracks]
        self.text({"event": "start", "tracks": listed})
        return self

    def frame(self, index: int, timestamp: int, payload: bytes) -> None:
        self.wire.send(struct.pack(">BQ", index, timestamp) + payload)

    def stop(self) -> None:
        self.text({"event": "stop"})
        assert self.closed() == (1000, "")


def until(holds: Callable[[], Any]) -> Any:
    """What `holds` gives once that is true: a state that the server reaches by itself."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, "that state was never reached"
        time.sleep(0.01)
    return found


def new_token(talk: Talk) -> str:
    response = talk.client.post(f"{talk.path}/stream-tokens")
    assert response.status_code == 201, response.text
    token: str = response.json()["stream_token"]
    return token


def account(talk: Talk, track: str = "customer") -> dict[str, int]:
    """The counts of one track, found to be balanced."""
    counts: dict[str, Any] = dict(talk.get("/accounting")["tracks"][track])
    assert counts.pop("unit") == "samples"
    fates = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
    assert counts["received"] + counts["missing"] == sum(counts[fate] for fate in fates), counts
    return counts


def seal(talk: Talk) -> None:
    response = talk.client.post(f"{talk.path}/seal")
    assert response.status_code == 200, response.text


def recordings(talk: Talk) -> dict[str, dict[str, Any]]:
    """By track."""
    found = [artifact for artifact in talk.get("/artifacts")["artifacts"] if artifact["kind"] == AUDIO]
    by_track = {artifact["track"]: artifact for artifact in found}
    assert len(by_track) == len(found), "one artifact a track"
    return by_track


def heard(talk: Talk, track: str = "customer", rate: int = RATE) -> Samples:
    """The recording of a track, decoded."""
    response = talk.client.get(f"/v1/artifacts/{recordings(talk)[track]['id']}/content")
    assert response.status_code == 200, response.text
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def expected(ulaw: bytes, seconds: float, *silent: tuple[float, float]) -> Samples:
    """`seconds` of the sound from second 0 on, silent where it ends before, and in the stretches named."""
    result = np.zeros(round(seconds * RATE), np.int16)
    given = decoded(ulaw)[: len(result)]
    result[: len(given)] = given
    for start, end in silent:
        result[round(start * RATE) : round(end * RATE)] = 0
    return result


def same(one: Samples, other: Samples) -> None:
    """Equal, told by where they first differ."""
    assert len(one) == len(other), f"{len(one)} samples, {len(other)} expected"
    apart = np.flatnonzero(one != other)
    assert not len(apart), f"{len(apart)} samples differ, from sample {apart[0]} to {apart[-1]}"


def opened(talk: Talk, as_of: float | None = None) -> list[tuple[float, float]]:
    """Where audio may be stored by the interaction's own timeline, as stretches of seconds."""
    stretches: list[tuple[float, float]] = []
    since: float | None = None
    for step in talk.get("/timeline")["transitions"]:
        if step["kind"] != AUDIO:
            continue
        may = step["verdict"] in {"capture", "redact"}
        if may and since is None:
            since = step["t"]
        elif not may and since is not None:
            stretches.append((since, step["t"]))
            since = None
    if since is not None:
        stretches.append((since, 1e9))
    return stretches


def allowed(stretches: Sequence[tuple[float, float]], samples: int, margin: float = 0.0) -> npt.NDArray[np.bool_]:
    """For each sample whether all of it lies in one of the stretches, each made shorter by `margin` either side."""
    mask = np.zeros(samples, np.bool_)
    for start, end in stretches:
        low = int(np.ceil((start + margin) * RATE - 1e-6))
        high = int(np.floor(min((end - margin) * RATE + 1e-6, samples)))
        mask[max(low, 0) : max(high, 0)] = True
    return mask
