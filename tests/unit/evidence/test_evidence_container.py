"""The container: one byte form, read by ordinary tools, and nothing else accepted."""

import io
import struct
import zipfile

import pytest

from onrecord.evidence import container
from onrecord.evidence.errors import DossierError, UnreadablePackError

MEMBERS = {
    "manifest.json": b"{}",
    "manifest.note": b"note",
    "a.json": b"[1,2,3]",
    "proofs/00000001.x": b"",
    "b": b"\0" * 300,
}


@pytest.fixture
def file() -> bytes:
    return container.write(MEMBERS)


def stored(members, *, compression=zipfile.ZIP_STORED, date=(1980, 1, 1, 0, 0, 0), comment=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = comment
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, date), data, compression)
    return buffer.getvalue()


def test_reading_gives_what_was_written(file):
    assert container.read(file).members == MEMBERS
    assert container.write(container.read(file).members) == file


def test_order_is_fixed_whatever_the_order_given(file):
    assert container.write(dict(reversed(MEMBERS.items()))) == file
    assert list(container.read(file).members) == ["manifest.json", "manifest.note", "a.json", "b", "proofs/00000001.x"]


def test_an_ordinary_tool_reads_it(file):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == MEMBERS
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_wrong_checksum_is_told_and_not_refused(file):
    changed = file.replace(b"[1,2,3]", b"[1,2,4]")
    assert container.read(changed).damaged == ("a.json",)


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "a/../b", "a//b", "a/b/c", "A.json", ".x", "a/.x", "a\\b", "a b", "", "x" * 161, "naïve", "a/"],
)
def test_names_out_of_form_are_neither_written_nor_read(file, name):
    with pytest.raises(DossierError):
        container.write({**MEMBERS, name: b""})
    raw = name.encode()
    if not 1 < len(raw) <= container.MAX_NAME:
        return
    forged = container.write({**MEMBERS, "c" * len(raw): b""})
    with pytest.raises(UnreadablePackError):
        container.read(forged.replace(b"c" * len(raw), raw))


def test_two_members_of_one_name_are_refused():
    file = container.write({**MEMBERS, "c": b"1", "d": b"2"})
    at = file.index(b"d2")
    with pytest.raises(UnreadablePackError):
        container.read(file[:at] + b"c" + file[at + 1 :])


def test_a_compressed_member_is_refused():
    ordered = [(name, MEMBERS[name]) for name in container.in_order(MEMBERS)]
    bomb = [*ordered[:2], ("a.json", b"\0" * 10_000_000)]
    with pytest.raises(UnreadablePackError):
        container.read(stored(bomb, compression=zipfile.ZIP_DEFLATED))


def test_a_common_tool_makes_the_same_bytes_from_the_members():
    ordered = [(name, MEMBERS[name]) for name in container.in_order(MEMBERS)]
    assert stored(ordered) == container.write(MEMBERS)


@pytest.mark.parametrize("change", [{"date": (2026, 1, 1, 0, 0, 0)}, {"comment": b"hello"}])
def test_another_form_of_the_same_members_is_refused(change):
    ordered = [(name, MEMBERS[name]) for name in container.in_order(MEMBERS)]
    with pytest.raises(UnreadablePackError):
        container.read(stored(ordered, **change))


def test_bytes_before_between_or_after_are_refused(file):
    directory = file.index(b"PK\x01\x02")
    for forged in (
        b"\0" + file,
        file + b"\0",
        file[:directory] + b"\0" + file[directory:],
        file[:-1],
        b"",
        b"PK\x05\x06",
    ):
        with pytest.raises(UnreadablePackError):
            container.read(forged)


def test_a_size_beyond_the_file_is_refused(file):
    for offset in (18, 22):
        huge = bytearray(file)
        struct.pack_into("<I", huge, offset, 0xFFFF_FFFF)
        with pytest.raises(UnreadablePackError):
            container.read(bytes(huge))
    both = bytearray(file)
    struct.pack_into("<II", both, 18, 0xFFFF_FFFF, 0xFFFF_FFFF)
    with pytest.raises(UnreadablePackError):
        container.read(bytes(both))


def test_a_directory_that_names_other_places_is_refused(file):
    forged = bytearray(file)
    struct.pack_into("<I", forged, file.index(b"PK\x01\x02") + 42, 7)
    with pytest.raises(UnreadablePackError):
        container.read(bytes(forged))


def test_the_manifest_comes_first():
    with pytest.raises(UnreadablePackError):
        container.read(container.write({"a": b"1", "b": b"2"}))


def test_limits(monkeypatch, file):
    monkeypatch.setattr(container, "MAX_BYTES", len(file) - 1)
    with pytest.raises(UnreadablePackError):
        container.read(file)
    with pytest.raises(DossierError):
        container.write(MEMBERS)
    monkeypatch.setattr(container, "MAX_BYTES", len(file))
    monkeypatch.setattr(container, "MAX_MEMBERS", len(MEMBERS) - 1)
    with pytest.raises(UnreadablePackError):
        container.read(file)
    with pytest.raises(DossierError):
        container.write(MEMBERS)
