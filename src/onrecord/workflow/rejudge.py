"""Judges stored conversations by other packs, and says every difference. Reads alone: nothing is stored or opened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from onrecord.evidence.replay import head_of
from onrecord.interaction.errors import UnreadableEventError
from onrecord.interaction.events import Internal
from onrecord.interaction.record import Conversation, fold
from onrecord.ledger import leaf
from onrecord.policy.compare import Difference, differences
from onrecord.policy.errors import PolicyError
from onrecord.policy.facts import Head
from onrecord.policy.kernel import Timeline
from onrecord.policy.pack import Pack
from onrecord.policy.policy import compile_policy
from onrecord.policy.verdict import Ruling
from onrecord.vault.errors import VaultError
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment, LoadedPack
from onrecord.workflow.errors import LogInconsistentError
from onrecord.workflow.live import facts_of
from onrecord.workflow.packs import begun, timeline_of

BATCH = 1000
ERASED = "erased"
_COMPARED = ("verdict", "state", "reason", "purpose", "legal_basis", "retention")
# What decides nothing, and is not read.
_SILENT = frozenset(
    {Internal.STREAM_CLOSED, Internal.SEGMENT_SEALED, Internal.TRACK_ACCOUNTED, Internal.PURGE_INTENDED}
    | {Internal.PURGE_COMPLETED, Internal.ARTIFACT_STORED, Internal.ARTIFACT_REFUSED, Internal.ARTIFACT_QUARANTINED}
    | {Internal.ASSERTION_REFUSED, Internal.CONTENT_DISCLOSED, Internal.ERASURE_INTENDED, Internal.ERASURE_COMPLETED}
    | {Internal.INTERRUPTED, Internal.RECORDING_COMMANDED, Internal.COMMAND_ANSWERED, Internal.OVERLOADED}
    | {Internal.OVERLOAD_ENDED, Internal.MEDIA_LOST, Internal.SOURCE_ANSWERED, Internal.ALARM_RAISED}
    | {Internal.ALARM_CLEARED, Internal.SEALED, Internal.EVIDENCE_EXPORTED}
)


@dataclass(frozen=True, slots=True)
class Rejudged:
    """`code`: why it could not be judged (`erased` where keys were destroyed), and then there is nothing else.
    `flags_new`, `flags_gone`: names of flags that only the other packs, or only those of before, raise."""

    interaction: str
    code: str | None = None
    differences: tuple[Difference, ...] = ()
    flags_new: tuple[str, ...] = ()
    flags_gone: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        return bool(self.differences or self.flags_new or self.flags_gone)


@dataclass(slots=True)
class Account:
    """What came of judging many. No word of a client is in it: ids of interactions, kinds, instants, closed lists."""

    judged: int = 0
    different: int = 0
    not_judged: list[dict[str, Any]] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)

    def add(self, done: Rejudged) -> None:
        if done.code is not None:
            self.not_judged.append({"interaction": done.interaction, "code": done.code})
            return
        self.judged += 1
        self.different += done.differs
        self.differences += [_shown(done.interaction, each) for each in done.differences]
        if done.flags_new or done.flags_gone:
            told = {"new": list(done.flags_new), "gone": list(done.flags_gone)}
            self.flags.append({"interaction": done.interaction, **told})

    def shown(self) -> dict[str, Any]:
        return {
            "judged": self.judged,
            "different": self.different,
            "not_judged": self.not_judged,
            "differences": self.differences,
            "flags": self.flags,
        }


def _shown(interaction: str, made: Difference) -> dict[str, Any]:
    stretch = {"kind": made.kind.value, "t": made.t, "until": made.until}
    return {"interaction": interaction, **stretch, "old": _words(made.old), "new": _words(made.new)}


def _words(ruling: Ruling) -> dict[str, Any]:
    return {name: ruling.words[name] for name in _COMPARED}


def checked(packs: Sequence[Pack]) -> Sequence[Pack]:
    """The same, where they can be used together. Errors: InvalidPackError."""
    compile_policy(packs, Head())
    return packs


def begun_from(d: Deployment, start: int) -> Iterator[tuple[int, str]]:
    """Interactions by the leaf index of their first event, from `start` on, as the log stands now."""
    size = d.sequencer.size
    for first in range(start, size, BATCH):
        for index, entry in enumerate(d.store.entries(d.tenant, first, min(first + BATCH, size)), first):
            told = leaf.parse(entry)
            if told.seq == 0:
                yield index, f"int_{told.interaction.hex()}"


def rejudge(d: Deployment, packs: Sequence[Pack], interaction: str) -> Rejudged:
    """One conversation, by the packs that it was admitted under and by `packs`, all evidence known, with this kernel.
    Errors: StorageError."""
    try:
        return _rejudged(d, [LoadedPack(pack, b"") for pack in packs], interaction)
    except (VaultError, PolicyError, UnreadableEventError, LogInconsistentError) as error:
        return Rejudged(interaction, error.code)


def _rejudged(d: Deployment, packs: Sequence[LoadedPack], interaction: str) -> Rejudged:
    events = [journal.read(d, row) for row in d.store.events(d.tenant, interaction) if row.type not in _SILENT]
    read = [event for event in events if event is not None]
    if len(read) < len(events):
        return Rejudged(interaction, ERASED)
    conversation: Conversation = fold(interaction, read)
    facts = facts_of(read)
    old = timeline_of(d, conversation).with_facts(facts)
    new = begun(d, packs, head_of(conversation)).with_facts(facts)
    before, after = _raised(old), _raised(new)
    return Rejudged(
        interaction, None, tuple(differences(old, new)), tuple(sorted(after - before)), tuple(sorted(before - after))
    )


def _raised(timeline: Timeline) -> set[str]:
    return {flag.flag for flag in timeline.flags()}


def page(d: Deployment, packs: Sequence[Pack], start: int, limit: int) -> dict[str, Any]:
    """What comes of the first `limit` conversations that begin at leaf `start` or later. `next`: where to go on; None
    at the end of the log. Errors: InvalidPackError, StorageError."""
    checked(packs)
    account, following = Account(), None
    for count, (index, interaction) in enumerate(begun_from(d, start)):
        if count == limit:
            following = index
            break
        account.add(rejudge(d, packs, interaction))
    return {"start": start, "next": following, "size": d.sequencer.size, **account.shown()}
