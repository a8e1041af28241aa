"""The neutral socket of the contract: a text message `start`, binary frames, a text message `stop`."""

import struct
from dataclasses import dataclass, field
from typing import Literal, assert_never

import msgspec

from onrecord.capture.errors import WireError
from onrecord.capture.wire.jsontext import json_object, track_name
from onrecord.signal.encoding import Encoding

MAX_TEXT = 65_536  # characters or bytes of one text message
MAX_FRAME = 262_144  # bytes of one binary frame
MAX_TRACKS = 16
_RATES = range(4_000, 192_001)
_HEAD = struct.Struct(">BQ")


@dataclass(frozen=True, slots=True)
class Track:
    name: str
    encoding: Encoding
    rate: int


@dataclass(frozen=True, slots=True)
class Start:
    """A binary frame names a track by its index here."""

    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    pass


@dataclass(frozen=True, slots=True)
class Frame:
    """`timestamp` in samples since the stream began; `payload` in the track's encoding."""

    track: int
    timestamp: int
    payload: bytes = field(repr=False)


class _WireTrack(msgspec.Struct):
    name: str
    encoding: str
    sample_rate: int


class _WireStart(msgspec.Struct, tag_field="event", tag="start"):
    tracks: list[_WireTrack]


class _WireStop(msgspec.Struct, tag_field="event", tag="stop"):
    pass


class _Event(msgspec.Struct):
    event: Literal["start", "stop"]


_decode = msgspec.json.Decoder(_WireStart | _WireStop, strict=False).decode


def parse_text(raw: bytes | str) -> Start | Stop:
    """Errors: WireError bad_json, unknown_event, bad_field, wrong_codec, frame_too_large."""
    if len(raw) > MAX_TEXT:
        raise WireError("a message larger than any of this protocol", code="frame_too_large")
    try:
        wire = _decode(raw)
    except (ValueError, RecursionError):
        raise _diagnose(raw) from None  # the decoder's words may quote the message
    match wire:
        case _WireStart(tracks=tracks):
            return _start(tracks)
        case _WireStop():
            return Stop()
        case _:
            assert_never(wire)


def parse_frame(raw: bytes | bytearray | memoryview) -> Frame:
    """One binary frame: track index (1 byte), timestamp (8 bytes, big-endian), payload.
    Errors: WireError frame_too_large, frame_too_short."""
    if len(raw) > MAX_FRAME:
        raise WireError("a binary frame larger than 256 KiB", code="frame_too_large", media=True)
    if len(raw) < _HEAD.size:
        raise WireError("a binary frame shorter than its head", code="frame_too_short", media=True)
    track, timestamp = _HEAD.unpack_from(raw)
    return Frame(track, timestamp, bytes(raw[_HEAD.size :]))


def render_text(message: Start | Stop) -> bytes:
    match message:
        case Start(tracks=tracks):
            listed = [
                {"name": track.name, "encoding": track.encoding.value, "sample_rate": track.rate} for track in tracks
            ]
            return msgspec.json.encode({"event": "start", "tracks": listed})
        case Stop():
            return msgspec.json.encode({"event": "stop"})
        case _:
            assert_never(message)


def render_frame(frame: Frame) -> bytes:
    return _HEAD.pack(frame.track, frame.timestamp) + frame.payload


def _start(wires: list[_WireTrack]) -> Start:
    if not 1 <= len(wires) <= MAX_TRACKS:
        raise WireError(f"a stream has 1 to {MAX_TRACKS} tracks", code="bad_field")
    if len({wire.name for wire in wires}) != len(wires):
        raise WireError("two tracks of one name", code="bad_field")
    return Start(tuple(_track(wire) for wire in wires))


def _track(wire: _WireTrack) -> Track:
    name = track_name(wire.name)
    if wire.encoding not in set(Encoding) or wire.sample_rate not in _RATES:
        raise WireError("a track is pcm16 or mulaw at 4000 to 192000 Hz", code="wrong_codec")
    return Track(name, Encoding(wire.encoding), wire.sample_rate)


def _diagnose(raw: bytes | str) -> WireError:
    """Which error a message has that does not decode."""
    try:
        value = json_object(raw)
    except WireError as error:
        return error
    if value.get("event") not in ("start", "stop"):
        return WireError("an event that this protocol does not have", code="unknown_event")
    return WireError("a field absent or of the wrong type", code="bad_field")
