"""`onrecord prompts locate`: what it prints, and what it says of files that it cannot use."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from onrecord.entrypoints.cli.main import run
from onrecord.entrypoints.cli.prompts import _of

RATE = 8000
Capture = pytest.CaptureFixture[str]


def babble(seed: int, seconds: float, pitch: float) -> np.ndarray:
    """Harmonics of a wandering pitch under a wandering envelope."""
    rng = np.random.default_rng(seed)
    at = np.arange(round(seconds * RATE))
    knots = np.linspace(0, len(at), round(seconds * 8))
    bend = np.interp(at, knots, rng.normal(pitch, 0.12 * pitch, len(knots)))
    turn = 2 * np.pi * np.cumsum(bend) / RATE
    made = np.zeros(len(at))
    for k in range(1, 16):
        made += np.interp(at, knots, rng.random(len(knots))) * np.sin(k * turn) / k**0.5
    return 0.2 * made / np.abs(made).max()


NOTICE, PAYMENT, TALK = babble(1, 4.0, 120), babble(2, 3.0, 120), babble(3, 6.0, 180)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """prompts/prompts.json names files beside its own folder; beside.json names those beside itself."""
    (tmp_path / "prompts").mkdir()
    for name, sound in (("notice", NOTICE), ("payment", PAYMENT)):
        soundfile.write(tmp_path / "prompts" / f"{name}.wav", sound, RATE, subtype="PCM_16")
    for listed, where in (("prompts.json", "prompts/"), ("beside.json", "")):
        entries = [{"prompt_id": n, "file": f"{where}{n}.wav", "text": n} for n in ("notice", "payment")]
        (tmp_path / "prompts" / listed).write_text(json.dumps(entries))
    return tmp_path


def call() -> np.ndarray:
    """(samples, 2): the customer talks after a notice and half of the second prompt."""
    half = PAYMENT[: len(PAYMENT) // 2]
    agent = np.concatenate([np.zeros(RATE), NOTICE, np.zeros(RATE), half, np.zeros(7 * RATE)])
    customer = np.concatenate([np.zeros(len(agent) - len(TALK)), TALK])
    return np.stack([customer, agent], axis=1)


def locate(folder: Path, file: Path, *more: str, prompts: str = "prompts/prompts.json") -> int:
    return run(["prompts", "locate", str(file), "--prompts", str(folder / prompts), *more])


def printed(capsys: Capture) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)["prompts"]


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_16"), ("wav", "PCM_U8"), ("wav", "PCM_24"), ("wav", "ULAW"), ("flac", "PCM_16")],
)
@pytest.mark.parametrize("prompts", ["prompts/prompts.json", "prompts/beside.json"])
def test_one_document_on_standard_output(
    folder: Path, capsys: Capture, suffix: str, subtype: str, prompts: str
) -> None:
    file = folder / f"call.{suffix}"
    soundfile.write(file, call(), RATE, subtype=subtype)
    assert locate(folder, file, "--json", prompts=prompts) == 0
    notice, payment = printed(capsys)
    assert list(notice) == ["prompt_id", "channel", "start", "end", "ref_start", "ref_end", "fraction", "score"]
    assert (notice["prompt_id"], notice["channel"], notice["fraction"]) == ("notice", "agent", 1.0)
    assert (payment["prompt_id"], payment["channel"]) == ("payment", "agent")
    assert abs(notice["start"] - 1.0) < 0.1
    assert abs(notice["end"] - 5.0) < 0.1
    assert abs(payment["fraction"] - 0.5) < 0.05


def test_nothing_heard_is_an_empty_list(folder: Path, capsys: Capture) -> None:
    soundfile.write(folder / "call.wav", np.stack([TALK, TALK], axis=1), RATE)
    assert locate(folder, folder / "call.wav", "--json") == 0
    assert printed(capsys) == []
    assert locate(folder, folder / "call.wav") == 0
    assert "none" in capsys.readouterr().out


def test_channels_by_name(folder: Path, capsys: Capture) -> None:
    file = folder / "call.wav"
    soundfile.write(file, call()[:, ::-1], RATE)
    assert locate(folder, file, "--json", "--channels", "agent,customer") == 0
    assert {entry["channel"] for entry in printed(capsys)} == {"agent"}
    soundfile.write(file, call()[:, 1], RATE)
    assert locate(folder, file, "--json") == 0
    assert {entry["channel"] for entry in printed(capsys)} == {"mixed"}
    assert locate(folder, file, "--json", "--channels", "bot") == 0
    assert {entry["channel"] for entry in printed(capsys)} == {"bot"}
    assert list(_of(4, None)) == ["customer", "agent", "2", "3"]


def test_people_read_a_line_a_hearing(folder: Path, capsys: Capture) -> None:
    soundfile.write(folder / "call.wav", call(), RATE)
    assert locate(folder, folder / "call.wav") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "100% of notice" in lines[0]


def wav(data: bytes, length: int | None = None, rate: int = RATE) -> bytes:
    head = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    size = len(data) if length is None else length
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + head
        + b"data" + struct.pack("<I", size) + data
    )  # fmt: skip


def flac() -> bytes:
    made = io.BytesIO()
    soundfile.write(made, TALK, RATE, format="FLAC")
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "sound_empty"),
        (b"these are words", "sound_unreadable"),
        (wav(bytes(4000))[:-100], "sound_truncated"),
        (wav(bytes(4000))[:30], "sound_truncated"),
        (wav(b""), "sound_empty"),
        (flac()[:-3000], "sound_truncated"),
        (wav(bytes(4000), rate=3000), "sound_rate"),
    ],
)
def test_a_call_that_cannot_be_read(folder: Path, capsys: Capture, data: bytes, code: str) -> None:
    file = folder / "call.wav"
    file.write_bytes(data)
    assert locate(folder, file, "--json") == 2
    refused(capsys, code)


def refused(capsys: Capture, code: str) -> None:
    """One line, which begins with the code, and no document."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"onrecord: {code}: ")
    assert err.count("\n") == 1


def test_a_length_that_was_not_known_is_no_truncation(folder: Path, capsys: Capture) -> None:
    pcm = np.round(call()[:, 1] * 32767).astype("<i2").tobytes()
    (folder / "call.wav").write_bytes(wav(pcm, 0xFFFFFFFF - 36))
    assert locate(folder, folder / "call.wav", "--json") == 0
    assert len(printed(capsys)) == 2


def test_wrong_use(folder: Path, capsys: Capture) -> None:
    file = folder / "call.wav"
    soundfile.write(file, call(), RATE)
    for names, code in (("a", "channels_mismatch"), ("a,b,c", "channels_mismatch"), ("a,a", "channels_malformed")):
        assert locate(folder, file, "--json", "--channels", names) == 2
        refused(capsys, code)
    assert locate(folder, file, "--channels", "a,") == 2
    refused(capsys, "channels_malformed")
    assert locate(folder, folder / "none.wav") == 2
    refused(capsys, "call_missing")
    assert run(["prompts", "locate", str(file)]) == 2
    assert run(["prompts"]) == 2
    assert run(["prompts", "locate", "--help"]) == 0


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ("no json", "prompts_unreadable"),
        ("{}", "prompts_unreadable"),
        ("[" * 100_000, "prompts_unreadable"),
        ('[{"prompt_id": "a"}]', "prompts_unreadable"),
        ('[{"prompt_id": 1, "file": "notice.wav"}]', "prompts_unreadable"),
        ('[{"prompt_id": "a", "file": "x\\u0000y"}]', "prompts_unreadable"),
        ('[{"prompt_id": "a", "file": "nowhere.wav"}]', "prompt_missing"),
        ('[{"prompt_id": "a", "file": "."}]', "prompt_missing"),
        ('[{"prompt_id": "a", "file": "own.json"}]', "sound_unreadable"),
        ('[{"prompt_id": "a", "file": "silent.wav"}]', "prompt_silent"),
        ('[{"prompt_id": "a", "file": "short.wav"}]', "prompt_too_short"),
        ('[{"prompt_id": "a", "file": "notice.wav"}, {"prompt_id": "a", "file": "payment.wav"}]', "prompt_duplicate"),
    ],
)
def test_prompts_that_cannot_be_used(folder: Path, capsys: Capture, entries: str, code: str) -> None:
    soundfile.write(folder / "call.wav", call(), RATE)
    soundfile.write(folder / "prompts" / "silent.wav", np.zeros(2 * RATE), RATE)
    soundfile.write(folder / "prompts" / "short.wav", TALK[:2000], RATE)
    (folder / "prompts" / "own.json").write_text(entries)
    assert locate(folder, folder / "call.wav", "--json", prompts="prompts/own.json") == 2
    refused(capsys, code)


def test_a_list_without_prompts_is_refused_as_one_that_is_not_there_is(folder: Path, capsys: Capture) -> None:
    soundfile.write(folder / "call.wav", call(), RATE)
    (folder / "none.json").write_text("[]")
    assert locate(folder, folder / "call.wav", "--json", prompts="none.json") == 2
    refused(capsys, "prompts_empty")
    assert locate(folder, folder / "call.wav", "--json", prompts="nowhere.json") == 2
    refused(capsys, "prompts_unreadable")
