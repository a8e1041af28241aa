"""The goals of prompt location, held on recorded calls with known prompts, by the command itself."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from serving import COMMAND

CALLS = [f"dev-{number:02d}" for number in range(1, 13)]


def located(shared: Path, call: str, *more: str) -> list[dict[str, Any]]:
    file, prompts = shared / "calls" / "synthetic" / f"{call}.wav", shared / "calls" / "prompts" / "prompts.json"
    command = [*COMMAND, "prompts", "locate", str(file), "--prompts", str(prompts), "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)["prompts"]
    return found


@pytest.mark.parametrize("call", CALLS)
def test_every_prompt_that_was_played_and_no_other(shared: Path, call: str) -> None:
    gold = json.loads((shared / "calls" / "synthetic" / f"{call}.gold.json").read_text())["prompts"]
    found = located(shared, call, "--channels", "customer,agent")
    assert [entry["prompt_id"] for entry in found] == [entry["prompt_id"] for entry in gold]
    for entry, known in zip(found, gold, strict=True):
        assert entry["channel"] == "agent"
        for edge in ("start", "end", "ref_start", "ref_end"):
            assert abs(entry[edge] - known[edge]) <= 0.1
        assert abs(entry["fraction"] - known["fraction"]) <= 0.05


@pytest.mark.parametrize("name", ["jfk.flac", "Auto0_GUID_000_AGENT_ChrisL_DT_2025-02-19T06-01-22_Mono.wav"])
def test_real_speech_holds_no_prompt(shared: Path, name: str) -> None:
    """24 bits at 44.1 kHz; 8 bits at 8 kHz, in one channel."""
    file, prompts = shared / "calls" / "real" / name, shared / "calls" / "prompts" / "prompts.json"
    done = subprocess.run(
        [*COMMAND, "prompts", "locate", str(file), "--prompts", str(prompts), "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout) == {"prompts": []}


def test_a_list_without_prompts_is_refused(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts.json").write_text("[]")
    file = shared / "calls" / "synthetic" / "dev-01.wav"
    command = [*COMMAND, "prompts", "locate", str(file), "--prompts", str(tmp_path / "prompts.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("onrecord: prompts_empty: ")
    assert done.stderr.count("\n") == 1
