"""Codes in plain English, for the summary. What has no sentence here stands as its code."""

from collections.abc import Mapping
from typing import Any

from onrecord.evidence.replay import Status

_KINDS = {
    "audio_recording": "audio recording",
    "ai_summary": "AI summary",
    "qa_score": "QA score",
    "crm_sync": "CRM copy",
}
_REASONS = {
    "CONSENT_GIVEN": "consent was given",
    "CONSENT_IMPLIED": "consent was implied by staying after the notice",
    "CONSENT_CARRIED": "consent was carried over the transfer",
    "CONSENT_RENEWED": "consent was given again",
    "NOTICE_GIVEN": "the notice was given, and no consent is needed",
    "SEGMENT_CONSENT": "the person agreed to this part",
    "SEGMENT_ENDED": "the sensitive part is over",
    "TRAINING_CONSENT": "the person agreed to training",
    "BUSINESS_RECORD": "a record of handling without content",
    "VENDOR_WITHOUT_CONTRACT": "only a vendor without the contract that this conversation needs would make it",
    "NOT_ENABLED": "not enabled for this conversation",
    "ERASED_ON_REQUEST": "erasure was requested",
    "CONSENT_WITHDRAWN": "consent was withdrawn",
    "NON_RECORDED_WORKFLOW": "the conversation was moved to an unrecorded line",
    "CONSENT_DECLINED": "the person refused",
    "OBJECTED": "the person objected",
    "EMOTION_PROHIBITED": "feelings may not be inferred here",
    "OPT_OUT": "the person asked that nothing be recorded",
    "OPT_OUT_SCOPED": "the person asked that this not be made",
    "AWAITING_CONSENT": "no answer yet",
    "IMPLIED_NOT_ENOUGH": "staying on the line is not consent enough here",
    "NOTICE_NOT_PROVEN": "no proof that the notice reached the person",
    "NOTICE_MISSING": "no notice yet",
    "CONSENT_EXPIRED": "the consent had run out",
    "CONSENT_STALE": "the consent was to an earlier text",
    "CONSENT_NOT_CARRIED": "the transfer did not carry the consent",
    "NEW_PARTY_NO_CONSENT": "somebody joined who had not agreed",
    "JURISDICTION_UNKNOWN": "nobody knows whose law holds",
    "NO_SEPARATE_CONSENT": "training needs a consent of its own",
    "TRAINING_DECLINED": "training was refused",
    "NO_VIDEO_CONSENT": "video needs a consent of its own",
    "SEGMENT_DECLINED": "the person refused this part",
    "SENSITIVE_SEGMENT": "a sensitive part, such as a payment",
    "SOURCE_STOPPED": "its source is not captured",
    "CALL_ENDED": "the call had ended",
}
_EVENTS = {
    "call_start": "Call began",
    "call_end": "Call ended",
    "party_join": "Somebody joined",
    "jurisdiction_update": "Place learnt",
    "transfer": "Transfer",
    "workflow": "Line changed",
    "segment_start": "Sensitive part began",
    "segment_end": "Sensitive part ended",
    "bypass": "Policy bypass",
    "capture_ack": "Capture acknowledged",
    "capture_report": "Capture reported",
    "stream_opened": "Stream opened",
    "stream_closed": "Stream closed",
    "interrupted": "Interrupted",
    "overloaded": "Recording shut: media came faster than it could be handled",
    "overload_ended": "Recording no longer shut for want of capacity",
    "media_lost": "Recording lost: storage was too slow or failed",
    "recording_commanded": "Platform's own recording: commanded, not gated",
    "command_answered": "Platform told to record, pause or stop, and read back",
    "system_attached": "Capture system: commanded, not gated",
    "system_barred": "Vendors without a contract for this conversation",
    "system_commanded": "Capture system told to start, pause, resume or stop",
    "system_answered": "Capture system read back",
    "system_disobeyed": "Data of a capture system from after its stop, refused",
    "source_answered": "Source told to pause or to resume, and its answer",
    "alarm_raised": "Alarm",
    "alarm_cleared": "Alarm over",
    "interaction_sealed": "Sealed",
    "content_disclosed": "Content disclosed",
    "evidence_exported": "Evidence exported",
    "profile_read": "Standing profile read at admission",
    "artifact_refused": "Artifact refused",
    "assertion_refused": "Statement refused: source not entitled",
    "purge_intended": "Purge intended",
    "purge_completed": "Purge completed",
    "erasure_intended": "Erasure intended",
    "erasure_completed": "Erasure completed",
}
_STATEMENTS = {
    "prompt_delivered": "Notice given (as claimed by the platform)",
    "prompt_version_changed": "Text of the notice changed",
    "consent_withdrawn": "Consent withdrawn",
    "objection": "Objected",
    "opt_out": "Asked not to be recorded",
    "opt_in": "Agreed again",
    "erasure_request": "Asked for erasure",
}
_GRADES = {
    "heard": "Notice heard: its sound is in the outbound track",
    "partly_heard": "Notice heard in part",
    "not_heard": "Notice not heard: its sound is not in the outbound track",
    "not_determinable": "Whether the notice was heard cannot be told",
}
_ANSWERS = {
    "accepted": "given",
    "declined": "refused",
    "implied": "implied",
    "no_response": "not answered",
}
_DETAILS = (
    "track",
    "tracks",
    "from",
    "to",
    "carries_consent",
    "role",
    "party",
    "jurisdiction",
    "segment",
    "n",
    "recorded",
    "by",
    "action",
    "kind",
    "kinds",
    "state",
    "type",
    "source",
    "principal",
    "artifact",
    "artifacts",
    "start",
    "end",
    "platform",
    "name",
    "system",
    "command",
    "verdicts",
    "acknowledged",
    "lacking",
    "what",
    "wish",
    "answer",
    "discarded",
    "followed",
    "status",
    "alarm",
    "why",
    "seconds",
    "code",
    "reason",
    "events",
)
REPLAY = {
    Status.COMPLETE: "replayed from every fact",
    Status.PARTIAL: "not replayed: some of the facts are erased",
    Status.ERASED: "not replayed: the facts are erased",
    Status.KERNEL_UNKNOWN: "made by another version of the policy kernel",
}


def kind(code: str) -> str:
    return _KINDS.get(code, code.replace("_", " "))


def reason(code: str) -> str:
    return _REASONS.get(code, code)


def event(code: str) -> str:
    return _EVENTS.get(code, code)


def statement(code: str, data: Mapping[str, Any]) -> str:
    """A notice, an answer or a wish; of an answer also what it covers."""
    if code == "prompt_heard":
        return _GRADES.get(str(data.get("grade")), code)
    if code not in {"consent", "segment_consent"}:
        return _STATEMENTS.get(code, code)
    answer = _ANSWERS.get(str(data.get("result")), "unknown")
    covers = data.get("scope") if code == "consent" else data.get("segment")
    return f"Consent {answer}" + (f" for {plain(covers)}" if covers else "")


def share(data: Mapping[str, Any]) -> str:
    """Of a notice, as far as it was heard."""
    fraction = data.get("fraction")
    return f"{fraction:.0%} of it" if isinstance(fraction, float) and fraction else ""


def detail(code: str, data: Mapping[str, Any]) -> str:
    """The telling fields of an event; ids of objects and keys, counters and lists of samples are left to media.json."""
    fields = {name: data[name] for name in _DETAILS if name in data}
    if code == "stream_opened":
        fields["tracks"] = [track["name"] for track in data["tracks"]]
    return "; ".join(f"{name.replace('_', ' ')}: {plain(value)}" for name, value in fields.items())


def plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
