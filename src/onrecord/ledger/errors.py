"""The ledger's family of errors."""

from onrecord.base.errors import Disposition, OnRecordError


class LedgerError(OnRecordError):
    code = "ledger"


class MalformedError(LedgerError):
    """Bytes that are not the wire form they claim to be. `code` names the form: note_malformed and so on."""

    code = "malformed"


class SignatureError(LedgerError):
    """A note whose signature by a known key is wrong, or (signer_unknown) that no known key signed."""

    code = "signature_invalid"


class ProofError(LedgerError):
    """A proof that does not lead to the root, or that was asked for outside the log."""

    code = "proof_invalid"


class DraftError(LedgerError):
    """A draft that cannot become a log entry. Only its own submission fails."""

    code = "draft_invalid"


class ClosedError(LedgerError):
    code = "ledger_closed"
    disposition = Disposition.RETRY


class InconsistentError(LedgerError):
    """The store does not hold the log that was signed, or (log_key_mismatch) another key signed it. Nothing more is
    signed until a person has looked."""

    code = "log_inconsistent"
    disposition = Disposition.HALT
