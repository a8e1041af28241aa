import pytest

from onrecord.ledger import checkpoint, note, tlogproof
from onrecord.ledger.errors import MalformedError, ProofError, SignatureError
from onrecord.ledger.tree import leaf_hash, node_hash

SIGNER = note.Ed25519Signer("example.com/log", bytes(32))
LEAVES = [leaf_hash(bytes([i])) for i in range(2)]
SIGNED = note.sign(checkpoint.Checkpoint("example.com/log", 2, node_hash(*LEAVES)).text(), [SIGNER])
PROOF = tlogproof.TlogProof(1, (LEAVES[0],), SIGNED)


def test_the_form_is_that_of_the_specification():
    lines = PROOF.encode().decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "index 1"
    assert len(lines[2]) == 44
    assert lines[3] == ""
    assert lines[4:6] == ["example.com/log", "2"]
    extra = tlogproof.TlogProof(1, (LEAVES[0],), SIGNED, b"extra").encode()
    assert extra.startswith(b"c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 1\n")
    assert tlogproof.parse(extra).extra == b"extra"


def test_a_tree_of_one_leaf_has_no_hashes():
    signed = note.sign(checkpoint.Checkpoint("example.com/log", 1, LEAVES[0]).text(), [SIGNER])
    data = tlogproof.TlogProof(0, (), signed).encode()
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nexample.com/log\n")
    tlogproof.verify(data, LEAVES[0], "example.com/log", [SIGNER.verifier])


def test_a_proof_holds_for_its_leaf_origin_and_key_alone():
    data = PROOF.encode()
    parsed, opened = tlogproof.verify(data, LEAVES[1], "example.com/log", [SIGNER.verifier])
    assert parsed == PROOF
    assert opened.checkpoint.size == 2
    with pytest.raises(ProofError):
        tlogproof.verify(data, LEAVES[0], "example.com/log", [SIGNER.verifier])
    with pytest.raises(MalformedError):
        tlogproof.verify(data, LEAVES[1], "example.com/other", [SIGNER.verifier])
    with pytest.raises(SignatureError):
        tlogproof.verify(
            data, LEAVES[1], "example.com/log", [note.Ed25519Signer("example.com/log", bytes(31) + b"x").verifier]
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda p: b"",
        lambda p: p.replace(b"@v1", b"@v2"),
        lambda p: p.replace(b"index 1\n", b""),
        lambda p: p.replace(b"index 1\n", b"index 01\n"),
        lambda p: p.replace(b"index 1\n", b"index  1\n"),
        lambda p: p.replace(b"index 1\n", b"index -1\n"),
        lambda p: p.replace(b"index 1\n", b"extra \nindex 1\n"),
        lambda p: p.replace(b"index 1\n", b"index 1\nextra AAAA\n"),
        lambda p: p.replace(b"index 1\n", b"extra AAA\nindex 1\n"),
        lambda p: p.replace(b"index 1\n", b"index 1\nAAAA\n"),
        lambda p: p.replace(b"=\n\n", b"\n\n", 1),
        lambda p: p.replace(b"index 1\n", b"index 1\n" + (b"A" * 43 + b"=\n") * 63),
        lambda p: p.replace(b"index 1\n", "index \u0661\n".encode()),
        lambda p: p.replace(b"=\n\nexample", b"=\nexample"),
        lambda p: p.replace(b"=\n\nexample", b"=\n\n\nexample"),
        lambda p: p[:-1],
        lambda p: p + b"x",
    ],
)
def test_what_is_no_proof_file(change):
    with pytest.raises(MalformedError) as raised:
        tlogproof.parse(change(PROOF.encode()))
    assert raised.value.code == "tlog_proof_malformed"
