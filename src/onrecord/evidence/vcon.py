"""`vcon.json`: the conversation in vCon 0.4.0 (draft-ietf-vcon-vcon-core-04), with the lawful_basis attachments of
draft-howe-vcon-lawful-basis-01.

Recordings stand by reference: `onrecord.commitments` are the salted commitments of the events that sealed their
segments, `url` and `content_hash` are there only where the pack carries the sound. Extension fields of our own are
under the key `onrecord`."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from onrecord.base import canonical
from onrecord.base.clock import rfc3339
from onrecord.evidence.case import Case
from onrecord.evidence.statements import Statement, rested, statements
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import ArtifactEntry, PartyEntry
from onrecord.ledger import leaf
from onrecord.policy.purposes import Purpose

_CONTACT = {"name": "name", "phone": "tel", "email": "mailto"}
_BOTS = frozenset({"bot", "ivr"})
_ANALYSIS = {
    "transcript": "transcript",
    "live_captions": "transcript",
    "ai_summary": "summary",
    "sentiment": "sentiment",
}


def vcon_json(case: Case) -> bytes:
    parties = _Parties(case.conversation.parties)
    tracks: list[str | None] = [*sorted(case.conversation.tracks)] or [None]
    dialog = [_recording(case, parties, track) for track in tracks]
    dialog += [_transfer(case, parties, event, len(tracks)) for _, event in case.of_type("transfer")]
    analysis = [_analysis(a, len(tracks)) for a in case.conversation.artifacts.values() if a.track is None]
    said = statements(case.conversation, sorted(case.events.items()))
    attachments = [_lawful_basis(case, parties, each) for each in said if _is_of_consent(each)]
    attachments += _interests(case, parties, [each for each in said if each.type != "consent" or not each.opens])
    body = {
        "vcon": "0.4.0",
        "uuid": str(uuid8(case.conversation.created_at, f"{case.interaction}.{case.log.origin}")),
        "created_at": rfc3339(case.conversation.created_at),
        "updated_at": rfc3339(case.exported_at),
        "extensions": ["lawful_basis", "onrecord"],
        "parties": parties.objects,
        "dialog": dialog,
        "analysis": analysis,
        "attachments": attachments,
        "onrecord": {"interaction": case.interaction, "log": case.log.origin, "tree_size": case.log.size},
    }
    return canonical.dumps(body) + b"\n"


def uuid8(created_at: int, name: str) -> UUID:
    """Version 8 as the core draft has it: milliseconds, 12 bits below them, 62 bits of SHA-1 over a name."""
    milliseconds, rest = divmod(created_at, 1_000_000)
    low = int.from_bytes(hashlib.sha1(name.encode(), usedforsecurity=False).digest()[:8], "big") >> 2
    fraction = rest * 4096 // 1_000_000
    return UUID(int=(milliseconds & (2**48 - 1)) << 80 | 8 << 76 | fraction << 64 | 2 << 62 | low)


class _Parties:
    """The party objects; a role or desk that nobody was registered for gets one of its own when it is named."""

    def __init__(self, entries: list[PartyEntry]) -> None:
        self.objects = [self._object(entry) for entry in entries]
        self._known: dict[str, int] = {}
        for index, entry in reversed(list(enumerate(entries))):
            for name in (entry.role, entry.party_id):
                if name is not None:
                    self._known[name] = index

    @staticmethod
    def _object(entry: PartyEntry) -> dict[str, Any]:
        contact = {ours: entry.contact[theirs] for theirs, ours in _CONTACT.items() if theirs in entry.contact}
        kind = "bot" if entry.role in _BOTS else "person"
        own = {"role": entry.role, "jurisdiction": entry.jurisdiction, "party_id": entry.party_id}
        return {**contact, "type": kind, "onrecord": own}

    def index(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = len(self.objects)
            self.objects.append(self._object(PartyEntry(name, "unknown", "")))
        return self._known[name]


def _start(case: Case, seconds: float = 0.0) -> str:
    started = case.conversation.started_at
    return rfc3339((case.conversation.created_at if started is None else started) + round(seconds * 1e9))


def _recording(case: Case, parties: _Parties, track: str | None) -> dict[str, Any]:
    """One dialog a track, also where nothing of it was kept; one for the call where it had no track."""
    held = [a for a in case.conversation.artifacts.values() if a.track is not None and a.track == track]
    body: dict[str, Any] = {
        "type": "recording",
        "start": _start(case),
        "parties": [parties.index(track if track is not None else "customer")],
        "onrecord": {
            "track": track,
            "artifacts": [{"artifact": a.artifact, "state": a.state} for a in held],
            "commitments": _commitments(case, {a.artifact for a in held}),
        },
    }
    if case.conversation.ended_t is not None:
        body["duration"] = case.conversation.ended_t
    if held:
        body["mediatype"] = held[0].media_type
    for artifact in held:
        sound = case.sound.get(artifact.artifact)
        if sound is not None:
            digest = base64.urlsafe_b64encode(hashlib.sha512(sound).digest()).rstrip(b"=").decode("ascii")
            body["url"] = f"sound/{artifact.artifact}.wav"
            body["content_hash"] = f"sha512-{digest}"
    return body


def _commitments(case: Case, artifacts: set[str]) -> list[dict[str, Any]]:
    entries = {opening.seq: opening.entry for opening in case.openings}
    return [
        {"seq": seq, "segment": event.data["segment"], "commitment": leaf.parse(entries[seq]).commitment.hex()}
        for seq, event in case.of_type(Internal.SEGMENT_SEALED)
        if event.data["artifact"] in artifacts
    ]


def _transfer(case: Case, parties: _Parties, event: Event, tracks: int) -> dict[str, Any]:
    """The recordings go on through it, so that none is of the target alone (section Dialog Transfer)."""
    return {
        "type": "transfer",
        "start": _start(case, event.t),
        "transferee": parties.index("customer"),
        "transferor": parties.index(_name(event.data, "from")),
        "transfer_target": parties.index(_name(event.data, "to")),
        "original": list(range(tracks)),
        "onrecord": {"event_id": event.event_id, "carries_consent": bool(event.data.get("carries_consent"))},
    }


def _name(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else "unknown"


def _analysis(artifact: ArtifactEntry, tracks: int) -> dict[str, Any]:
    """What was made of the conversation, by reference: who made it is not told to us."""
    return {
        "type": _ANALYSIS.get(artifact.kind, "report"),
        "dialog": list(range(tracks)),
        "vendor": "unspecified",
        "product": artifact.kind,
        "mediatype": artifact.media_type,
        "onrecord": {"artifact": artifact.artifact, "state": artifact.state, "event_id": artifact.event_id},
    }


def _expiration(case: Case, data: Mapping[str, Any]) -> str | None:
    """Null: none was said."""
    expires = data.get("expires_at", data.get("expires"))
    if not isinstance(expires, int | float):
        return None if expires is None else str(expires)
    try:
        return _start(case, expires)
    except (OverflowError, ValueError):
        return None


def _interests(case: Case, parties: _Parties, said: Iterable[Statement]) -> list[dict[str, Any]]:
    """What the conversation rests on beside consent: an attachment a record of a legal basis, and one for each
    statement that ends that or lets it hold again."""
    made: list[dict[str, Any]] = []
    for seq, event in case.of_type(Internal.INTERACTION_OPENED):
        for basis in event.data.get("legal_bases", ()):
            own = rested(case.conversation, basis["basis"])
            proof = {
                "proof_type": "external_system",
                "timestamp": basis["reviewed_at"],
                "proof_data": {
                    "dialog_reference": 0,
                    "time_offset": 0.0,
                    "record": basis["id"],
                    "sha256": basis["sha256"],
                },
            }
            body = {
                "lawful_basis": basis["basis"],
                "expiration": basis["expires"],
                "purpose_grants": _grants(_start(case), dict.fromkeys(sorted(own), True)),
                "proof_mechanisms": [proof],
                "metadata": {"record": dict(basis), "interaction": case.interaction, "seq": seq},
            }
            made.append(_attachment(_start(case), parties.index("customer"), body))
            ending = [each for each in said if own.intersection(each.purposes)]
            made += [_superseding(case, parties, each, basis, own) for each in ending]
    return made


def _superseding(
    case: Case, parties: _Parties, each: Statement, basis: Mapping[str, Any], own: frozenset[Purpose]
) -> dict[str, Any]:
    moment = _start(case, each.event.t)
    body = {
        "lawful_basis": basis["basis"],
        "expiration": basis["expires"],
        "purpose_grants": _grants(moment, dict.fromkeys(sorted(own.intersection(each.purposes)), each.opens)),
        "proof_mechanisms": [_proof(case, each)],
        "metadata": {
            "statement": each.type,
            "record": dict(basis),
            "interaction": case.interaction,
            "seq": each.seq,
        },
    }
    return _attachment(moment, _speaker(parties, each), body)


def _grants(moment: str, granted: Mapping[Purpose, bool]) -> list[dict[str, Any]]:
    return [
        {"purpose": purpose.value, "granted": told, "granted_at": moment, "conditions": []}
        for purpose, told in granted.items()
    ]


def _attachment(start: str, party: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Both `type` (the extension's draft) and `purpose` (the core) name it."""
    return {
        "type": "lawful_basis",
        "purpose": "lawful_basis",
        "start": start,
        "party": party,
        "dialog": 0,
        "mediatype": "application/json",
        "encoding": "json",
        "body": body,
    }


def _is_of_consent(each: Statement) -> bool:
    """An opt-in says something of consent only where one counts again."""
    return each.type != "opt_in" or any(map(each.granted, each.purposes))


def _lawful_basis(case: Case, parties: _Parties, each: Statement) -> dict[str, Any]:
    """One statement of the person: a consent given, implied or refused, what takes it back, what lets it count again;
    each supersedes what was said before it of the same purposes."""
    data = each.data
    moment = _start(case, each.event.t)
    told = {p: each.granted(p) for p in each.purposes if each.type != "opt_in" or each.granted(p)}
    body: dict[str, Any] = {
        "lawful_basis": "consent",
        "expiration": _expiration(case, data if each.renews is None else each.renews),
        "purpose_grants": _grants(moment, told),
        "proof_mechanisms": [_proof(case, each)],
        "metadata": {
            "statement": each.type,
            "result": data.get("result"),
            "prompt_version": data.get("prompt_version"),
            "interaction": case.interaction,
            "seq": each.seq,
        },
    }
    return _attachment(moment, _speaker(parties, each), body)


def _proof(case: Case, each: Statement) -> dict[str, Any]:
    method = each.data.get("given_by") or each.data.get("method")
    return {
        "proof_type": "verbal_confirmation" if method == "verbal" else "external_system",
        "timestamp": each.data.get("given_at") or _start(case, each.event.t),
        "proof_data": {
            "dialog_reference": 0,
            "time_offset": each.event.t,
            "method": method,
            "event_id": each.event.event_id,
            "prompt": each.data.get("registered"),
        },
    }


def _speaker(parties: _Parties, each: Statement) -> int:
    named = next((field for field in ("party_id", "party") if field in each.data), None)
    return parties.index("customer" if named is None else _name(each.data, named))
