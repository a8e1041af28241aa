"""Twilio Media Streams (twilio.com/docs/voice/media-streams/websocket-messages)."""

from typing_extensions import override

from onrecord.capture.errors import WireError
from onrecord.capture.wire import twilio
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.signature import twilio_signed
from onrecord.entrypoints.ingest.socket import MediaSocket
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.signal.encoding import Encoding
from onrecord.workflow.stream import NewTrack


class TwilioSocket(MediaSocket):
    """Inbound is the customer, outbound the agent. Marks change nothing."""

    door = "twilio"

    @override
    @classmethod
    def admits(cls, secrets: Secrets, upgrade: Upgrade) -> bool:
        token = secrets.twilio_auth_token
        host = upgrade.headers.get("host", "")
        return token is None or twilio_signed(token, host, upgrade.path, upgrade.headers.get("x-twilio-signature"))

    @override
    def take(self, message: bytes, *, binary: bool) -> None:
        if binary:
            raise WireError("this socket takes text messages", code="bad_json")
        match twilio.parse(message):
            case twilio.Media() as media:
                self.frame(media.track, media.samples_at, media.payload)
            case twilio.Start() as start:
                tracks = [NewTrack(name, twilio.RATE, Encoding.MULAW) for name in dict.fromkeys(start.tracks)]
                if not tracks:
                    raise WireError("a stream has at least one track", code="bad_field")
                self.begin(tracks, start.token, start.offset)
            case twilio.Dtmf(track=track, key=key):
                self.key(track, key)
            case twilio.Stop():
                self.stop()
            case _:
                pass
