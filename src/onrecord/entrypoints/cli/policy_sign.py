"""`onrecord policy sign PACK`: a signed note over a pack's bytes, by whoever answers for its text."""

import argparse
import os
import sys
from pathlib import Path

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.packfolder import SIGNED, read
from onrecord.ledger import strict64
from onrecord.ledger.errors import MalformedError
from onrecord.ledger.note import ED25519, Ed25519Signer, key_id, sign
from onrecord.policy import pack

DONE, UNREADABLE = 0, 2
_PREFIX = "PRIVATE+KEY+"


class SigningKeyError(OnRecordError):
    code = "signing_key_unusable"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onrecord policy sign", description="Sign a pack; prints the verifier key.")
    parser.add_argument("pack", metavar="PACK", type=Path, help="a pack (*.yaml); the note goes beside it (*.note)")
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="the signing key; made where it is absent"
    )
    parser.add_argument("--name", help="of a key that is made: whose it is, such as compliance.example.org")
    return parser


def run(argv: list[str]) -> int:
    """0 done, 2 where the pack is none or the key cannot be used; nothing is written then but a new key."""
    given = _parser().parse_args(argv)
    try:
        text = read(given.pack, None).text
        pack.parse(text)
        signer = _signer(given.key, given.name)
        note = sign(text.decode(), [signer])
        given.pack.with_suffix(SIGNED).write_bytes(note)
    except OSError as error:
        print(f"onrecord: {SigningKeyError.code}: {error.strerror}", file=sys.stderr)
        return UNREADABLE
    print(signer.verifier.vkey)
    return DONE


def _signer(file: Path, name: str | None) -> Ed25519Signer:
    """The key in a file, in the form of Go's `note` package: `PRIVATE+KEY+NAME+ID+BASE64`. Errors: SigningKeyError,
    LedgerError, OSError."""
    if not file.exists():
        if name is None:
            raise SigningKeyError("there is no such key; --name makes one")
        return _made(file, name)
    prefix, _, rest = file.read_text("ascii", "replace").strip().partition(_PREFIX)
    named, _, tail = rest.partition("+")
    digits, _, encoded = tail.partition("+")
    try:
        blob = strict64.decode(encoded)
    except MalformedError as error:
        raise SigningKeyError("the file holds no signing key") from error
    if prefix or len(blob) != 33 or blob[0] != ED25519:
        raise SigningKeyError("the file holds no signing key")
    signer = Ed25519Signer(named, blob[1:])
    if signer.verifier.key_id.hex() != digits:
        raise SigningKeyError("the signing key is not that of its name")
    return signer


def _made(file: Path, name: str) -> Ed25519Signer:
    seed = os.urandom(32)
    signer = Ed25519Signer(name, seed)
    digits = key_id(name, ED25519, signer.verifier.public).hex()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{_PREFIX}{name}+{digits}+{strict64.encode(bytes([ED25519]) + seed)}\n")
    print(f"onrecord: made a new signing key of {name} (--key)", file=sys.stderr)
    return signer
