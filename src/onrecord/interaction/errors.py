"""Errors of the conversation's own record."""

from onrecord.base.errors import Disposition, OnRecordError


class InteractionError(OnRecordError):
    code = "interaction"


class UnreadableEventError(InteractionError):
    """A stored event does not have the form of its type: stop and reconcile."""

    code = "event_unreadable"
    disposition = Disposition.HALT
