"""The recorded sequences of the platforms through parser and gate, messages unchanged."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from onrecord.capture.clockmap import ClockMap
from onrecord.capture.track import TrackGate
from onrecord.capture.wire import exotel, exotel_render, twilio, twilio_render
from onrecord.signal.encoding import Encoding

SHARED = Path(os.environ.get("ONRECORD_SHARED") or Path(__file__).parents[4] / "shared")
STREAMS = SHARED / "calls" / "streams"
TWILIO = [
    "twilio-both-tracks-dev-02",
    "twilio-both-tracks-dev-05",
    "twilio-bidirectional-dev-08",
    "twilio-bidirectional-dev-12",
]
EXOTEL = ["exotel-voicebot-dev-02", "exotel-voicebot-dev-03", "exotel-voicebot-dev-08", "exotel-stream-dev-04"]

pytestmark = pytest.mark.skipif(not STREAMS.is_dir(), reason="the shared call data is not beside this repository")


class Open:
    def closed(self, _start, _end):
        return ()


def received(name):
    with gzip.open(STREAMS / f"{name}.jsonl.gz", "rt") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["dir"] == "recv":
                yield json.dumps(entry["msg"])


def indexed(name):
    (entry,) = [entry for entry in json.loads((STREAMS / "index.json").read_text()) if name in entry["file"]]
    return entry


def stored(gate, segments):
    """The digest of all that the gate gave, found to be all that it received."""
    assert all(not segment.gaps for segment in segments)
    joined = b"".join(segment.payload for segment in segments)
    for segment in segments:
        gate.sealed(segment)
    assert gate.accounting.written == gate.accounting.received == sum(segment.samples for segment in segments)
    return hashlib.sha256(joined).hexdigest()


@pytest.mark.parametrize("name", EXOTEL)
def test_exotel_sound_comes_out_as_it_went_in(name):
    sound, ends = [], []
    for raw in received(name):
        message = exotel.parse(raw)
        assert exotel.parse(exotel_render.render(message)) == message
        match message:
            case exotel.Start(rate=rate):
                gate, places = TrackGate(Encoding.PCM16, ClockMap(rate), Open()), exotel.Places(rate)
            case exotel.Media(payload=payload):
                sound += gate.offer(places.of(message), payload)
            case exotel.Stop(reason=reason):
                ends.append(reason)
    assert stored(gate, [*sound, *gate.flush()]) == indexed(name)["inbound_pcm16_sha256"]
    assert ends == ["callended"]


@pytest.mark.parametrize("name", TWILIO)
def test_twilio_sound_comes_out_as_it_went_in(name):
    gates, sound = {}, {}
    for raw in received(name):
        message = twilio.parse(raw)
        assert twilio.parse(twilio_render.render(message)) == message
        match message:
            case twilio.Start(tracks=tracks):
                gates = {track: TrackGate(Encoding.MULAW, ClockMap(twilio.RATE), Open()) for track in tracks}
                sound = {track: [] for track in tracks}
            case twilio.Media(track=track):
                sound[track] += gates[track].offer(message.samples_at, message.payload)
    expected = indexed(name)
    wanted = {"customer": expected["inbound_ulaw_sha256"]}
    if "outbound_ulaw_sha256" in expected:
        wanted["agent"] = expected["outbound_ulaw_sha256"]
    assert sorted(gates) == sorted(wanted)
    for track, gate in gates.items():
        assert stored(gate, [*sound[track], *gate.flush()]) == wanted[track]
