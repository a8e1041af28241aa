"""Twilio Media Streams, messages to the application (twilio.com/docs/voice/media-streams/websocket-messages).

Numbers come as strings or as integers.
"""

from typing import assert_never

import msgspec

from onrecord.capture.errors import WireError
from onrecord.capture.wire import jsontext

RATE = 8000
MAX_TEXT = 65_536  # characters or bytes of one text frame
CODEC = ("audio/x-mulaw", RATE, 1)
TRACK_OF = {"inbound": "customer", "outbound": "agent"}


class Connected(jsontext.Message, frozen=True, gc=False):
    version: str


class Start(jsontext.Message, frozen=True, gc=False):
    """`tracks` as the product names them. `token` and `offset` (seconds) come from the custom parameters."""

    sequence: int
    stream_sid: str
    account_sid: str
    call_sid: str
    tracks: tuple[str, ...]
    token: str | None = None
    offset: float | None = None


class Media(jsontext.Message, frozen=True, gc=False):
    """`timestamp` in milliseconds since the stream began; `payload` mu-law, one byte a sample."""

    sequence: int
    stream_sid: str
    track: str
    chunk: int
    timestamp: int
    payload: bytes

    @property
    def samples_at(self) -> int:
        """`timestamp` in samples."""
        return self.timestamp * RATE // 1000


class Dtmf(jsontext.Message, frozen=True, gc=False):
    """`key`: see `jsontext.key_of`."""

    sequence: int
    stream_sid: str
    track: str
    key: str


class Mark(jsontext.Message, frozen=True, gc=False):
    sequence: int
    stream_sid: str
    name: str


class Stop(jsontext.Message, frozen=True, gc=False):
    sequence: int
    stream_sid: str
    account_sid: str
    call_sid: str


Message = Connected | Start | Media | Dtmf | Mark | Stop


class _Wire(msgspec.Struct, rename="camel", tag_field="event", gc=False):
    pass


class _Body(msgspec.Struct, rename="camel", gc=False):
    pass


class _WireConnected(_Wire, tag="connected"):
    version: str


class _Format(_Body):
    encoding: str
    sample_rate: int
    channels: int


class _StartBody(_Body):
    account_sid: str
    call_sid: str
    tracks: list[str]
    media_format: _Format
    custom_parameters: dict[str, object] = {}


class _WireStart(_Wire, tag="start"):
    sequence_number: int
    stream_sid: str
    start: _StartBody


class _MediaBody(_Body):
    track: str
    chunk: int
    timestamp: int
    payload: bytes


class _WireMedia(_Wire, tag="media"):
    sequence_number: int
    stream_sid: str
    media: _MediaBody


class _DtmfBody(_Body):
    track: str
    digit: object = None


class _WireDtmf(_Wire, tag="dtmf"):
    sequence_number: int
    stream_sid: str
    dtmf: _DtmfBody


class _MarkBody(_Body):
    name: str


class _WireMark(_Wire, tag="mark"):
    sequence_number: int
    stream_sid: str
    mark: _MarkBody


class _StopBody(_Body):
    account_sid: str
    call_sid: str


class _WireStop(_Wire, tag="stop"):
    sequence_number: int
    stream_sid: str
    stop: _StopBody


_AnyWire = _WireConnected | _WireStart | _WireMedia | _WireDtmf | _WireMark | _WireStop
_SHAPES: jsontext.Shapes = {
    "connected": _WireConnected,
    "start": _WireStart,
    "media": _WireMedia,
    "dtmf": _WireDtmf,
    "mark": _WireMark,
    "stop": _WireStop,
}
_decode = msgspec.json.Decoder(_AnyWire, strict=False).decode


def parse(raw: bytes | str) -> Message:
    """One text frame. Errors: WireError bad_json, unknown_event, missing_field, bad_field, bad_base64, wrong_codec,
    unknown_track, frame_too_large."""
    if len(raw) > MAX_TEXT:
        raise WireError("a message larger than any of this protocol", code="frame_too_large")
    try:
        wire = _decode(raw)
    except (ValueError, RecursionError):
        raise jsontext.diagnose(raw, _SHAPES) from None  # the decoder's words may quote the message
    match wire:
        case _WireMedia(sequence_number=sequence, stream_sid=sid, media=media):
            return Media(sequence, sid, _track(media.track, media=True), media.chunk, media.timestamp, media.payload)
        case _WireStart():
            return _start(wire)
        case _WireDtmf(sequence_number=sequence, stream_sid=sid, dtmf=dtmf):
            return Dtmf(sequence, sid, _track(dtmf.track.removesuffix("_track")), jsontext.key_of(dtmf.digit))
        case _WireMark(sequence_number=sequence, stream_sid=sid, mark=mark):
            return Mark(sequence, sid, mark.name)
        case _WireStop(sequence_number=sequence, stream_sid=sid, stop=stop):
            return Stop(sequence, sid, stop.account_sid, stop.call_sid)
        case _WireConnected(version=version):
            return Connected(version)
        case _:
            assert_never(wire)


def _track(wire: str, *, media: bool = False) -> str:
    track = TRACK_OF.get(wire)
    if track is None:
        raise WireError("a track that is neither inbound nor outbound", code="unknown_track", media=media)
    return track


def _start(wire: _WireStart) -> Start:
    body = wire.start
    form = body.media_format
    if (form.encoding, form.sample_rate, form.channels) != CODEC:
        raise WireError("this socket takes mu-law at 8000 Hz, one channel", code="wrong_codec")
    return Start(
        sequence=wire.sequence_number,
        stream_sid=wire.stream_sid,
        account_sid=body.account_sid,
        call_sid=body.call_sid,
        tracks=tuple(_track(track) for track in body.tracks),
        token=jsontext.token_of(body.custom_parameters),
        offset=jsontext.offset_of(body.custom_parameters),
    )
