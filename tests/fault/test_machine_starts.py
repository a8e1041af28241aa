"""A start where something is lost is refused in one line, and makes nothing in the place of what is gone; so is a
second process on the same data or keys. What a kill leaves is no obstacle."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.bootstrap import Settings, open_deployment
from onrecord.workflow.deployment import Deployment

KEYS = Path("keys") / "root.key"


def opened(folder: Path, keys: Path | None = None) -> contextlib.AbstractContextManager[Deployment]:
    return open_deployment(Settings(folder / "data", folder / KEYS if keys is None else keys))


def refused(folder: Path, keys: Path | None = None) -> str:
    with pytest.raises(OnRecordError) as refusal, opened(folder, keys):
        pass
    return refusal.value.code


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a process that has ended in order."""
    folder = tmp_path_factory.mktemp("ended")
    with opened(folder):
        pass
    return folder


@pytest.fixture
def folder(ended: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(ended, tmp_path / "server")
    return tmp_path / "server"


def removed(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def noise(path: Path) -> None:
    path.write_bytes(bytes(reversed(path.read_bytes())))


SPOILT = {
    "key store removed": ("keys/root.key.d", removed, "keys_lost"),
    "key store emptied": ("keys/root.key.d/keys.db", emptied, "keys_lost"),
    "key store cut": ("keys/root.key.d/keys.db", cut, "key_store_invalid"),
    "key store of noise": ("keys/root.key.d/keys.db", noise, "key_store_invalid"),
    "root key file removed": ("keys/root.key", removed, "key_file_missing"),
    "root key file emptied": ("keys/root.key", emptied, "key_file_invalid"),
    "root key file open to others": ("keys/root.key", lambda path: path.chmod(0o644), "key_file_permissions"),
    "all keys removed": ("keys", removed, "wrong_key_file"),
    "event store removed": ("data/events.db", removed, "storage_lost"),
    "event store of noise": ("data/events.db", noise, "storage_unreadable"),
    "mark removed": ("data/deployment", removed, "data_unusable"),
    "mark cut": ("data/deployment", cut, "wrong_key_file"),
    "data folder removed": ("data", removed, "wrong_key_file"),
}


def files(folder: Path) -> dict[str, bytes]:
    """But those that say who holds what, and SQLite's shared memory."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("lock", "-shm"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize(("where", "spoil", "code"), SPOILT.values(), ids=SPOILT.keys())
def test_without_what_was_there_nothing_is_begun(
    folder: Path, where: str, spoil: Callable[[Path], None], code: str
) -> None:
    spoil(folder / where)
    before = files(folder)
    assert refused(folder) == code
    assert files(folder) == before


def test_another_folder_with_the_same_keys_would_sign_a_second_log(folder: Path) -> None:
    other = folder / "other"
    assert refused(other, folder / KEYS) == "wrong_key_file"
    assert files(other) == {}


def test_a_start_that_was_killed_before_it_had_a_log_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data and keys are bound already, the event store is not made."""
    for step in ("SqliteEventStore", "LocalObjectStore", "Sequencer"):
        with monkeypatch.context() as patched:

            def killed(*_: object) -> None:
                raise KeyboardInterrupt

            patched.setattr(f"onrecord.entrypoints.bootstrap.{step}", killed)
            with pytest.raises(KeyboardInterrupt), opened(tmp_path):
                pass
    with opened(tmp_path):
        pass


LOST = {
    "root key file": ("keys/root.key", "keys_lost"),
    "key store": ("keys/root.key.d/keys.db", "keys_lost"),
    "write-ahead log of the key store": ("keys/root.key.d/keys.db-wal", "keys_lost"),
    "event store": ("data/events.db", "storage_lost"),
}


@pytest.mark.parametrize(("where", "code"), LOST.values(), ids=LOST.keys())
def test_what_is_lost_while_it_is_open_is_found_and_found_again(folder: Path, where: str, code: str) -> None:
    path = folder / where
    with opened(folder) as d:
        for spoil in (lambda: None, lambda: shutil.copy2(path.with_name("own"), path)):
            path.rename(path.with_name("own"))
            spoil()
            with pytest.raises(OnRecordError) as loss:
                d.standing()
            assert loss.value.code == code
            with pytest.raises(OnRecordError) as loss:
                d.store.put(d.tenant, [])
            assert loss.value.code == code
            path.with_name("own").replace(path)
            d.standing()
            d.store.put(d.tenant, [])


def test_a_store_that_is_cut_while_it_is_open_is_lost(folder: Path) -> None:
    with opened(folder) as d:
        path = folder / "data" / "events.db"
        whole = path.read_bytes()
        os.truncate(path, 4096)
        with pytest.raises(OnRecordError) as loss:
            d.standing()
        path.write_bytes(whole)
    assert loss.value.code == "storage_lost"


@pytest.fixture
def running(folder: Path) -> Iterator[Path]:
    with opened(folder):
        yield folder


def test_a_second_process_is_refused_whatever_it_calls_the_folders(running: Path, tmp_path: Path) -> None:
    link, linked_keys = tmp_path / "link", tmp_path / "linked"
    link.symlink_to(running / "data", target_is_directory=True)
    linked_keys.symlink_to(running / "keys", target_is_directory=True)
    assert refused(running) == "data_in_use"
    for data in (link, running / "data" / ".." / "data"):
        with pytest.raises(OnRecordError) as refusal, open_deployment(Settings(data, linked_keys / "root.key")):
            pass
        assert refusal.value.code == "data_in_use"


def test_a_second_process_with_other_data_and_the_same_keys_is_refused(running: Path, tmp_path: Path) -> None:
    assert refused(tmp_path / "other", running / KEYS) == "keys_in_use"


@pytest.mark.skipif(os.geteuid() != 0, reason="a bind mount needs root")
def test_a_second_process_is_refused_through_a_bind_mount(running: Path, tmp_path: Path) -> None:
    place = tmp_path / "bound"
    place.mkdir()
    mounted = subprocess.run(["mount", "--bind", str(running), str(place)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine mounts nothing")
    try:
        assert refused(place) == "data_in_use"
    finally:
        subprocess.run(["umount", str(place)], check=True)


HOLDER = """
import sys, pathlib
from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.bootstrap import Settings, open_deployment
folder = pathlib.Path(sys.argv[1])
sys.stdin.readline()
try:
    with open_deployment(Settings(folder / "data", folder / "keys" / "root.key")):
        print("opened", flush=True)
        sys.stdin.readline()
except OnRecordError as error:
    print(error.code, flush=True)
"""


def test_of_processes_that_start_at_once_on_a_new_folder_one_opens_it(tmp_path: Path) -> None:
    """And the kill of that one leaves nothing in the way."""
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    with contextlib.ExitStack() as stack:
        for process in starts:
            stack.enter_context(process)
            stack.callback(process.kill)
        for process in starts:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        answers = [process.stdout.readline().strip() for process in starts if process.stdout is not None]
        assert sorted(answers) == ["data_in_use", "data_in_use", "opened"]
        holder = starts[answers.index("opened")]
        assert refused(tmp_path) == "data_in_use"
        holder.kill()
        holder.wait()
        with opened(tmp_path):
            pass
