"""Consent receipts (ISO/IEC TS 27560:2023) as JSON-LD of the W3C Data Privacy Vocabulary 2.3, in the forms of its guide
to 27560 (CG-FINAL-guide-27560-20240801): a receipt a person, in it a record a purpose, in it a status an event.

What the tenant alone knows is not in it: the controller's name and address, recipients, places of storage. Terms of our
own stand under `onrecord`, never under a prefix of the vocabulary's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.base.clock import parse_rfc3339, rfc3339
from onrecord.evidence.stand import Said
from onrecord.evidence.statements import Statement, statements
from onrecord.interaction.events import Event
from onrecord.interaction.record import Conversation, PartyEntry
from onrecord.policy.call import STAFF
from onrecord.policy.purposes import Purpose

_IRI = {"@type": "@id"}
_TIME = {"@type": "xsd:dateTime"}
CONTEXT: Mapping[str, Any] = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "onrecord": "urn:onrecord:",
    "pd": "https://w3id.org/dpv/pd#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dct:conformsTo": _IRI,
    "dct:created": _TIME,
    "dpv:hasLegalBasis": _IRI,
    "dpv:hasPersonalData": _IRI,
    "dpv:hasProcessing": _IRI,
    "dpv:isIndicatedAtTime": _TIME,
    "dpv:isIndicatedBy": _IRI,
}
_PROCESSING = {
    Purpose.RECORDING: "dpv:Record",
    Purpose.TRANSCRIPTION: "dpv:Transform",
    Purpose.AI_ANALYSIS: "dpv:Analyse",
    Purpose.VIDEO: "dpv:Record",
    Purpose.VIDEO_ANALYSIS: "dpv:Analyse",
    Purpose.TRAINING: "dpv:Use",
    Purpose.SHARING: "dpv:Share",
}
_VISUAL = frozenset({Purpose.VIDEO, Purpose.VIDEO_ANALYSIS})
_STATUS = {
    Said.GIVEN: ["dpv:ConsentGiven", "dpv:ExpressedConsent"],
    Said.IMPLIED: ["dpv:ConsentGiven", "dpv:ImpliedConsent"],
    Said.REFUSED: ["dpv:ConsentRefused"],
    Said.WITHDRAWN: ["dpv:ConsentWithdrawn"],
}
_BASIS = {Said.GIVEN: "dpv:Consent", Said.IMPLIED: "dpv:ImpliedConsent"}
_GDPR_BASIS = {**_BASIS, Said.GIVEN: "eu-gdpr:A6-1-a"}
_GDPR = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IS", "LI", "NO", "GB", "AX", "GF", "GP", "MF", "MQ", "RE", "YT",
})  # fmt: skip
"""The EEA and GB, and what of the Union lies overseas under its own code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For what receipts are made. `events` with their seqs, in the order of the record; `contacts`: whom the text of a
    prompt names for questions, by `PROMPT_ID@VERSION`; `now`: in nanoseconds since the epoch."""

    conversation: Conversation
    events: Sequence[tuple[int, Event]]
    contacts: Mapping[str, str]
    now: int


def receipts(asked: Asked, party: str | None = None) -> dict[str, Any] | None:
    """JSON-LD with a receipt for each person who is not staff, or for the party of that role, party_id or person id;
    None where nobody is known by it. Who said nothing of consent and was told nothing has a receipt without records."""
    parties = [p for p in asked.conversation.parties if _is_meant(p, party)]
    if party is not None and not parties:
        return None
    persons = {p.person: p for p in reversed(parties)}
    context = dict(CONTEXT)
    if not any(_under_gdpr(asked, p) for p in persons.values()):
        del context["eu-gdpr"]
    return {"@context": context, "@graph": [_receipt(asked, p) for p in reversed(persons.values())]}


def _is_meant(entry: PartyEntry, party: str | None) -> bool:
    return entry.role not in STAFF if party is None else party in (entry.role, entry.party_id, entry.person)


def _receipt(asked: Asked, party: PartyEntry) -> dict[str, Any]:
    identifier = f"urn:onrecord:receipt:{asked.conversation.interaction}:{party.person}"
    told = statements(asked.conversation, asked.events)
    said = [s for s in told if s.said.get(party.person)]
    requests = _requests(asked, party)
    purposes = [
        p
        for p in Purpose
        if any(p in s.said[party.person] for s in said) or any(p in known for _, _, known in requests)
    ]
    return {
        "@id": identifier,
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dct:conformsTo": "dpv-27560:receipt-eu-gdpr" if _under_gdpr(asked, party) else "dpv-27560:receipt-record",
        "dct:created": rfc3339(asked.now),
        "onrecord:interaction": asked.conversation.interaction,
        "dpv:hasRecordOfActivity": [_record(asked, party, purpose, said, requests) for purpose in purposes],
    }


def _under_gdpr(asked: Asked, party: PartyEntry) -> bool:
    """Whether the person was ever said to be where it holds."""
    places = [p.jurisdiction for p in asked.conversation.parties if p.person == party.person]
    for _, event in asked.events:
        if event.type == "jurisdiction_update" and party.person in asked.conversation.persons_in(event.data):
            places.append(str(event.data.get("jurisdiction")))
    return any(place.strip().upper().partition("-")[0] in _GDPR for place in places)


def _requests(asked: Asked, party: PartyEntry) -> list[tuple[int, Event, frozenset[str]]]:
    """The notices of a registered version that were read to a party, and for what each asks."""
    found = []
    for seq, event in asked.events:
        registered = event.data.get("registered")
        if event.type == "prompt_delivered" and isinstance(registered, Mapping):
            to = event.data.get("party_id") or event.data.get("to")
            if party.person in asked.conversation.person_of(to if isinstance(to, str) else None):
                found.append((seq, event, frozenset(registered.get("purposes") or ())))
    return found


def _record(
    asked: Asked,
    party: PartyEntry,
    purpose: Purpose,
    said: Sequence[Statement],
    requests: Sequence[tuple[int, Event, frozenset[str]]],
) -> dict[str, Any]:
    own = [s for s in said if purpose in s.said[party.person]]
    under_gdpr = _under_gdpr(asked, party)
    subject = f"urn:onrecord:person:{party.person}"
    identifier = f"urn:onrecord:consent:{asked.conversation.interaction}:{party.person}:{purpose.value}"
    statuses = [_requested(asked, seq, event) for seq, event, purposes in requests if purpose in purposes]
    given = [s for s in own if s.said[party.person][purpose] in _BASIS]
    for statement in own:
        now = statement.said[party.person][purpose]
        statuses += _statuses(asked, subject, statement, now, renewed=statement in given[1:])
    made: dict[str, Any] = {
        "@id": identifier,
        "@type": "dpv:ConsentRecord",
        "dct:identifier": identifier,
        "dct:conformsTo": "dpv-27560:record-eu-gdpr" if under_gdpr else "dpv-27560:record",
        "dpv:hasDataSubject": {"@id": subject, "@type": "dpv:DataSubject", "dct:identifier": party.person},
        "dpv:hasProcess": _process(purpose, given),
        "dpv:hasConsentStatus": sorted(statuses, key=lambda status: (status["dpv:isIndicatedAtTime"], _seq(status))),
    }
    if given:
        bases = _GDPR_BASIS if under_gdpr else _BASIS
        made["dpv:hasProcess"]["dpv:hasLegalBasis"] = bases[given[-1].said[party.person][purpose]]
    if under_gdpr:
        right = {"@type": ["dpv:DataSubjectRight", "eu-gdpr:A7-3"], "dct:title": "Right to withdraw consent"}
        made["dpv:hasRight"] = right
    if party.jurisdiction != "unknown":
        made["dpv:hasJurisdiction"] = {"@type": "dpv:Location", "dct:identifier": party.jurisdiction}
    contact = _contact(asked, own)
    if contact is not None:
        made["dpv:hasDataController"] = {"@type": "dpv:DataController", "dpv:hasContact": contact}
        made["dpv:hasConsentControl"] = {"@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": contact}
    return made


def _seq(status: Mapping[str, Any]) -> int:
    return int(status["onrecord:seq"])


def _process(purpose: Purpose, given: Sequence[Statement]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@id": f"onrecord:purpose:{purpose.value}",
            "@type": "dpv:Purpose",
            "dct:title": purpose.value.replace("_", " "),
        },
        "dpv:hasProcessing": _PROCESSING[purpose],
    }
    if purpose not in _VISUAL:
        made["dpv:hasPersonalData"] = "pd:VoiceCommunicationRecording"
    periods = [told["retention"] for s in given if (told := _consent(s).get("registered")) is not None]
    if periods and periods[-1] is not None:
        duration = {"@type": "dpv:TemporalDuration", "rdf:value": {"@type": "xsd:duration", "@value": periods[-1]}}
        made["dpv:hasStorageCondition"] = {"@type": "dpv:StorageDuration", "dpv:hasDuration": duration}
    return made


def _contact(asked: Asked, said: Sequence[Statement]) -> str | None:
    named = [asked.contacts.get(str(_consent(s).get("prompt_version"))) for s in said]
    return next((contact for contact in reversed(named) if contact is not None), None)


def _consent(statement: Statement) -> Mapping[str, Any]:
    return statement.data if statement.renews is None else statement.renews


def _requested(asked: Asked, seq: int, event: Event) -> dict[str, Any]:
    return {
        "@type": ["dpv:ConsentRequested"],
        "dpv:isIndicatedAtTime": _moment(asked, event, event.data),
        "dpv:hasNotice": _notice(event.data),
        "onrecord:seq": seq,
        "onrecord:event": event.event_id,
    }


def _statuses(asked: Asked, subject: str, statement: Statement, now: Said, *, renewed: bool) -> list[dict[str, Any]]:
    """What was said, and of a consent that has run out since that it has."""
    event, data = statement.event, statement.data
    state, *kind = _STATUS[now]
    made: dict[str, Any] = {
        "@type": ["dpv:RenewedConsentGiven" if renewed else state, *kind],
        "dpv:isIndicatedAtTime": _moment(asked, event, data),
        "dpv:isIndicatedBy": subject,
        "onrecord:seq": statement.seq,
        "onrecord:event": event.event_id,
        "onrecord:second": event.t,
        "onrecord:statement": statement.type,
    }
    method = data.get("given_by") or data.get("method")
    if isinstance(method, str):
        made["dpv:hasIndicationMethod"] = method
    if data.get("prompt_version") is not None:
        made["dpv:hasNotice"] = _notice(data)
    if now not in _BASIS:
        return [made]
    expires = _expiry(asked, _consent(statement))
    if expires is None:
        made["dpv:hasDuration"] = {"@type": "dpv:IndeterminateDuration"}
        return [made]
    until = {"@type": "xsd:dateTime", "@value": expires}
    made["dpv:hasDuration"] = {"@type": "dpv:UntilTimeDuration", "rdf:value": until}
    if parse_rfc3339(expires) > asked.now:
        return [made]
    over = {
        "@type": ["dpv:ConsentExpired"],
        "dpv:isIndicatedAtTime": expires,
        "onrecord:seq": statement.seq,
        "onrecord:event": event.event_id,
    }
    return [made, over]


def _expiry(asked: Asked, data: Mapping[str, Any]) -> str | None:
    """As kept, or on the clock of the conversation in seconds, or as given; none beyond the year 9999."""
    expires = data.get("expires_at", data.get("expires"))
    if not isinstance(expires, int | float):
        return None if expires is None else str(expires)
    try:
        return rfc3339(_started(asked) + round(expires * 1e9))
    except (OverflowError, ValueError):
        return None


def _started(asked: Asked) -> int:
    c = asked.conversation
    return c.created_at if c.started_at is None else c.started_at


def _notice(data: Mapping[str, Any]) -> dict[str, Any]:
    """The text that was read, as far as it is registered by language and digest."""
    version = str(data.get("prompt_version"))
    made: dict[str, Any] = {
        "@id": f"onrecord:prompt:{version}",
        "@type": "dpv:ConsentNotice",
        "dct:identifier": version,
    }
    registered = data.get("registered")
    if isinstance(registered, Mapping):
        made["dct:language"] = registered["language"]
        made["onrecord:sha256"] = registered["sha256"]
    return made


def _moment(asked: Asked, event: Event, data: Mapping[str, Any]) -> str:
    """When it was said: in the conversation, or before it and kept."""
    kept = data.get("given_at")
    if isinstance(kept, str):
        return kept
    return rfc3339(_started(asked) + round(event.t * 1e9))
