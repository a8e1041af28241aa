"""Checks 13 to 19 of `verify`: policy, decisions, derived members, accounting, and what must not be stored."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from onrecord.base.digests import Domain, commit
from onrecord.base.stretch import Stretch
from onrecord.capture import lineage
from onrecord.evidence import build, read, steps, wire
from onrecord.evidence.case import Case
from onrecord.evidence.media import balances, counters, fates, stored
from onrecord.evidence.replay import Replay, Status, replay, stated, status_of
from onrecord.evidence.trial import SkippedError, Trial, need, require
from onrecord.interaction.record import ArtifactEntry, ArtifactState, SegmentEntry, TrackEntry
from onrecord.policy.kinds import Kind
from onrecord.signal.wav import HEADER_BYTES, wav_header

_GRAIN = 0.001
"""Of a sample: below it, a difference is one of float arithmetic."""


def policy(trial: Trial) -> str:
    """13. The policy packs are signed, valid, and those that the interaction was opened under."""
    packs = read.packs_of(trial.folder("policy/", ".note"), trial.manifest.log_vkey)
    named = read.named_packs(need(trial.conversation))
    given = [(p.id, p.version, p.digest) for p in packs]
    require(given == [(p.id, p.version, p.digest) for p in named], "the interaction was opened under other packs")
    trial.packs = packs
    return ", ".join(f"{p.id} {p.version}" for p in packs)


def decisions(trial: Trial) -> str:
    """14. The decisions that evidence.json states follow from the facts, by this kernel and these packs."""
    events, conversation, packs = need(trial.events), need(trial.conversation), need(trial.packs)
    openings, log = need(trial.openings), need(trial.log)
    said = stated(wire.loads(trial.member("evidence.json").removesuffix(b"\n")))
    kernel = read.kernel_of(events)
    erased = tuple(opening.seq for opening in openings if opening.payload is None)
    trial.replay = status_of(len(erased), events.values(), kernel)
    require(said.kernel == kernel, "evidence.json names another kernel than the interaction was opened under")
    trial.case = Case(
        interaction=trial.manifest.interaction,
        product=trial.manifest.product,
        exported_at=trial.manifest.exported_at,
        missing=trial.manifest.missing,
        log=log,
        openings=openings,
        events=events,
        erased=erased,
        conversation=conversation,
        replay=said,
        packs=read.named_packs(conversation),
        sound=trial.folder("sound/", ".wav"),
    )
    if trial.replay is Status.KERNEL_UNKNOWN:
        raise SkippedError("decided by a kernel that is not here")
    require(said.status is trial.replay, "evidence.json says otherwise how far its decisions can be replayed")
    if trial.replay is not Status.COMPLETE:
        require(said == Replay(trial.replay, kernel, [], []), "decisions are stated that no longer follow from facts")
        raise SkippedError(f"{len(erased)} openings are erased; what follows from the rest would say nothing")
    made = replay(conversation, list(events.values()), packs, trial.manifest.exported_at)
    require(made.transitions == said.transitions, "the facts lead to other decisions than evidence.json states")
    require(made.flags == said.flags, "the facts raise other flags than evidence.json states")
    return f"{len(made.transitions)} decisions and {len(made.flags)} flags replayed"


def rederived(trial: Trial) -> str:
    """15. evidence.json, vcon.json, media.json, accounting.json and summary.html follow from the openings."""
    made = build.derived(need(trial.case), trial.manifest.log_vkey)
    other = [name for name, data in made.items() if trial.member(name) != data]
    require(not other, f"{', '.join(other)} says something else than the openings")
    return f"{len(made)} members made again, byte for byte"


def accounting(trial: Trial) -> str:
    """16. Every sample received or missing has one fate; what is written is what the segments hold; and the fates that
    were told, stretch by stretch, come to the same counts."""
    c = need(trial.conversation)
    for position, (track_name, track) in enumerate(c.tracks.items(), 1):
        require(balances(track), f"the samples of track {position} do not add up")
        held = [s for a in c.artifacts.values() if a.track == track_name for s in a.segments.values()]
        samples = sum(end - start for start, end in stored(held))
        told = counters(track)["written"]
        require(trial.replay_is_partial or samples == told, f"track {position}: {told} samples written, {samples} held")
        if not trial.replay_is_partial:
            _check_fates(track, interrupted=bool(c.interruptions))
    return f"{len(c.tracks)} tracks add up" if c.tracks else "no stream of sound was received"


def _check_fates(track: TrackEntry, *, interrupted: bool) -> None:
    """Fates are told up to the last sealed segment, counts up to the head: where both end together they are equal. What
    an interruption lost is one stretch up to where the head was, whatever was decided of parts of it before."""
    counts, told = counters(track), fates(track)
    whole = all(one[1] == other[0] for one, other in pairwise(told))
    require(whole, "the fates that were told leave a hole")
    by = Counter[str]()
    for start, end, why in told:
        by[why] += end - start
    gaps = by["gap"] + by["disconnected"]
    require(by["passed"] == counts["written"], "other samples were told of as passed than are counted as written")
    below = by["policy"] <= counts["silenced_policy"] and gaps <= counts["silenced_gap"]
    require(below, "more samples were told of as silenced than are counted")
    if interrupted or not told or told[-1][1] < track.accounting.get("head", 0):
        return
    require(counts["lost"] <= by["lost"], "more samples are counted as lost than were told of")
    equal = by["policy"] == counts["silenced_policy"] and gaps == counts["silenced_gap"]
    require(equal or by["lost"] > 0, "fewer samples were told of as silenced than are counted")


def closed_sound(trial: Trial) -> str:
    """17. No stored sample covers an instant at which the decisions close audio_recording, nor may cover one within
    the uncertainty of its clock."""
    case = _decided(trial)
    closed = steps.closed(case.replay.transitions, Kind.AUDIO_RECORDING)
    samples = 0
    for artifact in _active(case, recordings=True):
        for segment in artifact.segments.values():
            for start, end in stored([segment]):
                hit = _first_hit(start - segment.uncertainty, end + segment.uncertainty, artifact.rate, closed)
                require(hit is None, f"stored sound at {hit or 0:.3f} s, which is closed")
                samples += end - start
    return f"{samples} stored samples, none at a closed instant"


def closed_derived(trial: Trial) -> str:
    """18. No derived artifact covers an instant that is closed to its kind or to anything that it is made of, but where
    it says that it left it out; and none is kept that could not leave it out. As admission and purge judge."""
    case = _decided(trial)

    def verdicts(kind: str, _start: float, _end: float) -> Sequence[Stretch]:
        return steps.closed(case.replay.transitions, kind)

    artifacts = _active(case, recordings=False)
    for position, artifact in enumerate(artifacts, 1):
        shut = lineage.closed(artifact, case.conversation.artifacts, verdicts)
        hits = [start for start, _ in lineage.newly(artifact, shut)]
        require(not hits, f"derived artifact {position} covers {min(hits, default=0):.3f} s, which is closed")
        unheard = lineage.silent(artifact, case.conversation.artifacts, verdicts)
        stands = artifact.form == lineage.WORDS or lineage.may_stand(artifact, shut, unheard)
        require(stands, f"derived artifact {position} is content that cannot be shown to leave out what is closed")
    return f"{len(artifacts)} derived artifacts, none over a closed instant"


def sound(trial: Trial) -> str:
    """19. Included sound is digitally silent wherever nothing is stored, and opens the commitments of its segments."""
    case = need(trial.case)
    if not case.sound:
        raise SkippedError("no sound is included")
    bare = 0
    for name, wav in case.sound.items():
        artifact = case.conversation.artifacts.get(name)
        if artifact is None or artifact.track is None or artifact.state is not ArtifactState.ACTIVE:
            require(trial.replay_is_partial, f"sound of {name}, which is no recording that is kept")
            continue
        samples = (len(wav) - HEADER_BYTES) // 2
        fixed = samples >= 0 and len(wav) == HEADER_BYTES + 2 * samples
        fixed = fixed and wav[:HEADER_BYTES] == wav_header(artifact.rate, samples)
        require(fixed, f"the header of {name} is not the fixed one")
        _silent(name, wav, stored(artifact.segments.values()), samples)
        bare += _committed(trial, artifact, wav)
    note = f"; {bare} segments carry no commitment to their sound" if bare else ""
    return f"{len(case.sound)} recordings silent where nothing is stored{note}"


def _silent(name: str, wav: bytes, kept: Sequence[tuple[int, int]], samples: int) -> None:
    position = 0
    for start, end in [*kept, (samples, samples)]:
        part = wav[HEADER_BYTES + 2 * position : HEADER_BYTES + 2 * max(min(start, samples), position)]
        require(part.count(0) == len(part), f"{name} is not silent from sample {position} to {start}")
        position = max(position, end)


def _committed(trial: Trial, artifact: ArtifactEntry, wav: bytes) -> int:
    """How many segments say nothing of their sound. A segment's event may carry `sound_salt` and `sound_commitment`
    (hex): over the PCM16 of its samples, gaps as zeros, in the domain of objects."""
    sealed = {event.data.get("segment"): event.data for event in need(trial.events).values()}
    bare = 0
    for segment in artifact.segments.values():
        data = sealed[segment.segment]
        if "sound_commitment" not in data:
            bare += 1
            continue
        made = commit(Domain.OBJECT, bytes.fromhex(data["sound_salt"]), _pcm(wav, segment))
        require(
            made.hex() == data["sound_commitment"], f"the sound of the segment at sample {segment.start} is another"
        )
    return bare


def _pcm(wav: bytes, segment: SegmentEntry) -> bytes:
    return wav[HEADER_BYTES + 2 * segment.start : HEADER_BYTES + 2 * (segment.start + segment.samples)]


def _decided(trial: Trial) -> Case:
    case = need(trial.case)
    if not case.replay.transitions:
        raise SkippedError("no decisions are stated")
    return case


def _active(case: Case, *, recordings: bool) -> list[ArtifactEntry]:
    artifacts = case.conversation.artifacts.values()
    return [a for a in artifacts if (a.track is not None) is recordings and a.state is ArtifactState.ACTIVE]


def _first_hit(start: int, end: int, rate: int, closed: Sequence[Stretch]) -> float | None:
    """The first closed second inside samples [start, end)."""
    for low, high in closed:
        if start + _GRAIN < high * rate and low * rate < end - _GRAIN:
            return max(low, start / rate)
    return None
