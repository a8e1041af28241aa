"""What a person presses or says to stop a recording, heard in what comes in anyway, and told as an `opt_out`.

It only ever closes. Which key was pressed and what was said is compared in memory; the event says neither."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.capture.words import Word
from onrecord.governance import triggers
from onrecord.governance.triggers import Triggers
from onrecord.policy.call import CUSTOMER, STAFF
from onrecord.policy.kinds import Kind
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened, sealed
from onrecord.workflow.tell import tell

THE_ONE = "triggers"
SAME_SECONDS = 1.0
_LISTENER = Principal("", "platform", frozenset({Scope.EVENTS_WRITE}))
_TELEPHONE = Principal("", "telephony", frozenset({Scope.EVENTS_WRITE}))
_KEYED_IN = frozenset({"SENSITIVE_SEGMENT", "SEGMENT_DECLINED", "SEGMENT_CONSENT"})

log = structlog.get_logger("triggers")


def load(d: Deployment) -> None:
    """What the tenant has chosen. Errors: StorageError, VaultError."""
    record = d.store.record(d.tenant, RecordKind.TRIGGERS, THE_ONE)
    if record is not None:
        d.triggers.chosen = triggers.parse(opened(d.vault, d.tenant, record))


async def choose(d: Deployment, principal: Principal, raw: Mapping[str, Any]) -> Triggers:
    """In place of what was chosen before. Errors: ForbiddenError, InvalidTriggersError, StorageError."""
    principal.need(Scope.POLICY_SET)
    chosen = triggers.parse(raw)
    record = sealed(d.vault, d.tenant, RecordKind.TRIGGERS, THE_ONE, chosen.shown())
    await asyncio.get_running_loop().run_in_executor(d.writers, d.store.put, d.tenant, [record])
    d.triggers.chosen = chosen
    return chosen


async def pressed(d: Deployment, live: Live, track: str, key: str, t: float) -> None:
    """A key on a track of a stream, where its media stood when the key came, seconds. In a sensitive stretch keys are
    what is being keyed in."""
    if key not in d.triggers.chosen.keys or _is_staff(live, track):
        return
    if live.timeline.decision(Kind.AUDIO_RECORDING, t).reason in _KEYED_IN:
        return
    await _tell(d, live, _TELEPHONE, [{"t": t, "method": "keypad", **_who(live, track)}])


async def overheard(d: Deployment, live: Live, words: Iterable[Word]) -> None:
    """Words that came in, of any kind and whatever the verdict on them. Those of staff say nothing."""
    voices = await asyncio.get_running_loop().run_in_executor(d.executor, _heard, d.triggers.chosen, words)
    known = [said.event for said in live.said.values() if said.event.type == "opt_out"]
    told = [
        {"t": t, "method": "phrase", **_who(live, channel)}
        for channel, instants in voices.items()
        if not _is_staff(live, channel)
        for t in instants
        if not any(event.data.get("method") == "phrase" and abs(event.t - t) < SAME_SECONDS for event in known)
    ]
    await _tell(d, live, _LISTENER, told)


def _heard(chosen: Triggers, words: Iterable[Word]) -> dict[str, list[float]]:
    """When a phrase begins, by channel."""
    voices: dict[str, list[Word]] = defaultdict(list)
    for word in sorted(words, key=lambda word: word.s):
        voices[word.channel].append(word)
    return {channel: triggers.said(chosen, spoken) for channel, spoken in voices.items()}


async def _tell(d: Deployment, live: Live, principal: Principal, heard: list[dict[str, Any]]) -> None:
    """Its closing holds also where it could not be stored; it is stored then with the next event."""
    if not heard:
        return
    try:
        await tell(d, live, principal, [{"type": "opt_out", "reason_code": "asked", **each} for each in heard], None)
    except OnRecordError as error:
        log.warning("opt_out_not_stored", code=error.code)


def _who(live: Live, name: str) -> dict[str, str]:
    known = {word for party in live.conversation.parties for word in (party.role, party.party_id)}
    return {"party": name} if name != CUSTOMER and name in known else {}


def _is_staff(live: Live, name: str) -> bool:
    roles = {party.role for party in live.conversation.parties if name in (party.role, party.party_id)}
    return (roles or {name}) <= STAFF
