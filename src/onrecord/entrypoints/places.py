"""The two folders of a deployment: each held by one process, and bound to one another."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from onrecord.base.errors import Disposition, OnRecordError
from onrecord.storage.ports import StorageLostError
from onrecord.storage.standing import Standing
from onrecord.vault.errors import KeysLostError

EVENTS = "events.db"
OBJECTS = "objects"
_MARK = "deployment"


class OpenError(OnRecordError):
    """The data folder cannot be opened. Nothing was changed."""

    code = "data_unusable"


class DataInUseError(OpenError):
    code = "data_in_use"
    disposition = Disposition.RETRY


class KeysInUseError(OpenError):
    code = "keys_in_use"
    disposition = Disposition.RETRY


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """The folder, made where it is absent, held by this process alone. Errors: OpenError, DataInUseError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OpenError("the data folder cannot be made or written") from error
    with _locked(lock, DataInUseError("another process holds the data folder")):
        yield


@contextlib.contextmanager
def keys_alone(folder: Path) -> Iterator[None]:
    """The folder of the key store, likewise. Errors: OpenError, KeysInUseError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OpenError("the folder of the key store cannot be made or written", code="keys_unusable") from error
    with _locked(lock, KeysInUseError("another process holds the key store")):
        yield


@contextlib.contextmanager
def _locked(file: int, refusal: OpenError) -> Iterator[None]:
    """Closes the file in the end, which ends the lock; so does the end of the process, however it comes."""
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise refusal from error
        yield
    finally:
        os.close(file)


def check_keys_stand(data: Path, key_file: Path, keystore: Path) -> None:
    """Where data waits for its keys no others are made in their place. Errors: OpenError."""
    if not (data / _MARK).exists() or (keystore.exists() and keystore.stat().st_size):
        return
    if key_file.exists():
        raise OpenError("the key store of this data folder is not where it was", code="keys_lost")
    raise OpenError("the keys of this data folder are not there", code="wrong_key_file")


def bind(data: Path, deployment_id: str, *, log_begun: bool) -> None:
    """Data and key store name one another: keys of another deployment are refused before anything is read. `log_begun`:
    the key store holds the key of a log, which is made after the event store. Crash: no mark, or a whole one."""
    mark, events = data / _MARK, (data / EVENTS).exists()
    try:
        if mark.exists():
            if mark.read_text(encoding="ascii", errors="replace").strip() != deployment_id:
                raise OpenError("the key store belongs to another data folder", code="wrong_key_file")
            if log_begun and not events:
                raise OpenError("the event store of this data folder is gone", code="storage_lost")
        elif events:
            raise OpenError("the data folder has lost its `deployment` mark")
        elif log_begun:
            raise OpenError("the key store belongs to another data folder", code="wrong_key_file")
        else:
            _write(mark, deployment_id + "\n")
    except OSError as error:
        raise OpenError("the data folder cannot be read or written") from error


def _write(file: Path, text: str) -> None:
    """Durable, under its name at once."""
    partial = file.with_name(file.name + ".partial")
    with partial.open("w", encoding="ascii") as to:
        to.write(text)
        to.flush()
        os.fsync(to.fileno())
    partial.replace(file)
    sync(file.parent)


def sync(folder: Path) -> None:
    """Makes the names in a folder durable. Errors: OpenError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OpenError("the data folder cannot be written") from error


class Stand:
    """What is open, once `begin` has been called: whether it still stands in its place."""

    def __init__(self, data: Path, key_file: Path, keystore: Path) -> None:
        self._keys = (key_file, keystore)
        self._wal = keystore.with_name(keystore.name + "-wal")
        self._events = data / EVENTS
        self._now: tuple[Standing, Standing] | None = None

    def begin(self) -> None:
        """Errors: OpenError."""
        try:
            self._now = Standing(self._keys, [self._wal]), Standing([self._events])
        except OSError as error:
            raise OpenError("a file that was just opened is gone") from error

    def check(self) -> None:
        """Errors: KeysLostError, StorageLostError."""
        if self._now is None:
            return
        keys, events = self._now
        if not keys.holds():
            raise KeysLostError("the key store or the root key file is not where it was")
        if not events.holds():
            raise StorageLostError("the event store is not where it was")
