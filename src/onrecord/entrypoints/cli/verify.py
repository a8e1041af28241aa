"""`onrecord verify PACK`: reads one file, touches no network, and says what holds."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from onrecord.evidence import container
from onrecord.evidence.errors import UnreadablePackError
from onrecord.evidence.verify import Check, Report, verify
from onrecord.ledger.errors import MalformedError
from onrecord.ledger.note import COSIGNATURE, ED25519, Verifier

CONSISTENT, INCONSISTENT, UNREADABLE, BELOW = 0, 1, 2, 3
LEVELS = ("trusted", "witnessed", "timestamped")
_UNVERIFIED = "SIGNER NOT VERIFIED: give the log's key with --trust to know whose pack this is"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onrecord verify", description="Check an evidence pack offline.")
    parser.add_argument("pack", metavar="PACK", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--trust", metavar="VKEY", help="the key that must have signed the pack")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="a witness to look for")
    parser.add_argument("--require", choices=LEVELS, help="the assurance that is needed")
    return parser


def run(argv: list[str]) -> int:
    """0 consistent, 1 not, 2 no readable pack or wrong use, 3 consistent and below `--require`."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return CONSISTENT if stop.code == 0 else UNREADABLE
    try:
        _check_keys(arguments.trust, arguments.witness)
        report = verify(_read(arguments.pack), arguments.trust, arguments.witness)
    except (MalformedError, UnreadablePackError) as error:
        report, code = _unreadable(error.diagnostics()), UNREADABLE
    except OSError as error:
        report, code = _unreadable(f"the file cannot be read: {error.strerror}"), UNREADABLE
    else:
        code = _exit_code(report, arguments.require)
    if arguments.trust is None:
        print(_UNVERIFIED, file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json.dumps(report.as_json()))
    else:
        print("\n".join(_lines(report, code, arguments.require)))
    return code


def _check_keys(trust: str | None, witnesses: Sequence[str]) -> None:
    if trust is not None and Verifier.parse(trust).kind != ED25519:
        raise MalformedError("the trusted key is not one that signs logs", code="vkey_malformed")
    if any(Verifier.parse(witness).kind != COSIGNATURE for witness in witnesses):
        raise MalformedError("a witness's key is not one that cosigns", code="vkey_malformed")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(container.MAX_BYTES + 1)
    if len(data) > container.MAX_BYTES:
        raise UnreadablePackError("larger than a pack may be")
    return data


def _unreadable(detail: str) -> Report:
    return Report(
        ok=False,
        signer="unverified",
        assurance=(),
        replay="partial",
        checks=(Check(1, "container", "fail", detail),),
        first_failure="container",
    )


def _exit_code(report: Report, required: str | None) -> int:
    if not report.ok:
        return INCONSISTENT
    return CONSISTENT if required is None or required in report.assurance else BELOW


def _lines(report: Report, code: int, required: str | None) -> list[str]:
    lines = [f"{check.result:4}  {check.n:2}  {check.id:14}  {check.detail}" for check in report.checks]
    lines.append(f"signer {report.signer}; replay {report.replay}; assurance {', '.join(report.assurance) or 'none'}")
    lines.append(
        {
            CONSISTENT: "CONSISTENT",
            INCONSISTENT: f"NOT CONSISTENT: {report.first_failure}",
            UNREADABLE: "NOT READABLE AS A PACK",
            BELOW: f"CONSISTENT, BELOW WHAT IS REQUIRED: {required}",
        }[code]
    )
    return lines
