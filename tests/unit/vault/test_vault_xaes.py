import pytest

from onrecord.vault import xaes
from onrecord.vault.errors import TamperedError
from onrecord.vault.xaes import Xaes

# C2SP XAES-256-GCM.md, test vectors.
NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"
VECTORS = [
    (b"\x01", b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
    (b"\x03", b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
]


@pytest.mark.parametrize(("byte", "aad", "ciphertext"), VECTORS)
def test_vectors_of_the_specification(byte, aad, ciphertext, monkeypatch):
    halves = [NONCE[:12], NONCE[12:]]
    monkeypatch.setattr(xaes.os, "urandom", lambda n: halves.pop(0))
    sealing = Xaes(byte * 32)
    assert sealing.seal(aad, b"XAES-256-GCM") == NONCE + bytes.fromhex(ciphertext)
    monkeypatch.undo()
    assert Xaes(byte * 32).open(aad, NONCE + bytes.fromhex(ciphertext)) == b"XAES-256-GCM"


def test_every_message_has_its_own_nonce_and_every_lifetime_its_own_half():
    key = bytes(32)
    blobs = [Xaes(key).seal(b"", b"same") for _ in range(3)]
    one = Xaes(key)
    blobs += [one.seal(b"", b"same") for _ in range(3)]
    assert len({blob[:24] for blob in blobs}) == 6
    assert len({blob[:12] for blob in blobs}) == 4


def test_many_lifetimes_open_under_one_key():
    reader = Xaes(bytes(32))
    blobs = [Xaes(bytes(32)).seal(b"a", b"%d" % n) for n in range(150)]
    assert [reader.open(b"a", blob) for blob in blobs] == [b"%d" % n for n in range(150)]
    assert reader.open(b"a", reader.seal(b"a", b"own")) == b"own"


def test_changed_bytes_do_not_open():
    cipher = Xaes(bytes(32))
    blob = cipher.seal(b"aad", b"plain")
    for position in range(len(blob)):
        changed = bytearray(blob)
        changed[position] ^= 1
        with pytest.raises(TamperedError):
            cipher.open(b"aad", bytes(changed))
    for length in range(len(blob)):
        with pytest.raises(TamperedError):
            cipher.open(b"aad", blob[:length])
    for aad in (b"", b"other"):
        with pytest.raises(TamperedError):
            cipher.open(aad, blob)
    with pytest.raises(TamperedError):
        Xaes(b"\1" * 32).open(b"aad", blob)
