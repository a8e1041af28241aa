"""The family of errors of this room. Nothing inside a decision raises; these come from packs, overlays and events."""

from onrecord.base.errors import OnRecordError


class PolicyError(OnRecordError):
    code = "policy"


class InvalidPackError(PolicyError):
    code = "invalid_pack"


class InvalidOverlayError(PolicyError):
    code = "invalid_overlay"


class InvalidEventError(PolicyError):
    code = "invalid_event"


class InvalidScenarioError(PolicyError):
    code = "invalid_scenario"


class InvalidPromptsError(PolicyError):
    code = "invalid_prompts"
