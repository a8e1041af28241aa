"""One event of every type that folds, and a conversation with one sealed segment."""

from collections.abc import Mapping
from typing import Any

from onrecord.interaction.events import INTERNAL, Event, Internal
from onrecord.interaction.record import Conversation, fold

COUNTS = {"received": 160, "written": 160}


def stored(segment: str, **more: Any) -> dict[str, Any]:
    return {
        "segment": segment,
        "object": f"obj-{segment}",
        "key": f"key-{segment}",
        "size": 320,
        "chunks": 1,
        "tags": "ab" * 32,
        **more,
    }


def sealed(segment: str, *supersedes: str, start: int = 0, samples: int = 160, **more: Any) -> dict[str, Any]:
    return {
        "artifact": "art-1",
        "track": "customer",
        "persons": ["prs-c"],
        "classification": "restricted",
        "epoch": 0,
        "start": start,
        "gaps": [[start, start + 20, "policy"]],
        "supersedes": list(supersedes),
        "runs": [[start, start + samples, "passed"]],
        "accounting": COUNTS,
        **stored(segment, samples=samples),
        **more,
    }


SAMPLES: dict[str, dict[str, Any]] = {
    Internal.INTERACTION_OPENED: {
        "sector": "banking",
        "artifacts_enabled": ["audio_recording"],
        "overlay": {"opt_out_action": "stop"},
        "packs": [{"id": "strict", "version": "1"}],
        "hold_back": 5.0,
    },
    Internal.PARTY_ADDED: {"role": "customer", "jurisdiction": "DE", "person": "prs-c"},
    Internal.PARTY_JOINED: {"role": "witness", "jurisdiction": "FR", "person": "prs-w"},
    Internal.STREAM_OPENED: {
        "stream": "str-1",
        "tracks": [{"name": "customer", "rate": 8000, "encoding": "mulaw"}],
    },
    Internal.STREAM_CLOSED: {"stream": "str-1"},
    Internal.SEGMENT_SEALED: sealed("seg-1"),
    Internal.TRACK_ACCOUNTED: {"track": "customer", "runs": [[0, 160, "passed"]], "accounting": COUNTS},
    Internal.PURGE_INTENDED: {"purge": "pur-1", "artifact": "art-1", "segment": "seg-1"},
    Internal.PURGE_COMPLETED: {"purge": "pur-1"},
    Internal.ARTIFACT_STORED: {
        "artifact": "art-2",
        "kind": "transcript",
        "media_type": "application/json",
        "persons": ["prs-c"],
        "start": 0.0,
        "end": 2.0,
        "state": "active",
        "classification": "restricted",
        "form": "words",
        "sources": [["art-1", 0.0, 2.0]],
        "withheld": [[1.0, 1.5]],
        **stored("seg-t"),
    },
    Internal.ARTIFACT_QUARANTINED: {"artifact": "art-1"},
    Internal.ERASURE_INTENDED: {"erasure": "era-1", "artifacts": ["art-1"], "objects": ["obj-seg-1"]},
    Internal.ERASURE_COMPLETED: {"erasure": "era-1"},
    Internal.INTERRUPTED: {"accounting": {"customer": COUNTS}},
    Internal.SYSTEM_ATTACHED: {
        "system": "sys-1",
        "name": "recorder",
        "kinds": ["audio_recording"],
        "deadline": 5.0,
        "vendor": None,
        "lacking": [],
    },
    Internal.SYSTEM_BARRED: {"systems": [{"system": "sys-1", "lacking": ["dpa"]}]},
    Internal.SYSTEM_COMMANDED: {"system": "sys-1"},
    Internal.SYSTEM_ANSWERED: {"system": "sys-1"},
    Internal.RECORDING_COMMANDED: {
        "recording": "rec-1",
        "platform": "twilio",
        "call": "CA1",
        "platform_recording": None,
    },
    Internal.COMMAND_ANSWERED: {"recording": "rec-1"},
    Internal.SEALED: {"events": 7, "last_digest": "cd" * 32},
}


def event(kind: str, data: Mapping[str, Any] | None = None, t: float = 0.0, received: float = 0.0) -> Event:
    given = SAMPLES.get(kind, {}) if data is None else data
    who = "onrecord" if kind in INTERNAL else "key_1"
    return Event(f"evt-{kind}-{t}", kind, t, received, 1_000 + int(t * 1e9), who, who, given)


def tape(*kinds: str) -> Conversation:
    return fold("int-1", [event(kind) for kind in kinds])


def recording() -> Conversation:
    return tape(Internal.INTERACTION_OPENED, Internal.PARTY_ADDED, Internal.STREAM_OPENED, Internal.SEGMENT_SEALED)
