"""Alternating rounds, medians, and one JSON line a figure. A ratio within one run holds where absolutes do not."""

import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Run = Callable[[], float]


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty directory on the disk to be measured: BENCH_DIR, else out/ in the current directory."""
    parent = Path(os.environ.get("BENCH_DIR", "out/bench"))
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as name:
        yield Path(name)


def rounds(cases: Mapping[str, Run], count: int) -> dict[str, list[float]]:
    """The figures of each case. The cases alternate within a round, and the order turns from round to round."""
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(count):
        for name in list(cases)[:: -1 if turn % 2 else 1]:
            figures[name].append(cases[name]())
    return figures


def report(
    name: str,
    unit: str,
    figures: list[float],
    baseline: list[float] | None = None,
    *,
    goal_ratio: float | None = None,
    goal_max: float | None = None,
    goal_min: float | None = None,
) -> dict[str, object]:
    """Prints the line and returns it. `value` and `baseline` are medians; `ratio` is that of the medians; `spread` is
    the least and the greatest value. `goal_ratio`: the ratio is to be at least this; `goal_max`: the value at most;
    `goal_min`: at least."""
    value = statistics.median(figures)
    base = statistics.median(baseline) if baseline else None
    ratio = value / base if base else None
    if goal_ratio is not None:
        passed = ratio is not None and ratio >= goal_ratio
    else:
        passed = (goal_max is None or value <= goal_max) and (goal_min is None or value >= goal_min)
    line: dict[str, object] = {
        "name": name,
        "value": _short(value),
        "unit": unit,
        "baseline": _short(base),
        "ratio": _short(ratio),
        "goal": next((goal for goal in (goal_ratio, goal_max, goal_min) if goal is not None), None),
        "pass": passed,
        "n": len(figures),
        "spread": [_short(min(figures)), _short(max(figures))],
    }
    print(json.dumps(line), flush=True)
    return line


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
