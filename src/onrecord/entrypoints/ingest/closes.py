"""Why a media socket is closed by this side: WebSocket close codes of the private range (RFC 6455, section 7.4.2)."""

from onrecord.base.errors import OnRecordError

BAD_MESSAGE = 4400
BAD_TOKEN = 4401
CONFLICT = 4409
GONE = 4410
TRY_LATER = 1013
INTERNAL = 1011
GOING_AWAY = 1001
TOO_BIG = 1009

_CODES = {
    "bad_stream_token": BAD_TOKEN,
    "stream_conflict": CONFLICT,
    "interaction_sealed": GONE,
    "not_found": BAD_TOKEN,
    "frame_too_large": TOO_BIG,
    "storage_full": TRY_LATER,
    "storage_conflict": TRY_LATER,
    "storage_unknown": TRY_LATER,
    "key_store": TRY_LATER,
    "key_store_unknown": TRY_LATER,
}


def close_code(error: OnRecordError) -> int:
    """Everything else that a client can do wrong is 4400; the close reason carries the stable code."""
    return _CODES.get(error.code, BAD_MESSAGE)
