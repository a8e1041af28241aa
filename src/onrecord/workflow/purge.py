"""A closing that reaches behind the hold-back: what was stored there is replaced by silence, and its key destroyed.

Order: intent, replacement durable, superseding event, old key destroyed (then the old object), completion. A restart
takes up every intent that has no completion.
"""

import asyncio
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from onrecord.base import canonical
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import ArtifactId, PersonId
from onrecord.base.stretch import Stretch, normalise, subtract
from onrecord.capture.lineage import WORDS, closed, newly
from onrecord.capture.permission import Judge, Permission, Union
from onrecord.capture.runs import Fate
from onrecord.capture.segment import Gap, Segment, silenced, slot_samples
from onrecord.capture.words import Word, cut
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import ArtifactEntry, ArtifactState, SegmentEntry
from onrecord.policy.kinds import Kind
from onrecord.policy.options import OPT_OUT_DERIVED, QUARANTINE
from onrecord.signal.encoding import Encoding
from onrecord.workflow import journal
from onrecord.workflow.contents import read_object, read_text, remove, store_sound, store_text
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live, Verdicts
from onrecord.workflow.segments import AUDIO_CLASSIFICATION
from onrecord.workflow.sweep import discard

PURGE = "purge"
_OPTED = frozenset({"OPT_OUT", "OPT_OUT_SCOPED"})
_WITHDRAWN = "CONSENT_WITHDRAWN"


async def purge_closed(d: Deployment, live: Live, cause: str) -> None:
    """Brings all that is stored under the durable verdicts of now; `cause` is the event that asks for it. On record it
    stands by its leaf: what a client calls it may say something of a person.

    Errors: StorageError, VaultError. What is left undone is `unsettled`, and taken up again as after a crash."""
    try:
        if live.sealing:  # what comes after these was judged under the closing already
            await asyncio.wait(set(live.sealing))
        async with live.lock:
            await _take_up(d, live)
            for entry in list(live.conversation.artifacts.values()):
                if entry.state is ArtifactState.ACTIVE:
                    await _purge(d, live, entry, cause)
    except BaseException:
        live.unsettled.add(PURGE)
        raise
    live.unsettled.discard(PURGE)


async def _purge(d: Deployment, live: Live, entry: ArtifactEntry, cause: str) -> None:
    if entry.track is None:
        await _purge_derived(d, live, entry, cause)
        return
    for segment in list(entry.segments.values()):
        if _closed_within(live, entry, segment):
            intent = await _intend(d, live, entry, segment, cause)
            await _replace_sound(d, live, entry, segment, intent)


async def _take_up(d: Deployment, live: Live) -> None:
    """Goes on where a crash or a failed write left an intent. What was erased since needs no replacement."""
    for intent in list(live.conversation.pending_purges.values()):
        entry = live.conversation.artifacts.get(intent["artifact"])
        segment = None if entry is None else entry.segments.get(intent["segment"])
        if entry is None or segment is None or entry.state is ArtifactState.ERASED:
            await _complete(d, live, intent)
        elif entry.track is None:
            await _replace_words(d, live, entry, segment, intent)
        else:
            await _replace_sound(d, live, entry, segment, intent)


def _audio(live: Live) -> Permission:
    return Union((Verdicts(live.timeline, Kind.AUDIO_RECORDING),))


def _closed_within(live: Live, entry: ArtifactEntry, segment: SegmentEntry) -> bool:
    """Judged as the gate judged it, so that what a purge has replaced does not ask for another."""
    whole = normalise([(segment.start, segment.start + segment.samples)])
    passed = subtract(whole, normalise((start, end) for start, end, _ in segment.gaps))
    kept = [(int(start), int(end)) for start, end in passed]
    return bool(Judge(_audio(live), entry.rate).withheld(kept, slot_samples(entry.rate), segment.uncertainty))


async def _intend(
    d: Deployment, live: Live, entry: ArtifactEntry, segment: SegmentEntry, cause: str
) -> Mapping[str, Any]:
    data = {
        "purge": f"pur_{os.urandom(16).hex()}",
        "artifact": entry.artifact,
        "segment": segment.segment,
        "object": segment.object_id,
        "cause": live.leaf_of(cause),
    }
    await journal.append(d, live, [journal.internal(live, d, Internal.PURGE_INTENDED, data)])
    return data


async def _replace_sound(
    d: Deployment, live: Live, entry: ArtifactEntry, old: SegmentEntry, intent: Mapping[str, Any]
) -> None:
    payload = bytearray(await read_object(d, entry.artifact, old))
    gaps = tuple(Gap(start, end, Fate(why)) for start, end, why in old.gaps)
    before = Segment(old.start, payload, gaps, Encoding(entry.encoding), entry.rate, old.epoch, old.uncertainty)
    kept = before.passed
    after = silenced(before, _audio(live))
    persons = [PersonId(p) for p in entry.persons]
    stored: dict[str, Any] = {"segment": "", "samples": 0}
    if after.passed:
        stored = await store_sound(d, ArtifactId(entry.artifact), persons, after.payload, after.encoding)
        stored["samples"] = after.samples
    data = {
        "artifact": entry.artifact,
        "track": entry.track,
        "persons": list(entry.persons),
        "classification": AUDIO_CLASSIFICATION,
        "epoch": old.epoch,
        "uncertainty": old.uncertainty,
        "rate": entry.rate,
        "encoding": entry.encoding,
        "start": after.start,
        "gaps": [[gap.start, gap.end, gap.why.value] for gap in after.gaps],
        "supersedes": [old.segment],
        "runs": [[gap.start, gap.end, gap.why.value] for gap in after.gaps],
        "accounting": _account_purged(live, entry.track or "", kept - after.passed),
        **stored,
    }
    event = journal.internal(live, d, Internal.SEGMENT_SEALED, data, t=after.start / entry.rate)
    await _supersede(d, live, event, stored)
    track = live.tracks.get(entry.track or "")
    if track is not None:
        track.gate.purged(kept - after.passed)
    payload[:] = bytes(len(payload))
    await _complete(d, live, intent)


async def _supersede(d: Deployment, live: Live, event: Event, stored: Mapping[str, Any]) -> None:
    """The event that names the replacement, which is taken back where it could not be stored."""
    try:
        await journal.append(d, live, [event])
    except OnRecordError:
        if "object" in stored:
            await discard(d, live, stored)
        raise


def _account_purged(live: Live, track: str, samples: int) -> dict[str, int]:
    """The counters of the track once `samples` have moved from written to silenced_policy."""
    held = live.tracks.get(track)
    counts = dict(live.conversation.tracks[track].accounting) if held is None else held.gate.snapshot()
    counts["written"] -= samples
    counts["silenced_policy"] += samples
    counts["purged"] += samples
    return counts


async def _complete(d: Deployment, live: Live, intent: Mapping[str, Any]) -> None:
    await remove(d, [intent])
    data = {"purge": intent["purge"], "artifact": intent["artifact"], "segment": intent["segment"]}
    await journal.append(d, live, [journal.internal(live, d, Internal.PURGE_COMPLETED, data)])


async def _purge_derived(d: Deployment, live: Live, entry: ArtifactEntry, cause: str) -> None:
    """Words are cut again; what cannot be cut is quarantined, and all that a withdrawal reaches, or an opt-out
    where the tenant wants that. Sources come before what is made of them: the record names them first."""
    reached = newly(entry, _shut(live, entry))
    if reached and entry.form == WORDS:
        for segment in list(entry.segments.values()):
            intent = await _intend(d, live, entry, segment, cause)
            await _replace_words(d, live, entry, segment, intent)
    if (reached and entry.form != WORDS) or _taken_back(live, entry):
        data = {"artifact": entry.artifact, "cause": live.leaf_of(cause)}
        await journal.append(d, live, [journal.internal(live, d, Internal.ARTIFACT_QUARANTINED, data)])


def _taken_back(live: Live, entry: ArtifactEntry) -> bool:
    """Whether a withdrawal of its own kind's consent, or an opt-out where the tenant wants that, reaches back to what
    was made before."""
    reason = live.timeline.decision(Kind(entry.kind), math.inf).reason
    wanted = live.timeline.policy.overlay.chosen.get(OPT_OUT_DERIVED) == QUARANTINE
    return reason == _WITHDRAWN or (wanted and reason in _OPTED)


def _shut(live: Live, entry: ArtifactEntry) -> list[Stretch]:
    def verdicts(kind: str, start: float, end: float) -> list[Stretch]:
        return live.timeline.closed(Kind(kind), start, end)

    return closed(entry, live.conversation.artifacts, verdicts)


def _cut_again(entry: ArtifactEntry, text: bytes, shut: Sequence[Stretch]) -> tuple[list[Stretch], bytes]:
    """(what is withheld then, what is kept as text)."""
    words = [Word(w["w"], w["s"], w["e"], w["channel"]) for w in canonical.loads(text)["words"]]
    told = cut(entry, words, shut)
    kept = [{"w": w.w, "s": w.s, "e": w.e, "channel": w.channel} for w in told.kept]
    return normalise([*entry.withheld, *told.withheld]), canonical.dumps({"words": kept})


async def _replace_words(
    d: Deployment, live: Live, entry: ArtifactEntry, old: SegmentEntry, intent: Mapping[str, Any]
) -> None:
    text = await read_text(d, entry.artifact, old)
    loop = asyncio.get_running_loop()
    withheld, kept = await loop.run_in_executor(d.executor, _cut_again, entry, text, _shut(live, entry))
    persons = [PersonId(p) for p in entry.persons]
    stored = await store_text(d, ArtifactId(entry.artifact), persons, kept)
    data = {
        "artifact": entry.artifact,
        "kind": entry.kind,
        "media_type": entry.media_type,
        "persons": list(entry.persons),
        "start": entry.start,
        "end": entry.end,
        "stated": entry.stated,
        "state": entry.state.value,
        "classification": entry.classification,
        "sources": [[name, start, end] for name, start, end in entry.sources],
        "withheld": [[start, end] for start, end in withheld],
        "form": entry.form,
        "supersedes": [old.segment],
        **stored,
    }
    event = journal.internal(live, d, Internal.ARTIFACT_STORED, data, t=entry.start)
    await _supersede(d, live, event, stored)
    await _complete(d, live, intent)
