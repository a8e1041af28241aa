"""`onrecord`: one command a file."""

import importlib
import sys

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.cli.commands import named

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
    name = named("onrecord", COMMANDS, argv)
    if isinstance(name, int):
        return name
    command = importlib.import_module(f"onrecord.entrypoints.cli.{name}")
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
