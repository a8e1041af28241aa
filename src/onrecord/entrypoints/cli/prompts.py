"""`onrecord prompts locate`: where recorded prompts are heard in a call."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from onrecord.base.errors import OnRecordError
from onrecord.signal.alignment import Hearing
from onrecord.signal.band import FEWEST_HZ
from onrecord.signal.locate import Locator, each_once, without_echo
from onrecord.signal.reference import LONGEST_S, Reference, reference
from onrecord.signal.soundread import SoundReader

DONE, WRONG = 0, 2
DEFAULT = ("customer", "agent")
MIXED = "mixed"
_MOST_JSON = 1 << 24


class PromptsError(OnRecordError):
    code = "prompts_unreadable"


class _CallMissingError(PromptsError):
    code = "call_missing"


class _PromptMissingError(PromptsError):
    code = "prompt_missing"


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    file: Path


def run(argv: list[str]) -> int:
    """0 whatever was heard, 2 unreadable or wrong use."""
    try:
        given = _parser().parse_args(argv)
    except SystemExit as stop:
        return DONE if stop.code == 0 else WRONG
    try:
        names = _names(given.channels)
        references = [_reference(wanted) for wanted in _wanted(given.prompts)]
        found = _located(given.call, references, names)
    except _Failed as failed:
        print(f"onrecord: {failed}", file=sys.stderr)
        return WRONG
    if given.json:
        print(json.dumps({"prompts": found}))
    else:
        print("\n".join(map(_line, found)) or "none of these prompts is heard")
    return DONE


class _Failed(Exception):  # noqa: N818  the end of this command, not an error that anyone handles
    """What is wrong, and with which of the files."""

    def __init__(self, error: OnRecordError, where: str) -> None:
        super().__init__(f"{error.diagnostics()} ({where})")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onrecord prompts")
    locate = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "locate", help="where recorded prompts are heard in a call"
    )
    locate.add_argument("call", metavar="CALL", type=Path, help="WAV, FLAC")
    locate.add_argument("--prompts", metavar="PROMPTS.json", type=Path, required=True)
    locate.add_argument("--channels", metavar="NAMES", help="of the channels in order (default customer,agent)")
    locate.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _names(given: str | None) -> tuple[str, ...] | None:
    """None: the default."""
    if given is None:
        return None
    names = tuple(name.strip() for name in given.split(","))
    if not all(name and name.isprintable() for name in names) or len(set(names)) < len(names):
        raise _Failed(PromptsError("each channel has a name of its own", code="channels_malformed"), "--channels")
    return names


def _of(channels: int, names: Sequence[str] | None) -> Sequence[str]:
    """Errors: PromptsError channels_mismatch."""
    if names is None:
        extra = [str(number) for number in range(len(DEFAULT), channels)]
        return [MIXED] if channels == 1 else [*DEFAULT, *extra]
    if len(names) != channels:
        raise PromptsError("as many names as the call has channels", code="channels_mismatch")
    return names


def _wanted(file: Path) -> Iterator[_Wanted]:
    """Files stand beside PROMPTS.json, or beside the folder that it stands in."""
    for entry in _entries(file):
        name = entry["prompt_id"]
        path = file.parent / entry["file"]
        yield _Wanted(name, path if path.exists() else file.parent.absolute().parent / entry["file"])


def _entries(file: Path) -> list[Mapping[str, Any]]:
    where = file.name
    try:
        with file.open("rb") as opened:
            entries = json.loads(opened.read(_MOST_JSON))
    except OSError as error:
        raise _Failed(PromptsError("the file cannot be read"), where) from error
    except (ValueError, RecursionError) as error:
        raise _Failed(PromptsError("this is no JSON"), where) from error
    if not entries and isinstance(entries, list):
        raise _Failed(PromptsError("the list names no prompt", code="prompts_empty"), where)
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        raise _Failed(PromptsError("a list of objects with `prompt_id` and `file`"), where)
    if len({entry["prompt_id"] for entry in entries}) < len(entries):
        raise _Failed(PromptsError("two prompts have one `prompt_id`", code="prompt_duplicate"), where)
    return entries


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(name), str) and entry[name] and "\0" not in entry[name] for name in ("prompt_id", "file")
    )


def _reference(wanted: _Wanted) -> Reference:
    try:
        with _open(wanted.file, _PromptMissingError) as file:
            sound = SoundReader(file)
            return reference(wanted.name, sound.mono(LONGEST_S + 1), sound.rate)
    except OnRecordError as error:
        raise _Failed(error, f"prompt {wanted.name}") from error


def _open(file: Path, missing: type[PromptsError]) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise missing("the sound file cannot be read") from error


def _located(call: Path, references: Sequence[Reference], names: Sequence[str] | None) -> list[dict[str, Any]]:
    """By start."""
    try:
        with _open(call, _CallMissingError) as file:
            sound = SoundReader(file)
            named = _of(sound.channels, names)
            heard = _heard(sound, references)
    except OnRecordError as error:
        raise _Failed(error, call.name) from error
    found = [_shown(hearing, name) for name, own in zip(named, heard, strict=True) for hearing in own]
    return sorted(found, key=lambda entry: entry["start"])


def _heard(sound: SoundReader, references: Sequence[Reference]) -> list[list[Hearing]]:
    if sound.rate < FEWEST_HZ:
        raise PromptsError("a call has 4000 samples a second or more", code="sound_rate")
    mixed = sound.channels == 1
    locators = [Locator(references, sound.rate, mixed=mixed) for _ in range(sound.channels)]
    found: list[list[Hearing]] = [[] for _ in locators]
    for part in sound.parts():
        for number, locator in enumerate(locators):
            found[number] += locator.take(part[:, number])
    for number, locator in enumerate(locators):
        found[number] = each_once([*found[number], *locator.rest()])
    return without_echo(found)


def _shown(hearing: Hearing, channel: str) -> dict[str, Any]:
    return {
        "prompt_id": hearing.prompt,
        "channel": channel,
        "start": round(hearing.start, 5),
        "end": round(hearing.end, 5),
        "ref_start": round(hearing.ref_start, 5),
        "ref_end": round(hearing.ref_end, 5),
        "fraction": round(hearing.fraction, 4),
        "score": round(hearing.score, 4),
    }


def _line(entry: Mapping[str, Any]) -> str:
    share = f"{entry['fraction']:4.0%} of {entry['prompt_id']}"
    return f"{entry['start']:9.2f} to {entry['end']:9.2f} s  {entry['channel']}: {share}, score {entry['score']:.2f}"
