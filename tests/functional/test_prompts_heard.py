"""What is claimed of a prompt is held against the sound that the caller was sent, over a real server."""

import gzip
import io
import json
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from media_calls import Begin, end, events
from media_client import AUDIO, FRAME, RATE, Neutral, Samples, Twilio, opened, recordings, until
from serving import Server, Talk

NOTICE, PAYMENT = "rec_notice", "pay_notice"
EU = [{"role": "customer", "jurisdiction": "DE"}]


@dataclass
class Call:
    """A synthetic call, and what is known of it."""

    gold: dict[str, Any]
    tracks: dict[str, bytes]

    @property
    def seconds(self) -> float:
        return len(self.tracks["outbound"]) / RATE


@pytest.fixture
def calls(shared: Path) -> Any:
    folder = shared / "calls" / "synthetic"

    def read(name: str) -> Call:
        gold = json.loads((folder / f"{name}.gold.json").read_text())
        sides = {"inbound": "customer", "outbound": "agent"}
        tracks = {
            wire: gzip.decompress((folder / f"{name}.{side}.ulaw.gz").read_bytes()) for wire, side in sides.items()
        }
        return Call(gold, tracks)

    return read


@pytest.fixture(autouse=True)
def _prompts(client: httpx.Client, shared: Path) -> None:
    """Registered with their sound; again is the same."""
    for prompt in (NOTICE, PAYMENT):
        body = {"prompt_id": prompt, "version": "1", "language": "en", "text": prompt, "purposes": ["recording"]}
        assert client.post("/v1/prompts", json=body).status_code in {200, 201}
        sound = (shared / "calls" / "prompts" / f"{prompt}.wav").read_bytes()
        put = client.put(f"/v1/prompts/{prompt}/1/audio", content=sound, headers={"Content-Type": "audio/wav"})
        assert put.status_code in {200, 201}, put.text


def claim(talk: Talk, prompt: str, t: float) -> str:
    """The id of the event."""
    event_id = f"claim-{prompt}-{t}"
    talk.tell("prompt_delivered", t, event_id=event_id, prompt_version=f"{prompt}@1", channel="bot")
    return event_id


def play(stream: Twilio, call: Call, *tracks: str, start: float = 0.0, stop: float | None = None) -> None:
    """All of these tracks, frame by frame beside one another; the server has taken them when it returns."""
    last = call.seconds if stop is None else stop
    for frame in range(round(start * 50), int(last * RATE) // FRAME):
        for track in tracks:
            stream.media(call.tracks[track][frame * FRAME : (frame + 1) * FRAME], frame * 20, track)
    stream.taken()


def heard(talk: Talk, claim_id: str) -> dict[str, Any]:
    """The one grade of a claim, once it is told."""

    def found() -> dict[str, Any] | None:
        told = [e["data"] for e in events(talk, "prompt_heard") if e["data"]["claim"] == claim_id]
        assert len(told) <= 1
        return told[0] if told else None

    given: dict[str, Any] = until(found)
    return given


@pytest.mark.parametrize("first", ["claims", "sound"])
@pytest.mark.parametrize(
    ("name", "grades"),
    [
        ("dev-02", ["heard", "heard"]),  # both as claimed
        ("dev-03", ["partly_heard"]),  # cut by the caller
        ("dev-04", ["not_heard"]),  # never played
        ("dev-06", ["heard", "not_heard"]),  # 20 dB down; words of its own instead of the second
        ("dev-07", ["heard"]),  # in noise
        ("dev-11", ["not_heard"]),  # another one was played
    ],
)
def test_a_claim_is_held_against_the_sound(
    server: Server, begin: Begin, calls: Any, name: str, grades: list[str], first: str
) -> None:
    call = calls(name)
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        if first == "sound":
            play(stream, call, "inbound", "outbound")
        made = [(c, claim(talk, c["prompt_id"], c["claimed_start"])) for c in call.gold["claims"]]
        if first == "claims":
            play(stream, call, "inbound", "outbound")
        told = [heard(talk, claim_id) for _, claim_id in made]
        stream.stop()
    assert [each["grade"] for each in told] == grades
    for (claimed, _), each in zip(made, told, strict=True):
        if each["grade"] in {"heard", "partly_heard"}:
            gold = call.gold["prompts"][claimed["prompt_index"]]
            assert each["track"] == "agent"
            assert abs(each["start"] - gold["start"]) < 0.1
            assert abs(each["end"] - gold["end"]) < 0.1
            assert abs(each["fraction"] - gold["fraction"]) < 0.05
        else:
            assert each["fraction"] == 0.0
    end(talk, call.seconds)


def test_a_whole_prompt_is_known_while_the_call_goes_on(server: Server, begin: Begin, calls: Any) -> None:
    call = calls("dev-02")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    gold = call.gold["prompts"][0]
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        play(stream, call, "inbound", "outbound", stop=5.0)
        claimed = claim(talk, NOTICE, gold["start"])
        play(stream, call, "inbound", "outbound", start=5.0, stop=gold["end"] + 4.6)
        told = heard(talk, claimed)
        (event,) = events(talk, "prompt_heard")
        assert told["grade"] == "heard"
        assert abs(event["t"] - gold["end"]) < 0.1
        stream.stop()
    end(talk, gold["end"] + 4.6)


def test_a_claim_is_judged_when_the_stream_ends_in_the_middle(server: Server, begin: Begin, calls: Any) -> None:
    call = calls("dev-02")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    gold = call.gold["prompts"][0]
    stop = gold["start"] + 0.5 * gold["ref_duration"]
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        claimed = claim(talk, NOTICE, gold["start"])
        play(stream, call, "inbound", "outbound", stop=stop)
        stream.stop()
    told = heard(talk, claimed)
    assert told["grade"] == "partly_heard"
    assert abs(told["fraction"] - 0.5) < 0.05
    end(talk, stop)


def test_without_an_outbound_track_nothing_is_determined(server: Server, begin: Begin, calls: Any) -> None:
    call = calls("dev-02")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    before = claim(talk, NOTICE, 1.0)
    assert events(talk, "prompt_heard") == []  # a stream may still come
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        play(stream, call, "inbound", stop=2.0)
        first, second = heard(talk, before), heard(talk, claim(talk, PAYMENT, 1.5))
        stream.stop()
    for told in (first, second):
        assert (told["grade"], told["why"]) == ("not_determinable", "no_outbound_track")
        assert "fraction" not in told
    end(talk, 2.0)


def test_a_call_without_any_stream_is_judged_before_its_seal(begin: Begin) -> None:
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    claimed = claim(talk, NOTICE, 1.0)
    end(talk, 5.0)
    assert heard(talk, claimed)["grade"] == "not_determinable"
    kinds = [e["type"] for e in talk.get("/timeline")["events"]]
    assert kinds.index("prompt_heard") < kinds.index("interaction_sealed")


def test_the_proof_tells_claims_and_what_was_heard(
    server: Server, begin: Begin, calls: Any, client: httpx.Client, tmp_path: Path
) -> None:
    call = calls("dev-12")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        made = {}
        for claimed in call.gold["claims"]:
            if claimed["prompt_id"] in {NOTICE, PAYMENT}:
                made[claim(talk, claimed["prompt_id"], claimed["claimed_start"])] = claimed["truth"]
        play(stream, call, "inbound", "outbound")
        stream.stop()
    end(talk, call.seconds)
    pack = client.get(f"{talk.path}/evidence").content
    with zipfile.ZipFile(io.BytesIO(pack)) as members:
        told = json.loads(members.read("evidence.json"))
        page = members.read("summary.html").decode()
    expected = {"played_full": "heard", "played_partial": "partly_heard", "not_played": "not_heard"}
    assert {p["event_id"]: p["grade"] for p in told["prompts"]} == {k: expected[v] for k, v in made.items()}
    assert all(p["heard"]["event_id"] for p in told["prompts"])
    for line in ("Notice heard: its sound is in the outbound track", "Notice heard in part", "Notice not heard"):
        assert line in page


def pcm(shared: Path, prompt: str) -> Samples:
    with wave.open(str(shared / "calls" / "prompts" / f"{prompt}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def as_wav(sound: Samples) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())
    return made.getvalue()


def send(stream: Neutral, sound: Samples, start: float, *, without: float = 0.0) -> None:
    """In frames of 20 ms on the first track, from second `start` on; a share of them never comes."""
    lost = np.random.default_rng(1)
    at = round(start * RATE)
    for frame in range(0, len(sound) - FRAME + 1, FRAME):
        if lost.random() >= without:
            stream.frame(0, at + frame, sound[frame : frame + FRAME].astype("<i2").tobytes())
    stream.taken()


def test_the_consent_counts_once_the_notice_was_heard(server: Server, begin: Begin, calls: Any) -> None:
    """The yes is heard of before the grade is known; what was said since is still held, and is stored."""
    call = calls("dev-02")
    talk = begin(parties=EU, policy={"notice_grade": "heard"})
    talk.tell("call_start", 0.0)
    gold = call.gold["prompts"][0]
    agreed = gold["end"] + 0.5
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        claimed = claim(talk, NOTICE, gold["start"])
        play(stream, call, "inbound", "outbound", stop=agreed)
        talk.tell("consent", agreed, result="accepted", method="verbal", prompt_version=f"{NOTICE}@1")
        assert talk.get("/decisions")["decisions"][AUDIO]["state"] != "capturing"
        play(stream, call, "inbound", "outbound", start=round(agreed * 50) / 50, stop=agreed + 4.5)
        assert heard(talk, claimed)["grade"] == "heard"
        assert talk.get("/decisions")["decisions"][AUDIO]["state"] == "capturing"
        stream.stop()
    assert opened(talk)[0][0] == pytest.approx(agreed)
    end(talk, agreed + 4.5)
    recording = recordings(talk)["customer"]
    first = min(gap[1] for gap in recording["gaps"])
    assert first == pytest.approx(agreed, abs=0.02)


def test_a_notice_that_was_not_heard_opens_nothing(server: Server, begin: Begin, calls: Any) -> None:
    call = calls("dev-04")
    talk = begin(parties=EU, policy={"notice_grade": "heard"})
    talk.tell("call_start", 0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        claimed = claim(talk, NOTICE, 0.7)
        talk.tell("consent", 9.0, result="accepted", method="verbal", prompt_version=f"{NOTICE}@1")
        play(stream, call, "inbound", "outbound")
        stream.stop()
    end(talk, call.seconds)
    assert heard(talk, claimed)["grade"] == "not_heard"
    assert opened(talk) == []
    assert recordings(talk) == {}
    assert "PROMPT_NOT_HEARD" in {flag["flag"] for flag in talk.get()["flags"]}


def test_a_hearing_counts_for_one_claim(server: Server, begin: Begin, shared: Path) -> None:
    """Played twice, claimed three times; 20 dB down, with noise and without one frame in twenty."""
    notice = pcm(shared, NOTICE) * 0.1
    pause = np.zeros(2 * RATE)
    sound = np.concatenate([pause, notice, pause, notice, np.zeros(12 * RATE)])
    level = np.sqrt(np.mean(notice**2))
    sound = (sound + np.random.default_rng(2).normal(0, 0.2 * level, len(sound))).astype(np.int16)
    length = len(notice) / RATE
    starts = [2.0, 4.0 + length, 4.5 + length]
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("agent", "pcm16", RATE))
        made = [claim(talk, NOTICE, t) for t in starts]
        send(stream, sound, 0.0, without=0.05)
        told = [heard(talk, each) for each in made]
        stream.stop()
    assert [each["grade"] for each in told] == ["heard", "heard", "not_heard"]
    assert sorted(round(each["start"], 1) for each in told[:2]) == pytest.approx(starts[:2], abs=0.1)
    end(talk, len(sound) / RATE)


@pytest.mark.parametrize("claims", [["late"], ["own", "late"]])
def test_a_claim_of_what_was_played_at_another_time_says_so(
    server: Server, begin: Begin, shared: Path, claims: list[str]
) -> None:
    """Where the playing counts for a claim of its own already, the other one is of nothing."""
    notice = pcm(shared, NOTICE)
    length = len(notice) / RATE
    at = {"own": 1.0, "late": 1.0 + 2 * length + 8.0}
    sound = np.concatenate([np.zeros(RATE), notice, np.zeros(int((2 * length + 14.0) * RATE))]).astype(np.int16)
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("agent", "pcm16", RATE))
        made = [claim(talk, NOTICE, at[each]) for each in claims]
        send(stream, sound, 0.0)
        told = heard(talk, made[-1])
        stream.stop()
    assert (told["grade"], told["fraction"]) == ("not_heard", 0.0)
    assert told.get("why") == ("outside_window" if len(claims) == 1 else None)
    assert "PROMPT_NOT_HEARD" in {flag["flag"] for flag in talk.get()["flags"]}
    end(talk, len(sound) / RATE)


def test_a_part_of_another_prompt_is_not_this_one(
    server: Server, begin: Begin, shared: Path, client: httpx.Client
) -> None:
    """The second version begins as the first does, and is the one that is played."""
    first = np.concatenate([pcm(shared, PAYMENT)[: 3 * RATE], pcm(shared, "ivr_recorded")])
    second = np.concatenate([pcm(shared, PAYMENT)[: 3 * RATE], pcm(shared, NOTICE)])
    for version, sound in (("1", first), ("2", second)):
        body = {"prompt_id": "twin", "version": version, "language": "en", "text": version, "purposes": ["recording"]}
        assert client.post("/v1/prompts", json=body).status_code in {200, 201}
        put = client.put(
            f"/v1/prompts/twin/{version}/audio", content=as_wav(sound), headers={"Content-Type": "audio/wav"}
        )
        assert put.status_code in {200, 201}
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Neutral(server, token=talk.stream_token) as stream:
        stream.start(("agent", "pcm16", RATE))
        wrong = claim(talk, "twin", 1.0)
        right = "claim-2"
        talk.tell("prompt_delivered", 1.0, event_id=right, prompt_version="twin@2", channel="bot")
        send(stream, np.concatenate([np.zeros(RATE), second, np.zeros(16 * RATE)]).astype(np.int16), 0.0)
        assert heard(talk, right)["grade"] == "heard"
        assert heard(talk, wrong)["grade"] == "not_heard"
        stream.stop()
    end(talk, len(second) / RATE + 17.0)


def test_of_sound_that_was_not_received_nothing_is_determined(server: Server, begin: Begin, calls: Any) -> None:
    call = calls("dev-04")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("outbound", offset=60.0)
        claimed = claim(talk, NOTICE, 20.0)
        play(stream, call, "outbound", stop=10.0)
        told = heard(talk, claimed)
        stream.stop()
    assert (told["grade"], told["why"]) == ("not_determinable", "sound_not_held")
    end(talk, 70.0)


def test_words_of_the_platform_and_versions_without_sound_have_no_grade(
    server: Server, begin: Begin, calls: Any, client: httpx.Client
) -> None:
    body = {"prompt_id": "mute", "version": "1", "language": "en", "text": "mute", "purposes": ["recording"]}
    assert client.post("/v1/prompts", json=body).status_code in {200, 201}
    call = calls("dev-02")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        talk.tell("prompt_delivered", 1.0, prompt_version="p1", channel="bot")
        claim(talk, "mute", 1.0)
        play(stream, call, "inbound", "outbound", stop=10.0)
        stream.stop()
    end(talk, 10.0)
    assert events(talk, "prompt_heard") == []


def test_after_an_erasure_nothing_is_said_of_what_was_heard(server: Server, begin: Begin, calls: Any) -> None:
    call = calls("dev-02")
    talk = begin(parties=EU)
    talk.tell("call_start", 0.0)
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound", "outbound")
        claim(talk, NOTICE, 1.0)
        play(stream, call, "inbound", "outbound", stop=4.0)
        talk.tell("erasure_request", 4.0, party="customer")
        told = len(events(talk, "prompt_heard"))
        play(stream, call, "inbound", "outbound", start=4.0, stop=20.0)
        stream.stop()
    end(talk, 20.0)
    assert len(events(talk, "prompt_heard")) == told == 0
