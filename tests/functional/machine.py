"""A machine that fails under the server: machine_shim.c, told at run time what fails, where and how."""

import contextlib
import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from enum import IntFlag
from pathlib import Path

import pytest
from media_client import until

RULES = 8


class Call(IntFlag):
    """System calls, as the shim groups them. NAME: rename, link, unlink, mkdir."""

    OPEN_WRITE = 1
    OPEN_READ = 2
    WRITE = 4
    SYNC = 8
    RESIZE = 16
    NAME = 32
    READ = 64


GROWING = Call.WRITE | Call.RESIZE
CHANGING = Call.WRITE | Call.RESIZE | Call.NAME | Call.OPEN_WRITE
FULL, QUOTA, READ_ONLY, BROKEN = errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO


class _Rule(ctypes.Structure):
    _fields_ = (
        ("calls", ctypes.c_uint32),
        ("error", ctypes.c_int32),
        ("held", ctypes.c_uint32),
        ("hits", ctypes.c_uint32),
        ("passing", ctypes.c_int32),
        ("path", ctypes.c_char * 236),
    )


class _Control(ctypes.Structure):
    _fields_ = (
        ("clock_step", ctypes.c_int64),
        ("calls", ctypes.c_uint32),
        ("padding", ctypes.c_uint32),
        ("rules", _Rule * RULES),
    )


class Fault:
    """One thing that is wrong, until it is `over`."""

    def __init__(self, machine: "Machine", rule: _Rule) -> None:
        self._machine, self._rule = machine, rule

    @property
    def hits(self) -> int:
        """How many calls it has struck, or holds."""
        return int(self._rule.hits)

    def struck(self, more: int = 1) -> None:
        """Returns when it has struck so many calls more than before."""
        before = self.hits
        until(lambda: self.hits >= before + more)

    def over(self) -> None:
        self._rule.calls = self._rule.error = 0
        self._rule.held = 0
        self._machine.sum_up()


class Machine:
    """`environment` is what a server needs to run on it."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.path = folder / "machine"
        self.path.write_bytes(bytes(ctypes.sizeof(_Control)))
        with self.path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)
        self._control = _Control.from_buffer(self._shared)
        self.environment = {"LD_PRELOAD": str(library), "ONRECORD_MACHINE": str(self.path)}

    def sum_up(self) -> None:
        calls = 0
        for rule in self._control.rules:
            calls |= rule.calls
        self._control.calls = calls

    def fault(self, calls: Call, where: Path, error: int = 0, *, held: bool = False, after: int = 0) -> Fault:
        """`where`: a folder, or a file with those that SQLite keeps beside it; `after` so many calls."""
        rule = next(rule for rule in self._control.rules if not rule.calls)
        rule.path, rule.error, rule.held, rule.hits = str(where).encode(), error, int(held), 0
        rule.passing = after
        rule.calls = calls
        self.sum_up()
        return Fault(self, rule)

    @contextlib.contextmanager
    def failing(
        self, calls: Call, where: Path, error: int = 0, *, held: bool = False, after: int = 0
    ) -> Iterator[Fault]:
        fault = self.fault(calls, where, error, held=held, after=after)
        try:
            yield fault
        finally:
            fault.over()

    def step_clock(self, seconds: float) -> None:
        """The wall clock stands so far beside the real one from now on."""
        self._control.clock_step = round(seconds * 1e9)

    def mend(self) -> None:
        """Nothing fails any more, and the clock is right."""
        for rule in self._control.rules:
            rule.calls = rule.error = rule.held = 0
        self._control.calls = 0
        self._control.clock_step = 0


def compiled(folder: Path) -> Path:
    """The shim; without a C compiler the test is skipped, but not where all must run (CI)."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail("there is no C compiler to make the failing machine with")
        pytest.skip("there is no C compiler to make the failing machine with")
    library = folder / "machine_shim.so"
    source = Path(__file__).with_name("machine_shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
    return library
