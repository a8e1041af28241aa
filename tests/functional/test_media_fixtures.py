"""Recorded streams of the platforms, their messages unchanged, through the real server."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_calls import agree, end, events
from media_client import RATE, Media, Samples, account, decoded, heard, recordings, same
from serving import Server, Talk

pytest_plugins = ["media_fixtures"]

STREAMS = (
    "twilio-both-tracks-dev-02",
    "twilio-both-tracks-dev-05",
    "twilio-bidirectional-dev-08",
    "twilio-bidirectional-dev-12",
    "exotel-voicebot-dev-02",
    "exotel-voicebot-dev-03",
    "exotel-voicebot-dev-08",
    "exotel-stream-dev-04",
)
TRACKS = {"inbound": "customer", "outbound": "agent"}


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_is_stored_to_the_sample(
    server: Server, begin: Callable[..., Talk], shared: Path, name: str
) -> None:
    index = json.loads((shared / "calls/streams/index.json").read_text())
    (entry,) = [known for known in index if known["file"] == f"{name}.jsonl.gz"]
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    talk.tell("call_start", 0.0)
    talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
    agree(talk, 0.0)
    with Media(server.ws, name.partition("-")[0], token=talk.stream_token) as stream:
        for message in received(shared / f"calls/streams/{name}.jsonl.gz"):
            stream.wire.send(message, text=True)
        assert stream.closed() == (1000, "")
    length = entry["stream_end_in_call_s"]
    end(talk, length)
    told = {TRACKS[wire]: digest for wire in TRACKS for field, digest in entry.items() if field.startswith(f"{wire}_")}
    assert set(recordings(talk)) == set(told)
    for track, digest in told.items():
        found = heard(talk, track)
        if "inbound_pcm16_sha256" in entry:
            assert hashlib.sha256(found.astype("<i2").tobytes()).hexdigest() == digest
        else:
            same(found, spoken(shared, entry["call"], track, digest, len(found)))
        counts = account(talk, track)
        assert counts == {**dict.fromkeys(counts, 0), "received": len(found), "written": len(found)}
        assert len(found) == round(length * RATE)
        assert recordings(talk)[track]["gaps"] == []
    (closed,) = events(talk, "stream_closed")
    assert (closed["data"]["reason"], closed["data"]["refused"]) == (told_reason(name), {})


def spoken(shared: Path, call: str, track: str, digest: str, samples: int) -> Samples:
    """What the platform sent as mu-law, found to be what the index says."""
    ulaw = gzip.decompress((shared / f"calls/synthetic/{call}.{track}.ulaw.gz").read_bytes())[:samples]
    assert hashlib.sha256(ulaw).hexdigest() == digest
    return decoded(ulaw)


def told_reason(name: str) -> str:
    """Exotel says why a stream stops."""
    return "callended" if name.startswith("exotel") else "stop"


def received(file: Path) -> list[bytes]:
    """The messages that the platform sends, byte for byte as they stand in the file."""
    found: list[bytes] = []
    for line in gzip.decompress(file.read_bytes()).splitlines():
        entry: dict[str, Any] = json.loads(line)
        if entry["dir"] == "recv":
            message = line[line.index(b'"msg":') + len(b'"msg":') : -1]
            assert json.loads(message) == entry["msg"]
            found.append(message)
    return found


def test_the_reference_decoder_is_that_of_the_standard() -> None:
    """ITU-T G.711, table 2: the end points, the smallest steps, and both zeros."""
    known = {0x00: -32124, 0x80: 32124, 0x7F: 0, 0xFF: 0, 0xFE: 8, 0x7E: -8, 0xF0: 120, 0x8F: 16764}
    assert {code: int(decoded(bytes([code]))[0]) for code in known} == known
    assert np.unique(decoded(bytes(range(256)))).size == 255
