"""The closed list of artifact kinds."""

from enum import StrEnum


class Kind(StrEnum):
    AUDIO_RECORDING = "audio_recording"
    VIDEO_RECORDING = "video_recording"
    SCREEN_RECORDING = "screen_recording"
    VIDEO_ANALYSIS = "video_analysis"
    TRANSCRIPT = "transcript"
    LIVE_CAPTIONS = "live_captions"
    AI_SUMMARY = "ai_summary"
    SENTIMENT = "sentiment"
    QA_SCORE = "qa_score"
    EVALUATION = "evaluation"
    AGENT_NOTES = "agent_notes"
    DISPOSITION = "disposition"
    ANALYTICS_TAGS = "analytics_tags"
    ESCALATION_NOTES = "escalation_notes"
    WORKFLOW_ACTION = "workflow_action"
    CRM_SYNC = "crm_sync"
    AGENT_ASSIST = "agent_assist"
    TRAINING_DATA = "training_data"


HANDLING_RECORDS = frozenset({Kind.AGENT_NOTES, Kind.DISPOSITION, Kind.ESCALATION_NOTES, Kind.CRM_SYNC})
