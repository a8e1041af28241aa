"""Whatever clients fill in, and whatever fails underneath: no line of the log names a person."""

import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from machine import FULL, GROWING, Machine, compiled
from media_client import RATE, Media, Neutral, Twilio, new_token, sound, until
from serving import Server, Talk
from websockets.exceptions import WebSocketException

from onrecord.entrypoints.api.routes import ROUTES
from onrecord.entrypoints.ingest.doors import DOORS
from onrecord.policy.assertion import CLIENT_TYPES

Launch = Callable[..., Server]
NAME, EMAIL, PHONE, CARD = "Wanda Quill", "wanda.quill@example.org", "+15555550142", "4111111111111111"
NEEDLES = (NAME, EMAIL, PHONE, CARD)
TRACES = ("wanda", "quill", "5555550142", "41111111")
ALL = f"{NAME} {EMAIL} {PHONE} {CARD}"
FIELDS = (
    *("action", "address", "by", "carries_consent", "channel", "event_id", "from", "grade", "jurisdiction", "kinds"),
    *("language", "method", "n", "offset", "party", "party_id", "prompt_hash", "prompt_id", "prompt_version"),
    *("reason_code", "received", "recorded", "result", "role", "scope", "segment", "state", "t", "to", "user_agent"),
)
PARTY = {"role": "customer", "jurisdiction": "US-CA", "name": NAME, "email": EMAIL, "phone": PHONE, "external_id": CARD}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("machine")
    return Machine(compiled(folder), folder)


@pytest.fixture(scope="module")
def spoken_to(launch: Launch, machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return launch(tmp_path_factory.mktemp("spoken"), "--alarm-gap=0.3", environment=machine.environment)


def begun(client: httpx.Client) -> Talk:
    made = client.post("/v1/interactions", json={"parties": [PARTY]})
    assert made.status_code == 201, made.text
    return Talk(client, made.json()["id"], made.json()["stream_token"])


def lines(server: Server) -> list[dict[str, Any]]:
    """Each is one JSON object, and names nobody."""
    text = server.log.read_text()
    for line in text.splitlines():
        assert not [trace for trace in TRACES if trace in line.lower()], line
    assert "Traceback" not in text
    return [json.loads(line) for line in text.splitlines()]


def test_events_that_say_too_much(spoken_to: Server) -> None:
    with spoken_to.client() as client:
        for kind in sorted(CLIENT_TYPES):
            talk = begun(client)
            for field, needle in zip(FIELDS, NEEDLES * len(FIELDS), strict=False):
                talk.post({"type": kind, field: needle})
                talk.post({"type": kind, field: [needle]})
            talk.post({"type": kind, **dict.fromkeys(FIELDS, ALL)})
            talk.post({"type": kind, NAME: {EMAIL: PHONE}})
    lines(spoken_to)


def test_bodies_heads_and_paths_that_say_too_much(spoken_to: Server) -> None:
    with spoken_to.client() as client:
        talk = begun(client).consented(0.0)
        for field in PARTY:
            client.post("/v1/interactions", json={"parties": [{**PARTY, field: ALL * 20}]})
        for body in ({"sector": ALL}, {"policy": {NAME: CARD}}, {"artifacts_enabled": [NAME]}, {NAME: CARD}):
            client.post("/v1/interactions", json=body)
        words = [{"w": word, "s": 1.0, "e": 2.0, "channel": NAME} for word in NEEDLES]
        summary = {"kind": "ai_summary", "content": ALL, "start": 1.0, "end": 2.0}
        for other in (
            {},
            {"kind": NAME},
            {"classification": ALL},
            {"sources": [{"artifact": CARD, "start": 0, "end": 1}]},
        ):
            client.post(f"{talk.path}/artifacts", json={**summary, **other})
        client.post(f"{talk.path}/artifacts", json={"kind": "transcript", "words": words})
        for key in ({"source": NAME, "scopes": [CARD]}, {"source": "any", "scopes": ["record:read"], "name": NAME}):
            client.post("/v1/keys", json=key)
        for route in ROUTES:
            for path in (route.path.replace("{", "").replace("}", ""), route.path.replace("{", f"{quote(NAME)}-{{")):
                headers = dict.fromkeys(("Range", "Last-Event-ID", "Idempotency-Key", "If-Range", "User-Agent"), ALL)
                asked = {p.name: ALL for p in route.parameters if p.place == "query"} | {NAME: CARD}
                client.request(route.method, path, params=asked, headers=headers, content=ALL)
                client.request(route.method, path, headers={"Authorization": f"Bearer {CARD}"})
                if route.operation == "streamDecisions":
                    continue  # it would be listened to for ever
                client.request(route.method, path, headers={"Content-Type": ALL}, content=b"\xff" + ALL.encode())
    host, port = spoken_to.api.removeprefix("http://").split(":")
    for head in (f"GET /{NAME} HTTP/1.1", f"{NAME} / {CARD}", f"GET / HTTP/1.1\r\n{NAME}\x00: {CARD}"):
        with socket.create_connection((host, int(port))) as raw, contextlib.suppress(ConnectionError):
            raw.sendall(f"{head}\r\n\r\n".encode())
            raw.recv(4096)
    until(lambda: "library_warned" in {line["event"] for line in lines(spoken_to)})  # its words were caught


@pytest.mark.parametrize("path", sorted(DOORS))
def test_sockets_that_say_too_much(spoken_to: Server, path: str) -> None:
    door = path.removeprefix("/v1/ingest/")
    start = {"callSid": ALL, "call_sid": ALL, "customParameters": {NAME: CARD}, "custom_parameters": {NAME: CARD}}
    caller = {"ani": PHONE, "aniName": NAME}
    said: list[Any] = [
        ALL,
        {"event": ALL},
        {"event": "connected", NAME: CARD},
        {"event": "start", "start": {**start, "tracks": [ALL], "from": PHONE, "to": PHONE}},
        {"event": "start", "tracks": [{"name": ALL, "encoding": NAME, "sample_rate": CARD}]},
        {"version": "2", "type": "open", "id": ALL, "seq": 1, "parameters": {"participant": caller}},
        {"event": "media", "media": {"payload": ALL, "track": NAME, "timestamp": CARD}},
    ]
    for message in said:
        with (
            contextlib.suppress(WebSocketException, OSError),
            Media(spoken_to.ws, door, {"X-Twilio-Signature": CARD}, token=CARD, track=NAME, offset=ALL) as media,
        ):
            media.text(message)
            media.taken_or_closed()
    with contextlib.suppress(WebSocketException), Media(spoken_to.ws, quote(ALL)):
        pass
    lines(spoken_to)


def test_a_disk_that_is_full_says_nothing_of_whom_it_was_to_hold(spoken_to: Server, machine: Machine) -> None:
    with spoken_to.client() as client:
        talk = begun(client).consented(0.0)
        with Twilio(spoken_to, token=talk.stream_token).start("inbound", name=NAME, phone=PHONE) as media:
            media.play(sound(3.0))
            media.taken()
            with machine.failing(GROWING, spoken_to.folder / "data", FULL):
                media.play(sound(9.0), at_ms=3000)
                media.taken()
                answer = talk.post({"type": "opt_out", "t": 1.0, "method": ALL, "party": NAME, "event_id": CARD})
                assert answer.status_code == 507, answer.text
                client.post("/v1/interactions", json={"parties": [PARTY]})
                client.post(f"{talk.path}/artifacts", json={"kind": "agent_notes", "content": ALL})
                until(lambda: {"refused", "segment_lost"} <= {line["event"] for line in lines(spoken_to)})
            media.stop()
        with Neutral(spoken_to, token=new_token(talk)).start((NAME.replace(" ", "-"), "mulaw", RATE)) as media:
            media.frame(0, 0, sound(1.0))
            media.taken()
        assert "onrecord_segments_lost_total 0.0" not in client.get("/metrics").text
    told = lines(spoken_to)
    assert {line["level"] for line in told} == {"info", "warning", "error"}


def test_a_crash_and_the_start_after_it_name_nobody(launch: Launch, tmp_path: Path) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        talk = begun(client).consented(0.0)
        with Twilio(server, token=talk.stream_token).start("inbound", name=NAME) as media:
            media.play(sound(12.0))
            media.taken()
            server.kill()
    server = launch(tmp_path)
    assert server.stop() == 0
    assert {"unclean_end", "stopped"} <= {line["event"] for line in lines(server)}
