"""Claims: what is said of a call, each with the check that was made."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Claim:
    id: str
    text: str
    ok: bool


@dataclass(slots=True)
class Claims:
    """`quiet`: nothing is printed."""

    made: list[Claim] = field(default_factory=list)
    quiet: bool = False

    def check(self, identifier: str, text: str, *, ok: bool) -> None:
        """Prints the claim with its outcome, and keeps it."""
        self.made.append(Claim(identifier, text, ok))
        if not self.quiet:
            print(f"  {'ok  ' if ok else 'FAIL'}  {text}", flush=True)

    @property
    def hold(self) -> bool:
        return bool(self.made) and all(claim.ok for claim in self.made)

    def listed(self) -> list[dict[str, object]]:
        return [{"id": claim.id, "text": claim.text, "ok": claim.ok} for claim in self.made]

    def write(self, file: Path) -> None:
        told = {"ok": self.hold, "claims": self.listed()}
        file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def progress(text: str) -> None:
    """One line that rewrites itself on a terminal; nothing where output is piped."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)


def line(text: str) -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    print(text, flush=True)
