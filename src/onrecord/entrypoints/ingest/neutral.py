"""The neutral socket of the contract."""

from typing_extensions import override

from onrecord.capture.errors import WireError
from onrecord.capture.wire import neutral
from onrecord.entrypoints.ingest.socket import MediaSocket, Sockets
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.stream import NewTrack


class NeutralSocket(MediaSocket):
    door = "stream"

    def __init__(self, d: Deployment, upgrade: Upgrade, sockets: Sockets) -> None:
        super().__init__(d, upgrade, sockets)
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
