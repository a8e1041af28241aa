"""What the JSON forms of platforms share: messages that show nothing, why a text does not decode, and what the
application's own parameters say."""

import math
import re
from base64 import b64decode
from collections.abc import Mapping

import msgspec

from onrecord.capture.errors import WireError

_KEYS = "0123456789*#ABCD"
_TRACK = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Shapes = Mapping[str, type[msgspec.Struct]]


def _type_only(message: object) -> str:
    return f"{type(message).__name__}()"


class Message(msgspec.Struct, frozen=True, gc=False):
    """Shows its type only: tokens and sound stay out of logs."""

    __repr__ = _type_only


def key_of(value: object) -> str:
    """A key of a telephone, told as a text or a number, as a text; empty where it is none. It is held in memory, to be
    compared, and nowhere else."""
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9
    text = str(value) if number else value
    return text if isinstance(text, str) and len(text) == 1 and text in _KEYS else ""


def track_name(name: str) -> str:
    """As it is. Errors: WireError bad_field."""
    if _TRACK.fullmatch(name) is None:
        raise WireError("a track name is 1 to 64 letters, digits, dots, dashes or underscores", code="bad_field")
    return name


def token_of(parameters: Mapping[str, object]) -> str | None:
    """Errors: WireError bad_field."""
    token = parameters.get("token")
    if token is not None and not isinstance(token, str):
        raise WireError("the parameter `token` is not a text", code="bad_field")
    return token


def track_of(parameters: Mapping[str, object]) -> str | None:
    """Errors: WireError bad_field."""
    track = parameters.get("track")
    if track is not None and not isinstance(track, str):
        raise WireError("the parameter `track` is not a text", code="bad_field")
    return None if track is None else track_name(track)


def offset_of(parameters: Mapping[str, object]) -> float | None:
    """Seconds. Errors: WireError bad_field."""
    value = parameters.get("offset")
    if value is None:
        return None
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise WireError("the parameter `offset` is not a number of seconds", code="bad_field")
    return seconds


def json_object(raw: bytes | str) -> dict[str, object]:
    """Errors: WireError bad_json."""
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        raise WireError("not JSON", code="bad_json") from None  # the decoder's words may quote the message
    if not isinstance(value, dict):
        raise WireError("not a JSON object", code="bad_json") from None  # may be told where another did not decode
    return value


def diagnose(raw: bytes | str, shapes: Shapes) -> WireError:
    """Which error a message has that does not decode as the shape of its `event`. That of `media` carries its sound in
    `media.payload`."""
    try:
        value = json_object(raw)
    except WireError as error:
        return error
    if "event" not in value:
        return WireError("a message without `event`", code="missing_field")
    event = value["event"]
    shape = shapes.get(event) if isinstance(event, str) else None
    if shape is None:
        return WireError("an event that this protocol does not have", code="unknown_event")
    media = event == "media"
    missing = _missing(value, shape)
    if missing is not None:
        return WireError(f"a message without `{missing}`", code="missing_field", media=media)
    body = value.get("media")
    if media and isinstance(body, dict):
        try:
            b64decode(body["payload"], validate=True)
        except (ValueError, TypeError):
            return WireError("a payload that is not base64", code="bad_base64", media=True)
    return WireError("a field of the wrong type", code="bad_field", media=media)


def _missing(value: dict[str, object], shape: type[msgspec.Struct]) -> str | None:
    """The first required field that is absent."""
    for field in msgspec.structs.fields(shape):
        if field.encode_name not in value:
            if field.required:
                return field.encode_name
            continue
        inner = value[field.encode_name]
        if isinstance(inner, dict) and isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            missing = _missing(inner, field.type)
            if missing is not None:
                return missing
    return None
