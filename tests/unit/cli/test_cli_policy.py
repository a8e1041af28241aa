"""Subcommands of `onrecord policy` in this process: bad files, wrong use, and how far a long command is."""

import csv
import json

import pytest

from onrecord.entrypoints.cli.main import run as onrecord
from onrecord.entrypoints.cli.progress import Progress


class Done:
    """What a command returned and wrote."""

    def __init__(self, code, captured):
        self.returncode, self.stdout, self.stderr = code, captured.out, captured.err


@pytest.fixture
def run(capsys):
    def command(*words):
        try:
            code = onrecord([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        return Done(code, capsys.readouterr())

    return command


def test_a_bad_file_is_named_and_the_others_run(run, tmp_path):
    good = {
        "id": "good",
        "sector": "retail",
        "parties": [{"role": "customer", "jurisdiction": "DE"}],
        "artifacts_enabled": ["transcript"],
        "policy": {},
        "events": [],
        "checkpoints": [
            {
                "t": 1,
                "as_of": 1,
                "expected": {"transcript": {"state": "never", "reason": "AWAITING_CONSENT", "basis": "law"}},
                "flags": [],
                "not_flags": ["LATE_EVENT"],
            }
        ],
    }
    (tmp_path / "good.json").write_text(json.dumps(good))
    bad = {
        "nan.json": json.dumps({**good, "sector": float("nan")}),
        "deep.json": "[" * 50_000,
        "twice.json": '{"id": "a", "id": "b"}',
        "kind.json": json.dumps({**good, "artifacts_enabled": ["nothing"]}),
        "huge.json": json.dumps(good).replace('"t": 1', '"t": 1' + "0" * 400),
        "bytes.json": None,
        "flag.json": json.dumps(good).replace("LATE_EVENT", "LATE_EVNET"),
    }
    for name, text in bad.items():
        (tmp_path / name).write_bytes(b"\xff\xfe" if text is None else text.encode())
    (tmp_path / "folder.json").mkdir()
    done = run("policy", "test", tmp_path, tmp_path / "absent.json", "--json")
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert json.loads(done.stdout)["states"] == {"right": 1, "all": 1}
    assert len(lines) == len(bad) + 2
    for name in (*bad, "folder.json", "absent.json"):
        assert sum(name in line and "invalid_scenario: " in line for line in lines) == 1, lines
    text = run("policy", "test", tmp_path / "good.json")
    assert (text.returncode, text.stderr) == (0, "")
    assert "1 scenarios: 1 hold" in text.stdout


def test_wrong_use(run, tmp_path):
    (tmp_path / "broken.yaml").write_text("format: nothing\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    for words in (
        ("policy",),
        ("policy", "guess"),
        ("policy", "test"),
        ("policy", "test", empty),
        ("policy", "test", empty, "--packs", tmp_path / "absent"),
        ("policy", "matrix", "--packs", tmp_path),
        ("policy", "matrix", "--date", "soon"),
        ("policy", "matrix", "--overlay", tmp_path / "absent"),
        ("policy", "explain", "--kind", "transcript"),
        ("policy", "explain", "--kind", "transcript", "--scenario", tmp_path / "absent", "--t", "1"),
        ("policy", "explain", "--kind", "transcript", "--scenario", tmp_path / "absent", "--t", "nan"),
        ("policy", "replay", "--data", tmp_path / "absent", "--keys", tmp_path / "k" / "root.key"),
    ):
        done = run(*words)
        assert done.returncode == 2, words
        assert done.stdout or done.stderr
    assert not (tmp_path / "absent").exists()
    assert not (tmp_path / "k").exists()


def test_a_key_goes_in_clear_to_nobody_but_this_machine(run, tmp_path):
    (tmp_path / "key").write_text("ork_0_0")
    asking = ("--key-file", tmp_path / "key", "--interaction", "int_0", "--kind", "transcript")
    for url in ("http://198.51.100.7", "http://example.org:80", "ftp://127.0.0.1", "http://[::", "127.0.0.1:80"):
        done = run("policy", "explain", "--server", url, *asking)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "onrecord: server_not_asked: the server is https, or a loopback address\n"
    done = run("policy", "explain", "--server", "http://127.0.0.1:1", *asking)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr


def test_an_explanation_in_words(run, tmp_path):
    told = {
        "id": "s",
        "sector": "healthcare",
        "parties": [{"role": "customer", "jurisdiction": "US-CT"}],
        "artifacts_enabled": ["transcript", "training_data"],
        "policy": {},
        "events": [
            {"event_id": "e1", "t": 1, "received": 1, "type": "prompt_delivered", "prompt_version": "p1"},
            {"event_id": "e2", "t": 2, "received": 2, "type": "consent", "result": "accepted", "prompt_version": "p1"},
            {"event_id": "e3", "t": 9, "received": 9, "type": "segment_start", "segment": "medical", "n": 1},
        ],
        "checkpoints": [],
    }
    file = tmp_path / "s.json"
    file.write_text(json.dumps(told))
    done = run("policy", "explain", "--scenario", file, "--kind", "transcript", "--t", "10")
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "transcript at 10 s, as known at 10 s",
        "  pause (paused), SENSITIVE_SEGMENT, since 9 s by e3",
        "segment_sensitive: pause, since 9 s by e3 (segment_start)",
        '  ends with segment_end {"segment": "medical", "n": 1} from telephony or ivr or bot or agent or platform',
        "party customer: US-CT (all_party); recording granted",
        "disputed: US-CT may be all_party or one_party; read as all_party, by default",
    ):
        assert any(known.startswith(line) for known in done.stdout.splitlines()), line
    assert "  ends with segment_consent " in done.stdout
    training = run("policy", "explain", "--scenario", file, "--kind", "training_data", "--t", "10").stdout
    assert "made of transcript: pause (paused), SENSITIVE_SEGMENT" in training
    assert "\ntraining_missing: stop, from the beginning\n" in training


def test_a_matrix_as_a_table_and_as_lines(run):
    words = (
        "--place",
        "DE",
        "--place",
        "AT",
        "--place",
        "US-NY",
        "--sector",
        "retail",
        "--situation",
        "payment_stretch",
    )
    table = run("policy", "matrix", *words, "--kind", "transcript")
    assert table.returncode == 0
    assert table.stdout.count("payment_stretch") == 2
    assert "places   DE AT\n" in table.stdout
    rows = list(csv.reader(run("policy", "matrix", *words, "--csv").stdout.splitlines()))
    assert len(rows) == 1 + 2 * 18
    assert rows[1][:2] == ["DE AT", "retail"]


class Terminal:
    """Standard error, on a terminal or not."""

    def __init__(self, *, terminal):
        self.terminal, self.text = terminal, ""

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_written_over_on_a_terminal_and_plain_where_it_is_piped(terminal, monkeypatch, capsys):
    stream = Terminal(terminal=terminal)
    monkeypatch.setattr("sys.stderr", stream)
    with Progress() as progress:
        for number in range(2000):
            progress.step(f"{number} done")
        progress.say("a line")
    assert capsys.readouterr().out == "a line\n"
    if terminal:
        assert stream.text.startswith("\r\x1b[K49 done\r\x1b[K99 done")
        assert stream.text.endswith("\r\x1b[K")
    else:
        assert stream.text == "999 done\n1999 done\n"
