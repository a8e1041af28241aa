import pytest

from onrecord.ledger import note, strict64
from onrecord.ledger.errors import LedgerError, MalformedError, SignatureError

# c2sp.org/signed-note@v1.0.0, "Example"
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# c2sp.org/signed-note@v1.0.0, the note at the top; its key is not given
SALVATORE = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed è subito sera.\n"
    "\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
).encode()
TEXT = "origin.example/log\n3\nAAAA\n"
LOG = note.Ed25519Signer("origin.example/log", bytes(range(32)))
WITNESS = note.Cosigner("witness.example/w1", bytes(range(1, 33)))


def test_the_example_of_the_specification_holds():
    opened = note.open_note(NOTE, [note.Verifier.parse(VKEY)])
    assert opened.note.text == "This is an example message.\n"
    assert [v.vkey for v in opened.signed_by] == [VKEY]
    assert opened.times == ()


def test_a_text_may_hold_empty_lines():
    parsed = note.parse(SALVATORE)
    assert parsed.text.splitlines()[2:] == ["", "ed è subito sera."]
    assert parsed.encode() == SALVATORE


def test_only_the_known_keys_are_asked():
    with pytest.raises(SignatureError) as raised:
        note.open_note(SALVATORE, [note.Verifier.parse(VKEY)])
    assert raised.value.code == "signer_unknown"


def test_a_known_key_whose_signature_is_wrong_spoils_the_note():
    data = note.sign(TEXT, [LOG]).replace(b"\n3\n", b"\n4\n")
    with pytest.raises(SignatureError) as raised:
        note.open_note(data, [LOG.verifier])
    assert raised.value.code == "signature_invalid"


def test_unknown_signatures_are_passed_over_even_under_a_known_name():
    other = note.Ed25519Signer("origin.example/log", bytes(32))
    opened = note.open_note(note.sign(TEXT, [other, LOG]), [LOG.verifier])
    assert opened.signed_by == (LOG.verifier,)


def test_a_cosignature_states_its_time():
    signed = note.Note(TEXT, (LOG.sign(TEXT), WITNESS.sign(TEXT, 1_679_315_147)))
    opened = note.open_note(signed.encode(), [LOG.verifier, WITNESS.verifier])
    assert opened.times == (("witness.example/w1", 1_679_315_147),)
    blob = signed.signatures[1].blob
    assert (len(blob), int.from_bytes(blob[:8], "big")) == (72, 1_679_315_147)


def test_a_cosignature_is_over_the_line_and_the_time_that_the_specification_has():
    signature = WITNESS.sign(TEXT, 1_679_315_147)
    plain = note.Verifier("x", note.ED25519, WITNESS.verifier.public)
    plain.verify("cosignature/v1\ntime 1679315147\n" + TEXT, signature.blob[8:])
    with pytest.raises(SignatureError):
        plain.verify(TEXT, signature.blob[8:])


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_cosignature_of_no_time(time):
    with pytest.raises(SignatureError):
        WITNESS.sign(TEXT, time)
    with pytest.raises(SignatureError):
        WITNESS.verifier.verify(TEXT, (2**63).to_bytes(8, "big") + bytes(64))


def test_a_key_of_one_kind_has_another_id_than_the_same_key_of_the_other():
    public = WITNESS.verifier.public
    assert note.key_id("n", note.ED25519, public) != note.key_id("n", note.COSIGNATURE, public)


def test_at_least_sixteen_signatures_are_read_and_a_flood_is_not():
    signatures = tuple(note.Ed25519Signer(f"k{i}", bytes([i]) * 32).sign(TEXT) for i in range(note.MAX_SIGNATURES + 1))
    assert note.open_note(note.Note(TEXT, (*signatures[:15], LOG.sign(TEXT))).encode(), [LOG.verifier]).signed_by
    assert len(note.parse(note.Note(TEXT, signatures[:-1]).encode()).signatures) == note.MAX_SIGNATURES
    with pytest.raises(MalformedError):
        note.parse(note.Note(TEXT, signatures).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda n: b"",
        lambda n: n[:-1],
        lambda n: n + b"\n",
        lambda n: n.replace(b"\n\n", b"\n"),
        lambda n: n.replace("— ".encode(), b"- "),
        lambda n: n.replace("— ".encode(), "—".encode()),
        lambda n: n.replace(b"example.com/foo ", b"example.com/foo  "),
        lambda n: n.replace(b"example.com/foo ", b" "),
        lambda n: n.replace(b"example.com/foo ", b"example.com+foo "),
        lambda n: n.replace(b"example.com/foo ", "example.com\u00a0foo ".encode()),
        lambda n: n.replace(b"example.com/foo ", "example.com\u2003foo ".encode()),
        lambda n: n.replace(b"aQM=", b"aQM"),
        lambda n: n.replace(b"aQM=", b"aQN="),
        lambda n: n.replace(b"aQM=", b"aQM=="),
        lambda n: n.replace(b"aQM=", b"aQ-="),
        lambda n: n[: n.index(b"Uw2Q")] + b"Uw2QOg==\n",
        lambda n: n.replace(b"message", b"mess\tage"),
        lambda n: n.replace(b"message", b"mess\x00age"),
        lambda n: n.replace(b"message", b"mess\xffage"),
        lambda n: n.replace(b"message", b"mess\xed\xa0\x80age"),
        lambda n: n.replace(b"\n", b"\r\n"),
    ],
)
def test_what_is_no_note(change):
    with pytest.raises(MalformedError) as raised:
        note.parse(change(NOTE))
    assert raised.value.code == "note_malformed"


@pytest.mark.parametrize("text", ["", "no newline", "a\tb\n", "a\ud800\n"])
def test_a_text_that_cannot_stand_in_a_note_is_not_signed(text):
    with pytest.raises(MalformedError):
        note.sign(text, [LOG])


def test_a_note_that_nobody_signs_is_none():
    with pytest.raises(MalformedError):
        note.sign(TEXT, [])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("example.com/foo", "example.com/fop"),
        VKEY.replace("example.com/foo", ""),
        VKEY.replace("example.com/foo", "example.com foo"),
        VKEY + "=",
        VKEY[:-4],
        VKEY[:-1] + "l",
        "n+" + note.key_id("n", 2, bytes(32)).hex() + "+" + strict64.encode(b"\2" + bytes(32)),
    ],
)
def test_what_is_no_vkey(vkey):
    with pytest.raises(MalformedError) as raised:
        note.Verifier.parse(vkey)
    assert raised.value.code == "vkey_malformed"


@pytest.mark.parametrize("signer", [LOG, WITNESS])
def test_vkeys_come_back(signer):
    assert note.Verifier.parse(signer.verifier.vkey) == signer.verifier


@pytest.mark.parametrize("make", [note.Ed25519Signer, note.Cosigner])
def test_a_seed_of_another_length_or_a_bad_name(make):
    with pytest.raises(LedgerError) as raised:
        make("n", bytes(31))
    assert raised.value.code == "seed_invalid"
    with pytest.raises(MalformedError):
        make("a b", bytes(32))


def test_a_signature_of_another_length_does_not_hold():
    for blob in (bytes(63), bytes(65), b""):
        with pytest.raises(SignatureError):
            LOG.verifier.verify(TEXT, blob)
        with pytest.raises(SignatureError):
            WITNESS.verifier.verify(TEXT, blob)
