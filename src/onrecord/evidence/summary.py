"""`summary.html`: the account for people, in one file without script or outside resource."""

import unicodedata
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from onrecord.base.clock import rfc3339
from onrecord.base.stretch import FOREVER
from onrecord.evidence import bars, systems, words
from onrecord.evidence.case import Case
from onrecord.evidence.media import COUNTERS, counters
from onrecord.evidence.steps import withheld
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import ArtifactEntry, PartyEntry

_CONSENT = (
    "prompt_delivered",
    Internal.PROMPT_HEARD,
    "prompt_version_changed",
    "consent",
    "segment_consent",
    "consent_withdrawn",
    "objection",
    "opt_out",
    "opt_in",
    "erasure_request",
)
_JOURNEY = (
    Internal.STREAM_OPENED,
    Internal.STREAM_CLOSED,
    Internal.INTERRUPTED,
    Internal.OVERLOADED,
    Internal.OVERLOAD_ENDED,
    Internal.MEDIA_LOST,
    Internal.RECORDING_COMMANDED,
    Internal.COMMAND_ANSWERED,
    Internal.SOURCE_ANSWERED,
    Internal.SYSTEM_BARRED,
    Internal.SYSTEM_COMMANDED,
    Internal.SYSTEM_ANSWERED,
    Internal.SYSTEM_DISOBEYED,
    Internal.ALARM_RAISED,
    Internal.ALARM_CLEARED,
    Internal.SEALED,
    "call_start",
    "call_end",
    "party_join",
    "jurisdiction_update",
    "transfer",
    "workflow",
    "segment_start",
    "segment_end",
    "bypass",
    "capture_ack",
    "capture_report",
)
_HANDLING = (
    Internal.CONTENT_DISCLOSED,
    Internal.EVIDENCE_EXPORTED,
    Internal.ARTIFACT_REFUSED,
    Internal.ASSERTION_REFUSED,
    Internal.PURGE_INTENDED,
    Internal.PURGE_COMPLETED,
    Internal.ERASURE_INTENDED,
    Internal.ERASURE_COMPLETED,
)


def shown(value: object) -> str:
    """One line of text: characters that print nothing or turn the direction of text stand as their code points."""
    text = words.plain(value)
    invisible = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    return "".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in invisible else c for c in text)


def clock(seconds: float | None) -> str:
    """mm:ss.s, with hours where there are any."""
    if seconds is None or seconds == FOREVER:
        return "end"
    tenths = round(max(seconds, 0.0) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    lead = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    return f"{lead}:{rest // 10:02d}.{rest % 10}"


_PAGE = Environment(
    autoescape=True, undefined=StrictUndefined, finalize=shown, keep_trailing_newline=True, auto_reload=False
).from_string(files(__package__).joinpath("summary.html.j2").read_text(encoding="utf-8"))


def summary_html(case: Case, vkey: str) -> bytes:
    enabled, disabled = _kinds(case)
    span = bars.span(case)
    page = _PAGE.render(
        head={"id": case.interaction, "badges": _badges(case), "facts": _facts(case)},
        parties=[_party(entry) for entry in case.conversation.parties],
        bars=bars.bars(case, enabled, span, clock),
        ticks=[clock(span * part / 4) for part in range(5)],
        undecided=words.REPLAY[case.replay.status],
        disabled=", ".join(map(words.kind, disabled)),
        closings=_closings(case),
        consent=[_consent(event) for _, event in case.of_type(*_CONSENT)],
        journey=[_row(event) for _, event in case.of_type(*_JOURNEY)],
        systems=[{**row, "kinds": ", ".join(map(words.kind, row["kinds"]))} for row in systems.rows(case)],
        flags=[{"at": clock(f["t"]), "flag": f["flag"], "event": f["event_id"]} for f in case.replay.flags],
        counters=[name.replace("_", " ") for name in COUNTERS],
        accounting=[
            {"track": name, "counts": list(counters(track).values())}
            for name, track in sorted(case.conversation.tracks.items())
        ],
        artifacts=[_artifact(entry) for entry in case.conversation.artifacts.values()],
        retention=_retention(case, enabled),
        handling=[_row(event) for _, event in case.of_type(*_HANDLING)],
        log=_log(case),
        missing=[{"item": m.item.replace("_", " "), "reason": m.reason} for m in case.missing],
        vkey=vkey,
        product=case.product,
        exported=rfc3339(case.exported_at),
    )
    return page.encode()


def _kinds(case: Case) -> tuple[list[str], list[str]]:
    """Kinds that the conversation was admitted with, and the others that the decisions name."""
    enabled = list(case.conversation.enabled)
    known = sorted({transition["kind"] for transition in case.replay.transitions})
    return enabled, [kind for kind in known if kind not in enabled]


def _badges(case: Case) -> list[dict[str, str]]:
    c = case.conversation
    sealed = "Sealed: the count of events is fixed" if c.seal is not None else "Not sealed: more events may follow"
    badges = [{"tone": "good" if c.seal is not None else "warn", "text": sealed}]
    if case.erased:
        badges.append({"tone": "warn", "text": f"{len(case.erased)} of {len(case.openings)} openings erased"})
    if case.replay.flags:
        badges.append({"tone": "bad", "text": f"{len(case.replay.flags)} exceptions flagged"})
    else:
        badges.append({"tone": "good", "text": "No exception flagged"})
    if c.interruptions:
        badges.append({"tone": "warn", "text": f"Interrupted {len(c.interruptions)} times"})
    return badges


def _facts(case: Case) -> list[dict[str, str]]:
    c = case.conversation
    started = "not started" if c.started_at is None else rfc3339(c.started_at)
    facts = {
        "Started": started,
        "Length": "still open" if c.ended_t is None else clock(c.ended_t),
        "State": c.stage,
        "Sector": c.sector,
        "Policy": ", ".join(f"{pack.id} {pack.version}" for pack in case.packs),
        "Decisions": words.REPLAY[case.replay.status],
        "Hold-back": f"{c.hold_back:g} s in memory before anything is written",
    }
    return [{"name": name, "value": value} for name, value in facts.items()]


def _party(entry: PartyEntry) -> dict[str, str]:
    contact = ", ".join(str(entry.contact[name]) for name in sorted(entry.contact))
    return {"role": entry.role, "jurisdiction": entry.jurisdiction, "contact": contact, "person": entry.person}


def _closings(case: Case) -> list[dict[str, str]]:
    """Stretches of enabled kinds that share limits and reason, as one row."""
    rows: dict[tuple[float, str, str, str], list[str]] = {}
    for closing in withheld(case.replay.transitions, case.conversation.ended_t):
        if closing["kind"] in case.conversation.enabled:
            end = "end" if closing["end"] is None else clock(closing["end"])
            key = (closing["start"], end, closing["reason"], closing["cause"] or "")
            rows.setdefault(key, []).append(words.kind(closing["kind"]))
    return [
        {
            "start": clock(start),
            "end": end,
            "kinds": ", ".join(kinds),
            "reason": words.reason(reason),
            "code": reason,
            "cause": cause,
        }
        for (start, end, reason, cause), kinds in sorted(rows.items())
    ]


def _consent(event: Event) -> dict[str, Any]:
    data = event.data
    return {
        "at": clock(event.t),
        "what": words.statement(event.type, data),
        "who": data.get("party") or data.get("to") or "customer",
        "how": data.get("method") or data.get("channel") or words.share(data),
        "version": data.get("prompt_version")
        or (data.get("to") if event.type == "prompt_version_changed" else "")
        or "",
        "source": event.source,
    }


def _row(event: Event) -> dict[str, str]:
    return {"at": clock(event.t), "what": words.event(event.type), "detail": words.detail(event.type, event.data)}


def _artifact(entry: ArtifactEntry) -> dict[str, str]:
    if entry.track is None:
        stretch = f"{clock(entry.start)} to {clock(entry.end)}"
    else:
        stretch = f"track {entry.track}, {len(entry.segments)} segments"
    return {
        "id": entry.artifact,
        "kind": words.kind(entry.kind),
        "state": entry.state,
        "classification": entry.classification,
        "stretch": stretch,
    }


def _retention(case: Case, enabled: Sequence[str]) -> list[dict[str, str]]:
    last: dict[str, Mapping[str, Any]] = {t["kind"]: t for t in case.replay.transitions}
    return [
        {
            "kind": words.kind(kind),
            "purpose": last[kind]["purpose"],
            "basis": last[kind]["legal_basis"],
            "retention": last[kind]["retention"],
        }
        for kind in enabled
        if kind in last
    ]


def _log(case: Case) -> list[dict[str, str]]:
    seal = case.conversation.seal
    indices = [opening.index for opening in case.openings]
    facts = {
        "Events": f"{len(case.openings)}, at log index {indices[0]} to {indices[-1]}",
        "Seal": "none" if seal is None else f"{seal.events} events before it, the last of them {seal.last_digest}",
        "Log": case.log.origin,
        "Tree size": str(case.log.size),
        "Root hash": case.log.root,
        "Policy files": ", ".join(f"{pack.id} SHA-256 {pack.digest}" for pack in case.packs),
    }
    return [{"name": name, "value": value} for name, value in facts.items()]
