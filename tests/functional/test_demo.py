"""The demo as a user runs it, and what it leaves."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ONRECORD = [sys.executable, "-m", "onrecord.entrypoints.cli.main"]
BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def onrecord(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ONRECORD, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = onrecord("demo", "--out", folder, "--speed", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not {"\r", "\x1b"} & set(done.stdout)
    return folder


def test_every_claim_holds(out: Path) -> None:
    result = json.loads((out / "result.json").read_text())
    assert result["ok"]
    assert {claim["id"] for claim in result["claims"] if claim["ok"]} >= {
        "transcript_cut", "summary_refused", "verified", "tampering_found", "no_secret_on_disk", "no_secret_stored",
        "silent_customer", "silent_agent", "kept_customer", "kept_agent",
    }  # fmt: skip
    assert [file.name for file in out.rglob("*.zip")] == ["evidence.zip"]
    assert (out / "data").is_dir()


def test_a_second_run_replaces_the_first_and_nothing_else(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "again"
    shutil.copytree(out, copy)
    (copy / "mine.txt").write_text("not the demo's")
    refused = onrecord("demo", "--out", copy, "--speed", "0")
    assert refused.returncode == 2
    assert refused.stderr.startswith("onrecord: demo_out_not_empty: ")
    assert (copy / "mine.txt").exists()
    assert (copy / "evidence.zip").exists()


def test_verify_says_who_signed_and_what_it_is_worth(out: Path) -> None:
    pack = out / "evidence.zip"
    plain = onrecord("verify", pack)
    assert plain.returncode == 0
    assert plain.stdout.startswith("SIGNER NOT VERIFIED")
    told = json.loads(onrecord("verify", pack, "--json").stdout)
    assert (told["ok"], told["signer"], told["assurance"]) == (True, "unverified", ["operator"])
    assert onrecord("verify", pack, "--require", "witnessed").returncode == 3
    other = "onrecord.local/x+" + "00000000+" + "A" * 44
    assert onrecord("verify", pack, "--trust", other).returncode in {1, 2}


def test_what_is_no_pack_is_unreadable(out: Path, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.zip"
    garbage.write_bytes(b"PK\x03\x04 not a pack")
    assert onrecord("verify", garbage).returncode == 2
    assert onrecord("verify", tmp_path / "absent.zip").returncode == 2


def test_the_summary_page_in_a_real_browser(out: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium, and in CI there must be")
        pytest.skip("there is no chromium on this machine")
    with zipfile.ZipFile(out / "evidence.zip") as pack:
        page = Path(pack.extract("summary.html", tmp_path))
    flags = [*BROWSER_FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run(
        [browser, *flags, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    for words in (
        "Evidence of one recorded conversation",
        "the person asked that nothing be recorded",
        "Consent given",
    ):
        assert words in shown
    assert "<script" not in shown
