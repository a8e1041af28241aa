"""The signal room's error family."""

from onrecord.base.errors import OnRecordError


class SignalError(OnRecordError):
    code = "signal"
