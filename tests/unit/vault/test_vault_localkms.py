import os
import stat

import pytest

from onrecord.vault.errors import KeyFileError, KeysBesideDataError, KmsRefusedError
from onrecord.vault.localkms import (
    LocalKms,
    add_version,
    check_apart,
    drop_old_versions,
    open_local_kms,
    store_dir,
    store_file,
)


def test_the_file_is_made_once_for_its_owner_alone(tmp_path):
    key_file = tmp_path / "keys" / "root.key"
    wrapped = open_local_kms(key_file).wrap("root", b"secret", b"aad")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    header, line = key_file.read_text().splitlines()
    assert header == "onrecord-root-key-v1"
    assert len(bytes.fromhex(line.removeprefix("1 "))) == 32
    assert [path.name for path in key_file.parent.iterdir()] == ["root.key"]
    assert open_local_kms(key_file).unwrap("root", wrapped, b"aad") == b"secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o610])
def test_a_file_open_to_others_is_refused(tmp_path, mode):
    key_file = tmp_path / "root.key"
    open_local_kms(key_file)
    before = key_file.read_bytes()
    key_file.chmod(mode)
    with pytest.raises(KeyFileError) as caught:
        open_local_kms(key_file)
    assert caught.value.code == "key_file_permissions"
    assert key_file.read_bytes() == before
    key_file.chmod(0o600)
    open_local_kms(key_file)


def test_a_lost_file_is_not_replaced_while_its_store_stands(tmp_path):
    key_file = tmp_path / "root.key"
    store_dir(key_file).mkdir()
    store_file(key_file).touch()
    with pytest.raises(KeyFileError) as caught:
        open_local_kms(key_file)
    assert caught.value.code == "key_file_missing"
    assert not key_file.exists()


GOOD = "onrecord-root-key-v1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD,
        f"other\n1 {'00' * 32}\n",
        f"{GOOD}\n1 {'00' * 31}\n",
        f"{GOOD}\n1 {'zz' * 32}\n",
        f"{GOOD}\n0 {'00' * 32}\n",
        f"{GOOD}\n-1 {'00' * 32}\n",
        f"{GOOD}\n4294967296 {'00' * 32}\n",
        f"{GOOD}\nx {'00' * 32}\n",
        f"{GOOD}\n1 {'00' * 32}\n1 {'11' * 32}\n",
        f"{GOOD}\n1 {'00' * 32}\n\n",
        f"{GOOD}\n1 {'00' * 32}\n2\n",
    ],
)
def test_a_malformed_file_is_refused(tmp_path, text):
    key_file = tmp_path / "root.key"
    key_file.write_text(text)
    key_file.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        open_local_kms(key_file)
    assert caught.value.code == "key_file_invalid"
    assert "00" not in str(caught.value)


def test_what_is_no_ascii_file_is_refused(tmp_path):
    key_file = tmp_path / "root.key"
    key_file.write_bytes(b"\xff\xfe")
    key_file.chmod(0o600)
    with pytest.raises(KeyFileError):
        open_local_kms(key_file)
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    with pytest.raises(KeyFileError):
        open_local_kms(folder)
    with pytest.raises(KeyFileError):
        open_local_kms(tmp_path / "root.key" / "below")


def test_name_of_key_associated_data_and_version_are_bound():
    kms = LocalKms({1: bytes(32), 2: b"\1" * 32})
    wrapped = kms.wrap("root", b"secret", b"aad")
    assert wrapped[:4] == bytes([0, 0, 0, 2])
    for key_id, blob, aad in [
        ("other", wrapped, b"aad"),
        ("root", wrapped, b"aax"),
        ("root", bytes([0, 0, 0, 1]) + wrapped[4:], b"aad"),
        ("root", bytes([0, 0, 0, 3]) + wrapped[4:], b"aad"),
        ("root", wrapped[:-1], b"aad"),
        ("root", b"", b"aad"),
    ]:
        with pytest.raises(KmsRefusedError):
            kms.unwrap(key_id, blob, aad)


def test_versions_are_added_and_dropped(tmp_path):
    key_file = tmp_path / "root.key"
    old = open_local_kms(key_file).wrap("root", b"old", b"")
    assert add_version(key_file) == 2
    both = open_local_kms(key_file)
    new = both.wrap("root", b"new", b"")
    assert (both.unwrap("root", old, b""), both.unwrap("root", new, b"")) == (b"old", b"new")
    drop_old_versions(key_file)
    last = open_local_kms(key_file)
    assert last.unwrap("root", new, b"") == b"new"
    with pytest.raises(KmsRefusedError):
        last.unwrap("root", old, b"")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["root.key"]  # noqa: PTH208  (names only)


def test_the_key_shows_in_no_repr(tmp_path):
    key_file = tmp_path / "root.key"
    kms = open_local_kms(key_file)
    secret = bytes.fromhex(key_file.read_text().split()[-1])
    assert repr(secret)[2:-1] not in repr(vars(kms))
    assert secret.hex() not in repr(vars(kms))


def test_folders_apart_are_accepted(tmp_path):
    check_apart(tmp_path / "data", tmp_path / "root.key")
    check_apart(tmp_path / "data", tmp_path / "keys" / "root.key")
    check_apart(tmp_path / "data", tmp_path / "data.key")
    check_apart(tmp_path / "data", tmp_path / "data-keys" / "root.key")


@pytest.mark.parametrize(
    ("data", "key_file"),
    [
        ("data", "data/root.key"),
        ("data", "data/deep/root.key"),
        ("data", "other/../data/root.key"),
        ("root.key.d", "root.key"),
        ("root.key.d/data", "root.key"),
        ("root.key", "root.key"),
        (".", "root.key"),
        ("root.key/data", "root.key"),
    ],
)
def test_folders_inside_one_another_are_refused(tmp_path, data, key_file):
    with pytest.raises(KeysBesideDataError) as caught:
        check_apart(tmp_path / data, tmp_path / key_file)
    assert caught.value.code == "keys_beside_data"


def test_links_do_not_hide_that_keys_lie_beside_data(tmp_path):
    data, apart = tmp_path / "data", tmp_path / "apart"
    data.mkdir()
    apart.mkdir()
    (apart / "linked.key").symlink_to(data / "root.key")
    (apart / "stored.key.d").symlink_to(data)
    (tmp_path / "alias").symlink_to(data)
    (data / "out").symlink_to(apart)
    for key_file in (
        apart / "linked.key",
        apart / "stored.key",
        tmp_path / "alias" / "root.key",
        data / "out" / "root.key",
    ):
        with pytest.raises(KeysBesideDataError):
            check_apart(data, key_file)
    check_apart(data, apart / "root.key")
