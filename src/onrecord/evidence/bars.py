"""The drawing of a conversation: one bar a kind from its decisions, one a track from what is stored of it."""

from collections.abc import Callable, Sequence
from typing import Any

from onrecord.base.stretch import FOREVER, normalise
from onrecord.evidence import words
from onrecord.evidence.case import Case
from onrecord.evidence.media import stored
from onrecord.evidence.steps import steps
from onrecord.interaction.record import ArtifactState

_WIDTH = 1000
_FILL = {
    "capturing": "#1f7a5a",
    "written": "#1f7a5a",
    "paused": "#c98a1b",
    "silenced": "#c98a1b",
    "ephemeral": "#5b7fa8",
    "stopped": "#a8443a",
    "never": "#c4cbd4",
}
_FATE = {"policy": ("withheld by policy", "silenced"), "passed": ("passed the gate, no longer kept", "silenced")}
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
    """Kinds that were decided alike share a bar."""
    alike: dict[str, tuple[list[str], list[dict[str, str]]]] = {}
    for kind in kinds if case.replay.transitions else ():
        parts = _decided(case, kind, until, clock)
        alike.setdefault(repr(parts), ([], parts))[0].append(words.kind(kind))
    rows = [_row(", ".join(names), f"Decisions on {', '.join(names)}", parts) for names, parts in alike.values()]
    tracks = sorted(case.conversation.tracks)
    return rows + [_row(f"sound of {t}", f"Stored sound of {t}", _sound(case, t, until, clock)) for t in tracks]


def _row(name: str, label: str, parts: list[dict[str, str]]) -> dict[str, Any]:
    return {"name": name, "label": label, "parts": parts}


def _part(start: float, end: float, until: float, tone: str, title: str) -> dict[str, str]:
    x = max(start, 0.0) / until * _WIDTH
    width = min(end, until) / until * _WIDTH - x
    return {"x": f"{x:.2f}", "width": f"{width:.2f}", "tone": tone, "fill": _FILL[tone], "title": title}


def _decided(case: Case, kind: str, until: float, clock: Clock) -> list[dict[str, str]]:
    parts = []
    for start, end, transition in steps(case.replay.transitions, kind):
        if end <= 0.0 or start >= until:
            continue
        tone = "ephemeral" if transition["verdict"] == "ephemeral" else transition["state"]
        stretch = f"{clock(max(start, 0.0))} to {clock(end if end < until else FOREVER)}"
        title = f"{stretch}: {transition['state']}, {words.reason(transition['reason'])}"
        parts.append(_part(start, end, until, tone, title))
    return parts


def _sound(case: Case, name: str, until: float, clock: Clock) -> list[dict[str, str]]:
    """What was decided of the track's samples, and over it what is stored of them now."""
    c = case.conversation
    rate = c.tracks[name].rate
    own = [a for a in c.artifacts.values() if a.track == name and a.state is not ArtifactState.ERASED]
    runs = [(start, end, why) for start, end, why in c.tracks[name].runs if end > start]
    kept = normalise(run for a in own for run in stored(a.segments.values()))
    layers = [(start, end, *_FATE.get(why, (why.replace("_", " "), "never"))) for start, end, why in runs]
    layers += [(int(start), int(end), "stored", "written") for start, end in kept]
    return [
        _part(start / rate, end / rate, until, tone, f"{clock(start / rate)} to {clock(end / rate)}: {what}")
        for start, end, what, tone in layers
    ]
