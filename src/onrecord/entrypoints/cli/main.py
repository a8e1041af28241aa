"""`onrecord`: one command a file."""

import importlib
import sys

from onrecord.base.errors import OnRecordError

COMMANDS = {
    "serve": "the API and the media sockets in one process",
    "demo": "a whole call, recorded under consent and proved offline",
    "verify": "checks an evidence pack, offline",
    "prompts": "where recorded prompts are heard in a call",
    "rotate": "a new root key, while no server runs",
    "drill": "a synthetic call through a running server that tries every control",
    "reference": "a recorder or transcriber to test against, good or bad",
    "policy": "policy packs as a tool",
}


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Exit codes: 0 holds or done, 1 does not hold, 2 unreadable or wrong use, 3 valid but below what was required."""
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print("usage: onrecord COMMAND ...\n")
        for name, line in COMMANDS.items():
            print(f"  {name:9} {line}")
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print("onrecord: unknown_command: see `onrecord --help`", file=sys.stderr)
        return 2
    command = importlib.import_module(f"onrecord.entrypoints.cli.{argv[0]}")
    try:
        code: int = command.run(argv[1:])
    except OnRecordError as error:
        print(f"onrecord: {error.diagnostics()}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    main()
