"""The shipped demo call (docs/design/demo-call.md). `demo/make_call.py` writes the files beside this module."""

import gzip
import zlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import msgspec

from onrecord.base.digests import sha256
from onrecord.base.errors import OnRecordError

SCHEMA = "onrecord-demo-call-1"
SCRIPT = "script.json"


class DemoCallDamagedError(OnRecordError):
    code = "demo_call_damaged"


@dataclass(frozen=True, slots=True)
class Track:
    """`sha256`: of the mu-law bytes after gzip, in hexadecimal."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case without punctuation, from `s` to `e`. `approx`: its edges were interpolated."""

    w: str
    s: float
    e: float
    approx: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    speaker: str
    channel: str
    start: float
    end: float
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class KeyTone:
    digit: str
    start: float
    end: float
    channel: str


@dataclass(frozen=True, slots=True)
class Secret:
    """`forms`: what no file of an output may hold, in lower case; compare without regard to case. `why`: an entity
    type. The stretch is where the value is said or keyed."""

    text: str
    why: str
    forms: tuple[str, ...]
    channel: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Kept:
    """Words that the consent covers: to be found in the stored transcript, sealed."""

    text: str
    channel: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Summary:
    text: str
    stretches: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Script:
    schema: str
    made_with: str
    duration_s: float
    sample_rate: int
    tracks: dict[str, Track]
    head: dict[str, Any]
    turns: tuple[Turn, ...]
    dtmf: tuple[KeyTone, ...]
    events: tuple[dict[str, Any], ...]
    secrets: tuple[Secret, ...]
    kept: tuple[Kept, ...]
    withheld: tuple[tuple[float, float, str], ...]
    summary: Summary
    summary_refused: Summary


@dataclass(frozen=True, slots=True)
class DemoCall(_Script):
    """Times in seconds from the first sample. `head`: body of `POST /interactions`; `events`: bodies of
    `POST .../events` in order of `t`; `withheld`: start, end and reason, both tracks; `summary`: of permitted
    stretches; `summary_refused`: of a closed one. `ulaw`: by channel, G.711 mu-law, `duration_s * sample_rate` bytes
    each."""

    ulaw: dict[str, bytes]


def _script(data: bytes) -> _Script:
    try:
        script = msgspec.json.decode(data, type=_Script)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DemoCallDamagedError("the script of the demo call does not parse") from error
    if script.schema != SCHEMA:
        raise DemoCallDamagedError("the script of the demo call has another schema")
    return script


def _sound(track: Track, samples: int) -> bytes:
    try:
        data = gzip.decompress(_shipped(track.file))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DemoCallDamagedError(f"`{track.file}` is not whole") from error
    if len(data) != samples or sha256(data).hex() != track.sha256:
        raise DemoCallDamagedError(f"`{track.file}` is not what the script names")
    return data


def _shipped(name: str) -> bytes:
    try:
        return files("onrecord.entrypoints.cli.demo_call").joinpath(name).read_bytes()
    except OSError as error:
        raise DemoCallDamagedError(f"`{name}` is not installed") from error


def load() -> DemoCall:
    """Errors: DemoCallDamagedError where a shipped file is missing, broken or not the one whose hash the script has."""
    script = _script(_shipped(SCRIPT))
    samples = round(script.duration_s * script.sample_rate)
    ulaw = {name: _sound(track, samples) for name, track in script.tracks.items()}
    return DemoCall(**{name: getattr(script, name) for name in _Script.__dataclass_fields__}, ulaw=ulaw)
