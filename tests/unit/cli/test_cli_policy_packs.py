"""`onrecord policy lint` and `policy sign`, in process: exit codes, the document, signatures."""

import json
import stat

import pytest

from onrecord.entrypoints.cli.main import run
from onrecord.entrypoints.packfolder import shipped

PACK = """format: onrecord-policy-pack/1
id: own
version: 1.0.0
title: "One's own"
status: draft
effective: 2026-01-01
scope: always
treatments:
  - id: own-kept
    kinds: [content]
    purpose: service_quality
    legal_basis: consent
    retention: P90D
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
def pack(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(PACK)
    return file


@pytest.fixture
def linted(capsys):
    def lint(*arguments):
        code = run(["policy", "lint", "--json", *map(str, arguments)])
        return code, json.loads(capsys.readouterr().out)

    return lint


@pytest.fixture
def signed(capsys, tmp_path):
    def sign(pack, name="compliance.example.org"):
        assert run(["policy", "sign", str(pack), "--key", str(tmp_path / f"{name}.key"), "--name", name]) == 0
        return pack.with_suffix(".note"), capsys.readouterr().out.strip()

    return sign


def codes(document):
    return [finding["code"] for finding in document["findings"]]


def test_a_pack_that_is_right(pack, linted, capsys):
    code, document = linted(pack)
    assert (code, document["ok"], document["findings"], document["unreadable"]) == (0, True, [], [])
    assert document["packs"][0]["drafts"] == ["own-no-sentiment"]
    assert run(["policy", "lint", str(pack)]) == 0
    assert "1 packs: 0 findings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"GDPR Art. 7"', '""', "uncited"),
        ("[sentiment]", "[mood]", "unknown_kind"),
        ("status: draft\nrules", "status: draft\nrules", None),
        ("verdict: never", "verdict: capture", "unreachable"),
        ("scope: always", "scope: sometimes", "invalid_pack"),
        ("scope: always", "scope: always\nderived_from: {ai_summary: [ai_summary]}", "cycle"),
        (
            "effective: 2026-01-01\n    status",
            "effective: 2025-01-01\n    until: 2026-01-01\n    status",
            "unreachable",
        ),
    ],
)
def test_a_finding_is_exit_code_1(pack, linted, old, new, found):
    pack.write_text(PACK.replace(old, new))
    code, document = linted(pack)
    assert (code, codes(document)) == ((1, [found]) if found else (0, []))


def test_what_cannot_be_read_is_exit_code_2_and_the_others_still_run(pack, linted, tmp_path):
    torn = tmp_path / "torn.yaml"
    torn.write_bytes(b"format: onrecord-policy-pack/1\nid: {\n")
    second = tmp_path / "second.yaml"
    second.write_text(PACK)
    code, document = linted(torn, tmp_path / "absent.yaml", pack, second)
    assert code == 2
    assert [found["file"] for found in document["unreadable"]] == [str(torn), str(tmp_path / "absent.yaml")]
    assert codes(document) == ["overlapping"]
    assert not document["ok"]


def test_a_folder_stands_for_its_packs(pack, linted):
    assert [known["id"] for known in linted(pack.parent)[1]["packs"]] == ["own"]


def test_a_period_longer_than_the_prompt_says(pack, linted, tmp_path):
    prompts = tmp_path / "prompts.json"
    for retention, found in (("P30D", ["retention_too_long"]), ("P90D", []), ("P3M", ["retention_too_long"])):
        prompts.write_text(json.dumps({"prompts": [{"prompt_id": "notice", "version": "1", "retention": retention}]}))
        code, document = linted(pack, "--prompts", prompts)
        assert (code, codes(document)) == (1 if found else 0, found)


@pytest.mark.parametrize("prompts", ["{", None])
def test_prompts_that_cannot_be_read(pack, tmp_path, capsys, prompts):
    file = tmp_path / "prompts.json"
    if prompts is not None:
        file.write_text(prompts)
    assert run(["policy", "lint", str(pack), "--prompts", str(file)]) == 2
    assert "prompts" in capsys.readouterr().err


def test_a_signed_pack(pack, linted, signed):
    note, vkey = signed(pack)
    assert vkey.startswith("compliance.example.org+")
    code, document = linted(note, "--trust", vkey)
    assert (code, document["packs"][0]["id"]) == (0, "own")
    assert codes(linted(pack, "--trust", vkey)[1]) == ["pack_unsigned"]
    _, stranger = signed(pack, "else.example.org")
    signed(pack)
    code, document = linted(note, "--trust", stranger)
    assert (code, codes(document)) == (1, ["pack_signer_unknown"])
    assert linted(note, "--trust", stranger, "--trust", vkey)[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"retention: P90D", b"retention: P99Y", "pack_signature_invalid"),
        (b"verdict: never", b"verdict:  never", "pack_signature_invalid"),
        (b"\xe2\x80\x94 compliance.example.org ", b"\xe2\x80\x94 other.example.org ", "pack_signer_unknown"),
        (b"\n\xe2\x80\x94", b"\n-", "pack_note_malformed"),
    ],
)
def test_tampered_bytes_or_signature(pack, linted, signed, old, new, found):
    note, vkey = signed(pack)
    assert note.read_bytes().count(old) == 1
    note.write_bytes(note.read_bytes().replace(old, new))
    code, document = linted(note, "--trust", vkey)
    assert (code, codes(document), document["packs"]) == (1, [found], [])


def test_every_character_of_a_signature_counts(pack, linted, signed):
    note, vkey = signed(pack)
    whole = note.read_bytes()
    for place in range(len(whole) - 90, len(whole) - 1, 7):
        other = b"B" if whole[place : place + 1] == b"A" else b"A"
        note.write_bytes(whole[:place] + other + whole[place + 1 :])
        code, document = linted(note, "--trust", vkey)
        assert (code, document["packs"]) == (1, [])


def test_without_a_key_nothing_is_said_of_the_signer(pack, signed, capsys):
    note, _ = signed(pack)
    assert run(["policy", "lint", str(note)]) == 0
    assert capsys.readouterr().err.startswith("SIGNER NOT VERIFIED")


def test_a_key_is_made_once_and_for_its_owner_alone(pack, signed, tmp_path, capsys):
    _, vkey = signed(pack)
    key = tmp_path / "compliance.example.org.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert signed(pack)[1] == vkey
    assert run(["policy", "sign", str(pack), "--key", str(tmp_path / "absent.key")]) == 2
    assert "signing_key_unusable" in capsys.readouterr().err
    for wrong in ("", "x", key.read_text()[:-9] + "\n", key.read_text().replace("PRIVATE+KEY+c", "PRIVATE+KEY+d")):
        key.write_text(wrong)
        assert run(["policy", "sign", str(pack), "--key", str(key)]) == 2
        assert "onrecord: " in capsys.readouterr().err


def test_no_file_that_is_no_pack_is_signed(tmp_path, capsys):
    file = tmp_path / "x.yaml"
    file.write_text("a: b\n")
    assert run(["policy", "sign", str(file), "--key", str(tmp_path / "k"), "--name", "n"]) == 2
    assert capsys.readouterr().err.startswith("onrecord: invalid_pack")
    assert not file.with_suffix(".note").exists()
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize("vkey", ["x", "a+b+c"])
def test_a_key_to_trust_has_its_form(pack, vkey, capsys):
    assert run(["policy", "lint", str(pack), "--trust", vkey]) == 2
    assert "vkey_malformed" in capsys.readouterr().err


def test_wrong_use(capsys):
    assert run(["policy"]) == 2
    assert run(["policy", "shrug"]) == 2
    assert run(["policy", "--help"]) == 0
    assert "lint" in capsys.readouterr().out


def test_the_shipped_packs_are_files_of_the_package():
    assert len(shipped()) == 14


def test_a_key_that_is_made_is_told_of(pack, tmp_path, capsys):
    command = ["policy", "sign", str(pack), "--key", str(tmp_path / "k"), "--name", "compliance.example.org"]
    assert run(command) == 0
    first = capsys.readouterr()
    assert first.err == "onrecord: made a new signing key of compliance.example.org (--key)\n"
    assert run(command) == 0
    again = capsys.readouterr()
    assert (again.out, again.err) == (first.out, "")
