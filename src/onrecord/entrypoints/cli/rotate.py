"""`onrecord rotate`: a new root key, while no server runs."""

import argparse
from pathlib import Path

from onrecord.entrypoints.bootstrap import rotate


def run(argv: list[str]) -> int:
    """0 done, 2 where it could not be; nothing is lost then, and it may be repeated."""
    parser = argparse.ArgumentParser(prog="onrecord rotate")
    parser.add_argument("--keys", type=Path, required=True, help="root key file; wrapped keys live in FILE.d")
    given = parser.parse_args(argv)
    count = rotate(given.keys)
    print(f"tenants re-wrapped under the new root key: {count}; older versions are dropped")
    return 0
