"""Packs that an operator adds to a server: signed by a key that is trusted, or not started with."""

import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import COMMAND, Server, Talk

from onrecord.evidence.verify import verify
from onrecord.ledger.note import parse

PACK = """format: onrecord-policy-pack/1
id: own
version: 1.0.0
title: "One's own"
status: draft
effective: 2026-01-01
scope: always
rules:
  - id: own-no-sentiment
    when: always
    kinds: [sentiment]
    verdict: never
    reason: NOT_PERMITTED
    citation: "GDPR Art. 7"
    effective: 2026-01-01
    status: draft
"""


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "own.yaml").write_text(PACK)
    return folder


def signed(file: Path, key: Path) -> str:
    """The key that signed; the pack is left as a note alone."""
    command = [*COMMAND, "policy", "sign", str(file), "--key", str(key), "--name", "compliance.example.org"]
    vkey = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    file.unlink()
    return vkey


def refused(folder: Path, *options: str) -> str:
    """What a server that does not start says."""
    where = ["--data", str(folder / "data"), "--keys", str(folder / "keys" / "root.key")]
    ended = subprocess.run(
        [*COMMAND, "serve", *where, *options], check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2, ended.stderr
    return ended.stderr.splitlines()[-1]


def decided(server: Server) -> tuple[str, bytes]:
    """The verdict on sentiment, and the evidence of the conversation."""
    with server.client() as client:
        body = {"parties": [{"role": "customer", "jurisdiction": "DE"}], "artifacts_enabled": ["sentiment"]}
        made = client.post("/v1/interactions", json=body).json()
        talk = Talk(client, made["id"], made["stream_token"]).consented()
        verdict: str = talk.get("/decisions", t=2)["decisions"]["sentiment"]["verdict"]
        talk.tell("call_end", 5.0)
        client.post(f"{talk.path}/seal")
        return verdict, client.get(f"{talk.path}/evidence").content


def members(evidence: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(evidence)) as file:
        return {name: file.read(name) for name in file.namelist() if name.startswith("policy/")}


def test_a_signed_pack_is_adopted_and_its_signature_stays_with_the_evidence(
    launch: Callable[..., Server], packs: Path, tmp_path: Path
) -> None:
    vkey = signed(packs / "own.yaml", tmp_path / "key")
    server = launch(tmp_path / "one", "--packs", str(packs), "--pack-key", vkey)
    verdict, evidence = decided(server)
    assert verdict == "never"
    report = verify(evidence, server.vkey)
    assert (report.ok, report.replay) == (True, "complete")
    names = [signature.name for signature in parse(members(evidence)["policy/own.note"]).signatures]
    assert names == [server.vkey.partition("+")[0], "compliance.example.org"]
    server.stop()


def test_versions_of_one_pack_stand_beside_one_another_in_the_evidence(
    launch: Callable[..., Server], packs: Path, tmp_path: Path
) -> None:
    (packs / "own.yaml").write_text(PACK.replace("\nscope", "\nuntil: 2026-06-01\nscope"))
    later = PACK.replace("1.0.0", "1.10.0").replace("effective: 2026-01-01", "effective: 2026-06-01")
    (packs / "own-2.yaml").write_text(later)
    server = launch(tmp_path / "two", "--packs", str(packs))
    verdict, evidence = decided(server)
    assert verdict == "never"
    assert verify(evidence, server.vkey).ok
    assert {"policy/own.1.0.0.note", "policy/own.1.10.0.note"} <= set(members(evidence))
    server.stop()


def test_a_pack_of_one_s_own_stands_in_for_a_shipped_one(
    launch: Callable[..., Server], packs: Path, tmp_path: Path
) -> None:
    (packs / "own.yaml").write_text(PACK.replace("id: own\n", "id: interview\n"))
    server = launch(tmp_path / "three", "--packs", str(packs))
    verdict, evidence = decided(server)
    assert verdict == "never"
    assert b"own-no-sentiment" in members(evidence)["policy/interview.note"]
    assert verify(evidence, server.vkey).ok
    server.stop()


def test_what_is_not_signed_as_asked_does_not_start(packs: Path, tmp_path: Path) -> None:
    own, note = packs / "own.yaml", packs / "own.note"
    vkey = signed(own, tmp_path / "key")
    own.write_text(PACK)
    options = ("--packs", str(packs), "--pack-key", vkey)
    assert refused(tmp_path, *options) == "onrecord: pack_unsigned: 'own.yaml': it is not signed by a trusted key"
    own.unlink()
    assert refused(tmp_path, "--packs", str(packs)).startswith("onrecord: pack_key_missing: 'own.note'")
    whole = note.read_bytes()
    note.write_bytes(whole.replace(b"verdict: never", b"verdict: redact"))
    assert refused(tmp_path, *options).startswith("onrecord: pack_signature_invalid: 'own.note'")
    note.write_bytes(whole[:-1])
    assert refused(tmp_path, *options).startswith("onrecord: pack_note_malformed: 'own.note'")
    note.write_bytes(whole)
    own.write_text(PACK)
    stranger = signed(own, tmp_path / "other")
    note.write_bytes(whole)
    assert refused(tmp_path, "--packs", str(packs), "--pack-key", stranger).startswith("onrecord: pack_signer_unknown")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("other.yaml", PACK.replace("1.0.0", "1.1.0"), "onrecord: invalid_pack: two packs or rules have one id"),
        (
            "other.yaml",
            PACK.replace("id: own\n", "id: other\n"),
            "onrecord: invalid_pack: two packs or rules have one id",
        ),
        ("own.yaml", PACK.replace("sentiment]", "mood]"), "onrecord: invalid_pack: 'own.yaml': `kinds` names no kind"),
        ("own.yaml", PACK.replace('"GDPR Art. 7"', '""'), "onrecord: invalid_pack: 'own.yaml': `citation` is not text"),
        (
            "own.yaml",
            PACK + "derived_from: {ai_summary: [ai_summary]}\n",
            "onrecord: invalid_pack: 'own.yaml': `derived",
        ),
        (
            "own.yaml",
            PACK.replace("id: own\n", "id: interview\n").replace(
                "effective: 2026-01-01\nscope", "effective: 2199-01-01\nscope"
            ),
            "onrecord: invalid_pack: a pack in place of a shipped one leaves today without any",
        ),
    ],
)
def test_packs_that_are_not_right_or_do_not_go_together_do_not_start(
    packs: Path, tmp_path: Path, name: str, text: str, said: str
) -> None:
    (packs / name).write_text(text)
    assert refused(tmp_path, "--packs", str(packs)).startswith(said)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path, "--packs", str(tmp_path / "absent")).startswith("onrecord: packs_unreadable")
