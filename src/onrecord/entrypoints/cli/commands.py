"""Which command a line names: one a file."""

import sys
from collections.abc import Mapping


def named(program: str, commands: Mapping[str, str], argv: list[str]) -> str | int:
    """The command, or the exit status where none is named; then all are shown."""
    if argv and argv[0] in commands:
        return argv[0]
    if argv and argv[0] not in {"-h", "--help", "help"}:
        print(f"onrecord: unknown_command: see `{program} --help`", file=sys.stderr)
        return 2
    print(f"usage: {program} COMMAND ...\n")
    for name, line in commands.items():
        print(f"  {name:9} {line}")
    return 0 if argv else 2
