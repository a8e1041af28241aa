"""Makes the demo call from call.toml and writes it into the package (docs/design/demo-call.md).

Exit codes: 0 written or equal, 1 not equal, 3 no espeak-ng or another version than the shipped call was made with.
"""

import argparse
import gzip
import hashlib
import json
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from espeak import SAMPLE_RATE, Espeak, SynthesiserError
from onrecord.signal.mulaw import encode
from sound import (
    KEY_GAP_SECONDS,
    KEY_SECONDS,
    RATE,
    Sound,
    at_speech_level,
    key,
    line_noise,
    ringing,
    telephone,
    to_8k,
    voiced,
)

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src" / "onrecord" / "entrypoints" / "cli" / "demo_call"
SCHEMA = "onrecord-demo-call-1"
CHANNELS = ("customer", "agent")
FRAME = RATE // 50
BLOCK = 80

Record = dict[str, Any]


@dataclass(slots=True)
class Layout:
    """The call as far as it is laid out. `cursor` in samples; `placed`: channel, first sample, sound."""

    cursor: int = 0
    placed: list[tuple[str, int, Sound]] = field(default_factory=list)
    turns: list[Record] = field(default_factory=list)
    dtmf: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)

    def place(self, channel: str, sound: Sound) -> None:
        self.placed.append((channel, self.cursor, sound))
        self.cursor += len(sound)


def seconds(samples: int) -> float:
    return round(samples / RATE, 3)


def plain(text: str) -> str:
    return re.sub(r"[^a-z' ]", "", text.lower())


def word_times(text: str, starts: dict[int, int], sound: Sound) -> list[tuple[str, int, int, bool]]:
    """Word, first sample, last sample, whether interpolated. A word ends with its last voiced block; words that
    espeak-ng speaks as one share the time by characters."""
    tokens = [(match.group(), match.start()) for match in re.finditer(r"\S+", text)]
    known = [index for index, (_, offset) in enumerate(tokens) if offset in starts]
    bounds = [starts[tokens[index][1]] * RATE // SAMPLE_RATE for index in known] + [len(sound)]
    loud = np.flatnonzero(voiced(sound)) * BLOCK
    words = []
    for position, first in enumerate(known):
        group = tokens[first : (known[position + 1] if position + 1 < len(known) else len(tokens))]
        begin, limit = bounds[position], bounds[position + 1]
        inside = loud[(loud >= begin) & (loud < limit)]
        end = min(limit, int(inside[-1]) + BLOCK) if len(inside) else limit
        total = sum(len(token) for token, _ in group)
        done = 0
        for token, _ in group:
            start = begin + (end - begin) * done // total
            done += len(token)
            words.append((plain(token), start, begin + (end - begin) * done // total, len(group) > 1))
    return words


def speak(layout: Layout, voices: Record, item: Record, espeak: Espeak) -> None:
    voice = voices[item["speaker"]]
    spoken = espeak.say(voice["name"], voice["words_per_minute"], voice["pitch"], item["text"])
    sound = at_speech_level(to_8k(spoken.samples))
    words = word_times(item["text"], spoken.word_starts, sound)
    sound = sound[: words[-1][2]]
    first = layout.cursor
    layout.place(voice["channel"], sound)
    layout.turns.append(
        {
            "speaker": item["speaker"],
            "channel": voice["channel"],
            "start": seconds(first),
            "end": seconds(layout.cursor),
            "text": item["text"],
            "words": [
                {"w": w, "s": seconds(first + s), "e": seconds(first + e)} | ({"approx": True} if approx else {})
                for w, s, e, approx in words
            ],
        }
    )


def press(layout: Layout, digits: str) -> None:
    for index, digit in enumerate(digits):
        if index:
            layout.cursor += round(KEY_GAP_SECONDS * RATE)
        start = seconds(layout.cursor)
        layout.place("customer", key(digit))
        layout.dtmf.append(
            {"digit": digit, "start": start, "end": round(start + KEY_SECONDS, 3), "channel": "customer"}
        )


def lay_out(source: Record, espeak: Espeak) -> Layout:
    """Events stand on the 20 ms grid of the media frames."""
    layout = Layout()
    for item in source["item"]:
        layout.cursor += round(item["gap"] * RATE)
        if "text" in item:
            speak(layout, source["voices"], item, espeak)
        elif "keys" in item:
            press(layout, item["keys"])
        elif "ring" in item:
            for _ in range(item["ring"]):
                layout.place("agent", ringing())
        else:
            layout.cursor += -layout.cursor % FRAME
            number = f"demo-{len(layout.events) + 1:02d}"
            layout.events.append({"event_id": number, "t": seconds(layout.cursor), **item["event"]})
    return layout


def mix(layout: Layout) -> dict[str, Sound]:
    tracks = {name: line_noise(layout.cursor, seed) for seed, name in enumerate(CHANNELS, start=1)}
    for channel, first, sound in layout.placed:
        tracks[channel][first : first + len(sound)] += sound
    return tracks


def said(turns: list[Record], phrase: str) -> tuple[str, float, float]:
    """Channel, start and end of the one place where the words are said."""
    wanted = phrase.split()
    windows = [
        (turn["channel"], turn["words"][index : index + len(wanted)])
        for turn in turns
        for index in range(len(turn["words"]))
    ]
    found = [
        (channel, words[0]["s"], words[-1]["e"])
        for channel, words in windows
        if [word["w"] for word in words] == wanted
    ]
    if len(found) != 1:
        raise SystemExit(f"`{phrase}` is said {len(found)} times")
    return found[0]


def keyed(dtmf: list[Record], digits: str) -> tuple[str, float, float]:
    at = "".join(tone["digit"] for tone in dtmf).index(digits)
    return "customer", dtmf[at]["start"], dtmf[at + len(digits) - 1]["end"]


def closed(events: list[Record], duration: float) -> list[list[float | str]]:
    at = {event["type"]: event["t"] for event in events}
    return [
        [0.0, at["consent"], "AWAITING_CONSENT"],
        [at["segment_start"], at["segment_end"], "SENSITIVE_SEGMENT"],
        [at["opt_out"], duration, "OPT_OUT"],
    ]


def describe(source: Record, layout: Layout, ulaw: dict[str, bytes], made_with: str) -> Record:
    duration = seconds(layout.cursor)
    withheld = closed(layout.events, duration)
    permitted = [[withheld[0][1], withheld[1][0]], [withheld[1][1], withheld[2][0]]]
    places = [
        (secret, said(layout.turns, secret["said"]) if "said" in secret else keyed(layout.dtmf, secret["keyed"]))
        for secret in source["secret"]
    ]
    kept = [(entry["said"], said(layout.turns, entry["said"])) for entry in source["kept"]]
    return {
        "schema": SCHEMA,
        "made_with": made_with,
        "duration_s": duration,
        "sample_rate": RATE,
        "tracks": {
            name: {"file": f"{name}.ulaw.gz", "sha256": hashlib.sha256(data).hexdigest()} for name, data in ulaw.items()
        },
        "head": source["head"],
        "turns": layout.turns,
        "dtmf": layout.dtmf,
        "events": layout.events,
        "secrets": [
            {key: secret[key] for key in ("text", "why", "forms")} | {"channel": c, "start": s, "end": e}
            for secret, (c, s, e) in places
        ],
        "kept": [{"text": text, "channel": c, "start": s, "end": e} for text, (c, s, e) in kept],
        "withheld": withheld,
        "summary": {"text": source["summary"], "stretches": permitted},
        "summary_refused": {"text": source["summary_refused"], "stretches": [withheld[1][:2]]},
    }


def text_of(script: Record) -> str:
    """JSON with one line for each member and each element of a list of objects."""
    lines = []
    for name, value in script.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            inner = ",\n".join("  " + json.dumps(element) for element in value)
            lines.append(f"{json.dumps(name)}: [\n{inner}\n]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def same_synthesiser(version: str) -> None:
    shipped = json.loads((PACKAGE / "script.json").read_text())["made_with"]
    if shipped != version:
        raise SynthesiserError(f"the shipped call was made with {shipped}, here is {version}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the shipped call, write nothing")
    parser.add_argument("--wav", type=Path, help="also write the call as two-channel PCM16")
    arguments = parser.parse_args()
    try:
        espeak = Espeak()
        if arguments.check:
            same_synthesiser(espeak.version)
        source = tomllib.loads((HERE / "call.toml").read_text())
        layout = lay_out(source, espeak)
    except SynthesiserError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    tracks = {name: telephone(sound) for name, sound in mix(layout).items()}
    ulaw = {name: encode(samples) for name, samples in tracks.items()}
    script = text_of(describe(source, layout, ulaw, espeak.version))
    if arguments.wav:
        soundfile.write(arguments.wav, np.stack(list(tracks.values()), axis=1), RATE, subtype="PCM_16")
    if arguments.check:
        return int(script != (PACKAGE / "script.json").read_text())
    PACKAGE.mkdir(exist_ok=True)
    (PACKAGE / "script.json").write_text(script)
    for name, data in ulaw.items():
        (PACKAGE / f"{name}.ulaw.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
