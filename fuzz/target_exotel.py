"""Exotel AgentStream, and the places of its frames."""

from base64 import b64decode
from fractions import Fraction

from fuzz.json_form import Laws, document_of, target
from fuzz.oracles import holds
from onrecord.capture.wire import exotel, exotel_render

SEEDS: tuple[exotel.Message, ...] = (
    exotel.Connected(),
    exotel.Start(8000, "token-1", 1.5, "agent"),
    exotel.Start(),
    exotel.Media(100, bytes(range(200))),
    exotel.Media(0, b"", "outbound"),
    exotel.Dtmf("5"),
    exotel.Mark(),
    exotel.Clear(),
    exotel.Stop("callended"),
    exotel.Stop(),
)
LAWS = Laws(exotel, exotel_render)
REASONS = {None, exotel.UNKNOWN_REASON, *exotel.REASONS}


def check(data: bytes) -> None:
    message = LAWS.check(data)
    told = document_of(data).get("media")
    if isinstance(message, exotel.Media) and isinstance(told, dict):
        holds(message.payload == b64decode(told["payload"], validate=True), "the sound is what was sent")
        holds(message.timestamp == Fraction(told["timestamp"]), "the time stamp is what was sent")
        for rate in exotel.RATES:
            at = exotel.Places(rate).of(message)
            holds(abs(at * 1000 - message.timestamp * rate) < 1000 * rate, "a frame lies where its stamp says")
    elif isinstance(message, exotel.Stop):
        holds(message.reason in REASONS, "a reason is one of a closed list")


TARGET = target(check, [exotel_render.render(message) for message in SEEDS])
