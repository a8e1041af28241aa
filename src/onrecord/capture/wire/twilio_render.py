"""Twilio Media Streams, messages as the platform sends them: for players and tests."""

from base64 import b64encode
from typing import assert_never

import msgspec

from onrecord.capture.wire.twilio import (
    CODEC,
    TRACK_OF,
    Connected,
    Dtmf,
    Mark,
    Media,
    Message,
    Start,
    Stop,
)

_WIRE_OF = {name: wire for wire, name in TRACK_OF.items()}


def render(message: Message) -> bytes:
    """One text frame, numbers as strings."""
    return msgspec.json.encode(_document(message))


def _document(message: Message) -> dict[str, object]:
    match message:
        case Connected(version=version):
            return {"event": "connected", "protocol": "Call", "version": version}
        case Start():
            body: dict[str, object] = _start_document(message)
            event = "start"
        case Media():
            event = "media"
            body = {
                "track": _WIRE_OF[message.track],
                "chunk": str(message.chunk),
                "timestamp": str(message.timestamp),
                "payload": b64encode(message.payload).decode(),
            }
        case Dtmf(track=track, key=key):
            event, body = "dtmf", {"track": f"{_WIRE_OF[track]}_track", "digit": key}
        case Mark(name=name):
            event, body = "mark", {"name": name}
        case Stop():
            event, body = "stop", {"accountSid": message.account_sid, "callSid": message.call_sid}
        case _:
            assert_never(message)
    return {
        "event": event,
        "sequenceNumber": str(message.sequence),
        event: body,
        "streamSid": message.stream_sid,
    }


def _start_document(message: Start) -> dict[str, object]:
    encoding, rate, channels = CODEC
    parameters = {}
    if message.token is not None:
        parameters["token"] = message.token
    if message.offset is not None:
        parameters["offset"] = repr(message.offset)
    return {
        "accountSid": message.account_sid,
        "streamSid": message.stream_sid,
        "callSid": message.call_sid,
        "tracks": [_WIRE_OF[track] for track in message.tracks],
        "mediaFormat": {"encoding": encoding, "sampleRate": rate, "channels": channels},
        "customParameters": parameters,
    }
