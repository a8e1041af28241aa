"""Genesys AudioHook, version 2: what the platform sends (developer.genesys.cloud/devapps/audiohook; message.ts and
core.ts of purecloudlabs/audiohook-reference-implementation).

Of `open` only what opens a stream is read: who takes part (number, name, number called) is not. Fields that are not
known are passed over. Durations are counted in samples at 8000 Hz."""

import re
from array import array
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

import msgspec

from onrecord.capture.errors import WireError
from onrecord.capture.wire.jsontext import Message as Shy
from onrecord.capture.wire.jsontext import json_object, key_of, offset_of, token_of
from onrecord.signal.encoding import Encoding

VERSION = "2"
RATE = 8000
MAX_TEXT = 65_535  # characters or bytes of one text message
MAX_FRAME = 262_144  # bytes of one binary frame
NOBODY = "00000000-0000-0000-0000-000000000000"
TRACK_OF = {"external": "customer", "internal": "agent"}
ENCODING_OF = {"PCMU": Encoding.MULAW, "L16": Encoding.PCM16}
_MAX_CONTINUED = 16
_DURATION = re.compile(r"PT(\d{0,9}\.\d{1,12}|\d{1,9})S", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Media(NamedTuple):
    """One form of sound, 8000 Hz. The samples of `channels` alternate in a binary frame. L16 is little-endian, as the
    reference implementation reads it, and not in the network's order of RFC 3551."""

    format: str
    channels: tuple[str, ...]

    @property
    def tracks(self) -> tuple[str, ...]:
        """As the product names them, in the order of the channels."""
        return tuple(TRACK_OF[channel] for channel in self.channels)

    @property
    def encoding(self) -> Encoding:
        return ENCODING_OF[self.format]


class Why(StrEnum):
    """Reasons of `close`."""

    END = "end"
    ERROR = "error"
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"


class Sent(Shy, frozen=True, gc=False):
    """What every message says: the session, the platform's own count, ours as far as the platform has seen it, and
    where in the stream the platform stands: samples sent and discarded so far."""

    id: str
    seq: int
    serverseq: int
    position: int


class Open(Sent, frozen=True, gc=False):
    """`continued`: sessions in whose place this one comes. `token` and `offset` (seconds) come from the configuration
    or from the variables of the flow."""

    organization: str
    conversation: str
    media: tuple[Media, ...]
    continued: tuple[str, ...] = ()
    token: str | None = None
    offset: float | None = None

    @property
    def probes(self) -> bool:
        """Whether this only tries the connection: no conversation has this id."""
        return self.conversation == NOBODY


class Close(Sent, frozen=True, gc=False):
    reason: Why


class Ping(Sent, frozen=True, gc=False):
    pass


class Paused(Sent, frozen=True, gc=False):
    pass


class Resumed(Sent, frozen=True, gc=False):
    """Of the sound from `start` on so much was discarded; then it goes on."""

    start: int
    discarded: int


class Discarded(Sent, frozen=True, gc=False):
    start: int
    discarded: int


class Update(Sent, frozen=True, gc=False):
    pass


class Error(Sent, frozen=True, gc=False):
    """`code` is an HTTP status or of that kind."""

    code: int


class Dtmf(Sent, frozen=True, gc=False):
    """`key`: see `jsontext.key_of`."""

    key: str


Message = Open | Close | Ping | Paused | Resumed | Discarded | Update | Error | Dtmf
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Wire(msgspec.Struct):
    version: Literal["2"]
    type: str
    id: str
    seq: Count
    serverseq: Count
    position: str
    parameters: msgspec.Raw


class _Nothing(msgspec.Struct):
    pass


class _Continued(msgspec.Struct):
    id: str


class _Open(msgspec.Struct, rename="camel"):
    organization_id: str
    conversation_id: str
    media: list[object]
    continued_sessions: list[_Continued] | None = None
    custom_config: dict[str, object] | None = None
    input_variables: dict[str, object] | None = None


class _Close(msgspec.Struct):
    reason: Why


class _Span(msgspec.Struct):
    start: str
    discarded: str


class _Dtmf(msgspec.Struct):
    digit: object = None


class _Error(msgspec.Struct):
    code: Annotated[int, msgspec.Meta(ge=0, le=9999)]


_decode = msgspec.json.Decoder(_Wire).decode
_decode_nothing = msgspec.json.Decoder(_Nothing).decode
_BARE: dict[str, type[Ping | Paused | Update]] = {
    "ping": Ping,
    "paused": Paused,
    "update": Update,
}


def parse(raw: bytes | str) -> Message:
    """One text message. Errors: WireError bad_json, unknown_event, bad_field, frame_too_large."""
    if len(raw) > MAX_TEXT:
        raise WireError("a message larger than any of this protocol", code="frame_too_large")
    try:
        wire = _decode(raw)
        return _message(wire, (uuid(wire.id), wire.seq, wire.serverseq, samples(wire.position)))
    except (ValueError, RecursionError):
        json_object(raw)
    raise WireError("a field absent or of the wrong type", code="bad_field")  # the decoder's words may quote it


def _message(wire: _Wire, head: tuple[str, int, int, int]) -> Message:
    bare = _BARE.get(wire.type)
    if bare is not None:
        _decode_nothing(wire.parameters)
        return bare(*head)
    match wire.type:
        case "open":
            return _open(head, msgspec.json.decode(wire.parameters, type=_Open))
        case "close":
            return Close(*head, msgspec.json.decode(wire.parameters, type=_Close).reason)
        case "resumed" | "discarded":
            span = msgspec.json.decode(wire.parameters, type=_Span)
            made = Resumed if wire.type == "resumed" else Discarded
            return made(*head, samples(span.start), samples(span.discarded))
        case "dtmf":
            return Dtmf(*head, key_of(msgspec.json.decode(wire.parameters, type=_Dtmf).digit))
        case "error":
            return Error(*head, msgspec.json.decode(wire.parameters, type=_Error).code)
        case _:
            raise WireError("a message that this protocol does not have", code="unknown_event")


def split(payload: bytes, media: Media) -> list[bytes]:
    """One binary frame, channel by channel. Errors: WireError frame_too_large, uneven_frame."""
    if len(payload) > MAX_FRAME:
        raise WireError("a binary frame larger than 256 KiB", code="frame_too_large", media=True)
    channels = len(media.channels)
    if len(payload) % (channels * media.encoding.width):
        raise WireError("a binary frame that ends before all its channels", code="uneven_frame", media=True)
    if channels == 1:
        return [payload]
    if media.encoding is Encoding.MULAW:
        return [payload[channel::channels] for channel in range(channels)]
    whole = array("H", payload)
    return [whole[channel::channels].tobytes() for channel in range(channels)]


def samples(duration: str) -> int:
    """ISO 8601, seconds only (`PT1.5S`). Errors: WireError bad_field."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise WireError("a duration that is none of this protocol", code="bad_field")
    return round(float(match[1]) * RATE)


def uuid(text: str) -> str:
    """In lower case. Errors: WireError bad_field."""
    if _UUID.fullmatch(text.lower()) is None:
        raise WireError("an id that is no UUID", code="bad_field")
    return text.lower()


def _open(head: tuple[str, int, int, int], body: _Open) -> Open:
    continued = body.continued_sessions or []
    if len(continued) > _MAX_CONTINUED:
        raise WireError("a session that continues more than any does", code="bad_field")
    told = {**(body.input_variables or {}), **(body.custom_config or {})}
    return Open(
        *head,
        organization=uuid(body.organization_id),
        conversation=uuid(body.conversation_id),
        media=tuple(known for known in map(_media, body.media) if known is not None),
        continued=tuple(uuid(session.id) for session in continued),
        token=token_of(told),
        offset=offset_of(told),
    )


def _media(offered: object) -> Media | None:
    """None for what this door does not take."""
    if not isinstance(offered, dict) or (offered.get("type"), offered.get("rate")) != ("audio", RATE):
        return None
    form, channels = offered.get("format"), offered.get("channels")
    if not isinstance(form, str) or form not in ENCODING_OF or not isinstance(channels, list):
        return None
    known = all(isinstance(channel, str) and channel in TRACK_OF for channel in channels)
    return Media(form, tuple(channels)) if known and 1 <= len(set(channels)) == len(channels) else None
