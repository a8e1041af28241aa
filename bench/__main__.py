"""`python -m bench [NAME ...]`: all figures, those named, or those whose names begin so. Exit 0 whatever they say."""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Mapping

import bench

_NO_CASES = {"bench.__main__", "bench.measure"}


def figures() -> dict[str, Callable[[], None]]:
    """Every module of this package with a mapping `FIGURES` from name to what measures and prints it."""
    found: dict[str, Callable[[], None]] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(bench.__path__, "bench.")):
        if module not in _NO_CASES:
            cases: Mapping[str, Callable[[], None]] = getattr(importlib.import_module(module), "FIGURES", {})
            found.update(cases)
    return found


def main(wanted: list[str]) -> int:
    known = figures()
    chosen = [
        name
        for name in known
        if not wanted or name in wanted or any(name.startswith(w) for w in wanted if w not in known)
    ]
    if not chosen:
        print(f"no such figure; known: {', '.join(known)}", file=sys.stderr)
    for name in chosen:
        known[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
