"""Commitments: one form, and no value of one domain passes for one of another."""

import hashlib

import pytest

from onrecord.base.digests import DIGEST_BYTES, SALT_BYTES, Domain, commit, new_salt, sha256

SALT = bytes(range(32))


def test_the_form_is_domain_salt_payload() -> None:
    """Fixed here, not computed by the code under test: what was committed to must open for ever."""
    framed = b"onrecord/event/v1\0\0\0\0\0\0\0" + SALT + b"payload"
    assert len(b"onrecord/event/v1\0\0\0\0\0\0\0") == 24
    assert commit(Domain.EVENT, SALT, b"payload") == hashlib.sha256(framed).digest()
    assert commit(Domain.EVENT, SALT, b"").hex() == "eb633504504a729ef5c0a2de16c755a5bc230fb408021a6e2fb0235cd30951d4"


def test_prefixes_are_distinct_and_of_one_length() -> None:
    prefixes = {domain.prefix for domain in Domain}
    assert len(prefixes) == len(Domain)
    assert {len(prefix) for prefix in prefixes} == {24}


def test_domains_salts_and_payloads_each_count() -> None:
    other = bytes([SALT[0] ^ 1]) + SALT[1:]
    made = [commit(domain, SALT, b"x") for domain in Domain]
    made += [commit(Domain.EVENT, other, b"x"), commit(Domain.EVENT, SALT, b"y"), commit(Domain.EVENT, SALT, b"")]
    assert len(set(made)) == len(made)
    assert {len(digest) for digest in made} == {DIGEST_BYTES}


def test_the_border_of_salt_and_payload_cannot_move() -> None:
    for salt in (b"", SALT[:-1], SALT + b"p"):
        with pytest.raises(ValueError, match="a salt has 32 bytes"):
            commit(Domain.EVENT, salt, b"payload")


def test_salts_have_their_length_and_do_not_repeat() -> None:
    salts = {new_salt() for _ in range(100)}
    assert len(salts) == 100
    assert {len(salt) for salt in salts} == {SALT_BYTES}


def test_sha256_of_fips_180() -> None:
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
