"""The closed vocabulary of conditions, in the order in which they give the reason, strongest first (corpora README,
part B), each with the verdict that holds whatever packs say."""

from dataclasses import dataclass
from enum import IntEnum

from onrecord.policy.verdict import Verdict


class Situation(IntEnum):
    NOT_ENABLED = 0
    EMOTION_PROHIBITED = 1
    ALWAYS = 2
    VENDOR_BARRED = 3
    TRAINING_MISSING = 4
    TRAINING_DECLINED = 5
    ERASED = 6
    WITHDRAWN = 7
    NON_RECORDED = 8
    DECLINED = 9
    OBJECTED = 10
    OPTED_OUT = 11
    OPTED_OUT_SCOPED = 12
    CONSENT_MISSING = 13
    NOTICE_MISSING = 14
    CONSENT_STALE = 15
    CONSENT_EXPIRED = 16
    CONSENT_NOT_CARRIED = 17
    NEW_PARTY = 18
    NOTICE_NOT_PROVEN = 19
    JURISDICTION_UNKNOWN = 20
    IMPLIED_NOT_ENOUGH = 21
    VIDEO_MISSING = 22
    SOURCE_STOPPED = 23
    CALL_ENDED = 24
    SEGMENT_DECLINED = 25
    SEGMENT_SENSITIVE = 26
    SEGMENT_OPEN = 27
    IN_FORCE = 28
    HANDLING_RECORD = 29

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def bit(self) -> int:
        return 1 << self


@dataclass(frozen=True, slots=True)
class Meaning:
    """`floor`: the verdict without any pack. `final`: the cause cannot end."""

    reason: str
    floor: Verdict
    final: bool = False


# OPTED_OUT* and SOURCE_STOPPED take their verdict from the option and from the source; the floors here are the lowest.
MEANING = {
    Situation.NOT_ENABLED: Meaning("NOT_ENABLED", Verdict.NEVER, final=True),
    Situation.EMOTION_PROHIBITED: Meaning("EMOTION_PROHIBITED", Verdict.NEVER, final=True),
    Situation.ALWAYS: Meaning("NOT_PERMITTED", Verdict.CAPTURE, final=True),
    Situation.VENDOR_BARRED: Meaning("VENDOR_WITHOUT_CONTRACT", Verdict.STOP),
    Situation.TRAINING_MISSING: Meaning("NO_SEPARATE_CONSENT", Verdict.STOP),
    Situation.TRAINING_DECLINED: Meaning("TRAINING_DECLINED", Verdict.STOP),
    Situation.ERASED: Meaning("ERASED_ON_REQUEST", Verdict.STOP, final=True),
    Situation.WITHDRAWN: Meaning("CONSENT_WITHDRAWN", Verdict.STOP),
    Situation.NON_RECORDED: Meaning("NON_RECORDED_WORKFLOW", Verdict.STOP),
    Situation.DECLINED: Meaning("CONSENT_DECLINED", Verdict.STOP),
    Situation.OBJECTED: Meaning("OBJECTED", Verdict.STOP),
    Situation.OPTED_OUT: Meaning("OPT_OUT", Verdict.STOP),
    Situation.OPTED_OUT_SCOPED: Meaning("OPT_OUT_SCOPED", Verdict.STOP),
    Situation.CONSENT_MISSING: Meaning("AWAITING_CONSENT", Verdict.STOP),
    Situation.NOTICE_MISSING: Meaning("NOTICE_MISSING", Verdict.PAUSE),
    Situation.CONSENT_STALE: Meaning("CONSENT_STALE", Verdict.PAUSE),
    Situation.CONSENT_EXPIRED: Meaning("CONSENT_EXPIRED", Verdict.PAUSE),
    Situation.CONSENT_NOT_CARRIED: Meaning("CONSENT_NOT_CARRIED", Verdict.PAUSE),
    Situation.NEW_PARTY: Meaning("NEW_PARTY_NO_CONSENT", Verdict.PAUSE),
    Situation.NOTICE_NOT_PROVEN: Meaning("NOTICE_NOT_PROVEN", Verdict.PAUSE),
    Situation.JURISDICTION_UNKNOWN: Meaning("JURISDICTION_UNKNOWN", Verdict.PAUSE),
    Situation.IMPLIED_NOT_ENOUGH: Meaning("IMPLIED_NOT_ENOUGH", Verdict.PAUSE),
    Situation.VIDEO_MISSING: Meaning("NO_VIDEO_CONSENT", Verdict.STOP),
    Situation.SOURCE_STOPPED: Meaning("SOURCE_STOPPED", Verdict.STOP),
    Situation.CALL_ENDED: Meaning("CALL_ENDED", Verdict.STOP, final=True),
    Situation.SEGMENT_DECLINED: Meaning("SEGMENT_DECLINED", Verdict.PAUSE),
    Situation.SEGMENT_SENSITIVE: Meaning("SENSITIVE_SEGMENT", Verdict.PAUSE),
    Situation.SEGMENT_OPEN: Meaning("SENSITIVE_SEGMENT", Verdict.CAPTURE),
    Situation.IN_FORCE: Meaning("CONSENT_GIVEN", Verdict.CAPTURE),
    Situation.HANDLING_RECORD: Meaning("BUSINESS_RECORD", Verdict.CAPTURE),
}
BY_WORD = {situation.word: situation for situation in Situation}
# What ends a source for itself and for everything made of it alike.
LIFECYCLE = Situation.CALL_ENDED.bit | Situation.SEGMENT_DECLINED.bit | Situation.SEGMENT_SENSITIVE.bit
# What holds where nothing else does: it restricts nothing, and gives no reason.
RESTING = frozenset({Situation.IN_FORCE, Situation.HANDLING_RECORD})
