"""`onrecord verify`: exit codes, the JSON document, and a process with nothing else in it."""

import json
import subprocess
import sys

import pytest
from evidence_case import FORGER, SIGNER, WITNESS, Story, telling

from onrecord.entrypoints.cli.verify import run

VKEY = SIGNER.verifier.vkey


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("pack") / "evidence.zip"
    file.write_bytes(telling(Story()).build())
    return file


def test_consistent_and_trusted(path, capsys):
    assert run([str(path), "--trust", VKEY]) == 0
    out = capsys.readouterr()
    assert out.out.splitlines()[-1] == "CONSISTENT"
    assert "SIGNER NOT VERIFIED" not in out.out
    assert out.err == ""


def test_without_trust_it_says_so_first(path, capsys):
    assert run([str(path)]) == 0
    assert capsys.readouterr().out.startswith("SIGNER NOT VERIFIED")


def test_json(path, capsys):
    assert run([str(path), "--json", "--trust", VKEY]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["ok", "signer", "assurance", "replay", "checks", "first_failure"]
    assert told["checks"][0].keys() == {"n", "id", "result", "detail"}
    assert (told["ok"], told["signer"], told["first_failure"]) == (True, "trusted", None)
    assert run([str(path), "--json"]) == 0
    out = capsys.readouterr()
    assert json.loads(out.out)["signer"] == "unverified"
    assert out.err.startswith("SIGNER NOT VERIFIED")


def test_a_mismatch(path, capsys):
    assert run([str(path), "--json", "--trust", FORGER.verifier.vkey]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["signer"], told["first_failure"]) == (False, "mismatch", "signer")


@pytest.mark.parametrize(
    ("level", "trust", "code"),
    [("trusted", True, 0), ("trusted", False, 3), ("witnessed", True, 3), ("timestamped", True, 3)],
)
def test_required_assurance(path, capsys, level, trust, code):
    keys = ["--trust", VKEY] if trust else []
    assert run([str(path), "--require", level, *keys, "--witness", WITNESS.verifier.vkey]) == code
    assert ("BELOW" in capsys.readouterr().out) is (code == 3)


def test_a_changed_byte(path, tmp_path, capsys):
    data = bytearray(path.read_bytes())
    data[data.index(b'"duration":60') + 11] ^= 1
    changed = tmp_path / "changed.zip"
    changed.write_bytes(data)
    assert run([str(changed), "--trust", VKEY]) == 1
    assert "NOT CONSISTENT: container" in capsys.readouterr().out


def test_no_pack_at_all(tmp_path, capsys):
    file = tmp_path / "x.zip"
    file.write_bytes(b"hello")
    for arguments in ([str(file)], [str(tmp_path / "absent")], [str(tmp_path)]):
        assert run([*arguments, "--json"]) == 2
        told = json.loads(capsys.readouterr().out)
        assert (told["ok"], told["first_failure"]) == (False, "container")
        assert run(arguments) == 2
        assert capsys.readouterr().out.splitlines()[-1] == "NOT READABLE AS A PACK"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--require", "signed"],
        ["--nonsense"],
        ["--trust", "hello"],
        ["--trust", WITNESS.verifier.vkey],
        ["--witness", VKEY],
    ],
)
def test_wrong_use(path, arguments):
    assert run([*([str(path)] if arguments else []), *arguments]) == 2


def test_help():
    assert run(["--help"]) == 0


def test_it_runs_in_a_bare_process(path):
    """The verifier reaches no storage, vault, socket, database or HTTP."""
    script = (
        "import sys; from onrecord.entrypoints.cli.verify import run; code = run(sys.argv[1:]);"
        "print(*sorted(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(path), "--trust", VKEY], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1].split()
    forbidden = (
        "onrecord.storage",
        "onrecord.vault",
        "onrecord.workflow",
        "onrecord.ledger.sequencer",
    )
    outside = {
        "socket",  # `_socket` is loaded by typing_extensions, which asks it for the type of a capsule
        "ssl",
        "sqlite3",
        "http.client",
        "urllib.request",
        "asyncio",
        "logging",
        "starlette",
    }
    assert [name for name in loaded if name.startswith(forbidden)] == []
    assert outside.intersection(loaded) == set()
