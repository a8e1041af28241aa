"""Runs one target under libFuzzer (atheris), which owns the process and ends it."""

import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import atheris

from fuzz.targets import TARGETS

MAX_BYTES = 4096
Mutator = Callable[[bytes, int, int], bytes]


@dataclass(frozen=True)
class Target:
    """`check` takes one input and raises on a finding, whatever it raises. `seeds` are printed by the product's own
    renderers."""

    check: Callable[[bytes], None]
    seeds: Iterable[bytes]
    mutate: Mutator | None = None


@dataclass(frozen=True)
class Limits:
    """0 is none."""

    seconds: int = 0
    runs: int = 0
    seed: int = 0


def load(name: str) -> Target:
    """Imports the target so that what it drives reports its coverage."""
    with atheris.instrument_imports(include=TARGETS[name]):
        module = importlib.import_module(f"fuzz.target_{name}")
    target: Target = module.TARGET
    return target


def fuzz(target: Target, limits: Limits, folder: Path) -> None:
    """Never returns: status 0 where the limits were reached without a finding, 77 with one, which stays in `folder`."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number:02d}").write_bytes(seed)
    options = {
        "max_len": MAX_BYTES,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
        "timeout": 10,
        "mutate_depth": 1,
        "len_control": 0,
        "max_total_time": limits.seconds,
        "seed": limits.seed,
        "runs": limits.runs or -1,
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
    if target.mutate is None:
        atheris.Setup(arguments, target.check)
    else:
        atheris.Setup(arguments, target.check, custom_mutator=target.mutate)
    atheris.Fuzz()


def again(target: Target, data: bytes) -> None:
    """One input; raises what is found."""
    target.check(data)
