"""`onrecord policy test FILES`: scenarios, as ordinary calls are decided, beside what they expect."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from onrecord.entrypoints.packfolder import policy_packs
from onrecord.policy import scenario
from onrecord.policy.errors import InvalidScenarioError, PolicyError
from onrecord.policy.pack import Pack
from onrecord.policy.scenariotext import LARGEST
from onrecord.policy.score import Failure, Score, score, shown, total

HOLDS, FAILS, UNREADABLE = 0, 1, 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onrecord policy test", description="Run scenarios (docs/design/scenarios.md)."
    )
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+", help="a scenario, or a folder of them (*.json)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--packs", type=Path, metavar="DIR", help="folder with further policy packs")
    return parser


def run(argv: list[str]) -> int:
    """0 all as expected, 1 not, 2 where a file is no scenario or there is none; the others still run."""
    given = _parser().parse_args(argv)
    packs = policy_packs(given.packs)
    done: list[tuple[str, Score]] = []
    bad: list[tuple[str, str]] = []
    for path in given.files:
        files = _files(path)
        if not files:
            bad.append((str(path), "invalid_scenario: the folder holds no scenario"))
        for file in files:
            try:
                done.append((str(file), score_file(packs, file)))
            except PolicyError as error:
                bad.append((str(file), error.diagnostics()))
    for name, why in bad:
        print(printable(f"onrecord: {name}: {why}"), file=sys.stderr)
    if given.json:
        print(json.dumps(shown(done)))
    else:
        print("\n".join(map(printable, _lines(done, len(bad)))))
    failed = any(result.failures for _, result in done)
    return UNREADABLE if bad else FAILS if failed else HOLDS


def printable(line: str) -> str:
    """Without what a file name may carry to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in line.encode("utf-8", "replace").decode())


def _files(path: Path) -> list[Path]:
    try:
        return sorted(path.rglob("*.json")) if path.is_dir() else [path]
    except OSError:
        return [path]


def score_file(packs: Sequence[Pack], file: Path) -> Score:
    """Errors: PolicyError."""
    return score(packs, scenario.parse(read_file(file)))


def read_file(file: Path) -> bytes:
    """Errors: InvalidScenarioError."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise InvalidScenarioError("the file cannot be read") from error


def _lines(done: Sequence[tuple[str, Score]], bad: int) -> list[str]:
    lines: list[str] = []
    for name, result in done:
        lines += [f"FAIL  {name}  {_told(failure)}" for failure in result.failures]
    every = total(result for _, result in done)
    failed = sum(1 for _, result in done if result.failures)
    lines.append(
        f"states {every.states.right}/{every.states.all}; reasons {every.reasons.right}/{every.reasons.all};"
        f" conventions {every.conventions.right}/{every.conventions.all}; flags {every.flags_right} right,"
        f" {every.flags_missing} missing, {every.flags_forbidden} forbidden"
    )
    lines.append(f"{len(done)} scenarios: {len(done) - failed} hold, {failed} do not; {bad} files are no scenario")
    return lines


def _told(failure: Failure) -> str:
    where = f"t={failure.t:g} as_of={failure.as_of:g}"
    if failure.field == "flags":
        return f"{where}: {failure.expected} was not raised"
    if failure.field == "not_flags":
        return f"{where}: {failure.got} was raised"
    return f"{where} {failure.kind}: {failure.field} {failure.got}, not {failure.expected}"
