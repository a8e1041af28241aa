"""What a consent may be about, and which purposes each artifact kind needs."""

from enum import StrEnum

from onrecord.policy.kinds import HANDLING_RECORDS, Kind


class Purpose(StrEnum):
    RECORDING = "recording"
    TRANSCRIPTION = "transcription"
    AI_ANALYSIS = "ai_analysis"
    VIDEO = "video"
    VIDEO_ANALYSIS = "video_analysis"
    TRAINING = "training"
    SHARING = "sharing"


class ConsentState(StrEnum):
    """`expired`: was in force and did not survive a transfer."""

    UNKNOWN = "unknown"
    NOTIFIED = "notified"
    IMPLIED = "implied"
    GRANTED = "granted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STALE = "stale"


CONVERSATION = frozenset({Purpose.RECORDING, Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS})
_FINE = frozenset({Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS})

ORDER = tuple(Kind)
INDEX = {kind: index for index, kind in enumerate(ORDER)}
CONTENT = frozenset(ORDER) - HANDLING_RECORDS
VISUAL = frozenset({Kind.VIDEO_RECORDING, Kind.SCREEN_RECORDING, Kind.VIDEO_ANALYSIS})

_BASE = {
    Kind.TRANSCRIPT: Purpose.TRANSCRIPTION,
    Kind.LIVE_CAPTIONS: Purpose.TRANSCRIPTION,
    Kind.AUDIO_RECORDING: Purpose.RECORDING,
    Kind.TRAINING_DATA: Purpose.RECORDING,
    **dict.fromkeys(VISUAL, Purpose.RECORDING),
}
# The purpose that opens the conversation to each kind of content.
BASE = {kind: _BASE.get(kind, Purpose.AI_ANALYSIS) for kind in ORDER if kind in CONTENT}
# What a kind needs besides, in its own consent.
SEPARATE = {
    Kind.TRAINING_DATA: (Purpose.TRAINING,),
    Kind.VIDEO_RECORDING: (Purpose.VIDEO,),
    Kind.SCREEN_RECORDING: (Purpose.VIDEO,),
    Kind.VIDEO_ANALYSIS: (Purpose.VIDEO, Purpose.VIDEO_ANALYSIS),
}


def opened(scope: object) -> frozenset[Purpose]:
    """What an acceptance with this `scope` covers. `recording` brings transcript and analysis with it (corpora README,
    part B), unless the list names one of those itself; what is not understood covers nothing."""
    if scope is None:
        return CONVERSATION
    if not isinstance(scope, list | tuple):
        return frozenset()
    named = frozenset(Purpose(item) for item in scope if isinstance(item, str) and item in _WORDS)
    if Purpose.RECORDING in named and not named & _FINE:
        return named | CONVERSATION
    return named


def closed(scope: object, absent: frozenset[Purpose]) -> frozenset[Purpose]:
    """What a refusal or withdrawal with this `scope` covers; what is not understood covers everything."""
    if scope is None or (isinstance(scope, list | tuple) and not scope):
        return absent
    if not isinstance(scope, list | tuple) or not all(isinstance(item, str) and item in _WORDS for item in scope):
        return frozenset(Purpose)
    named = frozenset(Purpose(item) for item in scope)
    return named | CONVERSATION if Purpose.RECORDING in named else named


_WORDS = frozenset(purpose.value for purpose in Purpose)
