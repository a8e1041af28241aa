"""What an agent is shown beside a call: what is recorded now and why, what to read, what may be pressed."""

from typing import Any

from onrecord.evidence import words
from onrecord.policy.kinds import Kind
from onrecord.policy.owed import END_OR_MOVE, MOVE, READ
from onrecord.policy.purposes import Purpose
from onrecord.policy.verdict import State
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live
from onrecord.workflow.prompt_register import Entry
from onrecord.workflow.views import directives

_ASKED = frozenset(
    {"AWAITING_CONSENT", "IMPLIED_NOT_ENOUGH", "NOTICE_NOT_PROVEN", "NOTICE_MISSING", "CONSENT_STALE"}
    | {"CONSENT_NOT_CARRIED", "NEW_PARTY_NO_CONSENT"}
)
_TOLD = {
    END_OR_MOVE: "A record of this call is a duty, and may not be made: end it, or move it.",
    MOVE: "Move the call to an unrecorded line.",
    READ: "Read the notice.",
}
_OPTED = frozenset({"OPT_OUT", "OPT_OUT_SCOPED"})


def strip(d: Deployment, live: Live, language: str) -> dict[str, Any]:
    """`state` and `reason` are those of the recording; `language` (BCP 47) chooses among registered notices."""
    now = live.now(live.clock_ns(d.clock))
    decision = live.timeline.decision(Kind.AUDIO_RECORDING, now)
    state = State.STOPPED if live.is_shut and decision.state is State.CAPTURING else decision.state
    notice = _notice(d, language) if decision.reason in _ASKED else None
    return {
        "state": state.value,
        "reason": words.reason(decision.reason),
        "script": None
        if notice is None
        else {"prompt_version": notice.prompt.name, "language": notice.prompt.language, "text": notice.prompt.text},
        "directives": [{**each, "text": _TOLD[each["directive"]]} for each in directives(live.timeline, now)],
        "may": [
            *(["stop"] if state in {State.CAPTURING, State.PAUSED} and decision.reason not in _OPTED else []),
            *(["resume"] if decision.reason in _OPTED else []),
        ],
    }


def _notice(d: Deployment, language: str) -> Entry | None:
    """The text that asks for a recording, in that language where there is one: the current version, else the last."""
    found = [entry for prompt_id in d.prompts.versions if (entry := _present(d, prompt_id)) is not None]
    asking = [entry for entry in found if Purpose.RECORDING in entry.prompt.purposes]
    wanted = language.partition("-")[0].lower()
    alike = [entry for entry in asking if entry.prompt.language.partition("-")[0].lower() == wanted]
    return next(iter([*alike, *asking]), None)


def _present(d: Deployment, prompt_id: str) -> Entry | None:
    current = d.prompts.current.get(prompt_id)
    versions = d.prompts.versions[prompt_id]
    return versions[current] if current is not None else next(reversed(versions.values()), None)
