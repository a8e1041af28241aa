"""Policy packs as files: those shipped, and those of a folder: `*.yaml` as they stand, `*.note` as signed notes over
them (C2SP signed-note)."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from importlib import resources
from pathlib import Path

from onrecord.entrypoints.places import OpenError
from onrecord.ledger.note import Note, NoteSigner, Verifier, sign
from onrecord.ledger.note import parse as parse_note
from onrecord.policy import pack
from onrecord.policy.clauses import binds
from onrecord.policy.errors import InvalidPackError
from onrecord.policy.instead import instead
from onrecord.policy.pack import Pack
from onrecord.policy.packtext import LARGEST
from onrecord.workflow.deployment import LoadedPack
from onrecord.workflow.packs import SignedText, signed_text, unsigned_text

SIGNED = ".note"
_LARGEST_NOTE = LARGEST + 65_536


def policy_packs(folder: Path | None) -> tuple[Pack, ...]:
    """The shipped packs, and those of a folder: in place of a shipped one of the same id that binds on the same day.
    Who signed them is not asked. Errors: OpenError, PolicyError, PackSignatureError."""
    own = [_parsed(file, read(file, None).text) for file in _files(folder)]
    return instead([pack.parse(text) for text in shipped()], own)


def adopted(
    folder: Path | None, trusted: Sequence[Verifier], signer: NoteSigner, today: date
) -> tuple[LoadedPack, ...]:
    """The same, signed by `signer` beside whoever of `trusted` had signed. With keys to trust, a folder holds signed
    packs alone; without any, unsigned ones alone. Errors: OpenError, PolicyError, also InvalidPackError where a shipped
    pack that binds today would give way to one that does not; PackSignatureError."""
    own = [(file, read(file, trusted)) for file in _files(folder)]
    own_packs = [_parsed(file, told.text) for file, told in own]
    texts = [*(SignedText(text, ()) for text in shipped()), *(told for _, told in own)]
    by_digest = {sha256(told.text).hexdigest(): told for told in texts}
    known = [pack.parse(text) for text in shipped()]
    packs = instead(known, own_packs)
    if not {each.id for each in known if binds(each, today)} <= {each.id for each in packs if binds(each, today)}:
        raise InvalidPackError(
            "a pack in place of a shipped one leaves today without any: add one that ends with `until`"
        )
    return tuple(LoadedPack(made, _noted(by_digest[made.digest], signer)) for made in packs)


def read(file: Path, trusted: Sequence[Verifier] | None) -> SignedText:
    """`trusted` None: nobody asks who signed. Errors: OpenError, PackSignatureError."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST_NOTE + 1)
    except (OSError, ValueError) as error:
        raise OpenError(f"a policy pack cannot be read: {file.name!a}", code="packs_unreadable") from error
    taken = signed_text if file.suffix == SIGNED else unsigned_text
    return taken(ascii(file.name), data, trusted)


def shipped() -> list[bytes]:
    """The bytes of each file, in the order of their names."""
    found = (resources.files("onrecord.policy") / "packs").iterdir()
    return [file.read_bytes() for file in sorted(found, key=lambda f: f.name) if file.name.endswith(".yaml")]


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise OpenError("the folder of policy packs is not there", code="packs_unreadable")
    return sorted((*folder.glob("*.yaml"), *folder.glob(f"*{SIGNED}")), key=lambda file: file.name)


def _parsed(file: Path, text: bytes) -> Pack:
    try:
        return pack.parse(text)
    except InvalidPackError as error:
        raise InvalidPackError(f"{file.name!a}: {error.message}") from error


def _noted(told: SignedText, signer: NoteSigner) -> bytes:
    note = parse_note(sign(told.text.decode(), [signer]))
    return Note(note.text, (*note.signatures, *told.signatures)).encode()
