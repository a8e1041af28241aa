"""The doors that exist: Twilio Media Streams and the neutral socket."""

from typing_extensions import override

from onrecord.capture.errors import WireError
from onrecord.capture.wire import neutral, twilio
from onrecord.entrypoints.ingest.socket import MediaSocket
from onrecord.signal.encoding import Encoding
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.stream import NewTrack


class TwilioSocket(MediaSocket):
    """Inbound is the customer, outbound the agent. Marks and key presses are positions only and change nothing."""

    door = "twilio"

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
            case twilio.Stop():
                self.stop()
            case _:
                pass


class NeutralSocket(MediaSocket):
    door = "stream"

    def __init__(self, d: Deployment, token: str | None, offset: float | None, sockets: set[MediaSocket]) -> None:
        super().__init__(d, token, offset, sockets)
        self._names: list[str] = []

    @override
    def take(self, message: bytes, *, binary: bool) -> None:
        if binary:
            frame = neutral.parse_frame(message)
            if frame.track >= len(self._names):
                raise WireError("a track that was not announced", code="unknown_track", media=True)
            self.frame(self._names[frame.track], frame.timestamp, frame.payload)
            return
        match neutral.parse_text(message):
            case neutral.Start(tracks=tracks):
                self.begin([NewTrack(t.name, t.rate, t.encoding) for t in tracks], None, None)
                self._names = [track.name for track in tracks]
            case neutral.Stop():
                self.stop()


DOORS: dict[str, type[MediaSocket]] = {
    "/v1/ingest/twilio": TwilioSocket,
    "/v1/ingest/stream": NeutralSocket,
}
