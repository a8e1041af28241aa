import pytest

from onrecord.ledger import checkpoint, note, strict64
from onrecord.ledger.errors import MalformedError, SignatureError

# c2sp.org/tlog-checkpoint@v1.0.0 and c2sp.org/tlog-cosignature, the examples
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
COSIGNED = (
    TEXT + "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
SIGNER = note.Ed25519Signer("example.com/log", bytes(32))


def test_the_example_of_the_specification():
    parsed = checkpoint.parse(TEXT)
    assert (parsed.origin, parsed.size, parsed.extensions) == ("example.com/behind-the-sofa", 20_852_163, ())
    assert strict64.encode(parsed.root) == "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert parsed.text() == TEXT


def test_the_cosigned_example_of_the_specification():
    parsed = note.parse(COSIGNED)
    assert parsed.text == TEXT
    assert parsed.encode() == COSIGNED
    witness = parsed.signatures[1]
    assert (witness.name, len(witness.blob)) == ("witness.example.com/w1", 72)
    assert int.from_bytes(witness.blob[:8], "big") == 1_679_315_147


def test_extension_lines_are_kept():
    parsed = checkpoint.parse(TEXT + "one\ntwo\n")
    assert parsed.extensions == ("one", "two")
    assert parsed.text() == TEXT + "one\ntwo\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace("example.com/behind-the-sofa", ""),
        "a\n1\n",
        TEXT.replace("20852163", ""),
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "00"),
        TEXT.replace("20852163", "+1"),
        TEXT.replace("20852163", "-1"),
        TEXT.replace("20852163", "1 "),
        TEXT.replace("20852163", "1_0"),
        TEXT.replace("20852163", "\u0661"),
        TEXT.replace("20852163", str(2**63)),
        TEXT.replace("q2I=", "q2I"),
        TEXT.replace("q2I=", "q2J="),
        TEXT.replace("q2I=", ""),
        TEXT.replace("CsUY", ""),
    ],
)
def test_what_is_no_checkpoint(text):
    with pytest.raises(MalformedError) as raised:
        checkpoint.parse(text)
    assert raised.value.code == "checkpoint_malformed"


@pytest.mark.parametrize(
    "fields",
    [
        ("", 1, bytes(32)),
        ("a\nb", 1, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("a", 1, bytes(31)),
        ("a", 1, bytes(32), ("",)),
        ("a", 1, bytes(32), ("x\ny",)),
    ],
)
def test_what_cannot_stand_in_a_checkpoint(fields):
    with pytest.raises(MalformedError):
        checkpoint.Checkpoint(*fields).text()


def test_a_checkpoint_is_opened_for_one_origin():
    text = checkpoint.Checkpoint("example.com/log", 5, bytes(32)).text()
    data = note.sign(text, [SIGNER])
    opened = checkpoint.open_checkpoint(data, "example.com/log", [SIGNER.verifier])
    assert opened.checkpoint.size == 5
    with pytest.raises(MalformedError):
        checkpoint.open_checkpoint(data, "example.com/other", [SIGNER.verifier])
    with pytest.raises(SignatureError):
        checkpoint.open_checkpoint(data, "example.com/log", [])
    with pytest.raises(MalformedError):
        checkpoint.open_checkpoint(note.sign("no checkpoint\n", [SIGNER]), "example.com/log", [SIGNER.verifier])
