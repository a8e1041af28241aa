"""The root key in a local file: a header line, then one line `version hexkey` for each version, the newest last.

The file is the whole secret: owner-only, made once, never inside or around the data.
"""

import contextlib
import os
from pathlib import Path

from onrecord.vault.durable import sync_folder
from onrecord.vault.errors import KeyFileError, KeysBesideDataError, KmsRefusedError, TamperedError
from onrecord.vault.xaes import KEY_BYTES, Xaes

HEADER = "onrecord-root-key-v1"
_MAX_FILE_BYTES = 65536


def store_dir(key_file: Path) -> Path:
    """Where the wrapped keys of this root key live: FILE.d."""
    return key_file.with_name(key_file.name + ".d")


def store_file(key_file: Path) -> Path:
    """The key store itself: FILE.d/keys.db."""
    return store_dir(key_file) / "keys.db"


def _within(inner: Path, outer: Path) -> bool:
    """Whether `inner` is `outer` or below it, by name or as the same folder under another name."""
    for each in (inner, *inner.parents):
        if each == outer:
            return True
        with contextlib.suppress(OSError):
            if each.samefile(outer):
                return True
    return False


def check_apart(data_dir: Path, key_file: Path) -> None:
    """Errors: KeysBesideDataError where the key file or its store folder lies in the data folder, or that in the store
    folder; links are followed, and count under their own name too."""
    data = {Path(os.path.abspath(data_dir)), data_dir.resolve()}  # noqa: PTH100  (keeps the link's own name)
    for name in (key_file, store_dir(key_file)):
        for place in {Path(os.path.abspath(name)), name.resolve()}:  # noqa: PTH100  (as above)
            if any(_within(place, folder) or _within(folder, place) for folder in data):
                raise KeysBesideDataError("the key file and the data folder contain one another")


class LocalKms:
    """One root key with its versions. `wrapped` = version, u32 big-endian || XAES-256-GCM."""

    def __init__(self, versions: dict[int, bytes]) -> None:
        self._ciphers = {version: Xaes(key) for version, key in versions.items()}
        self._newest = max(versions)

    def wrap(self, key_id: str, plaintext: bytes, aad: bytes) -> bytes:
        version = self._newest.to_bytes(4)
        return version + self._ciphers[self._newest].seal(_bound(key_id, version, aad), plaintext)

    def unwrap(self, key_id: str, wrapped: bytes, aad: bytes) -> bytes:
        cipher = self._ciphers.get(int.from_bytes(wrapped[:4]))
        if cipher is None:
            raise KmsRefusedError("wrapped under a root key version that the file lacks")
        try:
            return cipher.open(_bound(key_id, wrapped[:4], aad), wrapped[4:])
        except TamperedError as error:
            raise KmsRefusedError("the root key does not open these bytes") from error


def _bound(key_id: str, version: bytes, aad: bytes) -> bytes:
    return b"onrecord/root/v1\0" + key_id.encode() + b"\0" + version + aad


def open_local_kms(key_file: Path) -> LocalKms:
    """Makes the file (32 random bytes, mode 0600, durable) where neither it nor its key store exists.

    Errors: KeyFileError `key_file_missing` where a key store waits for a file that is gone, `key_file_permissions`
    where others than the owner may touch it, `key_file_invalid`. Crash: no file or a whole one.
    """
    if not os.path.lexists(key_file):
        if os.path.lexists(store_file(key_file)):
            raise KeyFileError("the key store stands and its root key file is gone", code="key_file_missing")
        _create(key_file)
    return LocalKms(_parse(_read(key_file)))


def add_version(key_file: Path) -> int:
    """The number of a new root key version, durable in the file when it returns; older ones stay readable."""
    versions = _parse(_read(key_file))
    newest = max(versions) + 1
    _write(key_file, {**versions, newest: os.urandom(KEY_BYTES)})
    return newest


def drop_old_versions(key_file: Path) -> None:
    """Keeps the newest only. Order: after `Keyring.rewrap_tenants`, or what stands under the others is lost."""
    versions = _parse(_read(key_file))
    _write(key_file, {max(versions): versions[max(versions)]})


def _read(key_file: Path) -> str:
    try:
        with key_file.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise KeyFileError("the key file cannot be read") from error
    if found.st_mode & 0o077 or found.st_uid not in {0, os.geteuid()}:
        raise KeyFileError("the key file must be the owner's alone (mode 0600)", code="key_file_permissions")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise KeyFileError("the key file is malformed") from error


def _parse(text: str) -> dict[int, bytes]:
    header, *lines = text.splitlines()[:1000] or [""]
    versions: dict[int, bytes] = {}
    try:
        for line in lines:
            number, _, digits = line.partition(" ")
            versions[int(number)] = bytes.fromhex(digits)
    except ValueError:
        versions = {}
    good = all(0 < number < 1 << 32 and len(key) == KEY_BYTES for number, key in versions.items())
    if header != HEADER or not versions or not good or len(versions) != len(lines):
        raise KeyFileError("the key file is malformed")
    return versions


def _print(versions: dict[int, bytes]) -> bytes:
    lines = [HEADER, *(f"{number} {key.hex()}" for number, key in sorted(versions.items()))]
    return ("\n".join(lines) + "\n").encode()


def _create(key_file: Path) -> None:
    try:
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = _durable(key_file, {1: os.urandom(KEY_BYTES)})
        try:
            os.link(temporary, key_file)  # unlike a rename, never over a file that another process made meanwhile
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        sync_folder(key_file.parent)
    except OSError as error:
        raise KeyFileError("the key file cannot be made") from error


def _write(key_file: Path, versions: dict[int, bytes]) -> None:
    try:
        _durable(key_file, versions).replace(key_file.resolve())
        sync_folder(key_file.parent)
    except OSError as error:
        raise KeyFileError("the key file cannot be written") from error


def _durable(key_file: Path, versions: dict[int, bytes]) -> Path:
    target = key_file.resolve()
    temporary = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_print(versions))
        file.flush()
        os.fsync(descriptor)
    return temporary
