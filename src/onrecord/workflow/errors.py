"""What a use case refuses, each with a stable code. The doors turn codes into HTTP statuses and close codes."""

from onrecord.base.errors import Disposition, OnRecordError


class WorkflowError(OnRecordError):
    code = "workflow"


class InvalidRequestError(WorkflowError):
    code = "invalid_request"


class UnauthenticatedError(WorkflowError):
    code = "unauthenticated"


class ForbiddenError(WorkflowError):
    code = "forbidden"


class NotFoundError(WorkflowError):
    code = "not_found"


class SourceNotEntitledError(WorkflowError):
    """`asserted` is the type of the event that was refused."""

    code = "source_not_entitled"

    def __init__(self, message: str, asserted: str) -> None:
        super().__init__(message)
        self.asserted = asserted


class EventConflictError(WorkflowError):
    code = "event_conflict"


class IdempotencyMismatchError(WorkflowError):
    code = "idempotency_mismatch"


class VerdictClosedError(WorkflowError):
    code = "verdict_closed"


class ContentErasedError(WorkflowError):
    code = "erased"


class QuarantinedError(WorkflowError):
    code = "quarantined"


class PackTooLargeError(WorkflowError):
    code = "pack_too_large"


class PackSignatureError(WorkflowError):
    """A policy pack that is not signed as the operator asks: pack_unsigned, pack_signer_unknown, pack_key_missing,
    pack_note_malformed, or its signature does not hold over its bytes."""

    code = "pack_signature_invalid"


class SealedError(WorkflowError):
    code = "interaction_sealed"


class PlatformUnknownError(WorkflowError):
    code = "platform_unknown"


class PromptUnknownError(WorkflowError):
    code = "prompt_unknown"


class ConflictingPromptError(WorkflowError):
    code = "prompt_exists"


class ConflictingLegalBasisError(WorkflowError):
    code = "legal_basis_exists"


class BalancingUnknownError(WorkflowError):
    code = "balancing_unknown"


class RegisterFullError(WorkflowError):
    code = "register_full"


class BadTokenError(WorkflowError):
    code = "bad_stream_token"


class StreamConflictError(WorkflowError):
    code = "stream_conflict"


class RecoveringError(WorkflowError):
    """The server has been started and is not there yet. Nothing was looked at."""

    code = "recovering"
    disposition = Disposition.RETRY


class GatesShutError(WorkflowError):
    """A closing could not be stored. It holds in memory all the same: the gates stay shut."""

    code = "storage_full"
    disposition = Disposition.RETRY


class LogInconsistentError(WorkflowError):
    """What is stored does not agree with what was committed to: stop and reconcile."""

    code = "log_inconsistent"
    disposition = Disposition.HALT
