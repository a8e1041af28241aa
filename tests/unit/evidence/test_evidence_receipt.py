"""Consent receipts: ISO/IEC TS 27560 in DPV 2.3, from the events of a conversation."""

from typing import Any

import pytest

from onrecord.evidence.receipt import CONTEXT, Asked, receipts
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import fold

START = 1_700_000_000_000_000_000
DAY = 86_400 * 10**9
REGISTERED = {
    "prompt_id": "notice", "version": "2", "sha256": "ab" * 32, "language": "de", "purposes": ["recording"],
    "discloses": ["recording"], "retention": "P90D",
}  # fmt: skip

# Read off the DPV 2.3 release (dpv.jsonld, eu-gdpr.jsonld, pd.jsonld) and dpv-27560.ttl.
TERMS = {
    "dpv": {
        "Consent", "ConsentExpired", "ConsentGiven", "ConsentNotice", "ConsentReceipt", "ConsentRecord",
        "ConsentRefused", "ConsentRequested", "ConsentWithdrawn", "DataController", "DataSubject", "DataSubjectRight",
        "ExpressedConsent", "ImpliedConsent", "IndeterminateDuration", "Location",
        "RenewedConsentGiven", "Process", "Purpose", "StorageDuration", "TemporalDuration", "UntilTimeDuration",
        "WithdrawConsent", "Analyse", "Record", "Share", "Transform", "Use",
        "hasConsentControl", "hasConsentStatus", "hasContact", "hasDataController", "hasDataSubject", "hasDuration",
        "hasIdentifier", "hasIndicationMethod", "hasJurisdiction", "hasLegalBasis", "hasNotice", "hasPersonalData",
        "hasProcess", "hasProcessing", "hasPurpose", "hasRecordOfActivity", "hasRight", "hasStorageCondition",
        "isExercisedAt", "isIndicatedAtTime", "isIndicatedBy",
    },
    "dpv-27560": {"receipt-eu-gdpr", "record-eu-gdpr", "receipt-record", "record"},
    "eu-gdpr": {"A6-1-a", "A7-3"},
    "pd": {"VoiceCommunicationRecording"},
}  # fmt: skip


def made(
    *said: tuple[str, float, dict[str, Any]], party: str | None = None, now: int = START + DAY, place: str = "DE"
) -> Any:
    parties = [
        {"role": "customer", "jurisdiction": place, "person": "prs_c"},
        {"role": "spouse", "jurisdiction": "unknown", "person": "prs_s", "party_id": "s1"},
        {"role": "agent", "jurisdiction": "DE", "person": "prs_a"},
    ]
    opened = {"sector": "x", "artifacts_enabled": [], "overlay": {}, "packs": [], "hold_back": 5.0}
    told = [(Internal.INTERACTION_OPENED, 0.0, opened), *((Internal.PARTY_ADDED, 0.0, p) for p in parties)]
    events = [
        Event(f"e{seq}", kind, t, t, START, "ivr", "onrecord" if seq < 4 else "key_1", data)
        for seq, (kind, t, data) in enumerate([*told, ("call_start", 0.0, {}), *said])
    ]
    asked = Asked(fold("int_1", events), list(enumerate(events)), {"notice@2": "privacy@example.org"}, now)
    return receipts(asked, party)


def delivered(t: float = 1.0, **more: Any) -> tuple[str, float, dict[str, Any]]:
    return ("prompt_delivered", t, {"prompt_version": "notice@2", "registered": REGISTERED, **more})


def consent(result: str = "accepted", t: float = 2.0, **more: Any) -> tuple[str, float, dict[str, Any]]:
    data = {"result": result, "method": "keypad", "prompt_version": "notice@2", "registered": REGISTERED, **more}
    return ("consent", t, data)


def records(document: Any, person: str = "prs_c") -> dict[str, Any]:
    (receipt,) = [r for r in document["@graph"] if r["@id"].endswith(person)]
    return {record["@id"].rpartition(":")[2]: record for record in receipt["dpv:hasRecordOfActivity"]}


def states(record: Any) -> list[str]:
    return [status["@type"][0] for status in record["dpv:hasConsentStatus"]]


def test_a_receipt_has_what_the_guide_demands_of_it() -> None:
    document = made(delivered(), consent())
    assert [r["@id"] for r in document["@graph"]] == [f"urn:onrecord:receipt:int_1:{p}" for p in ("prs_c", "prs_s")]
    receipt = document["@graph"][0]
    assert (receipt["@type"], receipt["dct:conformsTo"]) == ("dpv:ConsentReceipt", "dpv-27560:receipt-eu-gdpr")
    assert receipt["dct:created"] == "2023-11-15T22:13:20.000000Z"
    assert receipt["dct:identifier"] == receipt["dpv:hasIdentifier"]
    record = records(document)["recording"]
    assert (record["@type"], record["dct:conformsTo"]) == ("dpv:ConsentRecord", "dpv-27560:record-eu-gdpr")
    assert record["dpv:hasDataSubject"]["dct:identifier"] == "prs_c"
    assert record["dpv:hasJurisdiction"] == {"@type": "dpv:Location", "dct:identifier": "DE"}
    assert record["dpv:hasConsentControl"]["dpv:isExercisedAt"] == "privacy@example.org"
    process = record["dpv:hasProcess"]
    assert (process["dpv:hasProcessing"], process["dpv:hasLegalBasis"]) == ("dpv:Record", "eu-gdpr:A6-1-a")
    assert process["dpv:hasStorageCondition"]["dpv:hasDuration"]["rdf:value"]["@value"] == "P90D"
    requested, given = record["dpv:hasConsentStatus"]
    assert requested["@type"] == ["dpv:ConsentRequested"]
    assert given["@type"] == ["dpv:ConsentGiven", "dpv:ExpressedConsent"]
    assert given["dpv:isIndicatedAtTime"] == "2023-11-14T22:13:22.000000Z"
    assert (given["dpv:hasIndicationMethod"], given["onrecord:second"]) == ("keypad", 2.0)
    assert given["dpv:hasNotice"]["onrecord:sha256"] == REGISTERED["sha256"]
    assert given["dpv:hasNotice"]["dct:language"] == "de"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([consent()], ["dpv:ConsentGiven"]),
        ([consent("implied")], ["dpv:ConsentGiven"]),
        ([consent("declined")], ["dpv:ConsentRefused"]),
        ([consent("no_response")], []),
        ([delivered()], ["dpv:ConsentRequested"]),
        ([delivered(to="agent")], []),
        ([consent(), ("consent_withdrawn", 9.0, {})], ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]),
        (
            [consent(), ("consent_withdrawn", 9.0, {}), consent(t=12.0)],
            ["dpv:ConsentGiven", "dpv:ConsentWithdrawn", "dpv:RenewedConsentGiven"],
        ),
        ([consent(), ("consent_withdrawn", 9.0, {"scope": ["training"]})], ["dpv:ConsentGiven"]),
        (
            [consent(expires_at="2023-11-14T23:00:00Z", given_at="2023-01-01T00:00:00Z", given_by="email")],
            ["dpv:ConsentGiven", "dpv:ConsentExpired"],
        ),
        ([consent(expires_at="2033-11-14T23:00:00Z")], ["dpv:ConsentGiven"]),
        ([consent(expires=60.0)], ["dpv:ConsentGiven", "dpv:ConsentExpired"]),
        ([consent(expires="2023-11-14T23:00:00Z")], ["dpv:ConsentGiven", "dpv:ConsentExpired"]),
        (
            [consent(), (Internal.EVENT_CONFLICTED, 9.0, {"of": "e5", "type": "consent_withdrawn", "data": {}})],
            ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"],
        ),
    ],
)
def test_statuses_in_the_order_of_time(said: list[Any], expected: list[str]) -> None:
    record = records(made(*said)).get("recording")
    assert ([] if record is None else states(record)) == expected


OUT = ("opt_out", 9.0, {})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([consent(), OUT], ["given", "withdrawn"]),
        ([OUT], ["refused"]),
        ([consent("declined"), OUT], ["refused"]),
        ([consent(), OUT, OUT, ("consent_withdrawn", 10.0, {})], ["given", "withdrawn", "withdrawn"]),
        ([consent(), ("opt_out", 9.0, {"kinds": ["sentiment"]})], ["given"]),
        ([consent(), ("opt_out", 9.0, {"kinds": ["training_data", "video_recording"]})], ["given"]),
        ([consent(), ("opt_out", 9.0, {"kinds": ["audio_recording"]})], ["given", "withdrawn"]),
        ([consent(), ("opt_out", 9.0, {"kinds": ["a word"]})], ["given", "withdrawn"]),
        ([consent(), ("opt_out", 9.0, {"party": "spouse"})], ["given"]),
        ([consent(), OUT, consent(t=10.0)], ["given", "withdrawn"]),
        ([consent(), OUT, ("opt_in", 12.0, {})], ["given", "withdrawn", "renewed"]),
        ([consent(), OUT, ("opt_in", 12.0, {"kinds": ["audio_recording"]})], ["given", "withdrawn", "renewed"]),
        ([consent(), OUT, ("opt_in", 12.0, {"kinds": ["transcript"]})], ["given", "withdrawn"]),
        ([consent(), OUT, ("opt_in", 12.0, {"party": "spouse"})], ["given", "withdrawn"]),
        ([consent(), ("opt_in", 8.0, {}), OUT], ["given", "withdrawn"]),
        ([OUT, consent(t=10.0), ("opt_in", 12.0, {})], ["refused", "given"]),
        ([consent(expires=10.0), OUT, ("opt_in", 12.0, {})], ["given", "withdrawn", "expired"]),
        ([consent(), OUT, ("consent_withdrawn", 10.0, {}), ("opt_in", 12.0, {})], ["given", "withdrawn", "withdrawn"]),
        ([OUT, ("opt_in", 12.0, {})], ["refused"]),
        ([consent(), ("objection", 9.0, {})], ["given", "withdrawn"]),
        ([consent(), ("objection", 9.0, {"scope": ["training"]})], ["given"]),
        ([("objection", 9.0, {})], []),
        ([consent(), ("objection", 9.0, {}), consent(t=12.0)], ["given", "withdrawn", "renewed"]),
        ([consent(), ("objection", 9.0, {}), consent("implied", t=12.0)], ["given", "withdrawn"]),
        ([consent("declined"), consent("implied", t=3.0)], ["refused"]),
        ([consent(), ("erasure_request", 9.0, {})], ["given", "withdrawn"]),
        ([consent(), ("erasure_request", 9.0, {}), consent(t=12.0)], ["given", "withdrawn"]),
        ([consent(), OUT, ("erasure_request", 10.0, {}), ("opt_in", 12.0, {})], ["given", "withdrawn"]),
        ([("opt_out", 1.0, {}), consent()], ["refused"]),
    ],
)
def test_the_most_restrictive_wins(said: list[Any], expected: list[str]) -> None:
    words = {"dpv:RenewedConsentGiven": "renewed"}
    record = records(made(*said)).get("recording")
    found = [] if record is None else [words.get(s, s.removeprefix("dpv:Consent").lower()) for s in states(record)]
    assert found == expected


def test_what_counts_again_does_as_long_as_it_was_given_for() -> None:
    said = [delivered(), consent(expires=60.0), OUT, ("opt_in", 12.0, {"method": "verbal"})]
    record = records(made(*said, now=START + 20 * 10**9))["recording"]
    again = record["dpv:hasConsentStatus"][-1]
    assert again["@type"] == ["dpv:RenewedConsentGiven", "dpv:ExpressedConsent"]
    assert (again["onrecord:statement"], again["onrecord:second"]) == ("opt_in", 12.0)
    assert again["dpv:hasDuration"]["rdf:value"]["@value"] == "2023-11-14T22:14:20.000000Z"
    assert record["dpv:hasProcess"]["dpv:hasStorageCondition"]["dpv:hasDuration"]["rdf:value"]["@value"] == "P90D"


@pytest.mark.parametrize(
    ("place", "expected"),
    [("US-NY", False), ("IN", False), ("CH", False), ("unknown", False), ("GB", True), ("fr-75", True), ("IS", True)],
)
def test_terms_of_the_gdpr_are_where_it_holds(place: str, expected: bool) -> None:
    document = made(delivered(), consent(), consent("implied", 3.0, scope=["training"]), OUT, place=place)
    receipt, record = document["@graph"][0], records(document)["recording"]
    assert ("eu-gdpr" in str(receipt)) is ("eu-gdpr" in document["@context"]) is expected
    assert ("dpv:hasRight" in record) is expected
    profiles = (receipt["dct:conformsTo"], record["dct:conformsTo"])
    generic = ("dpv-27560:receipt-record", "dpv-27560:record")
    assert profiles == (("dpv-27560:receipt-eu-gdpr", "dpv-27560:record-eu-gdpr") if expected else generic)
    basis = record["dpv:hasProcess"]["dpv:hasLegalBasis"]
    assert basis == ("eu-gdpr:A6-1-a" if expected else "dpv:Consent")


def test_who_moves_comes_under_the_gdpr() -> None:
    document = made(consent(), ("jurisdiction_update", 3.0, {"jurisdiction": "DE", "party": "customer"}), place="US-NY")
    assert document["@graph"][0]["dct:conformsTo"] == "dpv-27560:receipt-eu-gdpr"


def test_a_purpose_is_said_of_where_it_was_said() -> None:
    document = made(consent(), consent(t=3.0, scope=["recording", "training"]))
    assert set(records(document)) == {"recording", "transcription", "ai_analysis"}
    bare = ("consent", 4.0, {"result": "accepted", "scope": ["video", "sharing"], "party": "spouse"})
    assert set(records(made(bare), "prs_s")) == {"video", "sharing"}
    video = records(made(bare), "prs_s")["video"]
    assert "dpv:hasPersonalData" not in video["dpv:hasProcess"]
    assert "dpv:hasNotice" not in video["dpv:hasConsentStatus"][0]
    assert "dpv:hasJurisdiction" not in video


@pytest.mark.parametrize("name", ["spouse", "s1", "prs_s"])
def test_one_party_alone(name: str) -> None:
    assert [r["@id"] for r in made(consent(), party=name)["@graph"]] == ["urn:onrecord:receipt:int_1:prs_s"]
    assert made(consent(), party="nobody") is None
    assert len(made(party="agent")["@graph"]) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([delivered(), ("consent", 2.0, {"result": "accepted"})], {"training"}),
        ([delivered(), ("consent", 2.0, {"result": "accepted", "scope": ["training", "video"]})], {"training"}),
        ([delivered(2.5), ("consent", 2.0, {"result": "accepted"})], {"recording", "transcription", "ai_analysis"}),
        (
            [delivered(to="spouse"), ("consent", 2.0, {"result": "accepted"})],
            {"recording", "transcription", "ai_analysis"},
        ),
        ([delivered(), ("consent", 2.0, {"result": "declined"})], {"recording", "transcription", "ai_analysis"}),
    ],
)
def test_a_consent_that_names_no_text_is_to_no_more_than_the_last_that_was_read_asks_for(
    said: list[Any], expected: set[str]
) -> None:
    for _, _, data in said:
        if "registered" in data:
            data["registered"] = {**REGISTERED, "purposes": ["training"]}
    found = records(made(*said))
    assert {name for name, record in found.items() if set(states(record)) != {"dpv:ConsentRequested"}} == expected


def words(value: Any) -> set[str]:
    """Every term with a prefix, of keys and of what the context says are terms."""
    if isinstance(value, dict):
        found = {key for key in value if not key.startswith("@")}
        terms = [value.get(key) for key in ("@type", *(k for k in value if CONTEXT.get(k) == {"@type": "@id"}))]
        flat = [
            term for each in terms for term in (each if isinstance(each, list) else [each]) if isinstance(term, str)
        ]
        return found.union(flat, *(words(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(words(item) for item in value))
    return set()


def test_no_term_is_of_our_own_making_under_a_prefix_of_the_vocabulary() -> None:
    document = made(
        delivered(), ("opt_out", 0.0, {"kinds": ["video_recording"]}), ("opt_in", 0.5, {}),
        consent(expires_at="2023-11-14T23:00:00Z"), consent("implied", 3.0, scope=["recording"]),
        consent("declined", 4.0, scope=["training", "sharing", "video"]), ("consent_withdrawn", 9.0, {}),
    )  # fmt: skip
    used = {word for word in words(document["@graph"]) if ":" in word and not word.startswith("urn:")}
    by_prefix: dict[str, set[str]] = {}
    for word in used:
        prefix, _, name = word.partition(":")
        assert prefix in CONTEXT, word
        by_prefix.setdefault(prefix, set()).add(name)
    for prefix, known in TERMS.items():
        assert by_prefix[prefix] <= known, by_prefix[prefix] - known
    assert set(by_prefix) <= {*TERMS, "dct", "rdf", "xsd", "onrecord"}
