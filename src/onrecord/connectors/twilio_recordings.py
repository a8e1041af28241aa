"""Twilio's call recordings by REST (twilio.com/docs/voice/api/recording, Update and Fetch a Call Recording)."""

import re

import msgspec

from onrecord.capture.commanded import Reading, Status, Target, Wish
from onrecord.capture.errors import ControlError
from onrecord.connectors.outbound import Origin, Outbound

API = "https://api.twilio.com"
CURRENT = "Twilio.CURRENT"

_ORDER = {
    Wish.RECORD: {"Status": "in-progress"},
    Wish.PAUSE: {"Status": "paused", "PauseBehavior": "silence"},  # so that every time in the file stays true
    Wish.STOP: {"Status": "stopped"},
}
_STATUS = {
    "in-progress": Status.RECORDING,
    "paused": Status.PAUSED,
    "stopped": Status.ENDED,
    "processing": Status.ENDED,
    "completed": Status.ENDED,
    "absent": Status.ENDED,
    "deleted": Status.ENDED,
}
_RECORDING = re.compile(r"RE[0-9a-fA-F]{32}")


class _Recording(msgspec.Struct):
    sid: str
    status: str


class _Listed(msgspec.Struct):
    recordings: list[_Recording]


_recording = msgspec.json.Decoder(_Recording).decode
_listed = msgspec.json.Decoder(_Listed).decode


class TwilioRecordings:
    """Implements RecordingControl. Twilio knows the recording that goes on as `Twilio.CURRENT` where it is commanded,
    and by its own id alone where it is read."""

    def __init__(self, account_sid: str, auth_token: str, api: str = API) -> None:
        """Errors: OriginError."""
        self._calls = f"/2010-04-01/Accounts/{account_sid}/Calls"
        self._outbound = Outbound(Origin(api), (account_sid, auth_token))

    async def command(self, target: Target, wish: Wish) -> str:
        path = f"{self._calls}/{target.call}/Recordings/{target.recording or CURRENT}.json"
        status, body = await self._outbound.ask("POST", path, _ORDER[wish])
        if status == 404 and target.recording is None:
            return (await self._found(target)).recording
        return _known(_decoded(_success(status, body))).recording

    async def read(self, target: Target) -> Reading:
        if target.recording is None:
            return await self._found(target)
        path = f"{self._calls}/{target.call}/Recordings/{target.recording}.json"
        status, body = await self._outbound.ask("GET", path)
        if status == 404:  # deleted, or never there: nothing records under this id
            return Reading(Status.ENDED, target.recording)
        return _known(_decoded(_success(status, body)))

    async def _found(self, target: Target) -> Reading:
        """The recording that goes on in the call, else the newest. Errors: also control_refused where there is none."""
        status, body = await self._outbound.ask("GET", f"{self._calls}/{target.call}/Recordings.json")
        try:
            found = [_known(each) for each in _listed(_success(status, body)).recordings]
        except msgspec.DecodeError as error:
            raise ControlError("the platform's answer is out of form", code="control_unreadable") from error
        if not found:
            raise ControlError("the platform has no recording of this call", code="control_refused")
        return next((each for each in found if each.status is not Status.ENDED), found[0])

    async def close(self) -> None:
        await self._outbound.close()


def _success(status: int, body: bytes) -> bytes:
    if not 200 <= status < 300:
        raise ControlError("the platform refused", code="control_refused")
    return body


def _decoded(body: bytes) -> _Recording:
    try:
        return _recording(body)
    except msgspec.DecodeError as error:
        raise ControlError("the platform's answer is out of form", code="control_unreadable") from error


def _known(told: _Recording) -> Reading:
    """A status that nobody knows is none."""
    status = _STATUS.get(told.status)
    if status is None or _RECORDING.fullmatch(told.sid) is None:
        raise ControlError("the platform's answer is out of form", code="control_unreadable")
    return Reading(status, told.sid)
