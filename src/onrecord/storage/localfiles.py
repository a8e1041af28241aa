"""Objects as files: one file an object, 0600, in directories named for the first two random digits, 0700."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onrecord.storage.ids import check_id, check_range
from onrecord.storage.ports import (
    ConflictError,
    ObjectMissingError,
    StorageFullError,
    StorageReadOnlyError,
    StorageUnknownError,
    StorageUnreadableError,
)

_TEMPORARY = ".put-"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFullError("the disk has no room") from error
        if error.errno == errno.EROFS:
            raise StorageReadOnlyError("the disk takes no writes") from error
        raise StorageUnknownError("the disk failed while writing") from error


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissingError("no object stands under that id") from error
    except OSError as error:
        raise StorageUnreadableError("the object cannot be read") from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LocalObjectStore:
    """Crash: a `put` that did not return leaves the whole object or none; its temporary file is removed at the next
    opening, unless a living process still writes it."""

    def __init__(self, root: Path) -> None:
        """Errors: StorageFullError, StorageUnknownError."""
        self._root = root
        with _writing():
            root.mkdir(mode=0o700, exist_ok=True)
            _sync_directory(root.parent)
            for path in root.glob(f"*/{_TEMPORARY}*"):
                _remove_if_left(path)

    def _path(self, identifier: str) -> Path:
        check_id(identifier)
        return self._root / identifier.partition("_")[2][:2] / identifier

    def put(self, identifier: str, data: bytes) -> None:
        path = self._path(identifier)
        with _writing():
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_directory(self._root)
            self._place(path, data)
            _sync_directory(path.parent)

    def _place(self, path: Path, data: bytes) -> None:
        """The bytes are durable before the name is; the name is never taken from another object."""
        temporary = path.with_name(_TEMPORARY + os.urandom(16).hex())
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
            os.link(temporary, path)
        except FileExistsError as error:
            if path.read_bytes() != data:
                raise ConflictError("another object stands under that id") from error
        finally:
            with suppress(OSError):
                temporary.unlink()
            os.close(descriptor)

    def get(self, identifier: str, start: int = 0, end: int | None = None) -> bytes:
        check_range(start, end)
        with _reading(), self._path(identifier).open("rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(max(end - start, 0))

    def size(self, identifier: str) -> int:
        with _reading():
            return self._path(identifier).stat().st_size

    def delete(self, identifier: str) -> bool:
        """Errors: StorageUnknownError."""
        path = self._path(identifier)
        with _writing():
            if not path.parent.exists():
                return False
            try:
                path.unlink()
                found = True
            except FileNotFoundError:
                found = False
            _sync_directory(path.parent)
        return found

    def ids(self) -> list[str]:
        with _reading():
            return sorted(path.name for path in self._root.glob("[0-9a-f][0-9a-f]/[a-z]*_*"))


def _remove_if_left(path: Path) -> None:
    """A writer holds a lock on its temporary file; whoever gets the lock looks at what a crash has left."""
    with suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
