"""Exotel AgentStream, messages of the Stream and Voicebot applets (developer.exotel.com/docs/agentstream).

Numbers come as strings or as integers. Only what is used is read: not who calls whom, and no sequence or chunk
number, as places come from time stamps.
"""

import re
from typing import Literal, assert_never

import msgspec

from onrecord.capture.errors import WireError
from onrecord.capture.wire import jsontext

MAX_TEXT = 163_840  # characters or bytes of one text message: 100 KB of sound as base64, and room around it
RATES = (8000, 16000, 24000)
ENCODINGS = ("audio/x-raw", "raw/slin", "base64")  # what the platform's pages call the one format: PCM16, little-endian
WIDTH = 2  # bytes a sample
REASONS = ("stopped", "callended")
UNKNOWN_REASON = "unknown"
_BIT_RATE = re.compile(r"16|[0-9]{1,6}kbps")  # bits a sample, or what older pages show

Side = Literal["inbound", "outbound"]
_SIDES: dict[str | None, Side | None] = {None: None, "inbound": "inbound", "outbound": "outbound"}


class Connected(jsontext.Message, frozen=True, gc=False):
    pass


class Start(jsontext.Message, frozen=True, gc=False):
    """`rate` in Hz, None where the message does not say it. `token`, `offset` (seconds) and `track` come from the
    custom parameters."""

    rate: int | None = None
    token: str | None = None
    offset: float | None = None
    track: str | None = None


class Media(jsontext.Message, frozen=True, gc=False):
    """`timestamp` in milliseconds since the stream began. `side` is whose sound this is, where the applet says it."""

    timestamp: int
    payload: bytes
    side: Side | None = None


class Dtmf(jsontext.Message, frozen=True, gc=False):
    """`key`: see `jsontext.key_of`."""

    key: str


class Mark(jsontext.Message, frozen=True, gc=False):
    pass


class Clear(jsontext.Message, frozen=True, gc=False):
    pass


class Stop(jsontext.Message, frozen=True, gc=False):
    """`reason` is one of REASONS, UNKNOWN_REASON for any other, None where the message has none."""

    reason: str | None = None


Message = Connected | Start | Media | Dtmf | Mark | Clear | Stop


class _Wire(msgspec.Struct, tag_field="event", gc=False):
    pass


class _WireConnected(_Wire, tag="connected"):
    pass


class _Format(msgspec.Struct, gc=False):
    encoding: str
    sample_rate: int | None = None
    bit_rate: str | int | None = None
    channels: int = 1


class _StartBody(msgspec.Struct, gc=False):
    media_format: _Format
    custom_parameters: dict[str, object] | None = None


class _WireStart(_Wire, tag="start"):
    start: _StartBody


class _MediaBody(msgspec.Struct, gc=False):
    timestamp: int
    payload: bytes
    track: str | None = None


class _WireMedia(_Wire, tag="media"):
    media: _MediaBody


class _DtmfBody(msgspec.Struct, gc=False):
    digit: object = None


class _WireDtmf(_Wire, tag="dtmf"):
    dtmf: _DtmfBody | None = None


class _WireMark(_Wire, tag="mark"):
    pass


class _WireClear(_Wire, tag="clear"):
    pass


class _StopBody(msgspec.Struct, gc=False):
    reason: object = None


class _WireStop(_Wire, tag="stop"):
    stop: _StopBody | None = None


_AnyWire = _WireConnected | _WireStart | _WireMedia | _WireDtmf | _WireMark | _WireClear | _WireStop
_SHAPES: jsontext.Shapes = {
    "connected": _WireConnected,
    "start": _WireStart,
    "media": _WireMedia,
    "dtmf": _WireDtmf,
    "mark": _WireMark,
    "clear": _WireClear,
    "stop": _WireStop,
}
_decode = msgspec.json.Decoder(_AnyWire, strict=False).decode


def parse(raw: bytes | str) -> Message:
    """One text message. Errors: WireError bad_json, unknown_event, missing_field, bad_field, bad_base64, wrong_codec,
    unknown_track, frame_too_large."""
    if len(raw) > MAX_TEXT:
        raise WireError("a message larger than any of this protocol", code="frame_too_large")
    try:
        wire = _decode(raw)
    except (ValueError, RecursionError):
        raise jsontext.diagnose(raw, _SHAPES) from None  # the decoder's words may quote the message
    match wire:
        case _WireMedia(media=media):
            return Media(media.timestamp, media.payload, _side(media.track))
        case _WireStart(start=body):
            return _start(body)
        case _WireDtmf(dtmf=dtmf):
            return Dtmf("" if dtmf is None else jsontext.key_of(dtmf.digit))
        case _WireMark():
            return Mark()
        case _WireClear():
            return Clear()
        case _WireStop(stop=stop):
            return Stop(_reason(stop))
        case _WireConnected():
            return Connected()
        case _:
            assert_never(wire)


def rate_of(text: str) -> int:
    """A sample rate in Hz as the query says it. Errors: WireError wrong_codec."""
    for rate in RATES:
        if text == str(rate):
            return rate
    raise WireError("this socket takes sound at 8000, 16000 or 24000 Hz", code="wrong_codec")


class Places:
    """From stamps in milliseconds to samples of the stream. A frame that by its stamp begins less than a millisecond
    from where the one before ended goes on there: frames need not last whole milliseconds."""

    __slots__ = ("_next", "_rate")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._next = 0

    def of(self, media: Media) -> int:
        """Where its first sample lies."""
        at = media.timestamp * self._rate // 1000
        if abs(at - self._next) * 1000 < self._rate:
            at = self._next
        self._next = at + len(media.payload) // WIDTH
        return at


def _side(track: str | None) -> Side | None:
    if track not in _SIDES:
        raise WireError("a track that is neither inbound nor outbound", code="unknown_track", media=True)
    return _SIDES[track]


def _start(body: _StartBody) -> Start:
    form = body.media_format
    known = form.encoding in ENCODINGS and form.channels == 1
    if not known or (form.bit_rate is not None and _BIT_RATE.fullmatch(str(form.bit_rate)) is None):
        raise WireError("this socket takes 16-bit PCM, one channel", code="wrong_codec")
    if form.sample_rate is not None and form.sample_rate not in RATES:
        raise WireError("this socket takes sound at 8000, 16000 or 24000 Hz", code="wrong_codec")
    parameters = body.custom_parameters or {}
    return Start(
        rate=form.sample_rate,
        token=jsontext.token_of(parameters),
        offset=jsontext.offset_of(parameters),
        track=jsontext.track_of(parameters),
    )


def _reason(stop: _StopBody | None) -> str | None:
    if stop is None or stop.reason is None:
        return None
    return stop.reason if isinstance(stop.reason, str) and stop.reason in REASONS else UNKNOWN_REASON
