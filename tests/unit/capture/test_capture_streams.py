"""The recorded Twilio sequences through parser and gate, messages unchanged."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest

from onrecord.capture.clockmap import ClockMap
from onrecord.capture.track import TrackGate
from onrecord.capture.wire import twilio
from onrecord.capture.wire.twilio_render import render
from onrecord.signal.encoding import Encoding

SHARED = Path(os.environ.get("ONRECORD_SHARED") or Path(__file__).parents[4] / "shared")
STREAMS = SHARED / "calls" / "streams"
FILES = [
    "twilio-both-tracks-dev-02",
    "twilio-both-tracks-dev-05",
    "twilio-bidirectional-dev-08",
    "twilio-bidirectional-dev-12",
]

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


@pytest.mark.parametrize("name", FILES)
def test_sound_comes_out_as_it_went_in(name):
    gates, sound = {}, {}
    for raw in received(name):
        message = twilio.parse(raw)
        assert twilio.parse(render(message)) == message
        match message:
            case twilio.Start(tracks=tracks):
                gates = {track: TrackGate(Encoding.MULAW, ClockMap(twilio.RATE), Open()) for track in tracks}
                sound = {track: [] for track in tracks}
            case twilio.Media(track=track):
                sound[track] += gates[track].offer(message.samples_at, message.payload)
    (expected,) = [entry for entry in json.loads((STREAMS / "index.json").read_text()) if name in entry["file"]]
    wanted = {"customer": expected["inbound_ulaw_sha256"]}
    if "outbound_ulaw_sha256" in expected:
        wanted["agent"] = expected["outbound_ulaw_sha256"]
    assert sorted(gates) == sorted(wanted)
    for track, gate in gates.items():
        segments = [*sound[track], *gate.flush()]
        assert all(not segment.gaps for segment in segments)
        joined = b"".join(segment.payload for segment in segments)
        assert hashlib.sha256(joined).hexdigest() == wanted[track]
        for segment in segments:
            gate.sealed(segment)
        assert gate.accounting.written == gate.accounting.received == len(joined)
