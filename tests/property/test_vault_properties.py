"""Laws of the vault over generated contents, ranges, changes and histories."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onrecord.base import ids
from onrecord.base.clock import ManualClock
from onrecord.base.ids import TenantId
from onrecord.storage.memory import MemoryObjectStore
from onrecord.vault import stream
from onrecord.vault.errors import ErasedError, KeyFileError, TamperedError
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.keystore import KeyClass, KeyKind, KeyRow
from onrecord.vault.localkms import HEADER, LocalKms, _parse, _print
from onrecord.vault.vault import Vault
from onrecord.vault.xaes import Xaes

TENANT = TenantId("acme")
KEY = AESGCM(bytes(32))
CHUNK = 64
QUICK = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 64 bytes: the same code, many borders."""
    monkeypatch.setattr(stream, "CHUNK_BYTES", CHUNK)
    monkeypatch.setattr(stream, "_STRIDE", CHUNK + stream.TAG_BYTES)


def read(data, size, digest, start, end):
    return stream.decrypt(KEY, b"m", lambda a, b: data[a:b], size=size, tags_digest=digest, start=start, end=end)


@given(st.binary(max_size=5 * CHUNK), st.data())
@QUICK
def test_any_range_is_that_part_of_the_plaintext(small_chunks, plaintext, data):
    blob, digest = stream.encrypt(KEY, b"m", plaintext)
    assert len(blob) == stream.stored_size(len(plaintext))
    end = data.draw(st.integers(0, len(plaintext)))
    start = data.draw(st.integers(0, end))
    assert read(blob, len(plaintext), digest, start, end) == plaintext[start:end]


@given(st.binary(max_size=3 * CHUNK), st.data())
@QUICK
def test_any_changed_bit_of_an_object_is_found(small_chunks, plaintext, data):
    blob, digest = stream.encrypt(KEY, b"m", plaintext)
    changed = bytearray(blob)
    changed[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TamperedError):
        read(bytes(changed), len(plaintext), digest, 0, len(plaintext))


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 6 * CHUNK))
@QUICK
def test_no_other_arrangement_of_chunks_passes(small_chunks, order, claimed):
    plaintext = bytes(range(150)) * 2
    blob, digest = stream.encrypt(KEY, b"m", plaintext)
    body = blob[stream.HEADER_BYTES :]
    parts = [body[at : at + CHUNK + 16] for at in range(0, len(body), CHUNK + 16)]
    built = b"".join(parts[index % len(parts)] for index in order)
    if built == body and claimed == len(plaintext):
        return
    with pytest.raises(TamperedError):
        read(blob[: stream.HEADER_BYTES] + built, claimed, digest, 0, claimed)


@given(st.binary(max_size=200), st.binary(max_size=50), st.data())
@QUICK
def test_any_changed_bit_of_a_sealed_payload_is_found(plaintext, aad, data):
    blob = Xaes(bytes(32)).seal(aad, plaintext)
    assert Xaes(bytes(32)).open(aad, blob) == plaintext
    changed = bytearray(blob)
    changed[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TamperedError):
        Xaes(bytes(32)).open(aad, bytes(changed))


@given(st.dictionaries(st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
@QUICK
def test_parsing_a_printed_key_file_is_identity(versions):
    assert _parse(_print(versions).decode("ascii")) == versions


@given(st.text(max_size=80), st.booleans())
@QUICK
def test_any_text_is_a_key_file_or_is_refused_in_our_own_words(text, headed):
    text = f"{HEADER}\n{text}" if headed else text
    with suppress(KeyFileError):
        assert all(len(key) == 32 for key in _parse(text).values())


STEP = st.tuples(st.sampled_from(["seal", "write", "link", "shred person", "shred object"]), st.integers(0, 10**6))


@given(st.lists(STEP, max_size=40))
@QUICK
def test_what_opens_is_exactly_what_nobody_shredded(steps):
    keys, objects = MemoryKeyStore(), MemoryObjectStore()
    kms, clock = LocalKms({1: bytes(32)}), ManualClock()
    vault = Vault(Keyring(keys, kms, clock), objects)
    people = [ids.new_person_id() for _ in range(4)]
    human = dict(enumerate([frozenset([n]) for n in range(4)]))
    erased: set[int] = set()
    sealed, written, gone = [], [], set()
    for what, number in steps:
        about = {number % 4, number // 4 % 4} if number % 3 else set()
        subjects = [people[n] for n in about]
        a, b = number % 4, number // 4 % 4
        if what == "shred person":
            vault.shred_person(TENANT, people[a])
            erased |= human[a]
        elif what == "shred object" and written:
            gone.add(number % len(written))
            vault.shred_objects(TENANT, [written[number % len(written)][0].object_id])
        elif what == "link":
            if {a, b} & erased:
                with pytest.raises(ErasedError):
                    vault.link(TENANT, people[a], people[b])
            else:
                vault.link(TENANT, people[a], people[b])
                both = human[a] | human[b]
                human.update(dict.fromkeys(both, both))
        elif about & erased:
            with pytest.raises(ErasedError):
                vault.seal(TENANT, subjects, KeyClass.TEXT, b"", b"x")
            with pytest.raises(ErasedError):
                vault.write(TENANT, subjects, KeyClass.AUDIO, b"", b"x")
        elif what == "seal":
            sealed.append((vault.seal(TENANT, subjects, KeyClass.TEXT, b"", b"%d" % number), about, number))
        elif what == "write":
            ref = vault.write(TENANT, subjects, KeyClass.AUDIO, b"", b"%d" % number)
            written.append((ref, about, number))
    for each in (vault, Vault(Keyring(keys, kms, clock), objects)):
        for box, about, number in sealed:
            if about & erased:
                with pytest.raises(ErasedError):
                    each.open(TENANT, box.keys, b"", box.blob)
            else:
                assert each.open(TENANT, box.keys, b"", box.blob) == b"%d" % number
        for index, (ref, about, number) in enumerate(written):
            if about & erased or index in gone:
                assert ref.object_id not in objects.ids()
                with pytest.raises(ErasedError):
                    each.read(TENANT, ref, b"")
            else:
                assert each.read(TENANT, ref, b"") == b"%d" % number


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2**31)), min_size=1, max_size=12))
@settings(QUICK, max_examples=25)
def test_no_history_of_writes_leaves_a_second_copy_or_shredded_bytes_in_the_files(history):
    folder = Path(tempfile.mkdtemp())
    store = SqliteKeyStore(folder / "k" / "keys.db")
    store._db.execute("PRAGMA synchronous = OFF")
    live: dict[str, bytes] = {}
    gone: list[bytes] = []
    try:
        for count, seed in history:
            rows = [
                KeyRow(
                    *(ids.new_key_id(), KeyKind.OBJECT, TENANT, ids.new_object_id(), "audio", ()),
                    *(1, seed, os.urandom(72)),
                )
                for _ in range(count)
            ]
            store.add(rows)
            live.update((row.id, row.wrapped) for row in rows)
            doomed = [key for index, key in enumerate(sorted(live)) if (seed >> (index % 31)) & 1]
            gone.extend(live.pop(key) for key in doomed)
            store.shred(TENANT, doomed)
            raw = b"".join(path.read_bytes() for path in (folder / "k").iterdir())
            assert not any(wrapped[:12] in raw or wrapped[-12:] in raw for wrapped in gone)
            assert all(raw.count(wrapped) == 1 for wrapped in live.values())
    finally:
        store.close()
        shutil.rmtree(folder)
