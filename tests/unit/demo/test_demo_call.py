import gzip
import itertools
import math
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from onrecord.base.stretch import overlaps, subtract
from onrecord.entrypoints.cli.demo_call import call as module
from onrecord.entrypoints.cli.demo_call.call import DemoCallDamagedError, load
from onrecord.signal.mulaw import decode

CALL = load()
RATE = CALL.sample_rate
SOUND = {name: decode(data).astype(np.float64) / 32_768 for name, data in CALL.ulaw.items()}
CLOSED = [(start, end) for start, end, _ in CALL.withheld]
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477)
KEYS = ("123", "456", "789", "*0#")
GENERATOR = Path(__file__).parents[3] / "demo" / "make_call.py"


def piece(channel, start, end):
    return SOUND[channel][round(start * RATE) : round(end * RATE)]


def dbfs(samples):
    return 10 * math.log10(float(np.mean(samples**2)))


def goertzel(samples, frequency):
    """Peak amplitude of the tone."""
    n = np.arange(len(samples))
    return 2 * abs(np.dot(samples, np.exp(-2j * np.pi * frequency * n / RATE))) / len(samples)


def shipped(tmp_path, monkeypatch):
    """A copy of the package data that a test may damage."""
    folder = files("onrecord.entrypoints.cli.demo_call")
    for name in (
        "script.json",
        *(track.file for track in module._script(module._shipped("script.json")).tracks.values()),
    ):
        (tmp_path / name).write_bytes(folder.joinpath(name).read_bytes())
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    return tmp_path


def test_the_shipped_files_are_small():
    folder = files("onrecord.entrypoints.cli.demo_call")
    sizes = [len(entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith((".gz", ".json"))]
    assert len(sizes) == 3
    assert sum(sizes) <= 1_000_000


def test_two_tracks_of_the_whole_length():
    assert 75 <= CALL.duration_s <= 110
    assert RATE == 8_000
    assert {name: len(data) for name, data in CALL.ulaw.items()} == dict.fromkeys(
        ("customer", "agent"), round(CALL.duration_s * RATE)
    )
    assert round(CALL.duration_s * 1000) % 20 == 0


@pytest.mark.parametrize("damage", ["flip", "cut", "other sound", "missing", "script", "schema"])
def test_a_damaged_call_is_refused(tmp_path, monkeypatch, damage):
    folder = shipped(tmp_path, monkeypatch)
    track, script = folder / "customer.ulaw.gz", folder / "script.json"
    data = track.read_bytes()
    if damage == "flip":
        track.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    elif damage == "cut":
        track.write_bytes(data[:1000])
    elif damage == "other sound":
        sound = gzip.decompress(data)
        track.write_bytes(gzip.compress(bytes([sound[0] ^ 1]) + sound[1:], 1))
    elif damage == "missing":
        track.unlink()
    elif damage == "script":
        script.write_bytes(script.read_bytes()[:-20])
    else:
        script.write_text(script.read_text().replace(module.SCHEMA, "another"))
    with pytest.raises(DemoCallDamagedError) as caught:
        load()
    assert caught.value.code == "demo_call_damaged"


def test_the_undamaged_copy_is_accepted(tmp_path, monkeypatch):
    shipped(tmp_path, monkeypatch)
    assert load() == CALL


@pytest.mark.parametrize("tone", CALL.dtmf, ids=lambda tone: f"{tone.digit}-{tone.start}")
def test_each_key_sounds_at_its_time(tone):
    samples = piece(tone.channel, tone.start, tone.end)
    low = max(LOW, key=lambda frequency: goertzel(samples, frequency))
    high = max(HIGH, key=lambda frequency: goertzel(samples, frequency))
    assert KEYS[LOW.index(low)][HIGH.index(high)] == tone.digit
    assert min(goertzel(samples, low), goertzel(samples, high)) > 0.2
    assert dbfs(piece(tone.channel, tone.end + 0.01, tone.end + 0.07)) < -55


def test_the_card_is_keyed_with_expiry_and_code():
    assert "".join(tone.digit for tone in CALL.dtmf) == "4242424242424242#0331#479#"
    assert all(40 <= round((tone.end - tone.start) * 1000) <= 100 for tone in CALL.dtmf)


@pytest.mark.parametrize("turn", CALL.turns, ids=lambda turn: f"{turn.speaker}-{turn.start}")
def test_each_turn_is_speech_at_telephone_level(turn):
    samples = piece(turn.channel, turn.start, turn.end)
    assert -20 <= dbfs(samples) <= -12
    assert np.abs(samples).max() < 0.9
    other = "agent" if turn.channel == "customer" else "customer"
    assert dbfs(piece(other, turn.start, turn.end)) < -55


def test_quiet_is_noise_and_never_digital_silence():
    for channel, samples in SOUND.items():
        busy = sorted((t.start - 0.02, t.end + 0.02) for t in (*CALL.turns, *CALL.dtmf) if t.channel == channel)
        ring = [(event["t"], event["t"] + 2.0) for event in CALL.events if event["type"] == "transfer"]
        quiet = subtract([(0.0, CALL.duration_s)], sorted(busy + ring))
        assert -62 < dbfs(np.concatenate([piece(channel, start, end) for start, end in quiet])) < -58
        runs = [len(list(group)) for silent, group in itertools.groupby(samples == 0) if silent]
        assert max(runs) < 10
        assert sum(runs) < len(samples) / 10


def test_words_stand_in_their_turn_in_order():
    for turn in CALL.turns:
        edges = [edge for word in turn.words for edge in (word.s, word.e)]
        assert edges == sorted(edges)
        assert (edges[0], edges[-1]) == (turn.start, turn.end)
        assert all(word.e > word.s for word in turn.words)
        assert [word.w for word in turn.words] == [
            "".join(letter for letter in token if letter.isalpha()) for token in turn.text.lower().split()
        ]
    assert sum(word.approx for turn in CALL.turns for word in turn.words) < 10


def test_word_edges_are_heard():
    exact = [(turn.channel, word) for turn in CALL.turns for word in turn.words if not word.approx]
    assert all(dbfs(piece(channel, word.s, word.e)) > -35 for channel, word in exact)


def test_events_are_in_order_and_of_the_contract():
    assert [event["type"] for event in CALL.events] == [
        "call_start",
        "prompt_delivered",
        "consent",
        "transfer",
        "segment_start",
        "segment_end",
        "opt_out",
        "call_end",
    ]
    times = [event["t"] for event in CALL.events]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (0.0, CALL.duration_s)
    assert all(round(t * 1000) % 20 == 0 for t in times)
    assert len({event["event_id"] for event in CALL.events}) == len(times)


def test_events_fit_what_is_said():
    at = {event["type"]: event["t"] for event in CALL.events}
    said = {turn.text: turn for turn in CALL.turns}
    assert said["Yes, I agree."].end < at["consent"]
    assert at["prompt_delivered"] < said["Yes, I agree."].start
    assert at["opt_out"] < said["Wait. I do not want this recorded."].start
    assert at["segment_start"] < CALL.dtmf[0].start
    assert at["segment_end"] > CALL.dtmf[-1].end + 3.0
    assert not any(overlaps([(turn.start, turn.end)], t, t + 0.02) for turn in CALL.turns for t in at.values())


def test_withheld_stretches_are_what_the_events_close():
    at = {event["type"]: event["t"] for event in CALL.events}
    assert CALL.withheld == (
        (0.0, at["consent"], "AWAITING_CONSENT"),
        (at["segment_start"], at["segment_end"], "SENSITIVE_SEGMENT"),
        (at["opt_out"], CALL.duration_s, "OPT_OUT"),
    )


@pytest.mark.parametrize("secret", CALL.secrets, ids=lambda secret: f"{secret.why}-{secret.start}")
def test_each_secret_lies_inside_one_withheld_stretch(secret):
    assert any(start <= secret.start and secret.end <= end for start, end in CLOSED)
    assert all(form == form.lower() and len(form) >= 7 for form in secret.forms)
    assert not any(form.isdecimal() and len(form) < 9 for form in secret.forms)
    keyed = "".join(k.digit for k in CALL.dtmf if secret.start <= k.start and k.end <= secret.end)
    words = [w for turn in CALL.turns if turn.channel == secret.channel for w in turn.words]
    spoken = " ".join(w.w for w in words if secret.start <= w.s and w.e <= secret.end)
    if keyed:
        assert keyed == secret.text.translate({ord(" "): None, ord("/"): None}) + "#"
    else:
        assert spoken in secret.forms


def test_no_secret_is_said_where_it_would_be_kept():
    kept = [w.w for t in CALL.turns for w in t.words if not overlaps(CLOSED, w.s, w.e)]
    text = " ".join(kept)
    assert len(kept) > 70
    assert not [form for secret in CALL.secrets for form in secret.forms if form in text]
    assert not [form for secret in CALL.secrets for form in secret.forms if form in CALL.summary.text.lower()]
    assert {turn.speaker for turn in CALL.turns if not overlaps(CLOSED, turn.start, turn.end)} == {
        "bot",
        "customer",
        "agent",
    }


def test_kept_phrases_lie_outside():
    for kept in CALL.kept:
        assert not overlaps(CLOSED, kept.start, kept.end)
        words = [w.w for t in CALL.turns if t.channel == kept.channel for w in t.words]
        assert f" {kept.text} " in f" {' '.join(words)} "


def test_summaries_name_open_and_closed_stretches():
    assert not any(overlaps(CLOSED, start, end) for start, end in CALL.summary.stretches)
    assert all((start, end) in CLOSED for start, end in CALL.summary_refused.stretches)
    assert any(form in CALL.summary_refused.text.lower() for secret in CALL.secrets for form in secret.forms)


def test_the_generator_gives_the_shipped_call():
    made = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True, check=False)
    if made.returncode == 3:
        pytest.skip(made.stderr.strip())
    assert (made.returncode, made.stderr) == (0, "")
