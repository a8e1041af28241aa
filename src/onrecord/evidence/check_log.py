"""Checks 6 to 12 of `verify`: the openings against the log, and the log against omission."""

from onrecord.base import ids
from onrecord.base.digests import Domain, commit
from onrecord.evidence import build, openings, read
from onrecord.evidence.trial import FailedError, SkippedError, Trial, need, require
from onrecord.interaction.events import Internal
from onrecord.ledger import leaf, proof, tlogproof
from onrecord.ledger.errors import LedgerError
from onrecord.ledger.tree import leaf_hash


def entries(trial: Trial) -> str:
    """6. Every opening has a log entry of this interaction, with the opening's own sequence number."""
    found = openings.parse(trial.member("events.jsonl"))
    raw = ids.raw(trial.manifest.interaction)
    for opening in found:
        entry = leaf.parse(opening.entry)
        require(entry.interaction == raw, f"the entry of seq {opening.seq} is of another interaction")
        require(entry.seq == opening.seq, f"the entry of seq {opening.seq} states another sequence number")
    trial.openings = found
    return f"{len(found)} entries"


def commitments(trial: Trial) -> str:
    """7. Salt and payload of every opening that is not erased open its entry's commitment."""
    opened = 0
    for opening in need(trial.openings):
        if opening.salt is None or opening.payload is None:
            continue
        expected = commit(Domain.EVENT, opening.salt, opening.payload)
        require(leaf.parse(opening.entry).commitment == expected, f"seq {opening.seq} does not open its commitment")
        opened += 1
    return f"{opened} opened"


def inclusion(trial: Trial) -> str:
    """8. Every entry stands under the one checkpoint, at the index that its opening states (RFC 9162, 2.1.3.2)."""
    log, found = need(trial.log), need(trial.openings)
    signed = trial.member("checkpoint")
    names = sorted(trial.folder("proofs/", ""))
    require(names == sorted(build.proof_name(o.seq)[7:] for o in found), "there is not one proof for each entry")
    root = bytes.fromhex(log.root)
    for opening in found:
        data = trial.member(build.proof_name(opening.seq))
        parsed = tlogproof.parse(data)
        require(parsed.encode() == data and not parsed.extra, f"the proof of seq {opening.seq} is out of form")
        require(parsed.checkpoint == signed, f"the proof of seq {opening.seq} leads to another checkpoint")
        require(parsed.index == opening.index, f"the proof of seq {opening.seq} is of another index")
        try:
            proof.verify_inclusion(leaf_hash(opening.entry), parsed.index, log.size, parsed.path, root)
        except LedgerError as error:
            raise FailedError(f"seq {opening.seq} is not in the log: {error.message}") from error
    return f"{len(found)} entries under the checkpoint"


def sequence(trial: Trial) -> str:
    """9. No event is left out, repeated or moved: numbers without a gap from 0, each naming the digest before it."""
    found = need(trial.openings)
    previous, index = leaf.NO_PREVIOUS, -1
    for expected, opening in enumerate(found):
        require(opening.seq == expected, f"seq {expected} is missing or out of order")
        require(leaf.parse(opening.entry).previous == previous, f"seq {expected} does not follow the one before it")
        require(opening.index > index, f"seq {expected} stands before its predecessor in the log")
        previous, index = leaf_hash(opening.entry), opening.index
    return f"seq 0 to {len(found) - 1}, each bound to the one before"


def events(trial: Trial) -> str:
    """10. Every payload is an event, and together they are a conversation."""
    found = read.events_of(need(trial.openings))
    read.kernel_of(found)
    require(found[min(found)].type == Internal.INTERACTION_OPENED, "the first event opens no interaction")
    trial.conversation = read.fold_of(trial.manifest.interaction, found)
    trial.events = found
    return f"{len(found)} events"


def seal(trial: Trial) -> str:
    """11. The seal states how many events came before it, and the digest of the last of them."""
    found, held = need(trial.events), need(trial.openings)
    seals = [seq for seq, event in found.items() if event.type == Internal.SEALED]
    if not seals:
        raise SkippedError("not sealed: events that followed these would not be missed")
    require(len(seals) == 1, "there is more than one seal")
    (seq,) = seals
    data = found[seq].data
    require(seq > 0 and data["events"] == seq, "the seal counts other events than stand before it")
    last = leaf_hash(held[seq - 1].entry).hex()
    require(data["last_digest"] == last, "the seal names another last digest")
    return f"{seq} events before the seal, {len(held) - seq - 1} after it"


def erasures(trial: Trial) -> str:
    """12. An opening is missing only where a later erasure, completed and itself in the log, names its seq."""
    found, held = need(trial.events), need(trial.openings)
    covered: set[int] = set()
    for seq, event in found.items():
        if event.type == Internal.ERASURE_COMPLETED:
            named = event.data["openings"]
            require(all(isinstance(n, int) and n < seq for n in named), "an erasure names what came after it")
            covered.update(named)
    erased = {opening.seq for opening in held if opening.payload is None}
    bare = sorted(erased.difference(covered))
    require(not bare, f"seq {bare[0] if bare else ''} is not opened, and no erasure covers it")
    kept = sorted(covered.difference(erased))
    require(not kept, f"seq {kept[0] if kept else ''} is opened, and an erasure says that it is gone")
    return f"{len(erased)} erased openings, each covered by an erasure" if erased else "nothing is erased"
