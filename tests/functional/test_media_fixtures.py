"""Recorded Twilio streams, their messages unchanged, through the real server."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_client import Twilio, account, decoded, heard, recordings, same, seal
from serving import Server, Talk

STREAMS = (
    "twilio-both-tracks-dev-02",
    "twilio-both-tracks-dev-05",
    "twilio-bidirectional-dev-08",
    "twilio-bidirectional-dev-12",
)
TRACKS = {"inbound": "customer", "outbound": "agent"}


def ulaw_of(shared: Path, call: str, track: str) -> bytes:
    return gzip.decompress((shared / f"calls/synthetic/{call}.{track}.ulaw.gz").read_bytes())


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_is_stored_to_the_sample(
    server: Server, begin: Callable[..., Talk], shared: Path, name: str
) -> None:
    index = json.loads((shared / "calls/streams/index.json").read_text())
    (entry,) = [known for known in index if known["file"] == f"{name}.jsonl.gz"]
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}])
    talk.tell("call_start", 0.0)
    talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
    talk.tell("consent", 0.0, result="accepted", method="keypad", prompt_version="p1")
    with Twilio(server, token=talk.stream_token) as stream:
        for message in received(shared / f"calls/streams/{name}.jsonl.gz"):
            stream.wire.send(message, text=True)
        assert stream.closed() == (1000, "")
    length = entry["stream_end_in_call_s"]
    talk.tell("call_end", length)
    seal(talk)
    told = {wire: entry[f"{wire}_ulaw_sha256"] for wire in TRACKS if f"{wire}_ulaw_sha256" in entry}
    assert set(recordings(talk)) == {TRACKS[wire] for wire in told}
    for wire, digest in told.items():
        track = TRACKS[wire]
        given = ulaw_of(shared, entry["call"], track)[: round(length * 8000)]
        assert hashlib.sha256(given).hexdigest() == digest
        same(heard(talk, track), decoded(given))
        counts = account(talk, track)
        assert counts == {**dict.fromkeys(counts, 0), "received": len(given), "written": len(given)}
        assert recordings(talk)[track]["gaps"] == []


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
