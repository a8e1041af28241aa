"""`python -m fuzz TARGET [--seconds N | --runs N] [--seed N] [--out DIR]`; without a target it names them.

Exit status: 0 nothing found, 77 a finding (kept under DIR, told on standard error), 2 wrong use. To see one again:
`python -m fuzz TARGET FILE`.
"""

import argparse
import sys
from pathlib import Path

from fuzz.engine import Limits, again, fuzz, load
from fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("target", nargs="?", choices=TARGETS)
    parser.add_argument("file", nargs="?", type=Path, help="one finding, to see again")
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="0 is another one each time")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="corpora and findings")
    given = parser.parse_args()
    if given.target is None:
        sys.stdout.write("".join(f"{name}\n" for name in TARGETS))
        return 0
    target = load(given.target)
    if given.file is not None:
        again(target, given.file.read_bytes())
        return 0
    fuzz(target, Limits(given.seconds, given.runs, given.seed), given.out / given.target)
    return 0  # not reached: the engine ends the process


if __name__ == "__main__":
    sys.exit(main())
