"""Server processes to be measured, each alone on a core, the client on another."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """`ready`: what it said once it was ready. `log`: what it wrote since."""

    pid: int
    ready: dict[str, str]
    log: Path

    def cpu_seconds(self) -> float:
        """User and system, all threads, in steps of 10 ms."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextmanager
def product(folder: Path) -> Iterator[Server]:
    """`onrecord serve` as it ships, on an empty folder."""
    with running(folder, ["-m", "onrecord.entrypoints.cli.main", "serve"]) as server:
        yield server


@contextmanager
def running(folder: Path, command: Sequence[str]) -> Iterator[Server]:
    """Any command that takes the options of `serve`."""
    options = ["--data", str(folder / "data"), "--keys", str(folder / "keys" / "root.key")]
    with _started(folder, [*command, *options, "--ready-file", str(folder / "ready.json")]) as server:
        yield server


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    with _started(folder, ["-m", "bench.bare", str(folder / "ready.json")]) as server:
        yield server


@contextmanager
def _started(folder: Path, arguments: Sequence[str]) -> Iterator[Server]:
    folder.mkdir(parents=True)
    ready, log = folder / "ready.json", folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)
    try:
        _apart(process.pid)
        deadline = time.monotonic() + _START_S
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield Server(process.pid, json.loads(ready.read_text()), log)
    finally:
        process.terminate()
        process.wait(_START_S)


def _apart(pid: int) -> None:
    """The server on one core, this process on another, where there are two."""
    cores = sorted(os.sched_getaffinity(0) | os.sched_getaffinity(pid))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[0]})
        os.sched_setaffinity(0, {cores[1]})
