"""The notes of policy packs in an evidence pack: the log signs first, authors beside it, versions side by side."""

from importlib import resources

import pytest

from onrecord.evidence.errors import BadMemberError
from onrecord.evidence.read import packs_of
from onrecord.ledger.errors import LedgerError
from onrecord.ledger.note import Ed25519Signer, sign

TEXT = (resources.files("onrecord.policy") / "packs" / "interview.yaml").read_text()
LOG = Ed25519Signer("log.example", bytes(32))
AUTHOR = Ed25519Signer("author.example", bytes([1] * 32))
VKEY = LOG.verifier.vkey


def ids(policy):
    return [(pack.id, pack.version) for pack in packs_of(policy, VKEY)]


def test_an_author_signs_beside_the_log():
    assert ids({"interview": sign(TEXT, [LOG])}) == [("interview", "1.0.0")]
    assert ids({"interview": sign(TEXT, [LOG, AUTHOR])}) == [("interview", "1.0.0")]


@pytest.mark.parametrize("signers", [[AUTHOR, LOG], [AUTHOR]])
def test_the_log_signs_first(signers):
    with pytest.raises((BadMemberError, LedgerError)):
        ids({"interview": sign(TEXT, signers)})


def test_versions_of_one_pack():
    later = TEXT.replace("version: 1.0.0", "version: 1.10.0")
    policy = {"interview.1.10.0": sign(later, [LOG]), "interview.1.0.0": sign(TEXT, [LOG])}
    assert ids(policy) == [("interview", "1.0.0"), ("interview", "1.10.0")]


@pytest.mark.parametrize("name", ["other", "interview.1.0.1", "interview.1.0", "interview-1.0.0"])
def test_a_name_that_is_not_the_pack_s(name):
    with pytest.raises(BadMemberError):
        ids({name: sign(TEXT, [LOG])})
