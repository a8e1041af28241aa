"""For every wire form: parse of print is identity, and print of parse is identity on whatever is accepted."""

import string
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.ledger import checkpoint, leaf, note, strict64, tile, tlogproof
from onrecord.ledger.errors import LedgerError, MalformedError
from onrecord.ledger.tree import leaf_hash

SETTINGS = settings(deadline=None, derandomize=True, max_examples=120)
hashes = st.binary(min_size=32, max_size=32)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"], exclude_characters="+"),
    min_size=1,
    max_size=12,
)
lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1, max_size=12)
texts = st.lists(lines | st.just(""), min_size=1, max_size=4).map(lambda parts: "\n".join(parts) + "\n")
signatures = st.builds(note.Signature, words, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
notes = st.builds(note.Note, texts, st.lists(signatures, min_size=1, max_size=3).map(tuple))
sizes = st.integers(0, 2**63 - 1)
checkpoints = st.builds(checkpoint.Checkpoint, lines, sizes, hashes, st.lists(lines, max_size=2).map(tuple))
signed = st.builds(lambda c, s: note.Note(c.text(), (s,)).encode(), checkpoints, signatures)
proofs = st.builds(tlogproof.TlogProof, sizes, st.lists(hashes, max_size=63).map(tuple), signed, st.binary(max_size=9))
names = st.builds(tile.TileName, st.integers(0, 63), st.integers(0, 10**9), st.integers(1, 256))
leaves = st.tuples(
    st.binary(min_size=16, max_size=16), st.integers(1, 2**64 - 1), hashes.filter(any), hashes
) | st.tuples(st.binary(min_size=16, max_size=16), st.just(0), st.just(bytes(32)), hashes)


def mutations(data: bytes, draw: st.DataObject) -> bytes:
    """One byte changed, left out or doubled."""
    at = draw.draw(st.integers(0, len(data) - 1))
    new = draw.draw(st.sampled_from([b"", data[at : at + 1] * 2, b"\n", b" ", b"=", b"0", b"+", b"A", b"\0", b"\xff"]))
    return data[:at] + new + data[at + 1 :]


@given(notes, st.data())
@SETTINGS
def test_notes(value, data):
    printed = value.encode()
    assert note.parse(printed) == value
    changed = mutations(printed, data)
    try:
        again = note.parse(changed)
    except MalformedError:
        return
    assert again.encode() == changed


@given(checkpoints, st.data())
@SETTINGS
def test_checkpoints(value, data):
    assert checkpoint.parse(value.text()) == value
    changed = mutations(value.text().encode(), data).decode(errors="replace")
    try:
        again = checkpoint.parse(changed)
    except MalformedError:
        return
    assert again.text() == changed


@given(proofs, st.data())
@SETTINGS
def test_tlog_proofs(value, data):
    printed = value.encode()
    assert tlogproof.parse(printed) == value
    changed = mutations(printed, data)
    try:
        again = tlogproof.parse(changed)
    except MalformedError:
        return
    assert again.encode() == changed


@given(leaves, st.data())
@SETTINGS
def test_log_entries(fields, data):
    printed = leaf.encode(*fields)
    assert leaf.parse(printed) == leaf.Leaf(*fields)
    changed = mutations(printed, data)
    try:
        again = leaf.parse(changed)
    except MalformedError:
        return
    assert leaf.encode(*again) == changed
    assert (leaf_hash(changed) == leaf_hash(printed)) == (changed == printed)


@given(names, st.text(string.digits + "x/.ptile", max_size=24))
@SETTINGS
def test_tile_paths(value, text):
    assert tile.parse_path(value.path()) == value
    with suppress(MalformedError):
        assert tile.parse_path(text).path() == text


@given(words, st.binary(min_size=32, max_size=32), st.sampled_from([note.ED25519, note.COSIGNATURE]), st.data())
@SETTINGS
def test_vkeys(name, public, kind, data):
    value = note.Verifier(name, kind, public)
    assert note.Verifier.parse(value.vkey) == value
    changed = mutations(value.vkey.encode(), data).decode(errors="replace")
    with suppress(MalformedError):
        assert note.Verifier.parse(changed).vkey == changed


@given(st.binary(max_size=40), st.text(string.ascii_letters + string.digits + "+/=-_ \n", max_size=12))
@SETTINGS
def test_base64(value, text):
    assert strict64.decode(strict64.encode(value)) == value
    with suppress(MalformedError):
        assert strict64.encode(strict64.decode(text)) == text


@given(st.binary(max_size=200))
@SETTINGS
def test_noise_is_refused_in_the_ledgers_own_words(data):
    text = data.decode("latin-1")
    for parse in (note.parse, tlogproof.parse, leaf.parse):
        with suppress(LedgerError):
            parse(data)
    for parse_text in (note.Verifier.parse, checkpoint.parse, tile.parse_path):
        with suppress(LedgerError):
            parse_text(text)


@given(st.binary(min_size=32, max_size=32), checkpoints, st.integers(0, 10**6))
@SETTINGS
def test_every_bit_of_a_signed_checkpoint_counts(seed, value, bit):
    signer = note.Ed25519Signer("example.com/log", seed)
    data = note.sign(value.text(), [signer])
    note.open_note(data, [signer.verifier])
    bit %= len(data) * 8
    changed = data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
    try:
        note.open_note(changed, [signer.verifier])
    except LedgerError:
        return
    raise AssertionError("a changed note was taken for the signed one")
