"""What these rules refuse, each with a stable code."""

from onrecord.base.errors import OnRecordError


class GovernanceError(OnRecordError):
    code = "governance"


class InvalidPromptError(GovernanceError):
    code = "invalid_prompt"


class InvalidProfileError(GovernanceError):
    code = "invalid_profile"


class InvalidLegalBasisError(GovernanceError):
    code = "invalid_legal_basis"


class InvalidSystemError(GovernanceError):
    code = "invalid_system"


class InvalidTriggersError(GovernanceError):
    code = "invalid_triggers"
