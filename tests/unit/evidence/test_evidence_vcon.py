"""The vCon in the pack: forms of draft-ietf-vcon-vcon-core-04, sound by reference."""

import json
from uuid import UUID

import pytest
from evidence_case import ARTIFACT, INTERACTION, ORIGIN, STARTED, Story, small, telling

from onrecord.evidence import container
from onrecord.evidence.vcon import uuid8
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
    (attachment,) = vcon["attachments"]
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


def test_derived_artifacts_are_analysis_by_reference(vcon):
    (analysis,) = vcon["analysis"]
    assert (analysis["type"], analysis["product"], analysis["dialog"]) == ("transcript", "transcript", [0])
    assert "body" not in analysis


def test_a_call_without_a_track_is_a_dialog_without_content():
    vcon = json.loads(container.read(small().build()).members["vcon.json"])
    (dialog,) = vcon["dialog"]
    assert dialog["onrecord"] == {"track": None, "artifacts": [], "commitments": []}
