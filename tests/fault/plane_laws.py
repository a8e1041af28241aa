"""What must hold of a plane after any fault and a restart."""

from plane_life import WHO, sound
from plane_stores import TENANT

from onrecord.base import canonical
from onrecord.base.ids import raw
from onrecord.base.stretch import intersect, normalise, subtract
from onrecord.evidence.verify import verify
from onrecord.interaction.events import Internal
from onrecord.interaction.record import ArtifactState, Stage
from onrecord.ledger import checkpoint, leaf
from onrecord.ledger.note import Verifier
from onrecord.ledger.proof import verify_inclusion
from onrecord.ledger.tree import leaf_hash, root_of
from onrecord.policy.kinds import Kind
from onrecord.vault.keystore import KeyKind
from onrecord.workflow import journal
from onrecord.workflow.contents import read_object, read_text
from onrecord.workflow.export import export
from onrecord.workflow.find import load
from onrecord.workflow.tell import tell
from onrecord.workflow.views import accounting
from onrecord.workflow.views import interaction as shown

SILENCE = 0xFF


def check_log(life):
    """The signed head is the root of all entries, and holds each of them."""
    d, store = life.d, life.disks.events
    head = store.head(TENANT)
    if head is None:
        return
    entries = store.entries(TENANT, 0, head.size)
    name = "onrecord.local/test"
    opened = checkpoint.open_checkpoint(head.note, name, [Verifier.parse(d.log_vkey)])
    leaves = [leaf_hash(entry) for entry in entries]
    assert (opened.checkpoint.size, opened.checkpoint.root) == (len(entries), root_of(leaves))
    for index in range(0, len(entries), 7):
        verify_inclusion(leaves[index], index, head.size, d.sequencer.inclusion_proof(index), head.root)


def check_chain(life, call):
    """Rows of one conversation without a gap, each bound to the one before; each acknowledged event once, in place."""
    rows = life.disks.events.events(TENANT, call.name)
    before = leaf.NO_PREVIOUS
    found = {}
    for seq, row in enumerate(rows):
        parsed = leaf.parse(row.entry)
        assert (row.seq, parsed.seq, parsed.previous, parsed.interaction) == (seq, seq, before, raw(call.name))
        before = leaf_hash(row.entry)
        event = journal.read(life.d, row)
        assert event is not None
        assert event.event_id not in found, f"{event.type} twice"
        found[event.event_id] = row.index
    for name, index in call.told.items():
        assert found[name] == index, "an acknowledged event is not where it was said to be"
    if call.sealed:
        at = call.sealed["events"]
        assert rows[at].index == call.sealed["leaf_index"]
        assert rows[at].type == Internal.SEALED
        assert leaf_hash(rows[at - 1].entry).hex() == call.sealed["last_digest"]


async def check_content(life, call, live):
    """All that the record names opens, holds what was said, and covers nothing that is closed."""
    c = live.conversation
    for entry in c.artifacts.values():
        if entry.state is ArtifactState.ERASED:
            continue
        for segment in entry.segments.values():
            if entry.track is None:
                check_words(live, entry, await read_text(life.d, entry.artifact, segment))
            else:
                check_sound(live, call, entry, segment, await read_object(life.d, entry.artifact, segment))
    for artifact in call.artifacts:
        assert artifact in c.artifacts, "an acknowledged artifact is lost"
    assert call.artifacts <= set(c.artifacts)


def check_sound(live, call, entry, segment, body):
    assert len(body) == segment.samples
    rate, silent = entry.rate, normalise((start, end) for start, end, _ in segment.gaps)
    whole = normalise([(segment.start, segment.start + segment.samples)])
    kept = subtract(whole, silent)
    for start, end in kept:
        assert body[start - segment.start : end - segment.start] == sound(start, end - start)
    for start, end in silent:
        assert set(body[start - segment.start : end - segment.start]) <= {SILENCE}
    closed = [(s * rate, e * rate) for s, e in live.timeline.closed(Kind.AUDIO_RECORDING, 0.0, 1e6)]
    assert intersect(kept, normalise(closed)) == [], "sound is stored at a closed instant"
    for start, end, known in call.shut:
        if segment.segment not in known and not set(entry.superseded) & known:
            shut = [(start * rate, (start if end is None else end) * rate)]
            assert intersect(kept, normalise(shut)) == [], "sound passed a gate that was to stay shut"


def check_words(live, entry, body):
    content = canonical.loads(body)
    if "words" not in content or entry.state is not ArtifactState.ACTIVE:
        return
    closed = live.timeline.closed(Kind(entry.kind), 0.0, 1e6)
    said = normalise((word["s"], word["e"]) for word in content["words"])
    assert intersect(said, closed) == [], "a word is stored at a closed instant"


def check_account(live):
    for counts in accounting(live)["tracks"].values():
        known = sum(
            counts[fate]
            for fate in ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
        )
        assert counts["received"] + counts["missing"] == known
        assert min(value for value in counts.values() if isinstance(value, int)) >= 0
    for name, track in live.conversation.tracks.items():
        kept = sum(
            segment.samples - sum(end - start for start, end, _ in segment.gaps)
            for entry in live.conversation.artifacts.values()
            if entry.track == name
            for segment in entry.segments.values()
        )
        told = normalise((start, end) for start, end, _ in track.runs)
        assert len(told) <= 1, "a stretch of the track has no fate on record"
        if name in live.tracks:
            assert live.tracks[name].gate.accounting.written == kept
        assert not track.accounting or track.accounting["written"] == kept


async def check_nothing_loose(life):
    """Objects and live object keys are exactly those that the record still holds."""
    named = set()
    for call in life.calls.values():
        live = await life.live(call)
        assert not live.conversation.pending_purges
        assert not live.conversation.pending_erasures
        for entry in live.conversation.artifacts.values():
            if entry.state is not ArtifactState.ERASED:
                named |= {segment.object_id for segment in entry.segments.values()}
    stored = set(life.disks.objects.ids())
    keyed = {row.owner for row in life.disks.keys.of_kind(KeyKind.OBJECT) if not row.shredded}
    assert stored == named, f"{len(stored - named)} objects too many, {len(named - stored)} too few"
    assert keyed == named, f"{len(keyed - named)} keys too many, {len(named - keyed)} too few"


def check_erased(live, call, life):
    """Nothing that was there when an acknowledged request came is there still."""
    if not call.erased:
        return
    rows = life.disks.events.events(TENANT, call.name)
    events = [journal.read(life.d, row) for row in rows]
    request = max(at for at, event in enumerate(events) if event.type == "erasure_request")
    older = {
        event.data["artifact"]
        for event in events[:request]
        if event.type in {Internal.SEGMENT_SEALED, Internal.ARTIFACT_STORED}
        and set(event.data["persons"]) & set(live.conversation.person_of(None))
    }
    assert all(live.conversation.artifacts[name].state is ArtifactState.ERASED for name in older)


def check_gates(life, live):
    """A conversation that goes on starts shut."""
    if live.conversation.seal is None:
        assert live.is_shut
        assert set(shown(life.d, live)["gates"].values()) == {"shut"}


async def check_reopening(life, call, live):
    """The next accepted event gives the gates back to the policy."""
    if live.conversation.seal is not None:
        return
    life.reopened(call, live)
    await tell(life.d, live, WHO, [{"type": "bypass", "t": call.head, "by": "test", "action": "none"}], None)
    made = shown(life.d, live)
    now = live.now(life.clock.now_ns())
    for kind, decision in live.timeline.at(now).items():
        assert made["gates"][kind.value] == ("open" if decision.state.value == "capturing" else "shut")


async def check_evidence(life, live):
    pack = await export(life.d, live, WHO, "permitted")
    report = verify(pack, life.d.log_vkey)
    failed = [(check.id, check.detail) for check in report.checks if check.result == "fail"]
    assert report.ok, failed
    assert report.signer == "trusted"


def check_memory(life):
    """What the process holds of a conversation is what its events add up to."""
    for name, live in life.d.live.items():
        if live.halted:
            continue
        again = load(life.d, name, life.disks.events.events(TENANT, name))
        assert again.conversation == live.conversation
        assert list(again.timeline.facts) == list(live.timeline.facts)


async def check_restarted(life):
    """All laws but that of the evidence, on a plane that has just recovered."""
    check_log(life)
    await check_nothing_loose(life)
    for call in life.calls.values():
        live = await life.live(call)
        check_gates(life, live)
        assert live.conversation.started_at is None or live.conversation.stage is not Stage.OPEN
        check_chain(life, call)
        await check_content(life, call, live)
        check_account(live)
        check_erased(live, call, life)
        await check_reopening(life, call, live)
