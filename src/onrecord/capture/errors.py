"""The capture room's error family. Messages never carry what was on the wire."""

from typing import ClassVar

from onrecord.base.errors import Disposition, OnRecordError


class CaptureError(OnRecordError):
    code = "capture"


class WireError(CaptureError):
    """A message that is not of its protocol. Codes: bad_json, unknown_event, missing_field, bad_field, bad_base64,
    wrong_codec, unknown_track, frame_too_large, frame_too_short. `media`: it was meant to carry sound."""

    code = "bad_message"

    def __init__(self, message: str, *, code: str | None = None, media: bool = False) -> None:
        super().__init__(message, code=code)
        self.media = media


class FrameError(CaptureError):
    """Audio that has no place on the axis; counted as invalid, nothing else touched. Codes: odd_bytes,
    position_negative, position_far_ahead, no_epoch."""

    code = "bad_frame"


class ControlError(CaptureError):
    """A platform did not do, or could not say, what it was asked. Codes: control_unreachable (no answer in time),
    control_refused (an answer that is no success), control_redirected (one that leads elsewhere), address_refused (its
    name leads to an address that is not public: nothing was asked), control_unreadable (one not to be understood)."""

    CODES: ClassVar = (
        "control_unreachable",
        "control_refused",
        "control_redirected",
        "address_refused",
        "control_unreadable",
    )

    code = "control_unreachable"
    disposition = Disposition.RETRY
