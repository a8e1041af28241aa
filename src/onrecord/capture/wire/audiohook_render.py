"""Genesys AudioHook, version 2: what this side answers, and for players and tests what the platform sends."""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec

from onrecord.capture.wire.audiohook import (
    NOBODY,
    RATE,
    VERSION,
    Close,
    Discarded,
    Dtmf,
    Error,
    Media,
    Message,
    Open,
    Paused,
    Ping,
    Resumed,
    Update,
)


def duration(samples: int) -> str:
    """Exact: a sample at 8000 Hz is 125 microseconds."""
    whole, rest = divmod(samples, RATE)
    return f"PT{whole}.{rest * 1_000_000 // RATE:06d}S"


def answer(kind: str, session: str, seq: int, clientseq: int, parameters: Mapping[str, object]) -> bytes:
    """One text message to the platform; `seq` counts them, `clientseq` is the last one of the platform's."""
    return msgspec.json.encode(
        {
            "version": VERSION,
            "id": session,
            "type": kind,
            "seq": seq,
            "clientseq": clientseq,
            "parameters": parameters,
        }
    )


def offer(media: Sequence[Media]) -> list[dict[str, object]]:
    return [{"type": "audio", "format": each.format, "channels": list(each.channels), "rate": RATE} for each in media]


def render(message: Message) -> bytes:
    """One text message of the platform."""
    kind = type(message).__name__.lower()
    return msgspec.json.encode(
        {
            "version": VERSION,
            "id": message.id,
            "type": kind,
            "seq": message.seq,
            "serverseq": message.serverseq,
            "position": duration(message.position),
            "parameters": _parameters(message),
        }
    )


def _parameters(message: Message) -> dict[str, object]:
    match message:
        case Open():
            return _open(message)
        case Close(reason=reason):
            return {"reason": reason.value}
        case Resumed(start=start, discarded=discarded) | Discarded(start=start, discarded=discarded):
            return {"start": duration(start), "discarded": duration(discarded)}
        case Update():
            return {"language": "en-US"}
        case Error(code=code):
            return {"code": code, "message": ""}
        case Dtmf(key=key):
            return {"digit": key}
        case Ping() | Paused():
            return {}
        case _:
            assert_never(message)


def _open(message: Open) -> dict[str, object]:
    parameters: dict[str, object] = {
        "organizationId": message.organization,
        "conversationId": message.conversation,
        "participant": {"id": NOBODY, "ani": "", "aniName": "", "dnis": ""},
        "media": offer(message.media),
    }
    if message.continued:
        parameters["continuedSessions"] = [{"id": each, "serverseq": 0, "clientseq": 0} for each in message.continued]
    told = {"token": message.token, "offset": message.offset}
    config = {name: value for name, value in told.items() if value is not None}
    if config:
        parameters["customConfig"] = config
    return parameters
