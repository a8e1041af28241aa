"""The vCon in the pack: forms of draft-ietf-vcon-vcon-core-04, sound by reference."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from evidence_case import ARTIFACT, CUSTOMER, INTERACTION, ORIGIN, STARTED, Story, opened, small, telling

from onrecord.evidence import container
from onrecord.evidence.vcon import uuid8
from onrecord.interaction.events import Internal
from onrecord.ledger import leaf

KNOWN = {
    "vcon", "uuid", "created_at", "updated_at", "subject", "extensions", "critical", "parties", "dialog", "analysis",
    "attachments", "redacted", "amended", "onrecord",
}  # fmt: skip


@pytest.fixture(scope="module")
def story() -> Story:
    return telling(Story())


@pytest.fixture(scope="module")
def vcon(story) -> dict:
    return json.loads(container.read(story.build()).members["vcon.json"])


def test_the_head(vcon):
    assert vcon["vcon"] == "0.4.0"
    assert set(vcon) <= KNOWN
    assert vcon["extensions"] == ["lawful_basis", "onrecord"]
    identifier = UUID(vcon["uuid"])
    assert (identifier.version, identifier.variant) == (8, "specified in RFC 4122")
    assert int.from_bytes(identifier.bytes[:6], "big") == STARTED // 1_000_000


def test_uuids_differ_by_interaction_and_time():
    assert len({uuid8(STARTED, "a"), uuid8(STARTED, "b"), uuid8(STARTED + 1_000_000, "a")}) == 3
    assert uuid8(STARTED, f"{INTERACTION}.{ORIGIN}") == uuid8(STARTED, f"{INTERACTION}.{ORIGIN}")


def test_parties(vcon):
    customer = vcon["parties"][0]
    assert (customer["name"], customer["tel"], customer["type"]) == ("Mara Feld", "+4930000000", "person")
    bot = next(p for p in vcon["parties"] if p["onrecord"]["role"] == "bot")
    assert bot == {"type": "bot", "onrecord": {"role": "bot", "jurisdiction": "unknown", "party_id": None}}


def test_a_recording_stands_by_reference_with_salted_commitments(story, vcon):
    recording = vcon["dialog"][0]
    assert recording["type"] == "recording"
    assert not {"url", "body", "content_hash"} & recording.keys()
    assert recording["onrecord"]["artifacts"] == [{"artifact": ARTIFACT, "state": "active"}]
    for told in recording["onrecord"]["commitments"]:
        assert leaf.parse(story.openings[told["seq"]].entry).commitment.hex() == told["commitment"]
    assert len(recording["onrecord"]["commitments"]) == 3


def test_a_transfer_names_parties_and_dialogs(vcon):
    (transfer,) = [d for d in vcon["dialog"] if d["type"] == "transfer"]
    roles = [p["onrecord"]["role"] for p in vcon["parties"]]
    assert roles[transfer["transferee"]] == "customer"
    assert roles[transfer["transferor"]] == "bot"
    assert roles[transfer["transfer_target"]] == "agent"
    assert [vcon["dialog"][n]["type"] for n in transfer["original"]] == ["recording"]
    assert not {"parties", "originator", "mediatype", "filename", "body", "url"} & transfer.keys()


def test_consent_is_a_lawful_basis(vcon):
    attachment, ending = vcon["attachments"]
    assert (attachment["type"], attachment["purpose"], attachment["encoding"]) == (
        "lawful_basis",
        "lawful_basis",
        "json",
    )
    assert (attachment["party"], attachment["dialog"]) == (0, 0)
    body = attachment["body"]
    assert body["lawful_basis"] == "consent"
    assert {g["purpose"]: g["granted"] for g in body["purpose_grants"]} == {
        "recording": True, "transcription": True, "ai_analysis": True,
    }  # fmt: skip
    assert body["proof_mechanisms"][0]["proof_type"] == "verbal_confirmation"
    assert body["proof_mechanisms"][0]["proof_data"]["time_offset"] == 6
    assert (ending["body"]["metadata"]["statement"], ending["start"]) == ("opt_out", "2026-11-18T11:07:25.000000Z")
    assert len(ending["body"]["purpose_grants"]) == 7
    assert {g["granted"] for g in ending["body"]["purpose_grants"]} == {False}


CONSENT = ("consent", {"result": "accepted", "method": "verbal", "party": "customer"})
INTEREST = {
    "id": "fraud-1", "sha256": "ab" * 32, "basis": "legitimate_interests", "purpose": "recording",
    "reviewed_at": "2026-01-15T09:00:00Z", "expires": None,
}  # fmt: skip
EU = Path(__file__).resolve().parents[3] / "src" / "onrecord" / "policy" / "packs" / "eu-gdpr.yaml"
OUT, IN = ("opt_out", {}), ("opt_in", {"method": "verbal"})


def told(*said: tuple[str, dict], resting: str | None = None) -> list[tuple[str, str, bool | None]]:
    """(basis, statement, whether recording is granted by it: None where it says nothing of it), one a second."""
    s = Story(packs=[EU.read_bytes()])
    more = {"overlay": {"legal_basis": {"recording": resting}}, "legal_bases": [INTEREST]} if resting else {}
    s.add(Internal.INTERACTION_OPENED, 0.0, **opened(s.packs, **more))
    s.add(Internal.PARTY_ADDED, 0.0, role="customer", jurisdiction="DE", person=CUSTOMER)
    s.add("call_start", 0.0)
    for t, (kind, data) in enumerate(said, 1):
        s.add(kind, float(t), **data)
    s.add("call_end", 60.0)
    s.seal()
    bodies = [a["body"] for a in json.loads(container.read(s.build()).members["vcon.json"])["attachments"]]
    return [
        (
            body["lawful_basis"],
            body["metadata"].get("statement", "record"),
            {g["purpose"]: g["granted"] for g in body["purpose_grants"]}.get("recording"),
        )
        for body in bodies
    ]


@pytest.mark.parametrize(
    ("said", "granted"),
    [
        ([CONSENT, OUT], [True, False]),
        ([CONSENT, OUT, CONSENT], [True, False, False]),
        ([CONSENT, OUT, IN], [True, False, True]),
        ([CONSENT, OUT, IN, OUT], [True, False, True, False]),
        ([CONSENT, OUT, ("opt_in", {"method": "verbal", "kinds": ["transcript"]})], [True, False]),
        ([OUT, IN], [False]),
        ([CONSENT, ("opt_out", {"kinds": ["training_data"]})], [True, None]),
        ([CONSENT, ("opt_out", {"kinds": ["audio_recording"]}), IN], [True, False, True]),
        ([CONSENT, ("objection", {})], [True, False]),
        ([CONSENT, ("erasure_request", {})], [True, False]),
        ([CONSENT, ("erasure_request", {}), CONSENT], [True, False, False]),
        ([CONSENT, (Internal.EVENT_CONFLICTED, {"of": "e5", "type": "opt_out", "data": {}})], [True, False]),
    ],
)
def test_what_takes_a_consent_back_supersedes_it(said, granted):
    found = told(*said)
    assert [word for _, _, word in found] == granted
    assert {basis for basis, _, _ in found} == {"consent"}


@pytest.mark.parametrize(
    ("said", "granted"),
    [
        ([("objection", {})], [True, False]),
        ([("objection", {"scope": ["training"]})], [True]),
        ([("erasure_request", {})], [True, False]),
        ([("consent_withdrawn", {})], [True, False]),
        ([("consent", {"result": "declined"})], [True, False]),
        ([OUT, IN], [True, False, True]),
        ([("objection", {}), OUT, IN], [True, False, False]),
        ([CONSENT], [True]),
    ],
)
def test_what_ends_an_interest_supersedes_it(said, granted):
    found = told(*said, resting="legitimate_interests")
    assert [word for basis, _, word in found if basis == "legitimate_interests"] == granted


def test_an_obligation_stands_against_an_objection_alone():
    assert told(("objection", {}), OUT, resting="legal_obligation") == [
        ("consent", "objection", None),
        ("consent", "opt_out", False),
        ("legitimate_interests", "record", None),
    ]


def test_derived_artifacts_are_analysis_by_reference(vcon):
    (analysis,) = vcon["analysis"]
    assert (analysis["type"], analysis["product"], analysis["dialog"]) == ("transcript", "transcript", [0])
    assert "body" not in analysis


def test_a_call_without_a_track_is_a_dialog_without_content():
    vcon = json.loads(container.read(small().build()).members["vcon.json"])
    (dialog,) = vcon["dialog"]
    assert dialog["onrecord"] == {"track": None, "artifacts": [], "commitments": []}
