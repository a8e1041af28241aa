"""What is shown of a conversation: plain JSON values in the contract's words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onrecord.base.clock import rfc3339
from onrecord.evidence.replay import head_of
from onrecord.interaction.record import ArtifactEntry, ArtifactState, CommandedEntry, Conversation, SystemEntry
from onrecord.policy.kernel import Timeline, replay
from onrecord.policy.kinds import Kind
from onrecord.policy.verdict import Decision, Flag
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live
from onrecord.workflow.manifest import gaps_of

MAX_TAIL_SECONDS = 3600.0


def flags(found: Iterable[Flag]) -> list[dict[str, Any]]:
    return [{"flag": f.flag, "t": f.t, "event_id": f.event_id} for f in found]


def directives(timeline: Timeline, t: float) -> list[dict[str, Any]]:
    return [{"directive": each.directive, "why": each.why, "t": each.t} for each in timeline.directives(t)]


def decisions_at(d: Deployment, live: Live, t: float | None, as_of: float | None) -> dict[str, Any]:
    """The decisions for instant `t` as known at `as_of`, both in seconds; now where not given."""
    now = live.now(live.clock_ns(d.clock))
    moment = now if t is None else t
    if as_of is None:
        known = max(now, live.conversation.last_received)
        timeline = live.timeline
    else:
        known = as_of
        timeline = replay(live.timeline.policy, head_of(live.conversation), live.timeline.facts, as_of)
    return {
        "t": moment,
        "as_of": known,
        "decisions": timeline.shown(moment),
        "directives": directives(timeline, moment),
        "flags": flags([*timeline.flags(known), *live.flags]),
    }


def interaction(d: Deployment, live: Live) -> dict[str, Any]:
    c = live.conversation
    started, ended = c.started_at, None
    if started is not None and c.ended_t is not None:
        ended = rfc3339(started + round(c.ended_t * 1e9))
    now = live.now(live.clock_ns(d.clock))
    return {
        "id": c.interaction,
        "state": c.stage.value,
        "sector": c.sector,
        "parties": [
            {
                "role": p.role,
                "jurisdiction": p.jurisdiction,
                **({"party_id": p.party_id} if p.party_id else {}),
                **p.contact,
                "person": p.person,
            }
            for p in c.parties
        ],
        "artifacts_enabled": list(c.enabled),
        "policy_packs": [dict(pack) for pack in c.packs],
        "created_at": rfc3339(c.created_at),
        "started_at": None if started is None else rfc3339(started),
        "ended_at": ended,
        "gates": _gates(live, now),
        "interruptions": list(c.interruptions),
        "streams_live": len(c.open_streams),
        "erased_events": c.unreadable,
        "platform_recordings": [_commanded(name, entry) for name, entry in c.commanded.items()],
        "capture_systems": [_system(name, entry) for name, entry in c.systems.items()],
        "seal": None if c.seal is None else {"events": c.seal.events, "last_digest": c.seal.last_digest},
        "flags": flags([*live.timeline.flags(max(now, c.last_received)), *live.flags]),
    }


def _commanded(name: str, entry: CommandedEntry) -> dict[str, Any]:
    answer = entry.answer or {}
    said = {field: answer.get(field) for field in ("wish", "status", "followed", "code")}
    return {"id": name, "platform": entry.platform, **said}


def _system(name: str, entry: SystemEntry) -> dict[str, Any]:
    """What it acknowledged counts for the last command alone."""
    command = entry.command or {}
    answer = entry.answer if entry.answer and entry.answer["command"] == command.get("command") else {}
    return {
        "id": name,
        "name": entry.name,
        "kinds": list(entry.kinds),
        "lacking": list(entry.lacking),
        **{field: command.get(field) for field in ("command", "action", "verdicts")},
        **{field: answer.get(field) for field in ("acknowledged", "code")},
    }


def _gates(live: Live, now: float) -> dict[str, str]:
    """As they stand: what closes counts from the moment it was accepted, before it is durable."""
    timelines = [live.timeline, *live.closings.over(live.timeline)]
    shut, verdicts = live.is_shut, [timeline.at(now) for timeline in timelines]
    return {kind.value: _gate(kind, verdicts, shut=shut or live.overloaded(kind)) for kind in Kind}


def _gate(kind: Kind, verdicts: Sequence[Mapping[Kind, Decision]], *, shut: bool) -> str:
    return "open" if not shut and all(made[kind].state.value == "capturing" for made in verdicts) else "shut"


def transitions(timeline: Timeline) -> list[dict[str, Any]]:
    return [
        {
            "t": t,
            "kind": kind.value,
            "verdict": made.verdict.word,
            "state": made.state.value,
            "reason": made.reason,
            "cause": made.cause,
        }
        for t, kind, made in timeline.transitions()
    ]


def accounting(live: Live) -> dict[str, Any]:
    """Samples by fate, per track: from the gate where this process holds it, else the last durable counters."""
    tracks: dict[str, Any] = {
        name: {"unit": "samples", **entry.accounting} for name, entry in live.conversation.tracks.items()
    }
    for name, track in live.tracks.items():
        tracks[name] = {"unit": "samples", **track.gate.accounting.snapshot()}
    return {"tracks": tracks}


def artifact(live: Live, entry: ArtifactEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": entry.artifact,
        "kind": entry.kind,
        "track": entry.track,
        "media_type": entry.media_type,
        "start": entry.start,
        "end": entry.end,
        "state": entry.state.value,
        "classification": entry.classification,
        "sources": [{"artifact": a, "start": s, "end": e} for a, s, e in entry.sources],
        "gaps": [[s, e, "withheld"] for s, e in entry.withheld],
    }
    if entry.track is not None:
        shown["start"] = 0.0
        shown["end"] = length_of(live)
        if entry.state is not ArtifactState.ERASED:
            shown["gaps"] = gaps_of(live, entry, shown["end"])
    return shown


def length_of(live: Live) -> float:
    """As `length`, with the media that this process has heard and not stored yet."""
    return length(live.conversation, live.media_head())


def length(c: Conversation, head: float = 0.0) -> float:
    """How long recordings are, in seconds: to where the call ends on its clock, but at most MAX_TAIL_SECONDS beyond its
    last media; before that, to there."""
    stored = [(s.start + s.samples) / a.rate for a in c.artifacts.values() if a.track for s in a.segments.values()]
    reach = max([head, *stored])
    return reach if c.ended_t is None else min(c.ended_t, reach + MAX_TAIL_SECONDS)
