"""A recording over HTTP: what is stored, its WAV, ranges of it, its accounting, its evidence."""

import io
import json
import struct
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from serving import COMMAND, Server, Talk
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from onrecord.entrypoints.api import responses

RATE = 8000
FRAME = 160
SECONDS = 4
SOUND = struct.pack(f"<{RATE * SECONDS}h", *(1 + i % 9973 for i in range(RATE * SECONDS)))
OPEN, CLOSED = 1.0, 3.0


def play(server: Server, talk: Talk) -> None:
    """All of SOUND on the neutral socket, as one track."""
    with connect(f"{server.ws}/v1/ingest/stream?token={talk.stream_token}") as socket:
        track = {"name": "customer", "encoding": "pcm16", "sample_rate": RATE}
        socket.send(json.dumps({"event": "start", "tracks": [track]}))
        for start in range(0, RATE * SECONDS, FRAME):
            socket.send(struct.pack(">BQ", 0, start) + SOUND[2 * start : 2 * (start + FRAME)])
        socket.send(json.dumps({"event": "stop"}))
        with pytest.raises(ConnectionClosed):
            socket.recv(10)


@pytest.fixture
def recorded(server: Server, begin: Callable[..., Talk]) -> Talk:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "US-CA"}]).consented(OPEN)
    talk.tell("opt_out", CLOSED, method="verbal", reason_code="asked")
    play(server, talk)
    talk.tell("call_end", float(SECONDS))
    assert talk.client.post(f"{talk.path}/seal").status_code == 200
    return talk


def recording(talk: Talk) -> dict[str, Any]:
    response = talk.client.get(f"{talk.path}/artifacts")
    msgspec.json.decode(response.content, type=responses.Artifacts)
    (found,) = response.json()["artifacts"]
    assert isinstance(found, dict)
    return found


def test_what_is_permitted_is_heard_and_the_rest_is_silent(recorded: Talk) -> None:
    shown = recording(recorded)
    assert (shown["kind"], shown["track"], shown["end"]) == ("audio_recording", "customer", SECONDS)
    assert [gap[:2] for gap in shown["gaps"]] == [[0.0, OPEN], [CLOSED, SECONDS]]
    content = recorded.client.get(f"/v1/artifacts/{shown['id']}/content")
    assert content.headers["content-type"] == "audio/wav"
    assert content.headers["content-disposition"] == f'attachment; filename="{shown["id"]}.wav"'
    with wave.open(io.BytesIO(content.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        heard = file.readframes(file.getnframes())
    first, last = round(OPEN * RATE) * 2, round(CLOSED * RATE) * 2
    assert heard == bytes(first) + SOUND[first:last] + bytes(len(SOUND) - last)


def test_ranges_of_sound(recorded: Talk) -> None:
    path = f"/v1/artifacts/{recording(recorded)['id']}/content"
    whole = recorded.client.get(path).content
    total = len(whole)
    edge = 44 + round(OPEN * RATE) * 2
    for first, last in [
        (0, 0),
        (0, 43),
        (40, 50),
        (43, 44),
        (44, 45),
        (45, 46),
        (edge - 3, edge + 4),
        (total - 3, total),
    ]:
        part = recorded.client.get(path, headers={"Range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, whole[first : last + 1]), (first, last)
    assert recorded.client.get(path, headers={"Range": "bytes=-7"}).content == whole[-7:]
    assert recorded.client.head(path).headers["content-length"] == str(total)


def test_every_sample_has_one_fate(recorded: Talk) -> None:
    response = recorded.client.get(f"{recorded.path}/accounting")
    msgspec.json.decode(response.content, type=responses.Accounting)
    account = response.json()["tracks"]["customer"]
    assert account["received"] == RATE * SECONDS
    assert account["written"] == round((CLOSED - OPEN) * RATE)
    parts = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
    assert account["received"] + account["missing"] == sum(account[name] for name in parts)


def test_its_timeline_tells_of_streams_and_segments(recorded: Talk) -> None:
    response = recorded.client.get(f"{recorded.path}/timeline")
    msgspec.json.decode(response.content, type=responses.Timeline)
    types = [event["type"] for event in response.json()["events"]]
    assert types[0] == "interaction_opened"
    assert types[-1] == "interaction_sealed"
    assert {"stream_opened", "segment_sealed", "stream_closed"} <= set(types)


def test_its_evidence_verifies(server: Server, recorded: Talk, tmp_path: Path) -> None:
    for query in ({}, {"media": "permitted"}):
        response = recorded.client.get(f"{recorded.path}/evidence", params=query)
        pack = tmp_path / "evidence.zip"
        pack.write_bytes(response.content)
        command = [*COMMAND, "verify", str(pack), "--json", "--trust", server.vkey]
        done = subprocess.run(command, capture_output=True, check=False)
        report = json.loads(done.stdout)
        assert (done.returncode, report["ok"], report["signer"]) == (0, True, "trusted"), report


def test_a_token_serves_once(server: Server, recorded: Talk) -> None:
    with connect(f"{server.ws}/v1/ingest/stream?token={recorded.stream_token}") as socket:
        track = {"name": "agent", "encoding": "pcm16", "sample_rate": RATE}
        socket.send(json.dumps({"event": "start", "tracks": [track]}))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    refused = recorded.client.post(f"{recorded.path}/stream-tokens")
    assert (refused.status_code, refused.json()["code"]) == (409, "interaction_sealed")
