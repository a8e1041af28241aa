"""Exotel AgentStream, the Stream and the Voicebot applet (developer.exotel.com/docs/agentstream)."""

from typing_extensions import override

from onrecord.capture.errors import WireError
from onrecord.capture.wire import exotel
from onrecord.capture.wire.jsontext import track_name
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.entrypoints.ingest.signature import basic_shown
from onrecord.entrypoints.ingest.socket import MediaSocket, Sockets
from onrecord.entrypoints.ingest.upgrade import Upgrade
from onrecord.signal.encoding import Encoding
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.stream import NewTrack

DEFAULT_RATE = 8000
DEFAULT_TRACK = "customer"


class ExotelSocket(MediaSocket):
    """One track. Marks change nothing. Where the messages name sides, all are of
    one side, and of the inbound one unless a track is named: two voices never come to lie in one track."""

    door = "exotel"
    challenge = 'Basic realm="media", charset="UTF-8"'

    def __init__(self, d: Deployment, upgrade: Upgrade, sockets: Sockets) -> None:
        super().__init__(d, upgrade, sockets)
        self._rate = upgrade.parameter("sample-rate")
        self._named = upgrade.parameter("track")
        self._track = DEFAULT_TRACK
        self._side: exotel.Side | None = None
        self._places = exotel.Places(DEFAULT_RATE)

    @override
    @classmethod
    def admits(cls, secrets: Secrets, upgrade: Upgrade) -> bool:
        credentials = secrets.exotel_basic
        return credentials is None or basic_shown(credentials, upgrade.headers.get("authorization"))

    @override
    def take(self, message: bytes, *, binary: bool) -> None:
        if binary:
            raise WireError("this socket takes text messages", code="bad_json")
        match exotel.parse(message):
            case exotel.Media() as media:
                if media.side is not None and media.side != self._side:
                    self._turn_to(media.side)
                self.frame(self._track, self._places.of(media), media.payload)
            case exotel.Start() as start:
                self._start(start)
            case exotel.Dtmf(key=key):
                self.key(self._track, key)
            case exotel.Stop(reason=reason):
                self.stop(reason or "stop")
            case _:
                pass

    def _start(self, start: exotel.Start) -> None:
        rate = start.rate
        if rate is None:
            rate = DEFAULT_RATE if self._rate is None else exotel.rate_of(self._rate)
        named = start.track if start.track is not None or self._named is None else track_name(self._named)
        track = DEFAULT_TRACK if named is None else named
        self.begin([NewTrack(track, rate, Encoding.PCM16)], start.token, start.offset)
        self._track = track
        self._side = "inbound" if named is None else None
        self._places = exotel.Places(rate)

    def _turn_to(self, side: exotel.Side) -> None:
        """The first side that a message names on a track that was named."""
        if self._side is not None:
            raise WireError("sound of another side than the track's", code="unknown_track", media=True)
        self._side = side
