"""Policy packs as adopted: an interaction keeps the packs that it was admitted under, whatever is loaded now."""

from collections.abc import Sequence

from onrecord.base import canonical
from onrecord.evidence.replay import head_of
from onrecord.interaction.record import Conversation
from onrecord.ledger import note
from onrecord.policy import pack
from onrecord.policy.facts import Head
from onrecord.policy.fold import Fold
from onrecord.policy.kernel import Timeline
from onrecord.policy.policy import compile_policy
from onrecord.policy.trace import empty
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment, LoadedPack
from onrecord.workflow.errors import LogInconsistentError
from onrecord.workflow.side_records import RecordKind


def adopt(d: Deployment) -> None:
    """Keeps the signed note of every loaded pack, by the digest of its file. Errors: StorageError."""
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


def timeline_of(d: Deployment, c: Conversation) -> Timeline:
    """The timeline of an interaction before any fact."""
    return begun(d, packs_of(d, c), head_of(c))


def begun(d: Deployment, packs: Sequence[LoadedPack], head: Head) -> Timeline:
    """Calls under the same packs and overlay share what the kernel works out. Errors: InvalidOverlayError."""
    key = (tuple(loaded.pack.digest for loaded in packs), canonical.dumps(head.overlay))
    fold = d.folds.get(key)
    if fold is None:
        fold = d.folds.keep(key, Fold(compile_policy([loaded.pack for loaded in packs], head)))
    return Timeline(fold.policy, head, empty(fold, head))
