"""The neutral socket, text messages."""

from fuzz.json_form import document_of, taken_alike, target
from fuzz.oracles import Refusals, holds
from onrecord.capture.wire import neutral
from onrecord.signal.encoding import Encoding

TRACKS = (neutral.Track("customer", Encoding.PCM16, 16000), neutral.Track("desk-2", Encoding.MULAW, 8000))
SEEDS = (neutral.Start(TRACKS), neutral.Start(TRACKS[:1]), neutral.Stop())
SAID = Refusals()


def check(data: bytes) -> None:
    message, outcome = SAID.of(neutral.parse_text, data)
    taken_alike(SAID, neutral.parse_text, data, outcome)
    if message is None:
        return
    holds(neutral.parse_text(neutral.render_text(message)) == message, "parse of print is identity")
    told = document_of(data).get("tracks")
    if isinstance(message, neutral.Start) and isinstance(told, list):
        holds([track.name for track in message.tracks] == [track["name"] for track in told], "tracks keep their order")
        holds(len({track.name for track in message.tracks}) == len(told), "no track comes twice")


TARGET = target(check, [neutral.render_text(message) for message in SEEDS])
