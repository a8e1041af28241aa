"""Every flag that is raised is one that scenarios may name, and every other word of the kind is a reason."""

import re
from pathlib import Path

import pytest

import onrecord
from onrecord.evidence.words import reason
from onrecord.policy.flags import DECIDED, FLAGS, SERVED

SOURCES = Path(onrecord.__file__).parent
CODED = re.compile(r"\"([A-Z]+(?:_[A-Z]+)+)\"")


@pytest.mark.parametrize(
    "file", ["answers", "acks", "effects", "fold", "kernel", "owed", "trace", "notice", "segments"]
)
def test_what_the_kernel_says_is_a_flag_or_a_reason(file: str) -> None:
    said = set(CODED.findall((SOURCES / "policy" / f"{file}.py").read_text()))
    assert {word for word in said - DECIDED if reason(word) == word} == set()


def test_what_the_server_flags_is_a_flag() -> None:
    assert set(CODED.findall((SOURCES / "evidence" / "replay.py").read_text())) <= FLAGS


def test_each_is_raised_somewhere() -> None:
    said = "".join(path.read_text() for room in ("policy", "evidence") for path in (SOURCES / room).glob("*.py"))
    assert {flag for flag in DECIDED | SERVED if said.count(f'"{flag}"') < 2} == set()
