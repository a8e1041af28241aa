"""A recording is stopped by a key, by what is said, and by the agent's strip in a real browser."""

import json
import struct
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from artifact_calls import content, kept, said, words
from browser import opened
from exotel_client import Exotel, pcm
from media_calls import events
from media_client import Twilio, sound, until
from serving import Server, Talk

Begin = Callable[..., Talk]
HEAD: dict[str, Any] = {"parties": [{"role": "customer", "jurisdiction": "US-CA"}, {"role": "agent"}]}


def recording(talk: Talk, t: float | None = None) -> dict[str, Any]:
    query = {} if t is None else {"t": t}
    found: dict[str, Any] = talk.get("/decisions", **query)["decisions"]["audio_recording"]
    return found


@pytest.fixture
def nine(client: httpx.Client) -> Iterator[None]:
    """The key 9 stops a recording."""
    usual = client.get("/v1/opt-out-triggers").json()
    assert client.put("/v1/opt-out-triggers", json={**usual, "keys": ["9"]}).status_code == 200
    yield
    assert client.put("/v1/opt-out-triggers", json=usual).json() == usual


@pytest.mark.usefixtures("nine")
def test_a_key_stops_the_recording_and_is_kept_nowhere(server: Server, begin: Begin) -> None:
    talk = begin(**HEAD).consented()
    with Twilio(server) as stream:
        stream.start(token=talk.stream_token)
        stream.play(sound(4.0))
        for digit in "59":
            key = {"track": "inbound_track", "digit": digit}
            stream.text({"event": "dtmf", "sequenceNumber": "300", "streamSid": "MZ" + "0" * 32, "dtmf": key})
        stream.play(sound(6.0), range(200, 300))
        stream.taken()
        until(lambda: events(talk, "opt_out"))
        (told,) = events(talk, "opt_out")
        assert told["t"] == 4.0
        assert told["source"] == "telephony"
        assert told["data"] == {"method": "keypad", "reason_code": "asked"}
        assert recording(talk)["reason"] == "OPT_OUT"
        assert talk.get()["gates"]["audio_recording"] == "shut"


@pytest.mark.usefixtures("nine")
def test_a_key_that_is_pressed_without_end_is_told_a_few_times(server: Server, begin: Begin) -> None:
    talk = begin(**HEAD).consented()
    key = {"track": "inbound_track", "digit": "9"}
    message = json.dumps({"event": "dtmf", "sequenceNumber": "300", "streamSid": "MZ" + "0" * 32, "dtmf": key}).encode()
    masked = struct.pack(">BBH4x", 0x81, 0x80 | 126, len(message)) + message  # RFC 6455, section 5.2: a mask of zeros
    with Twilio(server) as stream:
        stream.start(token=talk.stream_token)
        stream.play(sound(2.0))
        stream.taken()
        stream.wire.socket.sendall(1000 * masked)
        stream.taken()
        stream.stop()
    until(lambda: events(talk, "stream_closed"))
    assert 1 <= len(events(talk, "opt_out")) < 500


@pytest.mark.usefixtures("nine")
def test_a_key_in_a_payment_and_the_agent_s_own_stop_nothing(server: Server, begin: Begin) -> None:
    talk = begin(**HEAD).consented()
    with Exotel(server, token=talk.stream_token) as stream:
        stream.start()
        stream.play(pcm(5.0), range(30))
        stream.taken()
        talk.tell("segment_start", 3.0, segment="payment", n=1)
        stream.key("9")
        stream.taken()
        talk.tell("segment_end", 3.5, segment="payment", n=1)
        stream.play(pcm(5.0), range(30, 50))
        stream.taken()
        assert events(talk, "opt_out") == []
        stream.key("9")
        stream.taken()
        until(lambda: events(talk, "opt_out"))
    other = begin(**HEAD).consented()
    with Exotel(server, token=other.stream_token, track="agent") as stream:
        stream.start()
        stream.play(pcm(3.0))
        stream.key("9")
        stream.stop()
    until(lambda: events(other, "stream_closed"))
    assert events(other, "opt_out") == []


def test_a_phrase_stops_the_recording_from_where_it_began(begin: Begin) -> None:
    talk = begin(**HEAD).consented()
    spoken = words(
        ("hello", 3.0, 3.5), ("please", 5.0, 5.3), ("stop", 5.4, 5.6), ("recording", 5.6, 6.0), ("now", 7.0, 8.0)
    )
    made = kept(talk, kind="transcript", words=spoken)
    assert said(talk, made["id"]) == ["hello", "please"]
    (told,) = events(talk, "opt_out")
    assert (told["t"], told["source"], told["data"]["method"]) == (5.4, "platform", "phrase")
    assert recording(talk, 6.0)["state"] == "stopped"
    kept(talk, kind="transcript", words=spoken)
    assert len(events(talk, "opt_out")) == 1


def test_what_staff_says_and_what_is_refused_in_part(begin: Begin) -> None:
    talk = begin(**HEAD).consented()
    spoken = [{**word, "channel": "agent"} for word in words(("stop", 5.4, 5.6), ("recording", 5.6, 6.0))]
    kept(talk, kind="transcript", words=spoken)
    assert events(talk, "opt_out") == []
    closed = begin(**HEAD)
    closed.tell("call_start", 0.0)
    mine = {"kind": "transcript", "words": words(("stop", 5.4, 5.6), ("recording", 5.6, 6.0))}
    assert closed.client.post(f"{closed.path}/artifacts", json=mine).status_code == 409
    assert [event["t"] for event in events(closed, "opt_out")] == [5.4]


def test_an_opt_out_may_reach_back_to_what_was_derived_before(begin: Begin) -> None:
    asked = {"parties": HEAD["parties"], "policy": {"opt_out_derived": "quarantine"}}
    for policy, state in ((asked, "quarantined"), (HEAD, "active")):
        talk = begin(**policy).consented()
        transcript = kept(talk, kind="transcript", words=words(("hello", 3.0, 3.5)))
        summary = kept(talk, kind="ai_summary", content="a greeting", start=3.0, end=3.5)
        row = kept(talk, kind="disposition", content="greeted")
        talk.tell("opt_out", 5.0, reason_code="asked")
        states = {each["id"]: each["state"] for each in talk.get("/artifacts")["artifacts"]}
        assert states == {transcript["id"]: state, summary["id"]: state, row["id"]: "active"}
        if state == "quarantined":
            assert content(talk, summary["id"]).json()["code"] == "quarantined"


@pytest.mark.parametrize("chosen", [{"keys": ["99"]}, {"phrases": ["stop"]}, {"other": []}, {"keys": "9"}])
def test_what_is_no_trigger(client: httpx.Client, chosen: dict[str, Any]) -> None:
    before = client.get("/v1/opt-out-triggers").json()
    answer = client.put("/v1/opt-out-triggers", json=chosen)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"invalid_triggers", "invalid_request"}
    assert client.get("/v1/opt-out-triggers").json() == before


def test_triggers_outlive_the_process(launch: Callable[..., Server], tmp_path: Path) -> None:
    first = launch(tmp_path)
    with first.client() as client:
        client.put("/v1/opt-out-triggers", json={"keys": ["#"], "phrases": ["halt die aufnahme an"]}).raise_for_status()
    assert first.stop() == 0
    with launch(tmp_path).client() as client:
        chosen = {"keys": ["#"], "phrases": ["halt die aufnahme an"]}
        assert client.get("/v1/opt-out-triggers").json() == chosen


def test_a_strip_s_key_is_for_its_interaction_alone(server: Server, begin: Begin) -> None:
    talk, other = begin(**HEAD).consented(), begin(**HEAD)
    made = talk.client.post(f"{talk.path}/strip-tokens")
    assert made.status_code == 201
    with server.client(made.json()["token"]) as agent:
        assert agent.get(f"{talk.path}/strip").json()["state"] == "capturing"
        told = agent.post(f"{talk.path}/events", json={"type": "opt_out", "reason_code": "asked"})
        assert told.status_code == 201
        assert events(talk, "opt_out")[0]["source"] == "agent"
        workflow = {"type": "workflow", "recorded": True}
        assert agent.post(f"{talk.path}/events", json=workflow).json()["code"] == "source_not_entitled"
        elsewhere = [f"{other.path}/strip", "/v1/events", f"/v1/events?interaction={other.id}", "/v1/log/checkpoint"]
        for path in elsewhere:
            answer = agent.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert agent.get(f"{talk.path}/evidence").status_code == 403
        assert agent.post(f"{talk.path}/seal").status_code == 200
    for source, status in (("agent", 201), ("bot", 403)):
        made = talk.client.post("/v1/keys", json={"source": source, "scopes": ["strip:lend"]}).json()
        with server.client(made["key"]) as desktop:
            lent = desktop.post(f"{other.path}/strip-tokens")
            assert lent.status_code == status
            assert desktop.get(f"{other.path}/strip").status_code == 403
        if status == 201:
            with server.client(lent.json()["token"]) as agent:
                assert agent.get(f"{other.path}/strip").status_code == 200
                talk.client.delete(f"/v1/keys/{made['id']}").raise_for_status()
                assert agent.get(f"{other.path}/strip").status_code == 401, "it ends with the key that lent it"


def test_the_strip_in_a_real_browser(server: Server, begin: Begin, tmp_path: Path) -> None:
    notice = {
        "prompt_id": "strip_notice",
        "version": "1",
        "language": "cy",
        "text": "We record this call <b>for training</b>. Is that all right?",
        "purposes": ["recording", "transcription", "ai_analysis"],
    }
    talk = begin(**HEAD)
    talk.client.post("/v1/prompts", json=notice).raise_for_status()
    talk.tell("call_start", 0.0)
    token = talk.client.post(f"{talk.path}/strip-tokens").json()["token"]
    with opened(f"{server.api}/strip#interaction={talk.id}&token={token}&language=cy", tmp_path) as page:
        page.until("document.body.dataset.state === 'never'")
        assert page.text("script-text") == notice["text"]
        assert page.value("location.href").endswith("/strip")
        page.press("agreed")
        page.until("document.body.dataset.state === 'capturing'")
        (consent,) = events(talk, "consent")
        assert consent["data"]["registered"]["prompt_id"] == "strip_notice"
        assert (consent["source"], consent["data"]["method"]) == ("agent", "agent_script")
        page.press("stop")
        page.until("document.body.dataset.state === 'stopped'")
        assert recording(talk)["reason"] == "OPT_OUT"
        page.press("resume")
        page.until("document.body.dataset.state === 'capturing'")
        talk.tell("segment_start", segment="payment", n=1)
        page.until("document.body.dataset.state === 'paused'")
        assert page.value("document.getElementById('script').hidden")
        assert page.problems == []


def test_agent_and_bot_are_told_what_to_do(begin: Begin) -> None:
    talk = begin(**HEAD, policy={"opt_out_action": "route_non_recorded"})
    talk.tell("call_start", 0.0)
    strip = f"{talk.path}/strip"
    assert [each["directive"] for each in talk.client.get(strip).json()["directives"]] == ["read_prompt"]
    talk.consented()
    assert talk.client.get(strip).json()["directives"] == []
    talk.tell("opt_out", 5.0, reason_code="asked")
    (told,) = talk.get("/decisions")["directives"]
    assert told == {"directive": "move_to_unrecorded", "why": "OPT_OUT", "t": 5.0}
    assert talk.client.get(strip).json()["directives"][0]["text"] == "Move the call to an unrecorded line."
    talk.tell("workflow", 6.0, recorded=False)
    assert talk.get("/decisions")["directives"] == []
    query = {"interaction": talk.id, "events": "decision,directive"}
    with talk.client.stream("GET", "/v1/events", params=query, headers={"Last-Event-ID": "0.0"}) as stream:
        told = [json.loads(line[6:]) for line in islice(_data(stream.iter_lines()), 4)]
    assert [[each["directive"] for each in one["directives"]] for one in told] == [
        ["read_prompt"], [], ["move_to_unrecorded"], []
    ]  # fmt: skip
    assert told[2]["t"] == 5.0
    assert talk.client.get("/v1/events", params={"events": "all"}).json()["code"] == "invalid_request"


def _data(lines: Iterator[str]) -> Iterator[str]:
    """Of the events named `directive`."""
    name = ""
    for line in lines:
        name = line[7:] if line.startswith("event: ") else name
        if line.startswith("data: ") and name == "directive":
            yield line


def test_a_strip_without_a_key_shows_nothing_old(server: Server, begin: Begin, tmp_path: Path) -> None:
    talk = begin(**HEAD).consented()
    with opened(f"{server.api}/strip#interaction={talk.id}&token=ork_0_0", tmp_path) as page:
        page.until("document.getElementById('problem').textContent !== ''")
        assert page.text("state") == "Not connected"
        assert page.value("document.getElementById('stop').disabled")


def test_who_may_frame_the_strip(launch: Callable[..., Server], tmp_path: Path) -> None:
    server = launch(tmp_path, "--strip-embedder", "https://desk.example")
    policy = httpx.get(f"{server.api}/strip", trust_env=False).headers["content-security-policy"]
    assert "frame-ancestors 'self' https://desk.example" in policy
    assert "unsafe" not in policy
