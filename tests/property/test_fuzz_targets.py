"""Every fuzz target for a moment, always the same inputs; and that the targets find what is planted.

The engine owns the process that it runs in, and ends it: 0 without a finding, 77 with one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
RUNS = 3000
ENOUGH = 30_000  # for what is planted; all are found sooner
PLANTED = """
import sys
from pathlib import Path
from fuzz.engine import Limits, fuzz, load
from onrecord.capture.errors import WireError
target = load("{target}")
{plant}
fuzz(target, Limits(runs={runs}, seed=1), Path(sys.argv[1]))
"""
PLANTS = {
    "another exception": (
        "exotel",
        "KeyError",
        """
from onrecord.capture.wire import exotel
right = exotel.parse
def wrong(raw):
    message = right(raw)
    return {0: message}[len(message.payload) % 2] if isinstance(message, exotel.Media) else message
exotel.parse = wrong
""",
    ),
    "an error that quotes": (
        "twilio",
        "quotes nothing",
        """
from onrecord.capture.wire import twilio
right = twilio.parse
def wrong(raw):
    try:
        return right(raw)
    except WireError as error:
        raise WireError(f"not taken: {raw[-9:]!r}", code=error.code) from None
twilio.parse = wrong
""",
    ),
    "a renderer that rounds": (
        "audiohook",
        "parse of print is identity",
        """
from onrecord.capture.wire import audiohook_render
audiohook_render.duration = lambda samples: f"PT{samples // 8000}S"
""",
    ),
    "a name that is not looked at": (
        "neutral_text",
        "no track comes twice",
        """
from onrecord.capture.wire import neutral
neutral._start = lambda wires: neutral.Start(tuple(neutral._track(wire) for wire in wires))
""",
    ),
    "a timestamp cut off": (
        "neutral_frame",
        "print of parse is identity",
        """
from onrecord.capture.wire import neutral
right = neutral.parse_frame
def wrong(raw):
    frame = right(raw)
    return neutral.Frame(frame.track, frame.timestamp & (2**63 - 1), frame.payload)
neutral.parse_frame = wrong
""",
    ),
    "channels in the wrong order": (
        "audiohook_frame",
        "woven together",
        """
from onrecord.capture.wire import audiohook
right = audiohook.split
audiohook.split = lambda payload, media: right(payload, media)[::-1]
""",
    ),
    "a fragment that is forgotten": (
        "messages",
        "a message is its frames, joined",
        """
from onrecord.entrypoints.ingest import messages
right = messages.Messages.take
class Wrong(messages.Messages):
    def take(self, frame):
        self._partial = self._partial and self._partial[-1:]
        return right(self, frame)
messages.Messages = Wrong
""",
    ),
    "credentials that are half looked at": (
        "upgrade",
        "nobody guesses credentials",
        """
from onrecord.entrypoints.ingest import signature
signature.basic_shown = lambda secret, shown: (shown or "").lower().startswith("basic")
""",
    ),
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target: str, tmp_path: Path) -> None:
    done = run("-m", "fuzz", target, "--runs", str(RUNS), "--seed", "1", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_planted_is_found(plant: str, tmp_path: Path) -> None:
    target, told, code = PLANTS[plant]
    done = run("-c", PLANTED.format(target=target, plant=code, runs=ENOUGH), str(tmp_path))
    assert done.returncode == 77, done.stderr[-3000:]
    assert told in done.stdout + done.stderr
    assert list(tmp_path.glob("crash-*"))


def test_every_target_is_planted_in() -> None:
    assert {target for target, _, _ in PLANTS.values()} == set(TARGETS)


def test_every_wire_parser_has_a_target() -> None:
    folder = ROOT / "src" / "onrecord" / "capture" / "wire"
    parsers = {file.stem for file in folder.glob("*.py") if "\ndef parse" in file.read_text()}
    assert parsers, "there are parsers"
    assert {parser for parser in parsers if not any(target.startswith(parser) for target in TARGETS)} == set()


def test_a_finding_can_be_seen_again(tmp_path: Path) -> None:
    file = tmp_path / "crash-1"
    file.write_bytes(b'{"event":"media"')
    assert run("-m", "fuzz", "exotel", str(file)).returncode == 0
    listed = run("-m", "fuzz")
    assert (listed.returncode, listed.stdout.split()) == (0, list(TARGETS))
    assert run("-m", "fuzz", "no such target").returncode == 2
