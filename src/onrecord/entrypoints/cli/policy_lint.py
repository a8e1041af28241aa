"""`onrecord policy lint FILES`: what is wrong with policy packs, before they are adopted."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.packfolder import SIGNED, read
from onrecord.entrypoints.places import OpenError
from onrecord.ledger.note import Verifier
from onrecord.policy.errors import InvalidPackError
from onrecord.policy.lint import Finding, Read, lint
from onrecord.policy.lintfile import LARGEST_PROMPTS, read_pack, read_prompts
from onrecord.workflow.errors import PackSignatureError

HOLDS, FINDINGS, UNREADABLE = 0, 1, 2
_UNVERIFIED = "SIGNER NOT VERIFIED: give the key of whoever signs with --trust"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onrecord policy lint", description="Check packs (docs/design/policy-packs.md)."
    )
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+", help="a pack (*.yaml, or *.note: a signed note)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--prompts", type=Path, metavar="FILE", help="registered prompts, for what they say of retention"
    )
    parser.add_argument(
        "--trust", action="append", metavar="VKEY", help="a key one of which has to have signed each pack"
    )
    return parser


def run(argv: list[str]) -> int:
    """0 nothing found, 1 something, 2 where a file is no text of a pack or cannot be read; the others still run."""
    given = _parser().parse_args(argv)
    try:
        trusted = None if given.trust is None else [Verifier.parse(key) for key in given.trust]
        prompts = [] if given.prompts is None else read_prompts(_bytes(given.prompts))
    except OnRecordError as error:
        print(f"onrecord: {error.diagnostics()}", file=sys.stderr)
        return UNREADABLE
    packs: list[Read] = []
    found: list[Finding] = []
    bad: list[tuple[str, str]] = []
    for file in _files(given.files):
        try:
            known, own = read_pack(str(file), read(file, trusted).text)
            packs += [] if known is None else [known]
            found += own
        except PackSignatureError as error:
            found.append(Finding(str(file), None, None, error.code, error.message))
        except (OpenError, InvalidPackError) as error:
            bad.append((str(file), error.diagnostics()))
    found += lint(packs, prompts)
    if trusted is None and any(file.suffix == SIGNED for file in given.files):
        print(_UNVERIFIED, file=sys.stderr)
    if given.json:
        print(json.dumps(_document(packs, found, bad)))
    else:
        print("\n".join(map(_printable, _lines(packs, found, bad))))
    return UNREADABLE if bad else FINDINGS if found else HOLDS


def _files(given: Iterable[Path]) -> list[Path]:
    """A folder stands for its packs."""
    files: list[Path] = []
    for path in given:
        inside = [*path.glob("*.yaml"), *path.glob(f"*{SIGNED}")] if path.is_dir() else []
        files += sorted(inside) or [path]
    return files


def _bytes(file: Path) -> bytes:
    """Errors: OpenError."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_PROMPTS + 1)
    except (OSError, ValueError) as error:
        raise OpenError("the file of prompts cannot be read", code="prompts_unreadable") from error


def _document(packs: Sequence[Read], found: Sequence[Finding], bad: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "ok": not found and not bad,
        "packs": [_pack(known) for known in packs],
        "findings": [asdict(finding) for finding in found],
        "unreadable": [{"file": file, "message": message} for file, message in bad],
    }


def _pack(known: Read) -> dict[str, Any]:
    pack = known.pack
    return {
        "file": known.file,
        "id": pack.id,
        "version": pack.version,
        "status": pack.status,
        "effective": pack.effective.isoformat(),
        "until": None if pack.until is None else pack.until.isoformat(),
        "digest": pack.digest,
        "drafts": known.drafts(),
    }


def _lines(packs: Sequence[Read], found: Sequence[Finding], bad: Sequence[tuple[str, str]]) -> list[str]:
    lines = [f"UNREADABLE  {file}: {message}" for file, message in bad]
    lines += [f"{finding.code}  {finding.file}{_where(finding)}: {finding.message}" for finding in found]
    drafts = sum(len(known.drafts()) for known in packs)
    lines.append(f"{len(packs)} packs: {len(found)} findings; {drafts} clauses are drafts that nobody has reviewed")
    return lines


def _where(finding: Finding) -> str:
    return "" if finding.clause is None else f" {finding.clause}"


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in line.encode("utf-8", "replace").decode())
