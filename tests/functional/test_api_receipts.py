"""Consent receipts over HTTP, and the same facts in the evidence pack, which verifies."""

import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from serving import COMMAND, Server

NOTICE = {
    "prompt_id": "receipt-notice",
    "version": "1",
    "language": "en-IE",
    "text": "We record this call for 90 days. Ask privacy@example.org.",
    "purposes": ["recording", "training"],
    "discloses": ["recording"],
    "retention": "P90D",
    "privacy_contact": "privacy@example.org",
}
INTEREST = {
    "id": "receipt-interest",
    "basis": "legitimate_interests",
    "purpose": "recording",
    "necessity": "Needed.",
    "balancing": {"interest": "proof"},
    "reviewed_by": "The officer",
    "reviewed_at": "2026-01-15T09:00:00Z",
}


def spoken(begin: Any, client: httpx.Client, **head: Any) -> Any:
    assert client.post("/v1/prompts", json=NOTICE).status_code in {200, 201}
    parties = [{"role": "customer", "jurisdiction": "IE", "party_id": "c1"}, {"role": "agent", "jurisdiction": "IE"}]
    talk = begin(parties=parties, **head)
    talk.tell("call_start", 0.0)
    talk.tell("prompt_delivered", 1.0, prompt_version="receipt-notice@1", channel="ivr")
    talk.tell("consent", 2.0, result="accepted", method="verbal", prompt_version="receipt-notice@1", party_id="c1")
    talk.tell("consent_withdrawn", 9.0, scope=["training"], method="verbal")
    return talk


def packed(client: httpx.Client, server: Server, talk: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """evidence.json and vcon.json of a pack that verifies."""
    content = client.get(f"{talk.path}/evidence").content
    pack = server.folder / f"{talk.id}.zip"
    pack.write_bytes(content)
    command = [*COMMAND, "verify", str(pack), "--json", "--trust", server.vkey]
    done = subprocess.run(command, capture_output=True, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["replay"]) == (0, True, "complete"), report
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        return json.loads(members.read("evidence.json")), json.loads(members.read("vcon.json"))


def test_receipts_say_what_was_agreed_to_and_taken_back(client: httpx.Client, begin) -> None:
    talk = spoken(begin, client)
    answer = client.get(f"{talk.path}/receipts")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/ld+json"
    (receipt,) = answer.json()["@graph"]
    assert receipt["dct:conformsTo"] == "dpv-27560:receipt-eu-gdpr"
    records = {r["@id"].rpartition(":")[2]: r for r in receipt["dpv:hasRecordOfActivity"]}
    states = {name: [s["@type"][0] for s in r["dpv:hasConsentStatus"]] for name, r in records.items()}
    assert states["recording"] == ["dpv:ConsentRequested", "dpv:ConsentGiven"]
    assert states["training"] == ["dpv:ConsentRequested", "dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    assert records["recording"]["dpv:hasConsentControl"]["dpv:isExercisedAt"] == "privacy@example.org"
    person = talk.get()["parties"][0]["person"]
    for name in ("customer", "c1", person):
        assert client.get(f"{talk.path}/receipts", params={"party": name}).json()["@graph"][0]["@id"] == receipt["@id"]
    missing = client.get(f"{talk.path}/receipts", params={"party": "nobody"})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_an_opt_out_takes_back_what_was_agreed_to(client: httpx.Client, begin) -> None:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "US-NY"}, {"role": "agent", "jurisdiction": "US-NY"}])
    talk.tell("call_start", 0.0)
    talk.tell("prompt_delivered", 1.0, prompt_version="p1")
    talk.tell("consent", 2.0, result="accepted", method="verbal", prompt_version="p1")
    talk.tell("opt_out", 9.0, method="verbal")
    answer = client.get(f"{talk.path}/receipts")
    (receipt,) = answer.json()["@graph"]
    assert receipt["dct:conformsTo"] == "dpv-27560:receipt-record"
    assert "gdpr" not in answer.text
    last = {r["@id"].rpartition(":")[2]: r["dpv:hasConsentStatus"][-1] for r in receipt["dpv:hasRecordOfActivity"]}
    assert last["recording"]["@type"] == ["dpv:ConsentWithdrawn"]
    assert {status["@type"][0] for status in last.values()} == {"dpv:ConsentWithdrawn", "dpv:ConsentRefused"}


def test_only_who_may_read_the_record(client: httpx.Client, server: Server, begin) -> None:
    talk = spoken(begin, client)
    key = client.post("/v1/keys", json={"source": "bot", "scopes": ["events:write"]}).json()["key"]
    with server.client(key) as other:
        assert other.get(f"{talk.path}/receipts").status_code == 403


def test_of_who_was_erased_there_is_no_receipt(client: httpx.Client, begin) -> None:
    talk = spoken(begin, client)
    person = talk.get()["parties"][0]["person"]
    assert client.post(f"/v1/persons/{person}/erasure").status_code == 200
    assert person not in client.get(f"{talk.path}/receipts").text


def test_the_pack_names_the_text_of_each_consent(client: httpx.Client, server: Server, begin) -> None:
    evidence, vcon = packed(client, server, spoken(begin, client))
    sha256 = client.get("/v1/prompts/receipt-notice").json()["versions"][0]["sha256"]
    (consent,) = evidence["consent"]
    assert consent["prompt"] == {
        "prompt_id": "receipt-notice", "version": "1", "sha256": sha256, "language": "en-IE",
    }  # fmt: skip
    given, withdrawn = [a for a in vcon["attachments"] if a["type"] == "lawful_basis"]
    assert {a["purpose"] for a in (given, withdrawn)} == {"lawful_basis"}
    assert [(a["party"], a["dialog"]) for a in (given, withdrawn)] == [(0, 0), (0, 0)]
    granted = {g["purpose"]: g["granted"] for g in given["body"]["purpose_grants"]}
    assert granted == dict.fromkeys(("recording", "transcription", "ai_analysis", "training"), True)
    assert {g["purpose"]: g["granted"] for g in withdrawn["body"]["purpose_grants"]} == {"training": False}
    (proof,) = given["body"]["proof_mechanisms"]
    assert (proof["proof_type"], proof["proof_data"]["dialog_reference"]) == ("verbal_confirmation", 0)
    assert (proof["proof_data"]["time_offset"], proof["proof_data"]["prompt"]["sha256"]) == (2.0, sha256)


def test_the_pack_of_a_call_under_profile_and_interest(client: httpx.Client, server: Server, begin) -> None:
    made = client.post("/v1/legal-bases", json=INTEREST)
    person = client.post("/v1/persons", json={"external_id": "crm-receipt"}).json()["person"]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    consents = [{"purposes": ["training"], "method": "email", "given_at": "2026-03-01T08:00:00Z", "expires": soon}]
    assert client.put(f"/v1/persons/{person}/profile", json={"consents": consents}).status_code == 200
    talk = begin(
        parties=[{"role": "customer", "jurisdiction": "IE", "external_id": "crm-receipt"}],
        policy={"legal_basis": {"recording": "legitimate_interests"}, "balancing": "receipt-interest"},
    )
    talk.tell("call_start", 0.0)
    talk.tell("objection", 5.0)
    evidence, vcon = packed(client, server, talk)
    (basis,) = evidence["legal_bases"]
    assert (basis["id"], basis["sha256"]) == ("receipt-interest", made.json()["sha256"])
    assert [entry["consents"][0]["state"] for entry in evidence["profiles"]] == ["live"]
    bodies = [a["body"] for a in vcon["attachments"]]
    interest = [b for b in bodies if b["lawful_basis"] == "legitimate_interests"]
    assert [[(g["purpose"], g["granted"]) for g in b["purpose_grants"]] for b in interest] == [
        [("recording", True)],
        [("recording", False)],
    ]
    given, objected = [b for b in bodies if b["lawful_basis"] == "consent"]
    assert given["proof_mechanisms"][0]["timestamp"] == "2026-03-01T08:00:00.000000Z"
    assert {g["granted"] for g in objected["purpose_grants"]} == {False}
    receipts = talk.get("/receipts")["@graph"][0]["dpv:hasRecordOfActivity"]
    status, lost = receipts[0]["dpv:hasConsentStatus"]
    assert lost["@type"] == ["dpv:ConsentWithdrawn"]
    assert (status["dpv:isIndicatedAtTime"], status["dpv:hasIndicationMethod"]) == (
        "2026-03-01T08:00:00.000000Z",
        "email",
    )
