"""Plays the demo call against a server and tells what happens as it happens."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from onrecord.entrypoints.cli.demo_call.call import DemoCall
from onrecord.entrypoints.cli.rehearsal.claims import Claims, heading, line, progress
from onrecord.entrypoints.cli.rehearsal.host import Host
from onrecord.entrypoints.cli.rehearsal.player import play

SHOWN = ("audio_recording", "transcript", "ai_summary")


@dataclass(slots=True)
class Story:
    """What the call left: the interaction's id, and the answers that the checks afterwards need."""

    interaction: str
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    tracks: dict[str, dict[str, Any]] = field(default_factory=dict)
    transcript: str = ""


class _Teller:
    """Posts each event when the media has come to its time, and prints what it changed."""

    def __init__(self, host: Host, call: DemoCall, interaction: str) -> None:
        self._host = host
        self._call = call
        self._path = f"/v1/interactions/{interaction}/events"
        self._next = 0
        self._state: dict[str, tuple[str, str]] = {}

    async def __call__(self, t: float) -> None:
        events = self._call.events
        while self._next < len(events) and events[self._next]["t"] <= t:
            event = events[self._next]
            self._next += 1
            answer = await asyncio.to_thread(self._host.need, "POST", self._path, event)
            self._tell(event, answer)
        if round(t * 50) % 25 == 0:
            progress(f"  {clock(t)}  {bar(t / self._call.duration_s)}")

    def _tell(self, event: dict[str, Any], answer: dict[str, Any]) -> None:
        now = {kind: (d["state"], d["reason"]) for kind, d in answer["decisions"].items() if kind in SHOWN}
        changed = [kind for kind in SHOWN if now[kind] != self._state.get(kind)]
        self._state = now
        detail = " ".join(str(event[k]) for k in ("segment", "result", "method", "to") if k in event)
        line(f"  {clock(event['t'])}  {event['type'].replace('_', ' ')}{' (' + detail + ')' if detail else ''}")
        groups: dict[tuple[str, str], list[str]] = {}
        for kind in changed:
            groups.setdefault(now[kind], []).append(kind.replace("_", " "))
        for (state, reason), kinds in groups.items():
            line(f"             {', '.join(kinds)}: {state} ({reason})")


def clock(t: float) -> str:
    return f"{int(t) // 60:02d}:{t % 60:05.2f}"


def bar(share: float, width: int = 32) -> str:
    full = round(share * width)
    return "#" * full + "." * (width - full)


def tell(host: Host, call: DemoCall, claims: Claims, speed: float) -> Story:
    """Errors: HostError, StreamError."""
    made = host.need("POST", "/v1/interactions", call.head)
    story = Story(made["id"])
    heading(f"The call, {call.duration_s:.0f} seconds, two tracks, over a media socket")
    asyncio.run(play(call, host.ws, made["stream_token"], _Teller(host, call, story.interaction), speed=speed))
    progress("")
    heading("What was made of it, and offered to be stored")
    _derive(host, call, claims, story)
    path = f"/v1/interactions/{story.interaction}"
    story.artifacts = host.need("GET", f"{path}/artifacts")["artifacts"]
    story.tracks = host.need("GET", f"{path}/accounting")["tracks"]
    heading("What was stored, and what was not (seconds of each track)")
    _account(story, call, claims)
    sealed = host.need("POST", f"{path}/seal")
    line(f"  sealed: {sealed['events']} events, leaf {sealed['leaf_index']} of the log")
    return story


def _derive(host: Host, call: DemoCall, claims: Claims, story: Story) -> None:
    path = f"/v1/interactions/{story.interaction}/artifacts"
    recorded = host.need("GET", path)["artifacts"]
    sound = [a["id"] for a in recorded if a["kind"] == "audio_recording"]
    words = [
        {"w": word.w, "s": word.s, "e": word.e, "channel": turn.channel} for turn in call.turns for word in turn.words
    ]
    whole = [{"artifact": a, "start": 0, "end": call.duration_s} for a in sound]
    transcript = host.need("POST", path, {"kind": "transcript", "sources": whole, "words": words})
    story.transcript = transcript["id"]
    claims.check(
        "transcript_cut",
        f"the transcript of the whole call was kept with {len(transcript['withheld'])} stretches cut out",
        ok=_covers(transcript["withheld"], call.withheld),
    )
    of_open = [{"artifact": a, "start": s, "end": e} for a in sound for s, e in call.summary.stretches]
    body = {"kind": "ai_summary", "sources": of_open, "content": call.summary.text}
    claims.check(
        "summary_kept", "a summary of what was recorded was kept", ok=host.call("POST", path, body).status == 201
    )
    of_closed = [{"artifact": a, "start": s, "end": e} for a in sound for s, e in call.summary_refused.stretches]
    refused = host.call(
        "POST", path, {"kind": "ai_summary", "sources": of_closed, "content": call.summary_refused.text}
    )
    claims.check(
        "summary_refused",
        "a summary of the payment was refused (verdict_closed)",
        ok=refused.status == 409 and refused.json["code"] == "verdict_closed",
    )


def _covers(found: list[list[float]], expected: tuple[tuple[float, float, str], ...]) -> bool:
    return all(any(s <= start and end <= e for s, e in found) for start, end, _ in expected)


def _account(story: Story, call: DemoCall, claims: Claims) -> None:
    for name, counts in story.tracks.items():
        seconds = {k: v / call.sample_rate for k, v in counts.items() if isinstance(v, int)}
        line(
            f"  {name:9} received {seconds['received']:6.2f}   stored {seconds['written']:6.2f}"
            f"   withheld {seconds['silenced_policy']:6.2f}   held {seconds['held']:.2f}"
        )
        claims.check(f"account_{name}", f"every sample of {name} is accounted for", ok=_balanced(counts))
    for artifact in story.artifacts:
        if artifact["track"]:
            gaps = ", ".join(f"{clock(s)}-{clock(e)} {why}" for s, e, why in artifact["gaps"] if e - s > 0.05)
            line(f"  recording of {artifact['track']}: silent {gaps}")


def _balanced(counts: dict[str, Any]) -> bool:
    known = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")
    total = sum(counts[name] for name in known)
    return bool(counts["received"] + counts["missing"] == total and counts["held"] == 0 and counts["received"] > 0)
