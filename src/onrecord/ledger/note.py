"""Signed notes (c2sp.org/signed-note@v1.0.0): Ed25519 (0x01) and cosignatures (0x04, c2sp.org/tlog-cosignature)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from onrecord.ledger import strict64
from onrecord.ledger.errors import LedgerError, MalformedError, SignatureError

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_SIGNATURES = 64
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_DASH = "\N{EM DASH} "


def _malformed(why: str) -> MalformedError:
    return MalformedError(why, code="note_malformed")


def _check_name(name: str) -> None:
    if not name or any(char == "+" or char < " " or char.isspace() for char in name):
        raise _malformed("a key name is empty or has a space, a plus or a control character")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. `key_id`: 4 bytes; `blob`: what follows it, at least one byte."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        return f"{_DASH}{self.name} {strict64.encode(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends in a newline; at least one signature."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()


def parse(data: bytes) -> Note:
    """Errors: MalformedError (note_malformed). Says nothing of whether a signature holds."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("a note is UTF-8") from error
    if any(char < " " and char != "\n" for char in whole):
        raise _malformed("a note has no control characters but newlines")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise _malformed("a note is a text, an empty line and signature lines")
    signatures = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise _malformed("the note has too many signatures")
    return Note(text + "\n", signatures)


def _parse_line(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise _malformed("a signature line starts with an em dash")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    _check_name(name)
    try:
        blob = strict64.decode(encoded)
    except MalformedError as error:
        raise _malformed("a signature is not canonical base64") from error
    if len(blob) < 5:
        raise _malformed("a signature is too short")
    return Signature(name, blob[:4], blob[4:])


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """SHA-256(name || 0x0A || kind || public key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name and kind, as a vkey says it."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Errors: MalformedError (vkey_malformed): form, name, key id, an algorithm other than 0x01 and 0x04."""
        name, first, rest = vkey.partition("+")
        digits, second, encoded = rest.partition("+")
        try:
            _check_name(name)
            blob = strict64.decode(encoded)
        except MalformedError as error:
            raise MalformedError("the verifier key's name or base64 is wrong", code="vkey_malformed") from error
        if not first or not second or len(blob) != 1 + _KEY_BYTES or blob[0] not in (ED25519, COSIGNATURE):
            raise MalformedError("not a verifier key of a known kind", code="vkey_malformed")
        verifier = cls(name, blob[0], blob[1:])
        if digits != verifier.key_id.hex():
            raise MalformedError("the verifier key does not match its key id", code="vkey_malformed")
        return verifier

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.public)

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{strict64.encode(bytes([self.kind]) + self.public)}"

    def verify(self, text: str, blob: bytes) -> int | None:
        """Seconds since the epoch as the cosigner states them, None for a plain signature. Errors: SignatureError."""
        time: int | None = None
        message, signature = text.encode(), blob
        if self.kind == COSIGNATURE:
            time, signature = int.from_bytes(blob[:8], "big"), blob[8:]
            if time >= 2**63:
                raise SignatureError("a cosignature's time is out of range")
            message = _cosigned(text, time)
        try:
            if len(signature) != _SIGNATURE_BYTES:
                raise SignatureError("a signature has the wrong length")
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise SignatureError("a signature by a known key does not hold") from error
        return time


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


class NoteSigner(Protocol):
    """What signs one note text. `verifier` is the public half."""

    @property
    def verifier(self) -> Verifier: ...

    def sign(self, text: str) -> Signature: ...


class Ed25519Signer:
    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: 32 bytes (RFC 8032). Errors: MalformedError for a name that no note may bear,
        LedgerError (seed_invalid)."""
        self._key, self.verifier = _keypair(name, ED25519, seed)
        self._key_id = self.verifier.key_id

    def sign(self, text: str) -> Signature:
        return Signature(self.verifier.name, self._key_id, self._key.sign(text.encode()))


class Cosigner:
    """A witness: states that it saw this checkpoint at `time`, seconds since the epoch."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key, self.verifier = _keypair(name, COSIGNATURE, seed)

    def sign(self, text: str, time: int) -> Signature:
        """Errors: SignatureError where `time` is not in [0, 2^63)."""
        if not 0 <= time < 2**63:
            raise SignatureError("a cosignature's time is out of range")
        blob = time.to_bytes(8, "big") + self._key.sign(_cosigned(text, time))
        return Signature(self.verifier.name, self.verifier.key_id, blob)


def _keypair(name: str, kind: int, seed: bytes) -> tuple[Ed25519PrivateKey, Verifier]:
    _check_name(name)
    if len(seed) != _KEY_BYTES:
        raise LedgerError("a signing seed has 32 bytes", code="seed_invalid")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key, Verifier(name, kind, key.public_key().public_bytes_raw())


def sign(text: str, signers: Sequence[NoteSigner]) -> bytes:
    """A note over `text`. Errors: MalformedError where the text is no note text or nobody signs."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _malformed("a note is UTF-8") from error
    note = Note(text, tuple(signer.sign(text) for signer in signers))
    data = note.encode()
    if parse(data) != note:
        raise _malformed("the text cannot stand in a note")
    return data


@dataclass(frozen=True, slots=True)
class Opened:
    """A note some known key signed. `times`: by key name, when each cosigner says it saw the text."""

    note: Note
    signed_by: tuple[Verifier, ...]
    times: tuple[tuple[str, int], ...]


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Opened:
    """Errors: MalformedError; SignatureError where a known key's signature is wrong or no known key signed."""
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    note = parse(data)
    signed_by: dict[Verifier, None] = {}
    times: list[tuple[str, int]] = []
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        time = verifier.verify(note.text, signature.blob)
        signed_by[verifier] = None
        if time is not None:
            times.append((verifier.name, time))
    if not signed_by:
        raise SignatureError("no known key signed the note", code="signer_unknown")
    return Opened(note, tuple(signed_by), tuple(times))
