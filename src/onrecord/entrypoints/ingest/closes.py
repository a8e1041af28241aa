"""Why a media socket is closed by this side: WebSocket close codes of the private range (RFC 6455, section 7.4.2)."""

from onrecord.base.errors import Disposition, OnRecordError

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
}


def close_code(error: OnRecordError) -> int:
    """What this side cannot do now is 1013, everything else that a client can do wrong 4400; the close reason carries
    the stable code."""
    other = BAD_MESSAGE if error.disposition is Disposition.REFUSE else TRY_LATER
    return _CODES.get(error.code, other)
