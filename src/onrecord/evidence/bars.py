"""The drawing of a conversation: one bar a kind from its decisions, one a track from what is stored of it."""

from collections.abc import Callable, Sequence
from typing import Any

from onrecord.base.stretch import FOREVER
from onrecord.evidence import words
from onrecord.evidence.case import Case
from onrecord.evidence.media import stored
from onrecord.evidence.steps import steps

_WIDTH = 1000
Clock = Callable[[float], str]


def span(case: Case) -> float:
    """Seconds that the drawing covers: the call, or as far as events and sound reach; at least one."""
    c = case.conversation
    sound = [
        (segment.start + segment.samples) / artifact.rate
        for artifact in c.artifacts.values()
        if artifact.rate
        for segment in artifact.segments.values()
    ]
    return max([1.0, c.last_t if c.ended_t is None else c.ended_t, *sound])


def bars(case: Case, kinds: Sequence[str], until: float, clock: Clock) -> list[dict[str, Any]]:
    rows = [_decided(case, kind, until, clock) for kind in kinds] if case.replay.transitions else []
    return [*rows, *(_sound(case, name, until, clock) for name in sorted(case.conversation.tracks))]


def _part(start: float, end: float, until: float, tone: str, title: str) -> dict[str, str]:
    x = max(start, 0.0) / until * _WIDTH
    width = min(end, until) / until * _WIDTH - x
    return {"x": f"{x:.2f}", "width": f"{width:.2f}", "tone": tone, "title": title}


def _decided(case: Case, kind: str, until: float, clock: Clock) -> dict[str, Any]:
    parts = []
    for start, end, transition in steps(case.replay.transitions, kind):
        if end <= 0.0 or start >= until:
            continue
        tone = "ephemeral" if transition["verdict"] == "ephemeral" else transition["state"]
        stretch = f"{clock(max(start, 0.0))} to {clock(end if end < until else FOREVER)}"
        title = f"{stretch}: {transition['state']}, {words.reason(transition['reason'])}"
        parts.append(_part(start, end, until, tone, title))
    return {"name": words.kind(kind), "label": f"Decisions on {words.kind(kind)}", "parts": parts}


def _sound(case: Case, name: str, until: float, clock: Clock) -> dict[str, Any]:
    """Stored samples over the segments they stand in; a segment's gaps are silence."""
    parts = []
    for artifact in case.conversation.artifacts.values():
        rate = artifact.rate
        if artifact.track != name or not rate:
            continue
        live = sorted(artifact.segments.values(), key=lambda segment: segment.start)
        gaps = [(start, end, why) for segment in live for start, end, why in segment.gaps]
        kept = [(start, end, "written") for start, end in stored(live)]
        for start, end, what in sorted([*gaps, *kept]):
            tone = "written" if what == "written" else "silenced"
            title = f"{clock(start / rate)} to {clock(end / rate)}: {what.replace('_', ' ')}"
            parts.append(_part(start / rate, end / rate, until, tone, title))
    return {"name": f"sound of {name}", "label": f"Stored sound of {name}", "parts": parts}
