"""Twilio Media Streams."""

from base64 import b64decode
from fractions import Fraction

from fuzz.json_form import Laws, document_of, target
from fuzz.oracles import holds
from onrecord.capture.wire import twilio, twilio_render

SIDS = ("MZ1", "AC1", "CA1")
SEEDS: tuple[twilio.Message, ...] = (
    twilio.Connected("1.0.0"),
    twilio.Start(1, *SIDS, ("customer", "agent"), "token-1", 1.5),
    twilio.Start(1, *SIDS, ("customer",)),
    twilio.Media(2, "MZ1", "customer", 1, 20, bytes(range(160))),
    twilio.Media(3, "MZ1", "agent", 1, 0, b""),
    twilio.Dtmf(4, "MZ1", "customer", "5"),
    twilio.Mark(5, "MZ1", "turn-1"),
    twilio.Stop(6, *SIDS),
)
LAWS = Laws(twilio, twilio_render)


def check(data: bytes) -> None:
    message = LAWS.check(data)
    told = document_of(data).get("media")
    if isinstance(message, twilio.Media) and isinstance(told, dict):
        holds(message.payload == b64decode(told["payload"], validate=True), "the sound is what was sent")
        holds(message.timestamp == Fraction(told["timestamp"]), "the time stamp is what was sent")
        holds(message.track in {"customer", "agent"}, "a track is one of two")


TARGET = target(check, [twilio_render.render(message) for message in SEEDS])
