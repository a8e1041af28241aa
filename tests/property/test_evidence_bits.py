"""Every one-bit change of a pack is found: in the file, and in every member by a forger who signs the manifest anew."""

import hashlib
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "evidence"))

from evidence_case import SIGNER, Story, sign, small, telling

from onrecord.evidence import container, manifest
from onrecord.evidence.errors import UnreadablePackError
from onrecord.evidence.verify import verify

VKEY = SIGNER.verifier.vkey
HEADERS = 30 + 46


@pytest.fixture(scope="module")
def pack() -> bytes:
    return small().build()


class Chance:
    """The same places in every run."""

    def __init__(self, seed: int) -> None:
        self.seed, self.drawn = seed, 0

    def randrange(self, below: int) -> int:
        self.drawn += 1
        return int.from_bytes(hashlib.sha256(f"{self.seed}.{self.drawn}".encode()).digest()[:8], "big") % below


def flipped(data: bytes, byte: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[byte] ^= 1 << bit
    return bytes(changed)


def refused_or_damaged(data: bytes) -> bool:
    """What makes exit 2, or makes check 1 fail and so exit 1."""
    try:
        return container.read(data).damaged != ()
    except UnreadablePackError:
        return True


def header_bytes(data: bytes) -> list[int]:
    """All that is not a member's data."""
    members = container.read(data).members
    found, position = [], 0
    for name, member in members.items():
        found += range(position, position + 30 + len(name))
        position += 30 + len(name) + len(member)
    return [*found, *range(position, len(data))]


def test_one_bit_of_every_byte(pack):
    chance = Chance(1)
    assert [n for n in range(len(pack)) if not refused_or_damaged(flipped(pack, n, chance.randrange(8)))] == []


def test_every_bit_of_every_header(pack):
    places = header_bytes(pack)
    assert len(places) > HEADERS * len(container.read(pack).members)
    assert [(n, bit) for n in places for bit in range(8) if not refused_or_damaged(flipped(pack, n, bit))] == []


def test_a_sample_through_the_whole_verifier(pack):
    chance = Chance(2)
    assert verify(pack, VKEY).ok
    for _ in range(80):
        changed = flipped(pack, chance.randrange(len(pack)), chance.randrange(8))
        try:
            assert not verify(changed).ok
        except UnreadablePackError:
            continue


def test_both_checksums_mended(pack):
    """The flipped member's checksums are made right again: the manifest finds it."""
    chance = Chance(3)
    members = container.read(pack).members
    for name, data in members.items():
        changed = flipped(data, chance.randrange(len(data)), chance.randrange(8))
        try:
            assert not verify(container.write({**members, name: changed})).ok
        except UnreadablePackError:
            assert name == "manifest.json"


def test_members_under_a_new_signature():
    """The forger has the operator's own key. No bit of a member but the manifest is free."""
    pack = telling(Story()).build()
    members = dict(container.read(pack).members)
    old = manifest.parse(members.pop("manifest.json"))
    del members["manifest.note"]
    chance = Chance(4)
    for name, data in members.items():
        for _ in range(1 if name.startswith("proofs/") else 6):
            changed = {**members, name: flipped(data, chance.randrange(len(data)), chance.randrange(8))}
            listed = tuple(manifest.member(n, changed[n]) for n in container.in_order(changed))
            head = manifest.to_bytes(replace(old, members=listed))
            note = sign(manifest.note_text(old.interaction, head))
            forged = container.write({"manifest.json": head, "manifest.note": note, **changed})
            report = verify(forged, VKEY)
            assert not report.ok, name
            assert report.signer == "trusted"


def test_lengths_and_counts_that_lie(pack):
    """Every 16 and 32-bit field of the end record and of the first headers, set to its largest value."""
    end = len(pack) - 22
    directory = pack.index(b"PK\x01\x02")
    for base, places in ((0, range(4, 28)), (directory, range(4, 44)), (end, range(4, 19))):
        for place in places:
            for form in ("<H", "<I"):
                changed = bytearray(pack)
                struct.pack_into(form, changed, base + place, 2 ** (8 * struct.calcsize(form)) - 1)
                assert bytes(changed) == pack or refused_or_damaged(bytes(changed))
