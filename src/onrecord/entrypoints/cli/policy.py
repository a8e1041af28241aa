"""`onrecord policy`: policy as a tool, one command a file."""

import importlib
import os
import sys

from onrecord.entrypoints.cli.commands import named

COMMANDS = {
    "test": "scenarios: what the packs decide, beside what is expected",
    "explain": "why one kind has the verdict that it has",
    "matrix": "verdicts over combinations of packs",
    "replay": "stored conversations against other packs, every difference",
    "lint": "what is wrong with policy packs, before they are adopted",
    "sign": "a signed note over a pack, by whoever answers for its text",
}


def run(argv: list[str]) -> int:
    """0 holds, 1 does not, 2 unreadable or wrong use, 3 valid but below what was required."""
    name = named("onrecord policy", COMMANDS, argv)
    if isinstance(name, int):
        return name
    command = importlib.import_module(f"onrecord.entrypoints.cli.policy_{name}")
    try:
        code: int = command.run(argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads; the end would say so again
        return 2
    return code
