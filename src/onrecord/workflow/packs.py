"""Policy packs as adopted: an interaction keeps the packs that it was admitted under, whatever is loaded now."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from onrecord.base import canonical
from onrecord.evidence.replay import head_of
from onrecord.interaction.record import Conversation
from onrecord.ledger import note
from onrecord.ledger.errors import MalformedError, SignatureError
from onrecord.policy import pack
from onrecord.policy.facts import Head
from onrecord.policy.fold import Fold
from onrecord.policy.kernel import Timeline
from onrecord.policy.policy import compile_policy
from onrecord.policy.trace import empty
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment, LoadedPack
from onrecord.workflow.errors import LogInconsistentError, PackSignatureError
from onrecord.workflow.side_records import RecordKind

SIGNER_UNKNOWN = "signer_unknown"


@dataclass(frozen=True, slots=True)
class SignedText:
    """The bytes of a pack, and the signatures over them by keys that the operator trusts."""

    text: bytes
    signatures: tuple[note.Signature, ...]


def signed_text(name: str, data: bytes, trusted: Sequence[note.Verifier] | None) -> SignedText:
    """A pack as a signed note; `name` is what errors call it. `trusted` None: nobody asks who signed. Errors:
    PackSignatureError where the note is none, where nobody trusted signed it, or where the signature of one of them
    does not hold."""
    try:
        parsed = note.parse(data)
        if trusted is None:
            return SignedText(parsed.text.encode(), ())
        if not trusted:
            raise PackSignatureError(f"{name}: it is signed, and no key is trusted", code="pack_key_missing")
        signers = {(key.name, key.key_id) for key in note.open_note(data, trusted).signed_by}
    except MalformedError as error:
        raise PackSignatureError(f"{name}: it is not a signed note", code="pack_note_malformed") from error
    except SignatureError as error:
        if error.code == SIGNER_UNKNOWN:
            raise PackSignatureError(f"{name}: no trusted key signed it", code="pack_signer_unknown") from error
        raise PackSignatureError(f"{name}: the signature of a trusted key does not hold over its bytes") from error
    return SignedText(parsed.text.encode(), tuple(s for s in parsed.signatures if (s.name, s.key_id) in signers))


def unsigned_text(name: str, data: bytes, trusted: Sequence[note.Verifier] | None) -> SignedText:
    """A pack as its file stands. Errors: PackSignatureError where a key is trusted, and so none is wanted unsigned."""
    if trusted:
        raise PackSignatureError(f"{name}: it is not signed by a trusted key", code="pack_unsigned")
    return SignedText(data, ())


def adopt(d: Deployment) -> None:
    """Keeps the signed note of every loaded pack, by the digest of its file. Errors: StorageError, InvalidPackError
    where the packs do not go together."""
    compile_policy([loaded.pack for loaded in d.packs], Head())
    known = {record.id for record in d.store.records(d.tenant, RecordKind.PACK)}
    fresh = [Record(RecordKind.PACK, p.pack.digest, "", p.note) for p in d.packs if p.pack.digest not in known]
    if fresh:
        d.store.put(d.tenant, fresh)


def packs_of(d: Deployment, c: Conversation) -> list[LoadedPack]:
    """The packs named when the interaction was opened. Errors: LogInconsistentError where one is not kept."""
    loaded = {p.pack.digest: p for p in d.packs}
    return [loaded.get(named["digest"]) or _kept(d, named["digest"]) for named in c.packs]


def _kept(d: Deployment, digest: str) -> LoadedPack:
    if digest not in d.adopted:
        record = d.store.record(d.tenant, RecordKind.PACK, digest)
        if record is None:
            raise LogInconsistentError("a policy pack that an interaction was admitted under is not kept")
        d.adopted[digest] = LoadedPack(pack.parse(note.parse(record.blob).text.encode()), record.blob)
    return d.adopted[digest]


def notes_of(packs: Sequence[LoadedPack]) -> dict[str, bytes]:
    """Each signed note by the id of its pack, and by its version too where several of one id were there."""
    count = Counter(loaded.pack.id for loaded in packs)
    return {p.pack.id if count[p.pack.id] == 1 else f"{p.pack.id}.{p.pack.version}": p.note for p in packs}


def timeline_of(d: Deployment, c: Conversation) -> Timeline:
    """The timeline of an interaction before any fact."""
    return begun(d, packs_of(d, c), head_of(c))


def begun(d: Deployment, packs: Sequence[LoadedPack], head: Head) -> Timeline:
    """Calls under the same packs and overlay share what the kernel works out. Errors: InvalidOverlayError."""
    key = (tuple(loaded.pack.digest for loaded in packs), canonical.dumps(head.overlay))
    fold = d.folds.get(key)
    if fold is None:
        every = compile_policy([loaded.pack for loaded in packs], replace(head, date=None))
        fold = d.folds.keep(key, Fold(every))
    fold = fold.on(head.date)
    return Timeline(fold.policy, head, empty(fold, head))
