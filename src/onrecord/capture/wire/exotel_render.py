"""Exotel AgentStream, messages as the platform sends them: for players and tests."""

from base64 import b64encode
from typing import assert_never

import msgspec

from onrecord.capture.wire.exotel import (
    ENCODINGS,
    Clear,
    Connected,
    Dtmf,
    Mark,
    Media,
    Message,
    Start,
    Stop,
)

STREAM_SID = "MZ" + "0" * 32
_CALL = {"call_sid": "CA" + "0" * 32, "account_sid": "AC" + "0" * 32}


def render(message: Message, *, sequence: int = 1) -> bytes:
    """One text message, numbers as strings; `sequence` is the number of a media's chunk too."""
    if isinstance(message, Connected):
        return msgspec.json.encode({"event": "connected"})
    event, body = _body(message, sequence)
    document = {"event": event, "sequence_number": str(sequence), "stream_sid": STREAM_SID, event: body}
    return msgspec.json.encode(document)


def _body(message: Start | Media | Dtmf | Mark | Clear | Stop, sequence: int) -> tuple[str, dict[str, object]]:
    match message:
        case Start():
            return "start", _start(message)
        case Media(timestamp=timestamp, payload=payload, side=side):
            body: dict[str, object] = {} if side is None else {"track": side}
            body |= {"chunk": str(sequence), "timestamp": str(timestamp), "payload": b64encode(payload).decode()}
            return "media", body
        case Dtmf(key=key):
            return "dtmf", {"digit": key, "duration": "100"}
        case Mark():
            return "mark", {"name": "mark"}
        case Clear():
            return "clear", {}
        case Stop(reason=reason):
            return "stop", dict(_CALL) if reason is None else {**_CALL, "reason": reason}
        case _:
            assert_never(message)


def _start(message: Start) -> dict[str, object]:
    form = {"encoding": ENCODINGS[0], "bit_rate": "16"}
    if message.rate is not None:
        form["sample_rate"] = str(message.rate)
    parameters = {}
    if message.token is not None:
        parameters["token"] = message.token
    if message.offset is not None:
        parameters["offset"] = repr(message.offset)
    if message.track is not None:
        parameters["track"] = message.track
    return {"stream_sid": STREAM_SID, **_CALL, "custom_parameters": parameters, "media_format": form}
