"""`onrecord policy replay`: stored conversations against other packs, every difference. Nothing is changed."""

import argparse
import json
from pathlib import Path

from onrecord.entrypoints.bootstrap import open_records
from onrecord.entrypoints.cli.progress import Progress
from onrecord.entrypoints.packfolder import policy_packs
from onrecord.policy.compare import Difference
from onrecord.policy.verdict import Ruling
from onrecord.workflow.rejudge import Account, Rejudged, begun_from, checked, rejudge

ALIKE, DIFFERENT = 0, 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onrecord policy replay")
    parser.add_argument("--data", type=Path, required=True, help="the server's folder of events and sealed objects")
    parser.add_argument("--keys", type=Path, required=True, help="its root key file")
    parser.add_argument(
        "--packs", type=Path, metavar="DIR", help="packs to try, each instead of a shipped one of its id"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(argv: list[str]) -> int:
    """0 where nothing differs, 1 where something does, 2 where it could not be (`data_in_use` while a server runs)."""
    given = _parser().parse_args(argv)
    packs = checked(policy_packs(given.packs))
    account = Account()
    with open_records(given.data, given.keys) as d, Progress() as progress:
        size = max(d.sequencer.size, 1)
        for index, interaction in begun_from(d, 0):
            done = rejudge(d, packs, interaction)
            account.add(done)
            if not given.json:
                for line in _lines(done):
                    progress.say(line)
            progress.step(f"{account.judged} judged, {account.different} differ, {100 * index // size} % of the log")
    if given.json:
        print(json.dumps(account.shown()))
    else:
        lost = len(account.not_judged)
        print(f"{account.judged} conversations judged, {account.different} differ; {lost} could not be judged")
    return DIFFERENT if account.different else ALIKE


def _lines(done: Rejudged) -> list[str]:
    if done.code is not None:
        return [f"{done.interaction}  not judged: {done.code}"]
    lines = [f"{done.interaction}  {_line(each)}" for each in done.differences]
    if done.flags_new or done.flags_gone:
        lines.append(f"{done.interaction}  flags: +{','.join(done.flags_new)} -{','.join(done.flags_gone)}")
    return lines


def _line(made: Difference) -> str:
    until = "the end" if made.until is None else f"{made.until:g}"
    return f"{made.kind.value}  {made.t:g} to {until}: {_told(made.old)} -> {_told(made.new)}"


def _told(ruling: Ruling) -> str:
    return f"{ruling.verdict.word} {ruling.reason} ({ruling.legal_basis}, {ruling.retention})"
