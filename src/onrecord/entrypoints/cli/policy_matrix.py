"""`onrecord policy matrix`: verdicts over combinations of packs."""

import argparse
import csv
import datetime as dt
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from onrecord.entrypoints.packfolder import policy_packs
from onrecord.policy.errors import InvalidOverlayError
from onrecord.policy.facts import Head
from onrecord.policy.kinds import Kind
from onrecord.policy.matrix import SITUATIONS, Row, matrix, named_places, named_sectors
from onrecord.policy.scenariotext import LARGEST, read

DONE = 0
_SHOWN = ("audio_recording", "transcript", "ai_summary", "sentiment", "video_recording", "training_data", "disposition")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onrecord policy matrix")
    parser.add_argument(
        "--place", action="append", metavar="PLACE", help="such as US-CA or DE; default: all that packs name"
    )
    parser.add_argument("--sector", action="append", metavar="SECTOR", help="default: all that packs name")
    parser.add_argument("--situation", action="append", choices=sorted(SITUATIONS), help="default: all")
    parser.add_argument("--kind", action="append", choices=[kind.value for kind in Kind], help="default: all")
    parser.add_argument("--overlay", type=Path, metavar="FILE", help="a tenant's choices, as JSON")
    parser.add_argument("--date", type=_date, metavar="DAY", help="the day of the call; default: every rule binds")
    parser.add_argument("--packs", type=Path, metavar="DIR", help="folder with further policy packs")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document")
    form.add_argument("--csv", action="store_true", help="print a line for each kind (RFC 4180)")
    return parser


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a day as 2026-01-31") from error


def run(argv: list[str]) -> int:
    """0, or 2 where packs or overlay cannot be used."""
    given = _parser().parse_args(argv)
    packs = policy_packs(given.packs)
    head = Head(artifacts_enabled=frozenset(Kind), overlay=_overlay(given.overlay), date=given.date)
    rows = list(
        matrix(
            packs,
            head,
            given.place or named_places(packs),
            given.sector or named_sectors(packs),
            given.situation or list(SITUATIONS),
            [Kind(word) for word in given.kind or [kind.value for kind in Kind]],
        )
    )
    if given.json:
        print(json.dumps({"rows": [row.shown() for row in rows]}))
    elif given.csv:
        sys.stdout.write(_csv(rows))
    else:
        print("\n".join(_lines(rows, given.kind or _SHOWN)))
    return DONE


def _overlay(file: Path | None) -> Mapping[str, Any]:
    """Errors: InvalidOverlayError, InvalidScenarioError."""
    if file is None:
        return {}
    try:
        with file.open("rb") as opened:
            value = read(opened.read(LARGEST + 1))
    except (OSError, ValueError) as error:
        raise InvalidOverlayError("the file of the overlay cannot be read") from error
    if not isinstance(value, dict):
        raise InvalidOverlayError("the overlay is no object")
    return value


def _csv(rows: Sequence[Row]) -> str:
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(["places", "sectors", "packs", "situation", "kind", "verdict", "state", "reason", "rules"])
    for row in rows:
        for kind, ruling in row.rulings.items():
            told = (kind.value, ruling.verdict.word, ruling.state.value, ruling.reason, " ".join(ruling.rules))
            writer.writerow([" ".join(row.places), " ".join(row.sectors), " ".join(row.packs), row.situation, *told])
    return made.getvalue()


def _lines(rows: Sequence[Row], kinds: Sequence[str]) -> Iterator[str]:
    """A table for each combination."""
    before: tuple[tuple[str, ...], ...] = ()
    for row in rows:
        if (row.places, row.sectors, row.packs) != before:
            before = (row.places, row.sectors, row.packs)
            yield from ("", f"places   {' '.join(row.places)}", f"sectors  {' '.join(row.sectors)}")
            yield f"packs    {' '.join(row.packs)}"
            yield f"  {'':34}" + "  ".join(f"{kind:15}" for kind in kinds).rstrip()
        told = {kind.value: ruling.verdict.word for kind, ruling in row.rulings.items()}
        yield f"  {row.situation:34}" + "  ".join(f"{told.get(kind, ''):15}" for kind in kinds).rstrip()
