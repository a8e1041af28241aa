"""Errors of building and reading packs."""

from onrecord.base.errors import Disposition, OnRecordError


class EvidenceError(OnRecordError):
    code = "evidence"


class DossierError(EvidenceError):
    """What was given to the builder does not make a pack that would verify."""

    code = "dossier_unfit"
    disposition = Disposition.HALT


class UnreadablePackError(EvidenceError):
    """The bytes are not a pack."""

    code = "pack_unreadable"


class BadMemberError(EvidenceError):
    """A member of a pack does not have its form."""

    code = "member_malformed"
