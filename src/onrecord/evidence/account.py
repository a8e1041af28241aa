"""`evidence.json`: the account of one conversation, each statement from an opening or from the replay."""

from collections.abc import Iterable, Mapping
from typing import Any

from onrecord.base import canonical
from onrecord.base.clock import rfc3339
from onrecord.base.stretch import Stretch, normalise, subtract
from onrecord.capture.runs import Fate
from onrecord.evidence.case import Case
from onrecord.evidence.media import stored
from onrecord.evidence.steps import withheld
from onrecord.evidence.systems import capture_systems
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import ArtifactEntry, Conversation

_GIVEN = {"accepted": "given", "implied": "implied", "declined": "declined", "no_response": "no_response"}
_HEARING = ("track", "start", "end", "ref_start", "ref_end", "fraction", "score", "why")
_JOURNEY = (
    Internal.STREAM_OPENED,
    Internal.STREAM_CLOSED,
    Internal.INTERRUPTED,
    Internal.OVERLOADED,
    Internal.OVERLOAD_ENDED,
    Internal.MEDIA_LOST,
    Internal.ALARM_RAISED,
    Internal.ALARM_CLEARED,
    Internal.SEALED,
    "call_start",
    "call_end",
    "party_join",
    "transfer",
    "workflow",
    "bypass",
    "capture_ack",
    "capture_report",
)


def evidence_json(case: Case) -> bytes:
    """Seconds are on the interaction's clock; instants with a date are RFC 3339 in UTC."""
    body = {
        "kind": "onrecord/evidence",
        "version": 1,
        "interaction": _interaction(case),
        "product": case.product,
        "exported_at": rfc3339(case.exported_at),
        "parties": _parties(case),
        "journey": _entries(case, *_JOURNEY),
        "prompts": _prompts(case),
        "prompt_versions": _entries(case, "prompt_version_changed"),
        "consent": [_consent(entry) for entry in _entries(case, "consent", "segment_consent")],
        "withdrawals": _entries(case, "consent_withdrawn", "erasure_request"),
        "profiles": _entries(case, Internal.PROFILE_READ),
        "legal_bases": _legal_bases(case),
        "objections": _entries(case, "objection"),
        "opt_outs": _entries(case, "opt_out"),
        "opt_ins": _entries(case, "opt_in"),
        "sensitive_segments": _entries(case, "segment_start", "segment_end"),
        "jurisdictions": _entries(case, "jurisdiction_update"),
        "pauses": withheld(case.replay.transitions, case.conversation.ended_t, from_the_start=False),
        "transfers": _entries(case, "transfer"),
        "recordings": [_recording(case, a) for a in case.conversation.artifacts.values() if a.track is not None],
        "source_answers": _entries(case, Internal.SOURCE_ANSWERED),
        "capture_systems": capture_systems(case),
        "platform_recordings": _entries(case, Internal.RECORDING_COMMANDED, Internal.COMMAND_ANSWERED),
        "transcripts": _derived(case, {"transcript", "live_captions"}, inside=True),
        "derived": _derived(case, {"transcript", "live_captions"}, inside=False),
        "redaction": _redaction(case),
        "accesses": _entries(case, Internal.CONTENT_DISCLOSED, Internal.EVIDENCE_EXPORTED),
        "refusals": _entries(case, Internal.ARTIFACT_REFUSED, Internal.ASSERTION_REFUSED),
        "repetitions": _entries(case, Internal.EVENT_REPEATED, Internal.EVENT_CONFLICTED),
        "retention": _retention(case),
        "disposition": _disposition(case),
        "flags": [dict(flag) for flag in case.replay.flags],
        "decisions": {
            "kernel": case.replay.kernel,
            "replay": case.replay.status,
            "packs": [{"id": p.id, "version": p.version, "digest": p.digest} for p in case.packs],
            "overlay": case.conversation.overlay,
            "transitions": [dict(transition) for transition in case.replay.transitions],
        },
        "seal": _seal(case),
        "log": {"origin": case.log.origin, "tree_size": case.log.size, "root": case.log.root},
        "openings": {"count": len(case.openings), "erased": list(case.erased)},
        "missing": [{"item": m.item, "reason": m.reason} for m in case.missing],
    }
    return canonical.dumps(body) + b"\n"


def _interaction(case: Case) -> dict[str, Any]:
    c = case.conversation
    started = c.started_at
    ended = None if started is None or c.ended_t is None else started + round(c.ended_t * 1e9)
    return {
        "id": case.interaction,
        "sector": c.sector,
        "artifacts_enabled": list(c.enabled),
        "created_at": rfc3339(c.created_at),
        "started_at": None if started is None else rfc3339(started),
        "ended_at": None if ended is None else rfc3339(ended),
        "duration": c.ended_t,
        "state": c.stage,
        "interruptions": list(c.interruptions),
        "hold_back": c.hold_back,
    }


def _parties(case: Case) -> list[dict[str, Any]]:
    return [
        {**p.contact, "role": p.role, "jurisdiction": p.jurisdiction, "person": p.person, "party_id": p.party_id}
        for p in case.conversation.parties
    ]


def _entries(case: Case, *types: str) -> list[dict[str, Any]]:
    return [_entry(seq, event) for seq, event in case.of_type(*types)]


def _entry(seq: int, event: Event) -> dict[str, Any]:
    """The event's own fields below what every entry has: seq, event_id, type, t, received, at, source."""
    own = {"seq": seq, "event_id": event.event_id, "type": event.type, "t": event.t, "received": event.received}
    return {**event.data, **own, "at": rfc3339(event.at), "source": event.source}


def _prompts(case: Case) -> list[dict[str, Any]]:
    """Deliveries as they were claimed; `grade` and `heard` by what was found in the sound, where it was looked for."""
    found = {entry["claim"]: entry for entry in _entries(case, Internal.PROMPT_HEARD)}
    return [
        {"grade": "claimed", **entry, **_heard(found.get(entry["event_id"]))}
        for entry in _entries(case, "prompt_delivered")
    ]


def _heard(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {}
    told = {name: entry[name] for name in _HEARING if name in entry}
    return {"grade": entry["grade"], "heard": {**told, "event_id": entry["event_id"]}}


def _consent(entry: Mapping[str, Any]) -> dict[str, Any]:
    """With the text that it is to, as far as that is registered."""
    registered = entry.get("registered")
    fields = ("prompt_id", "version", "sha256", "language")
    prompt = None if registered is None else {field: registered[field] for field in fields}
    return {**entry, "answer": _GIVEN.get(entry.get("result", ""), "unknown"), "prompt": prompt}


def _legal_bases(case: Case) -> list[dict[str, Any]]:
    """What the conversation rests on beside consent, as it was when it was admitted."""
    return [
        {**basis, "seq": seq}
        for seq, event in case.of_type(Internal.INTERACTION_OPENED)
        for basis in event.data.get("legal_bases", ())
    ]


def _recording(case: Case, artifact: ArtifactEntry) -> dict[str, Any]:
    rate = artifact.rate
    live = sorted(artifact.segments.values(), key=lambda s: s.start)
    kept = stored(live) if rate else []
    return {
        **_artifact(artifact),
        "track": artifact.track,
        "rate": rate,
        "encoding": artifact.encoding,
        "segments": len(live),
        "superseded": len(artifact.superseded),
        "stored": [[start / rate, end / rate] for start, end in kept],
        "sound_included": artifact.artifact in case.sound,
    }


def _artifact(artifact: ArtifactEntry) -> dict[str, Any]:
    return {
        "artifact": artifact.artifact,
        "kind": artifact.kind,
        "media_type": artifact.media_type,
        "state": artifact.state,
        "classification": artifact.classification,
        "event_id": artifact.event_id,
        "persons": list(artifact.persons),
    }


def _derived(case: Case, kinds: Iterable[str], *, inside: bool) -> list[dict[str, Any]]:
    return [
        {
            **_artifact(a),
            "start": a.start,
            "end": a.end,
            "sources": [list(source) for source in a.sources],
            "withheld": [list(stretch) for stretch in a.withheld],
        }
        for a in case.conversation.artifacts.values()
        if a.track is None and (a.kind in kinds) is inside
    ]


def _redaction(case: Case) -> list[dict[str, Any]]:
    """What was left out: samples of recordings, from the first of the track on, with their fate; seconds of derived
    artifacts."""
    c = case.conversation
    recordings = [
        {"artifact": a.artifact, "unit": "samples", "withheld": _left_out(c, a)}
        for a in c.artifacts.values()
        if a.track is not None
    ]
    derived = [
        {"artifact": a.artifact, "unit": "seconds", "withheld": [list(stretch) for stretch in a.withheld]}
        for a in c.artifacts.values()
        if a.track is None
    ]
    return [*recordings, *derived]


def _left_out(c: Conversation, a: ArtifactEntry) -> list[list[Any]]:
    """[start, end, fate]: what is silent inside a live segment, and what none holds, by its last fate on record."""
    found = [list(gap) for s in a.segments.values() for gap in s.gaps]
    known = normalise((s.start, s.start + s.samples) for s in a.segments.values())
    for start, end, fate in reversed(c.tracks[a.track or ""].runs):
        if fate != Fate.PASSED:
            found += [[int(s), int(e), fate] for s, e in subtract([Stretch(start, end)], known)]
            known = normalise([*known, (start, end)])
    return sorted(found)


def _retention(case: Case) -> list[dict[str, Any]]:
    """The last decision on each kind: purpose, legal basis and retention schedule."""
    last = {transition["kind"]: transition for transition in case.replay.transitions}
    fields = ("purpose", "legal_basis", "retention", "reason")
    return [{"kind": kind, **{name: last[kind][name] for name in fields}} for kind in sorted(last)]


def _disposition(case: Case) -> dict[str, Any]:
    c = case.conversation
    return {
        "artifacts": {a.artifact: a.state for a in c.artifacts.values()},
        "purges": _entries(case, Internal.PURGE_INTENDED, Internal.PURGE_COMPLETED),
        "erasures": _entries(case, Internal.ERASURE_INTENDED, Internal.ERASURE_COMPLETED),
        "pending": sorted([*c.pending_purges, *c.pending_erasures]),
    }


def _seal(case: Case) -> dict[str, Any] | None:
    seal = case.conversation.seal
    return None if seal is None else {"events": seal.events, "last_digest": seal.last_digest}
