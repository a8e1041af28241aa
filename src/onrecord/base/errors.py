"""The error root. Every room has one family below it; what crosses a room's border is of that room's family."""

from enum import StrEnum


class Disposition(StrEnum):
    """Refuse: the caller is at fault. Retry: nothing stored, or stored idempotently. Halt: state unknown."""

    REFUSE = "refuse"
    RETRY = "retry"
    HALT = "halt"


class OnRecordError(Exception):
    """Carries a stable `code` for machines and one lower-case line for people; never content or personal data."""

    code = "internal"
    disposition = Disposition.REFUSE

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def diagnostics(self) -> str:
        return f"{self.code}: {self.message}"
